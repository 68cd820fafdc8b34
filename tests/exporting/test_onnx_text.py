"""ONNX models that take texts as they are: the same ids, terms and probabilities as in Python."""

import random
import sys
import unicodedata

import numpy as np
import pytest
import torch

from helpers.small import SETTINGS, lively_network
from textlstm.data.tokenizer import encode, train_tokenizer
from textlstm.data.vocabulary import UNK
from textlstm.model.bundle import TextClassifier
from textlstm.model.ensemble import network_from_plain_values
from textlstm.model.wide import WORD, WideChannel, n_grams
from textlstm.serving.reading import read_texts

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from onnx import TensorProto, helper  # noqa: E402  (needs what is skipped for)

from textlstm.exporting import onnx_text  # noqa: E402
from textlstm.exporting.exported import (  # noqa: E402
    compare,
    onnx_probabilities,
    session_of,
    takes_texts,
    write_classifier,
)

TEXTS = [
    "A late goal, and the bank's share price falls!",
    "",
    " \t\r\n ",
    "unheard words only",
    "THE BANK: the bank... (goal)",
    "ﬁne ２３ Ⅷ ① ½ ™",  # NFKC makes several letters of one
    "İstanbul ÉCOLE Straße a\u00a0b\u3000c\u0085d",
    "東京タワー 😀!! x\x00y __a_b__ it's",
    "goal " * 40,
    "[PAD] [UNK] goal",
]
TERMS = {
    "word": ["goal", "late goal", "the bank", "bank", "istanbul", "école"],
    "character": ["g", " ", "go", " g", "l ", "東京", "'", " a "],
    "both": ["goal", "late goal", " goal", "goal ", "oal", "bank", "an", "falls", "i̇st", " a "],
}


def classifier_of(
    *, kind="word", max_length=None, truncate="head", ensemble=1, wide=None, affixes=(None, None)
):
    texts = [*TEXTS[:5], *TEXTS[5:8] * 2]
    lengths = dict(zip(("prefix_length", "suffix_length"), affixes, strict=True))
    tokenizer = train_tokenizer(texts, kind=kind, vocab_size=300, **lengths)
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "bidirectional": True}
    network = lively_network(**sizes)
    if ensemble > 1:
        torch.manual_seed(0)
        network = network_from_plain_values(**{**SETTINGS, **sizes}, ensemble=ensemble)
    return TextClassifier(
        network,
        tokenizer,
        ["a", "b", "c"],
        max_length=max_length,
        truncate=truncate,
        temperature=0.8,
        wide=wide,
        weight=1.0 if wide is None else 0.4,
    )


def wide_of(unit, *, sublinear=True):
    torch.manual_seed(1)
    terms = TERMS[unit]
    return WideChannel(
        terms,
        torch.rand(len(terms)) + 0.5,
        torch.randn(len(terms), 3),
        torch.randn(3),
        unit=unit,
        longest=3,
        sublinear=sublinear,
    )


def written(classifier, tmp_path):
    write_classifier(classifier, tmp_path / "model.onnx")
    return session_of(tmp_path / "model.onnx")


def front(outputs):
    """A session from texts to named values of the graph alone, made by `outputs(graph)`."""
    graph = onnx_text._Graph()
    values = [helper.make_tensor_value_info(*value, None) for value in outputs(graph)]
    texts = helper.make_tensor_value_info("texts", TensorProto.STRING, ["batch"])
    opsets = {"": 20, **onnx_text.DOMAINS}.items()
    model = helper.make_model(
        helper.make_graph(graph.nodes, "front", [texts], values),
        opset_imports=[helper.make_opsetid(*entry) for entry in opsets],
        ir_version=10,
    )
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def run(session, texts):
    return session.run(None, {"texts": np.array(texts, dtype=object)})


