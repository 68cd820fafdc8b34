"""What pages say of a model: from a record of any kind, and from test rows that are there."""

import pytest

from helpers.records import small_record, small_scores
from helpers.small import lively_network
from textlstm.checks import InputError
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import TextClassifier
from textlstm.runs.shown_model import describe_model, find_examples

CALIBRATION = {
    "temperature": 1.2,
    "chosen_on": "validation",
    "before": {},
    "threshold": {
        "target": 0.95,
        "min_probability": 0.625,
        "answered": {"validation": {"right": 0.96, "share": 0.8}},
    },
}


@pytest.fixture
def described():
    """Describes a small model with a record."""
    tokenizer = train_tokenizer(["goal in the match"], kind="word", vocab_size=30)
    network = lively_network(vocab_size=tokenizer.get_vocab_size())
    classifier = TextClassifier(network, tokenizer, ["a", "b", "c"], max_length=6, truncate="head")
    return lambda record: describe_model(classifier, record, name="small", predictions=None)


def test_scores_stand_beside_those_of_the_baselines(described):
    found = described(small_record(calibration=CALIBRATION))
    assert found["scored_on"] == "test"
    assert [(row["model"], row["accuracy"]) for row in found["scores"]] == [
        *(("LSTM", 0.75), ("majority class", 0.5), ("TF-IDF + logistic regression", 0.625))
    ]
    assert found["against_baseline"].startswith("Ahead of the linear baseline on test")
    assert found["threshold"]["min_probability"] == 0.625
    assert found["threshold"]["sentence"] == (
        "On validation, at least 95 of 100 answers with a probability of 62.5 % or more were "
        "right; those were 80 of 100 texts."
    )


def test_without_test_scores_those_on_validation_are_shown(described):
    record = small_record(calibration={**CALIBRATION, "threshold": None})
    del record["test"]
    found = described(record)
    assert found["scored_on"] == "validation"
    assert [row["model"] for row in found["scores"]] == ["LSTM"]
    assert (found["threshold"], found["against_baseline"]) == (None, None)
    del record["validation"]
    assert described(record)["scores"] == []


@pytest.mark.parametrize(
    "damage",
    [
        {"test": 5},
        {"test": {}},
        {"test": small_scores(accuracy="<b>")},
        {"baselines": []},
        {"baselines": {"x": None}},
        {"calibration": {"threshold": {}}},
        {"calibration": {**CALIBRATION, "threshold": {"target": "x", "min_probability": []}}},
        {"config": None},
        {"wide": 3},
    ],
)
def test_a_damaged_record_is_one_error(described, damage):
    with pytest.raises(InputError, match=r"of the run small are not what a run records"):
        described(small_record(**damage))


def test_a_score_that_is_no_number_is_left_out(described):
    for score in (None, float("nan")):
        shown = described(small_record(test=small_scores(log_loss=score)))
        assert shown["scores"][0]["log_loss"] is None


def test_examples_are_short_texts_one_of_each_class(tmp_path):
    file = tmp_path / "predictions.csv"
    rows = [("x" * 301, "a"), ("one", "a"), ("two", "a"), (" ", "b"), ("three", "b"), ("four", "")]
    rows += [("text", label) for label in "cdefgh"]
    lines = "".join(f"{text},{label}\n" for text, label in rows)
    file.write_text(f"text,gold\n{lines}", encoding="utf-8")
    found = [(example["text"], example["label"]) for example in find_examples(file)]
    assert found == [("one", "a"), ("three", "b"), *(("text", label) for label in "cdef")]


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"text,gold\n\xff,a\n", b'text,gold\n"' + b"x" * 200_000]
)
def test_without_readable_test_rows_there_are_no_examples(tmp_path, content):
    (tmp_path / "predictions.csv").write_bytes(content)
    assert find_examples(tmp_path / "predictions.csv") == []
    assert find_examples(tmp_path / "missing.csv") == []
