"""`predict explain=true`: on the screen, in a table and in JSON Lines."""

import csv
import json
import re

import pytest

from helpers.commands import call
from helpers.small import lively_network
from textlstm.commands.explaining import SHOWN
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import TextClassifier, save_bundle

TEXTS = ["Goal in the match", "shares fall", "zebra", "goal, goal; goal!"]


@pytest.fixture
def model(tmp_path):
    """A saved model alone, whose classes Hydra would read as other things than names."""
    tokenizer = train_tokenizer([*TEXTS[:2], TEXTS[3]], kind="word", vocab_size=30)
    save_bundle(
        tmp_path / "model",
        network=lively_network(vocab_size=tokenizer.get_vocab_size()),
        max_length=100,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=["1", "true", "a, b"],
    )
    return tmp_path / "model"


@pytest.fixture
def texts_file(tmp_path):
    with open(tmp_path / "in.csv", "w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([["text"], *([text] for text in TEXTS)])
    return tmp_path / "in.csv"


def test_the_screen_lists_words_by_their_shares_and_what_they_add_up_to(model):
    out, _ = call("predict", f"run={model}", "text=Goal in the match", "explain=true")
    lines = out.splitlines()
    (explanation,) = TextClassifier.load(model).explain(["Goal in the match"])

    start = lines.index(
        f"why {explanation.label}: its probability, by the words that it comes from"
    )
    shares, words = zip(*(line.split(maxsplit=1) for line in lines[start + 1 :]), strict=True)
    ordered = sorted(explanation.words, key=lambda word: -abs(word.share))
    assert list(words[:4]) == [word.text for word in ordered]
    assert words[-1] == "in all"
    assert sum(map(float, shares[:-1])) == pytest.approx(float(shares[-1]), abs=5e-4)


def test_the_screen_puts_the_smallest_shares_together(model):
    text = "goal in the match " * 10
    out, _ = call("predict", f"run={model}", f"text={text}", "explain=true")
    assert f"(the other {40 - SHOWN} words)" in out


@pytest.mark.parametrize("against", ["1", "true", "a, b"])
def test_against_takes_any_class_by_its_name(model, against):
    out, _ = call("predict", f"run={model}", "text=goal", "explain=true", f"against={against}")
    lines = out.splitlines()
    less = "" if lines[0] == against else f" less that of {against}"
    assert f"why {lines[0]}: its probability{less}, by the words that it comes from" in lines


@pytest.mark.parametrize("target", ["out.csv", "out.tsv", "out.jsonl"])
def test_each_row_of_a_file_has_its_explanation(model, texts_file, tmp_path, target):
    options = ["explain=true", "batch_size=3"]
    call("predict", f"run={model}", f"input={texts_file}", f"output={tmp_path / target}", *options)
    with open(tmp_path / target, encoding="utf-8", newline="") as lines:
        if target == "out.jsonl":
            found = [json.loads(line)["explanation"] for line in lines]
        else:
            delimiter = "\t" if target == "out.tsv" else ","
            rows = csv.DictReader(lines, delimiter=delimiter)
            found = [json.loads(row["explanation"]) for row in rows]

    expected = TextClassifier.load(model).explain(TEXTS)
    for text, values, explanation in zip(TEXTS, found, expected, strict=True):
        assert list(values) == ["label", "against", "score", "unknown_score", "words"]
        assert values["label"] == explanation.label
        assert values["score"] == pytest.approx(explanation.score, abs=1e-5)
        for word, share in zip(values["words"], explanation.words, strict=True):
            assert text[word["start"] : word["end"]] == word["text"] == share.text
            assert word["share"] == pytest.approx(share.share, abs=1e-5)


def test_without_the_key_there_is_no_column(model, texts_file, tmp_path):
    call("predict", f"run={model}", f"input={texts_file}", f"output={tmp_path / 'out.csv'}")
    assert "explanation" not in (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["against=1"], "against= says why a text is not of a class: give explain=true, too."),
        (["explain=true", "against=tru"], "the model has no class 'tru'.*Did you mean 'true'"),
        (["explain=3"], "explain must be true or false, got 3"),
    ],
)
def test_questions_without_an_answer_are_refused(model, options, message):
    _, errors = call("predict", f"run={model}", "text=goal", *options, code=2)
    assert "Traceback" not in errors
    assert errors.count("error: ") == 1
    assert re.search(message, errors)