def test_a_model_of_words_takes_texts_and_gives_pytorchs_probabilities(tmp_path):
    classifier = classifier_of()
    session = written(classifier, tmp_path)
    assert [given.name for given in session.get_inputs()] == ["texts"]
    assert [given.name for given in session.get_outputs()] == ["probabilities"]
    assert session.get_modelmeta().custom_metadata_map["classes"] == '["a", "b", "c"]'
    assert compare(session, classifier, TEXTS) == (len(TEXTS), len(TEXTS), "", 0)
    alone = [run(session, [text])[0] for text in TEXTS]
    np.testing.assert_allclose(np.concatenate(alone), run(session, TEXTS)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("affixes", [(5, None), (None, 3), (4, 2), (1, 1)])
def test_a_model_reads_unknown_words_as_their_beginnings_or_ends(tmp_path, affixes):
    classifier = classifier_of(affixes=affixes)
    session = written(classifier, tmp_path)
    draw = random.Random(0)
    parts = [*"goalsbnkprieİÉé東京タワー.'! \u0301①ﬁ½…😀_", "goal", "share", "unhe", "東京タワー"]
    texts = ["".join(draw.choices(parts, k=draw.randint(0, 30))) for _ in range(300)]
    texts += [*TEXTS, "goalkeepers shareholder unhearing", "........... a", "a b", "東京タワーへ"]
    assert compare(session, classifier, texts).unexplained == 0
    alone = [run(session, [text])[0] for text in texts[-20:]]
    together = run(session, texts[-20:])[0]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=1e-6)


