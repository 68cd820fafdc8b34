"""Puts the way from a text to ids and terms before an ONNX model, in operators of ONNX Runtime.

Such a model takes texts as strings, and needs neither Python nor a tokenizer beside it. It is for
models of whole words: those of parts of words have no operator.

Shape suffixes: B texts of a batch, T characters or words, V terms, C classes.
"""

import sys
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

from textlstm.data.batching import ids_before_cut
from textlstm.data.tokenizer import text_normalizer
from textlstm.data.vocabulary import PAD, UNK, Affixes, affixes_of
from textlstm.model.wide import RUNS, WORD, WideChannel

DOMAINS = {"ai.onnx.ml": 4, "com.microsoft": 1}
# What Unicode calls a letter, digit, mark or connector of a word, as RE2 writes it: the last four
# are letters in circles and squares, which are symbols by their category.
LETTER = r"\pL\pM\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}"
LETTER += r"\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}"
WORDS = rf"[{LETTER}]+|[^{LETTER} ]+"
TERM_WORDS = r"[\pL\p{N}_][\pL\p{N}_]+"  # words of a wide channel, as `wide.WORD` has them
NOT_SPACES = r"[^ ]+"
FOUND_WORDS, FOUND_IDS = "text_words", "text_ids"  # values of the graph, before any word is cut
APART = "\ue000"  # keeps characters apart as they are normalised; no text has it


class _Graph:
    """A graph of ONNX that grows by an operator at a time; values are called by their names."""

    def __init__(self, prefix: str = "text") -> None:
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Adds an operator with one output, and gives the output's name."""
        output = f"{self.prefix}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def named(self, name: str) -> str:
        """Calls the value that was added last by another name, and gives that."""
        self.nodes[-1].output[0] = name
        return name

    def constant(self, values: Any, kind: Any = np.int64) -> str:
        """Adds a tensor of numbers or of strings."""
        tensor = numpy_helper.from_array(np.array(values, dtype=kind))
        return self.add("Constant", value=tensor)

    def column(self, text: str, like_BT: str) -> str:
        """Adds a column of the same string, one for each text (B, 1)."""
        batch = self.add("Shape", like_BT, start=0, end=1)
        shape = self.add("Concat", batch, self.constant([1]), axis=0)
        return self.add("Expand", self.constant([[text]], object), shape)

    def tokenized(self, texts_B: str, **how: Any) -> str:
        """Cuts texts into characters or words (B, T), padded with empty strings."""
        return self.add(
            "Tokenizer",
            texts_B,
            domain="com.microsoft",
            mark=0,
            mincharnum=1,
            pad_value="",
            **how,
        )

    def number(self, strings_BT: str, numbers: dict[str, int], other: int) -> str:
        """Looks strings up in a table; `other` is the number of those that it does not have."""
        return self.add(
            "LabelEncoder",
            strings_BT,
            domain="ai.onnx.ml",
            keys_strings=list(numbers),
            values_int64s=list(numbers.values()),
            default_int64=other,
        )


def take_texts(
    model: onnx.ModelProto,
    tokenizer: Tokenizer,
    *,
    max_length: int | None,
    truncate: str,
    wide: WideChannel | None = None,
) -> None:
    """Changes a model that takes ids into one that takes `texts` (B).

    Args:
        model: takes `tokens`, `lengths` and, with a wide channel, `linear`: the logarithm of that
            channel's probabilities (B, C).
        tokenizer: one of whole words.
        max_length, truncate: how longer texts are cut, as `EncodedTexts` takes them.
    """
    graph = _Graph()
    normal_B = _mapped(graph, "texts", _normalised())
    tokens_BT, lengths_B = _ids(graph, normal_B, tokenizer)
    if max_length is not None:
        head = ids_before_cut(max_length, truncate)
        tokens_BT, lengths_B = _cut(graph, tokens_BT, lengths_B, max_length, head)
    given = {"tokens": tokens_BT, "lengths": lengths_B}
    if wide is not None:
        given["linear"] = _linear(graph, wide)
    for name, value in given.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name]))

    nodes = [*graph.nodes, *model.graph.node]
    del model.graph.input[:], model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.input.append(helper.make_tensor_value_info("texts", TensorProto.STRING, ["batch"]))
    known = {entry.domain for entry in model.opset_import}
    for domain, version in DOMAINS.items():
        if domain not in known:
            model.opset_import.append(helper.make_opsetid(domain, version))


