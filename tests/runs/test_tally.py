"""The sentences that end a prediction."""

import logging
from pathlib import Path

import pytest

from helpers.small import small_network
from textlstm.commands.predict import predict
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import save_bundle
from textlstm.runs.tally import LimitCounter, Tally


def test_what_was_written_is_counted_by_class_the_most_frequent_first():
    tally = Tally()
    tally.classes.update(["world"] * 2 + ["business"] * 1200)
    assert tally.written_sentence(Path("out.csv")) == (
        "1,202 texts written to out.csv: 1,200 business, 2 world."
    )
    assert Tally().written_sentence(Path("out.csv")) == "0 texts written to out.csv."


def test_of_many_classes_the_most_frequent_are_named():
    tally = Tally()
    tally.classes.update(f"class {number}" for number in range(12))
    said = tally.written_sentence(Path("out.csv"))
    assert said.count("1 class ") == 10
    assert said.endswith(", the rest in 2 other classes.")


def test_texts_without_a_known_word_are_told():
    tally = Tally()
    assert tally.unknown_sentence() is None
    tally.classes.update(["world"] * 3)
    tally.unknown = 1
    assert str(tally.unknown_sentence()).startswith("The model knows no word of 1 text of 3, so ")


@pytest.fixture
def ask(tmp_path: Path):
    """Predicts with a model that knows few words."""
    tokenizer = train_tokenizer(["goal in the match", "shares fall"], kind="word", vocab_size=30)
    save_bundle(
        tmp_path / "model",
        network=small_network(vocab_size=tokenizer.get_vocab_size()),
        max_length=100,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=["a", "b", "c"],
    )

    def ask(**given: str) -> None:
        unset = dict.fromkeys(("text", "input", "output", "text_column", "min_probability"))
        options = {"batch_size": 8, "threads": None, **unset, **given}
        predict({"run": str(tmp_path / "model"), **options})

    return ask


def test_a_text_without_a_known_word_gets_its_answer_and_a_hint(ask, capsys, caplog):
    ask(text="goal")
    assert "knows no word" not in caplog.text
    ask(text="привет, мир")
    answer = capsys.readouterr().out.splitlines()[4:]
    assert len(answer) == 4
    assert answer[0] in ("a", "b", "c")
    assert "The model knows no word of this text" in caplog.text


def test_a_file_of_predictions_is_told_with_its_texts_and_classes(ask, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "in.txt").write_text("goal\nпривет\n", encoding="utf-8")
    ask(input=str(tmp_path / "in.txt"), output=str(tmp_path / "out.csv"))
    assert f"2 texts written to {tmp_path}/out.csv: " in caplog.text
    assert "The model knows no word of 1 text of 2" in caplog.text


@pytest.mark.parametrize("kind", ["word", "bpe", "unigram"])
def test_texts_without_a_known_word_are_counted(kind):
    texts = ["The striker signs, at last!", "Shares fall; shares rise."] * 20
    tokenizer = train_tokenizer(texts, kind=kind, vocab_size=400)
    counter = LimitCounter(tokenizer, None)
    assert counter.count(["the striker", "shares rise!", "привет, shares"]) == (0, 0)
    assert counter.count(["привет, мир!", "", "!", "the striker", "你好"]) == (4, 0)
    assert counter.count([]) == (0, 0)


def test_texts_that_are_longer_than_what_is_read_are_counted():
    tokenizer = train_tokenizer(["the shares rise"], kind="word", vocab_size=30)
    texts = ["the shares", "the shares rise", "the shares rise!", ""]
    assert [LimitCounter(tokenizer, longest).count(texts).cut for longest in (1, 2, 3, 4)] == [
        *(3, 2, 1, 0)
    ]