def test_the_parts_of_words_that_a_model_reads_are_known(tmp_path):
    classifier = classifier_of(affixes=(5, 3))
    write_classifier(classifier, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx_text.give_words(model)
    onnx.save(model, tmp_path / "words.onnx")
    _, words_BT, known_BT = run(session_of(tmp_path / "words.onnx"), ["sharer ungoal goalx xyz"])
    assert words_BT[0, :4].tolist() == ["sharer", "ungoal", "goalx", "xyz"]
    assert known_BT[0, :4].tolist() == [True, True, False, False]
    (read,) = read_texts(classifier, ["sharer ungoal goalx xyz"])
    assert read.known_W == known_BT[0, :4].tolist()


@pytest.mark.parametrize("unit", ["word", "character", "both"])
def test_an_ensemble_with_a_wide_channel_takes_texts_alone(tmp_path, unit):
    wide = wide_of(unit, sublinear=unit != "word")
    classifier = classifier_of(ensemble=2 if unit == "both" else 1, wide=wide)
    session = written(classifier, tmp_path)
    assert [given.name for given in session.get_inputs()] == ["texts"]
    assert compare(session, classifier, TEXTS) == (len(TEXTS), len(TEXTS), "", 0)


@pytest.mark.parametrize(
    ("truncate", "max_length"),
    [("head", 4), ("head", 1000), ("tail", 4), ("head_tail", 1), ("head_tail", 5)],
)
def test_ids_and_lengths_are_those_of_the_tokenizer_however_texts_are_cut(truncate, max_length):
    classifier = classifier_of(max_length=max_length, truncate=truncate)

    def outputs(graph):
        normal_B = onnx_text._mapped(graph, "texts", onnx_text._normalised())
        found = onnx_text._ids(graph, normal_B, classifier.tokenizer)
        head = onnx_text.ids_before_cut(max_length, truncate)
        return [
            (name, TensorProto.INT64) for name in onnx_text._cut(graph, *found, max_length, head)
        ]

    tokens_BT, lengths_B = run(front(outputs), TEXTS)
    for text, tokens_T, length in zip(TEXTS, tokens_BT, lengths_B, strict=True):
        ids = classifier.tokenizer.encode(text).ids
        last = {"head": 0, "tail": max_length, "head_tail": max_length // 2}[truncate]
        if len(ids) > max_length:
            ids = ids[: max_length - last] + (ids[-last:] if last else [])
        assert tokens_T[:length].tolist() == ids
        assert not tokens_T[length:].any()


def test_a_model_can_give_its_words_and_whether_it_knows_them(tmp_path):
    classifier = classifier_of(max_length=4, truncate="head_tail", wide=wide_of("word"))
    write_classifier(classifier, tmp_path / "model.onnx", int8=tmp_path / "int8.onnx")
    expected = [classifier.tokenizer.encode(text) for text in TEXTS]
    for file in ("model.onnx", "int8.onnx"):
        before = run(session_of(tmp_path / file), TEXTS)[0]
        model = onnx.load(tmp_path / file)
        onnx_text.give_words(model)
        onnx.save(model, tmp_path / "words.onnx")
        probabilities, words_BT, known_BT = run(session_of(tmp_path / "words.onnx"), TEXTS)
        np.testing.assert_allclose(probabilities, before, rtol=0, atol=1e-6)
        for encoding, words_T, known_T in zip(expected, words_BT, known_BT, strict=True):
            length = len(encoding.ids)
            assert known_T[:length].tolist() == [number != UNK for number in encoding.ids]
            assert "" not in words_T[:length]
            assert set(words_T[length:]) <= {""}
            pairs = zip(words_T[:length], encoding.tokens, strict=True)
            assert all(word == token for word, token in pairs if token != "[UNK]")


def test_a_model_of_parts_of_words_takes_ids(tmp_path):
    classifier = classifier_of(kind="bpe", wide=wide_of("both"))
    assert not takes_texts(classifier)
    session = written(classifier, tmp_path)
    names = [given.name for given in session.get_inputs()]
    assert names == ["tokens", "lengths", "terms", "values"]
    assert compare(session, classifier, TEXTS).equal == len(TEXTS)


def test_texts_that_differ_are_counted_and_explained(tmp_path):
    classifier = classifier_of(wide=wide_of("word"))
    session = written(classifier, tmp_path)
    decomposed = unicodedata.normalize("NFD", "école")
    found = compare(session, classifier, ["goal", decomposed])
    assert found.texts == 2
    assert found.unexplained == 0
    classifier.temperature = 3.0
    assert compare(session, classifier, ["goal"]) == (1, 0, "goal", 1)


def test_weights_of_eight_bits_are_smaller_and_answer_alike(tmp_path):
    classifier = classifier_of(wide=wide_of("both"), ensemble=2)
    whole, small = tmp_path / "model.onnx", tmp_path / "model_int8.onnx"
    write_classifier(classifier, whole, int8=small)
    kinds = {node.op_type for node in onnx.load(small).graph.node}
    assert "DynamicQuantizeLSTM" in kinds
    assert "LSTM" not in kinds
    exact_NC, near_NC = (
        onnx_probabilities(session_of(file), classifier, TEXTS) for file in (whole, small)
    )
    assert 0 < np.abs(exact_NC - near_NC).max() < 0.1


@pytest.mark.trust("any character in ONNX")
def test_every_character_is_normalised_and_split_as_in_python(record_property):
    unassigned = ("Cs", "Cn", "Co")  # halves of characters, and those that have no meaning yet
    every = [
        chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) not in unassigned
    ]
    record_property("tried", len(every))
    tokenizer = train_tokenizer(["a b , ."], kind="word", vocab_size=50)
    cut = {}

    def outputs(graph):
        normal_B = onnx_text._mapped(graph, "texts", onnx_text._normalised())
        _, lengths_B = onnx_text._ids(graph, normal_B, tokenizer.get_vocab())
        lower_B = onnx_text._mapped(graph, "texts", onnx_text._lowered())
        words_BT = graph.tokenized(lower_B, tokenexp=onnx_text.TERM_WORDS)
        return [
            (lengths_B, TensorProto.INT64),
            (lower_B, TensorProto.STRING),
            (words_BT, TensorProto.STRING),
        ]

    session = front(outputs)
    for start in range(0, len(every), 4000):
        texts = [f"a{c}, b {c}{c}" for c in every[start : start + 4000]]
        lengths_B, lower_B, words_BT = run(session, texts)
        cut |= dict(zip(texts, zip(lengths_B, lower_B, words_BT, strict=True), strict=True))
        expected_B = encode(tokenizer, texts).lengths.numpy()
        assert [texts[i] for i in np.flatnonzero(lengths_B != expected_B)] == []
    wrong = [
        text
        for text, (_, lower, words) in cut.items()
        if "Σ" not in text and [word for word in words if word] != WORD.findall(text.lower())
    ]
    assert wrong == []


def test_the_terms_of_a_text_are_counted_as_the_wide_channel_counts_them():
    wide = wide_of("both", sublinear=False)
    words, runs = onnx_text._terms(wide)
    text = "A late goal, goal falls"
    found = [term for term in n_grams(text, "both", 3) if term in wide.columns]
    assert sorted(found) == sorted(
        [*["goal"] * 4, "late goal", *[" goal"] * 2, "goal ", *["oal"] * 2, "falls", "falls", " a "]
    )
    assert ("goal",) in words
    assert tuple("goal") in runs
    assert tuple("an") not in runs  # shorter than any run that is counted