def give_words(model: onnx.ModelProto) -> None:
    """Lets a model that takes texts give two more outputs, for pages that show them.

    They are `text_words` (B, T), the words of each text as the model reads them, before any is cut;
    and `text_known` (B, T), whether the vocabulary has them. Shorter texts end in empty strings.
    """
    graph = _Graph("known")
    is_unknown_BT = graph.add("Equal", FOUND_IDS, graph.constant(UNK))
    graph.add("Not", is_unknown_BT)
    known_BT = graph.named("text_known")
    model.graph.node.extend(graph.nodes)

    shape = ["batch", "words"]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind in ((FOUND_WORDS, TensorProto.STRING), (known_BT, TensorProto.BOOL))
    )


@cache
def _normalised() -> dict[str, str]:
    """What the tokenizers make of each character that they do not leave as it is."""
    characters = _characters()
    normal = text_normalizer().normalize_str(APART + APART.join(characters) + APART)
    return _changed(characters, normal.split(APART)[1:-1])


@cache
def _lowered() -> dict[str, str]:
    """What the wide channel makes of each character: lower case, and a space for any space."""
    characters = _characters()
    return _changed(characters, [" " if c.isspace() else c.lower() for c in characters])


def _characters() -> list[str]:
    """All characters but halves of characters, which no text has."""
    halves = range(0xD800, 0xE000)
    return [chr(n) for n in range(sys.maxunicode + 1) if n not in halves and chr(n) != APART]


def _changed(characters: list[str], others: list[str]) -> dict[str, str]:
    return {one: other for one, other in zip(characters, others, strict=True) if one != other}


def _mapped(graph: _Graph, texts_B: str, table: dict[str, str]) -> str:
    """Puts other strings in place of the characters of texts (B).

    Characters that combine with the one before are not: they stay as they are.
    """
    characters_BT = graph.tokenized(texts_B, separators=[""])
    spaces_B1 = graph.column(" ", characters_BT)  # so that there is a column in any case
    characters_BT = graph.add("Concat", characters_BT, spaces_B1, axis=1)

    number_BT = graph.number(characters_BT, dict(zip(table, range(len(table)), strict=True)), -1)
    known_BT = graph.add("GreaterOrEqual", number_BT, graph.constant(0))
    place_BT = graph.add("Max", number_BT, graph.constant(0))
    other_BT = graph.add("Gather", graph.constant(list(table.values()), object), place_BT)
    return _joined(graph, graph.add("Where", known_BT, other_BT, characters_BT))


def _joined(graph: _Graph, strings_BT: str) -> str:
    """Joins the strings of each row (B), two neighbours at a time, until there is one."""
    body = _Graph("join")
    empty_B1 = body.column("", "pieces")
    even_BT = body.add("Concat", "pieces", empty_B1, axis=1)
    columns = body.add("Shape", "pieces", start=1, end=2)
    two = body.constant([2])
    half = body.add("Div", body.add("Add", columns, body.constant([1])), two)
    end, across = body.add("Mul", half, two), body.constant([1])
    left_BT = body.add("Slice", even_BT, body.constant([0]), end, across, two)
    right_BT = body.add("Slice", even_BT, across, body.add("Add", end, across), across, two)
    pairs_BT = body.add("StringConcat", left_BT, right_BT)
    goes_on = body.add("Squeeze", body.add("Greater", half, across))

    pieces = [
        helper.make_tensor_value_info(name, TensorProto.STRING, [None, None])
        for name in ("pieces", pairs_BT)
    ]
    turns = helper.make_tensor_value_info("turn", TensorProto.INT64, [])
    flags = [
        helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("going", goes_on)
    ]
    loop = helper.make_graph(
        body.nodes, "join", [turns, flags[0], pieces[0]], [flags[1], pieces[1]]
    )
    columns = graph.add("Shape", strings_BT, start=1, end=2)
    begins = graph.add("Squeeze", graph.add("Greater", columns, graph.constant([1])))
    text_B1 = graph.add("Loop", "", begins, strings_BT, body=loop)
    return graph.add("Reshape", text_B1, graph.constant([-1]))


