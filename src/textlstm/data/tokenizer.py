"""Learns tokenizers, which turn text into token ids and are stored as JSON."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from textlstm.checks import InputError, check_choice, check_number, check_whole
from textlstm.data.vocabulary import SPECIALS, UNK, affix_tokens, sort_affixes, token_ids
from textlstm.foreign_files import parse_json

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CHARACTERS = 1_000_000  # of the texts whose encodings are in memory together
# How often a pair of tokens must occur before BPE joins it. With once, and a vocabulary that has
# room for all pairs, a text without spaces becomes one token, which no other text has.
LEAST_OFTEN = 2
WORD = re.compile(r"\b\w\w+\b")
# Thai, Lao, Burmese, Khmer, Japanese and Chinese
UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
SPACED = re.compile(f"{UNSPACED} (?={UNSPACED})")
LONGEST_WORD = 8  # characters of such a script between spaces, in the mean, that are one word
LOOKED_AT = 1000  # training texts that show whether their words are spaced


class Kind(NamedTuple):
    """A kind of tokenizer.

    Args:
        model: the library's name of what it learns, which its JSON holds.
        splits_words: whether words are split into known parts.
        make: gives an untrained tokenizer and its trainer, for the fixed tokens and the size of the
            vocabulary.
    """

    model: str
    splits_words: bool
    make: Callable[[list[str], int], tuple[Tokenizer, trainers.Trainer]]


def _word(fixed: list[str], vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocab_size, special_tokens=fixed, show_progress=False
    )
    return Tokenizer(models.WordLevel(unk_token="[UNK]")), trainer


def _bpe(fixed: list[str], vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=LEAST_OFTEN,
        special_tokens=fixed,
        limit_alphabet=vocab_size - len(fixed),
        show_progress=False,
    )
    return Tokenizer(models.BPE(unk_token="[UNK]", byte_fallback=True)), trainer


def _unigram(fixed: list[str], vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=fixed, unk_token="[UNK]", show_progress=False
    )
    return Tokenizer(models.Unigram()), trainer


KINDS = {
    "word": Kind("WordLevel", False, _word),
    "bpe": Kind("BPE", True, _bpe),
    "unigram": Kind("Unigram", True, _unigram),
}


def kind_for(texts: Iterable[str]) -> str:
    """Chooses data.tokenizer, where it is null, by the first training texts.

    Returns:
        `word`, or `bpe` where a script puts no spaces between words, and the texts have not been
        cut into words either.
    """
    looked_at = list(islice(texts, LOOKED_AT))
    if not without_spaces(looked_at):
        return "word"
    text = "\n".join(looked_at)
    words = len(SPACED.findall(text))
    return "word" if LONGEST_WORD * words > len(re.findall(UNSPACED, text)) else "bpe"


def without_spaces(texts: Iterable[str]) -> bool:
    """Tells whether texts have no words, or mostly a script that puts no spaces between them."""
    text = " ".join(texts)
    return not WORD.search(text) or 2 * len(re.findall(UNSPACED, text)) > sum(
        map(str.isalpha, text)
    )


def kind_of(tokenizer: Tokenizer) -> str:
    """Finds the kind of a tokenizer that `load_tokenizer` has read."""
    model = type(tokenizer.model).__name__
    return next(name for name, kind in KINDS.items() if kind.model == model)


def train_tokenizer(
    texts: Iterable[str],
    *,
    kind: str,
    vocab_size: int,
    prefix_length: int | None = None,
    suffix_length: int | None = None,
) -> Tokenizer:
    """Learns a vocabulary of at most `vocab_size` tokens, `[PAD]` 0 and `[UNK]` 1 among them.

    (`unigram` keeps each character of the training texts, even if that makes it larger.)
    All kinds normalise to NFKC, lower case and single spaces. `word` splits at spaces and
    punctuation; what it did not see is `[UNK]`. `bpe` (Sennrich et al. 2016) and `unigram` (Kudo
    2018) split words further; a character that they did not see becomes its UTF-8 bytes.

    Args:
        prefix_length, suffix_length: give the vocabulary of `word` more tokens, the first and the
            last so many characters of its words, as which words are read that it does not have;
            None gives it none. (The parts of rare words are known from part-of-speech taggers:
            Ratnaparkhi 1996, "A Maximum Entropy Model for Part-Of-Speech Tagging".)

    Raises:
        InputError: an unknown kind, or a vocabulary too small for the kind's fixed tokens.
    """
    check_choice("data.tokenizer", kind, KINDS)
    _, splits_words, make = KINDS[kind]
    fixed = SPECIALS + BYTES if splits_words else SPECIALS
    check_whole("data.vocab_size", vocab_size, minimum=1)
    if vocab_size <= len(fixed):
        kept = "unknowns and single bytes" if splits_words else "unknowns"
        raise InputError(
            f"data.vocab_size must be above {len(fixed)} for data.tokenizer={kind}, which keeps "
            f"{len(fixed)} ids for padding, {kept}; got {vocab_size}."
        )

    tokenizer, trainer = make(fixed, vocab_size)
    _set_steps(tokenizer, splits_words=splits_words)
    tokenizer.train_from_iterator(texts, trainer)
    described = json.loads(tokenizer.to_str())
    if not splits_words:
        vocabulary = described["model"]["vocab"]
        words = [token for token in vocabulary if token not in SPECIALS]
        for token in affix_tokens(words, prefix_length, suffix_length):
            vocabulary[token] = len(vocabulary)
    return load_tokenizer(json.dumps(described, ensure_ascii=False))


def _set_steps(tokenizer: Tokenizer, *, splits_words: bool) -> None:
    """Sets how text is normalised and split before it becomes tokens."""
    tokenizer.normalizer = text_normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if splits_words:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
        )


def text_normalizer() -> normalizers.Normalizer:
    """NFKC, lower case and single spaces, without any at the ends."""
    return normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )


def load_tokenizer(content: str | bytes) -> Tokenizer:
    """Reads a tokenizer from its JSON, if it is one that `train_tokenizer` can have made.

    No text can spell a special token for it: "[PAD]" is a word like any other. JSON of a stranger
    could name patterns that take hours to match, or tokens without a row in the embedding; so its
    steps are compared with those of the three kinds, and its tokens and their ids are checked.

    Raises:
        InputError: JSON of something else, or of a tokenizer that textlstm did not make.
    """
    described = parse_json(content, "The tokenizer's JSON")
    model = described.get("model") if isinstance(described, dict) else None
    if not isinstance(model, dict):
        raise InputError("The tokenizer's JSON has no model: it was not made by textlstm.")
    described["added_tokens"] = []
    if model.get("type") == "Unigram":
        model["byte_fallback"] = True
    _check_steps(described)
    _check_tokens(model)
    try:
        return Tokenizer.from_str(json.dumps(described, ensure_ascii=False))
    except Exception as error:  # the library raises no class of its own
        raise InputError(f"The tokenizer's JSON cannot be read: {error}") from error


def _check_steps(described: dict[str, Any]) -> None:
    """Refuses a tokenizer that treats text in another way than one of the three kinds."""
    learned = ("vocab", "merges")
    made = {key: value for key, value in described.items() if key != "model"}
    made["model"] = {key: value for key, value in described["model"].items() if key not in learned}
    known = []
    for _, splits_words, make in KINDS.values():
        tokenizer, _ = make(SPECIALS, len(SPECIALS) + 1)
        _set_steps(tokenizer, splits_words=splits_words)
        steps = json.loads(tokenizer.to_str())
        for key in learned:
            steps["model"].pop(key, None)
        if steps["model"]["type"] == "Unigram":  # what training makes of it
            steps["model"] |= {"unk_id": UNK, "byte_fallback": True}
        known.append(steps)
    if made not in known:
        raise InputError(
            "The tokenizer's JSON says that text is normalised, split or made into tokens in "
            "another way than textlstm does it: it was not made by textlstm."
        )


def _check_tokens(model: dict[str, Any]) -> None:
    """Refuses a vocabulary whose tokens have not the ids 0, 1, 2 and so on, or do not fit merges.

    The library ends the process over some of these, and reads others as something else.
    """
    vocabulary = model.get("vocab")
    if model["type"] == "Unigram":
        tokens = _scored_tokens(vocabulary)
    elif isinstance(vocabulary, dict) and all(
        type(number) is int for number in vocabulary.values()
    ):
        tokens = sorted(vocabulary, key=vocabulary.__getitem__)
        if sorted(vocabulary.values()) != list(range(len(tokens))):
            raise InputError("The tokenizer's JSON does not number its tokens 0, 1, 2 and so on.")
    else:
        raise InputError("The tokenizer's JSON does not number its tokens.")

    known = set(tokens)
    if tokens[: len(SPECIALS)] != SPECIALS:
        raise InputError(
            "The tokenizer's JSON has no [PAD] at id 0 and [UNK] at id 1: it was not made by "
            "textlstm."
        )
    if len(known) < len(tokens) or "" in known:
        raise InputError("The tokenizer's JSON has a token twice, or one without a character.")
    if model["type"] == "WordLevel":
        try:
            sort_affixes(tokens)
        except ValueError:
            raise InputError(
                "The tokenizer's JSON has beginnings or ends of words before other tokens, or of "
                "several lengths: it was not made by textlstm."
            ) from None
    merges = model.get("merges", [])
    if not isinstance(merges, list) or not all(_is_merge(pair, known) for pair in merges):
        raise InputError("The tokenizer's JSON merges tokens that it does not have.")


def _scored_tokens(vocabulary: Any) -> list[str]:
    """The tokens of a `unigram` vocabulary, each of which has a score."""
    for entry in vocabulary if isinstance(vocabulary, list) else [None]:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
            raise InputError("The tokenizer's JSON does not list tokens with their scores.")
        check_number("The score of each token", entry[1], minimum=-1e6, below=1e6)
    return [token for token, _ in vocabulary]


def _is_merge(pair: Any, known: set[str]) -> bool:
    """Tells whether two tokens and what they become are known."""
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    return all(isinstance(part, str) for part in pair) and {*pair, "".join(pair)} <= known


class Encoded(NamedTuple):
    """Ids of N texts.

    Args:
        tokens: the ids of all texts end to end (int32).
        lengths: the number of ids of each text.
        unknown: how many of them are unknown.
    """

    tokens: Tensor
    lengths: Tensor
    unknown: Tensor


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> Encoded:
    """Turns all texts into ids, uncut; the tokenizer works on all cores."""
    tokens, lengths, unknown = ([np.empty(0, np.int32)] for _ in range(3))
    for chunk in _chunks(texts):
        ids = token_ids(tokenizer, chunk, tokenizer.encode_batch_fast(chunk))
        lengths.append(np.fromiter(map(len, ids), np.int32, len(ids)))
        tokens.append(np.fromiter(chain.from_iterable(ids), np.int32, int(lengths[-1].sum())))
        text_of_token = np.repeat(np.arange(len(ids)), lengths[-1])
        unknown.append(
            np.bincount(text_of_token[tokens[-1] == UNK], minlength=len(ids)).astype(np.int32)
        )
    return Encoded(
        *(torch.from_numpy(np.concatenate(parts)) for parts in (tokens, lengths, unknown))
    )


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Groups texts that are encoded together: each token takes some hundred bytes meanwhile."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if characters >= CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
