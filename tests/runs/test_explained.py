"""What a report says of mistakes, and of how far explanations can be believed."""

import csv

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.records import small_record
from helpers.small import SETTINGS
from textlstm.data.rows import Places
from textlstm.data.sources import NEWSWIRE4
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import TextClassifier
from textlstm.model.ensemble import network_from_plain_values
from textlstm.model.metrics import Predictions
from textlstm.runs import explained
from textlstm.runs.explained import main_words, measure_faithfulness
from textlstm.runs.report import write_report

LABELS = ["money", "sports"]
NOTHING = ["the", "a", "one", "of", "it", "and", "so", "on", "for", "by"]
TEXTS = [
    " ".join([*NOTHING[:place], word, *NOTHING[place:]])
    for place in range(10)
    for word in ("bank", "goal")
]
GOLD = [0, 1] * 10


def learned(texts, gold, labels, *, epochs, batch_size, **settings):
    """A classifier that has learned these texts."""
    tokenizer = train_tokenizer(texts, kind="word", vocab_size=4000)
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "classes": len(labels), "word_dropout": 0.3}
    network = network_from_plain_values(**{**SETTINGS, **sizes, "hidden": 8, **settings})
    found = TextClassifier(network, tokenizer, labels, max_length=40, truncate="head")
    encoded = found.encoded(texts)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    network.train()
    for _ in range(epochs):
        for rows in torch.arange(len(texts)).split(batch_size):
            batch = encoded.__getitems__(rows.tolist())
            scores_BC = network(batch.tokens_BT, batch.lengths_B)
            optimizer.zero_grad()
            functional.cross_entropy(scores_BC, torch.tensor(gold)[rows]).backward()
            optimizer.step()
    network.eval()
    return found


@pytest.fixture(scope="module")
def classifier():
    """It has learned that one word decides the class."""
    return learned(TEXTS, GOLD, LABELS, epochs=60, batch_size=20, pooling="max")


def test_on_news_the_best_words_count_five_times_as_much_as_random_ones():
    with open(NEWSWIRE4, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))[:2000]
    labels = sorted({row["label"] for row in rows})
    gold = [labels.index(row["label"]) for row in rows]
    texts = [row["text"] for row in rows]
    news = learned(
        texts[:1800],
        gold[:1800],
        labels,
        epochs=4,
        batch_size=64,
        pooling="concat",
        embedding_dim=16,
    )

    found = measure_faithfulness(news, texts[1800:])
    assert found.texts == 100
    assert found.without_best > 0.2
    assert found.without_best > 5 * found.without_random
    assert found.best_alone < 0.05 < 0.15 < found.random_alone


def test_more_is_lost_without_the_best_words_and_less_with_them_alone(classifier):
    found = measure_faithfulness(classifier, TEXTS)
    assert found.texts == 20
    assert found.without_best > 0.3 > 2 * found.without_random
    assert found.best_alone < 0.1 < found.random_alone


def test_the_measure_repeats_and_leaves_global_random_numbers_alone(classifier):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = measure_faithfulness(classifier, TEXTS)
    assert torch.equal(torch.get_rng_state(), before)
    assert measure_faithfulness(classifier, TEXTS) == first


def test_texts_of_less_than_two_words_cannot_be_measured(classifier):
    assert measure_faithfulness(classifier, ["", "goal"]) is None


def test_only_some_of_many_texts_are_measured(classifier, monkeypatch):
    monkeypatch.setattr(explained, "TEXTS", 5)
    assert measure_faithfulness(classifier, TEXTS).texts == 5
    monkeypatch.setattr(explained, "CHARACTERS", 100)
    assert measure_faithfulness(classifier, TEXTS).texts == 2


def test_the_words_of_a_mistake_are_those_that_speak_for_the_class(classifier):
    first, second = main_words(classifier, [TEXTS[1], TEXTS[1]], ["sports", "money"])
    assert first.startswith("goal +0.")
    assert "goal" not in second


def test_a_text_as_long_as_a_book_is_neither_explained_nor_measured(classifier):
    """A million characters would take half a minute, without a sign of life."""
    book = "goal " * 20_000
    first, second, third = main_words(classifier, [TEXTS[1], book, TEXTS[1]], 3 * ["sports"])
    assert first == third
    assert first.startswith("goal +0.")
    assert second == "(too long to explain)"
    assert main_words(classifier, [book], ["sports"]) == [second]
    assert measure_faithfulness(classifier, [book]) is None
    assert measure_faithfulness(classifier, [book, *TEXTS[:2]]).texts == 2


def test_a_report_explains_mistakes_and_says_how_far_to_believe_it(classifier, tmp_path):
    predictions = Predictions(classifier.probabilities(TEXTS).log(), 1 - torch.tensor(GOLD))
    places = Places(["/data/test.csv"], np.zeros(20, int), np.arange(1, 21))
    write_report(
        tmp_path, small_record(), "test", TEXTS, predictions, places, classifier=classifier
    )
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| probability | gold | predicted | text | words that speak most for it |" in text
    assert text.count("| goal +0.") == text.count("| bank +0.") == 10
    found = measure_faithfulness(classifier, TEXTS)
    assert f"largest shares | {found.without_best:.3f} | {found.best_alone:.3f} |" in text
    assert f"drawn at random | {found.without_random:.3f} | {found.random_alone:.3f} |" in text