def _words(graph: _Graph, texts_B: str, pattern: str) -> str:
    """Finds all words of texts, and adds a column of empty strings, so that there is one (B, T)."""
    words_BT = graph.tokenized(texts_B, tokenexp=pattern)
    return graph.add("Concat", words_BT, graph.column("", words_BT), axis=1)


def _ids(graph: _Graph, texts_B: str, tokenizer: Tokenizer) -> tuple[str, str]:
    """Cuts normalised texts into words, and gives their ids (B, T) and numbers of words (B)."""
    _words(graph, texts_B, WORDS)
    words_BT = graph.named(FOUND_WORDS)
    tokens_BT = graph.number(words_BT, {**tokenizer.get_vocab(), "": PAD}, UNK)
    for affixes in affixes_of(tokenizer):
        is_unknown_BT = graph.add("Equal", tokens_BT, graph.constant(UNK))
        parts_BT = _parts(graph, words_BT, affixes)
        tokens_BT = graph.add("Where", is_unknown_BT, parts_BT, tokens_BT)
    tokens_BT = graph.named(FOUND_IDS)
    word_BT = graph.add(
        "Cast", graph.add("Greater", tokens_BT, graph.constant(PAD)), to=TensorProto.INT64
    )
    lengths_B = graph.add("ReduceSum", word_BT, graph.constant([1]), keepdims=0)
    return tokens_BT, lengths_B


def _parts(graph: _Graph, words_BT: str, affixes: Affixes) -> str:
    """Gives the ids of the beginnings or ends of words (B, T), `UNK` where there is none."""
    pieces_BTD = graph.tokenized(words_BT, tokenexp=affixes.pattern)
    # There is none where all words are shorter: then the word itself is looked up, in vain.
    words_BT1 = graph.add("Unsqueeze", words_BT, graph.constant([2]))
    pieces_BTD = graph.add("Concat", pieces_BTD, words_BT1, axis=2)
    first_BT = graph.add("Gather", pieces_BTD, graph.constant(0), axis=2)
    return graph.number(first_BT, affixes.ids, UNK)


def _cut(
    graph: _Graph, tokens_BT: str, lengths_B: str, max_length: int, head: int | None
) -> tuple[str, str]:
    """Leaves out ids of longer texts: those between the first `head` and as many as are read."""
    kept_B = graph.add("Min", lengths_B, graph.constant(max_length))
    longest = graph.add("ReduceMax", kept_B, keepdims=0)
    width = graph.add("Max", longest, graph.constant(1))
    columns_T = graph.add("Range", graph.constant(0), width, graph.constant(1))

    skipped_B1 = graph.add("Unsqueeze", graph.add("Sub", lengths_B, kept_B), graph.constant([1]))
    after_T = graph.add("GreaterOrEqual", columns_T, graph.constant(head))
    after_T = graph.add("Cast", after_T, to=TensorProto.INT64)
    positions_BT = graph.add("Add", columns_T, graph.add("Mul", skipped_B1, after_T))
    inside_BT = graph.add("Less", columns_T, graph.add("Unsqueeze", kept_B, graph.constant([1])))
    positions_BT = graph.add("Where", inside_BT, positions_BT, graph.constant(0))
    found_BT = graph.add("GatherElements", tokens_BT, positions_BT, axis=1)
    return graph.add("Where", inside_BT, found_BT, graph.constant(PAD)), kept_B


def _linear(graph: _Graph, wide: WideChannel) -> str:
    """Gives the logarithm of the wide channel's probabilities (B, C)."""
    counts_BV = _term_counts(graph, wide)
    if wide.sublinear:
        weighed_BV = graph.add("Add", graph.add("Log", counts_BV), graph.constant(1, np.float32))
        found_BV = graph.add("Greater", counts_BV, graph.constant(0, np.float32))
        counts_BV = graph.add("Where", found_BV, weighed_BV, graph.constant(0, np.float32))

    values_BV = graph.add("Mul", counts_BV, graph.constant(wide.idf_V.numpy(), np.float32))
    length_B1 = graph.add("ReduceL2", values_BV, graph.constant([1]))
    length_B1 = graph.add("Max", length_B1, graph.constant(1e-30, np.float32))
    scores_BC = graph.add("MatMul", values_BV, graph.constant(wide.weights_VC.numpy(), np.float32))
    scores_BC = graph.add("Div", scores_BC, length_B1)
    scores_BC = graph.add("Add", scores_BC, graph.constant(wide.bias_C.numpy(), np.float32))
    return graph.add("LogSoftmax", scores_BC, axis=1)


def _term_counts(graph: _Graph, wide: WideChannel) -> str:
    """Counts the terms of each text (B, V)."""
    lower_B = _mapped(graph, "texts", _lowered())
    word_terms, character_terms = _terms(wide)
    counts = []
    if word_terms:
        words_BT = _words(graph, lower_B, TERM_WORDS)
        counts.append(_counted(graph, words_BT, word_terms, len(wide.columns)))
    if character_terms:
        words_BT = _spaced(graph, _words(graph, lower_B, NOT_SPACES))
        characters_BT = graph.tokenized(_joined(graph, words_BT), separators=[""])
        counts.append(_counted(graph, characters_BT, character_terms, len(wide.columns)))
    return graph.add("Sum", *counts)


def _spaced(graph: _Graph, words_BT: str) -> str:
    """Puts a space on either side of each word, and none where padding stands."""
    space = graph.constant(" ", object)
    spaced_BT = graph.add("StringConcat", graph.add("StringConcat", space, words_BT), space)
    is_word_BT = graph.add("Cast", graph.number(words_BT, {"": 0}, 1), to=TensorProto.BOOL)
    return graph.add("Where", is_word_BT, spaced_BT, words_BT)


Terms = dict[tuple[str, ...], int]


def _terms(wide: WideChannel) -> tuple[Terms, Terms]:
    """The terms that are words, and those that are runs of characters, with their numbers.

    A term may be both, and then both count.
    """
    words: Terms = {}
    runs: Terms = {}
    shortest, longest = RUNS if wide.unit == "both" else (1, wide.longest)
    for term, column in wide.columns.items():
        parts = tuple(term.split(" "))
        if wide.unit != "character" and all(map(WORD.fullmatch, parts)):
            words[parts] = column
        if wide.unit != "word" and shortest <= len(term) <= longest and " " not in term[1:-1]:
            runs[tuple(term)] = column
    return words, runs


def _counted(graph: _Graph, pieces_BT: str, terms: Terms, columns: int) -> str:
    """Counts in each text the terms, which are runs of its pieces (B, V); V is `columns`."""
    longest = max(map(len, terms))
    by_length = [[term for term in terms if len(term) == n] for n in range(1, longest + 1)]
    pools = [[piece for term in group for piece in term] for group in by_length]
    starts = np.cumsum([0, *map(len, pools)])[:-1]
    counts_BV = graph.add(
        "TfIdfVectorizer",
        pieces_BT,
        mode="TF",
        min_gram_length=1,
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=starts.tolist(),
        ngram_indexes=[terms[term] for group in by_length for term in group],
        pool_strings=[piece for pool in pools for piece in pool],
    )
    missing = columns - 1 - max(terms.values())  # it counts as far as the last of these terms
    return graph.add("Pad", counts_BV, graph.constant([0, 0, 0, missing]))
