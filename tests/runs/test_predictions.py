"""predictions.csv has every text with every probability; mistakes come most confident first."""

import csv

import numpy as np
import torch

from textlstm.data.rows import Places
from textlstm.model.metrics import Predictions
from textlstm.runs.predictions import MISTAKES, confident_mistakes, write_predictions

LABELS = ["money", "sports"]
PLACES = Places(["/data/a.csv", "/data/b.txt"], np.array([0, 1]), np.array([12, 0]))


def test_predictions_have_a_row_per_text_with_every_probability(tmp_path):
    probabilities_NC = torch.tensor([[0.75, 0.25], [0.125, 0.875]])
    predictions = Predictions(probabilities_NC.log(), torch.tensor([0, 0]))
    texts = ["bank falls", "a | bar"]
    write_predictions(tmp_path / "predictions.csv", LABELS, texts, predictions, PLACES)
    with open(tmp_path / "predictions.csv", encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    probabilities = ["probability_money", "probability_sports"]
    assert rows[0] == ["text", "gold", "predicted", *probabilities, "file", "row"]
    assert rows[1] == ["bank falls", "money", "money", "0.75", "0.25", "/data/a.csv", "12"]
    assert rows[2] == ["a | bar", "money", "sports", "0.125", "0.875", "/data/b.txt", ""]
    assert len(rows) == 3


def test_the_gold_class_of_a_row_may_be_one_that_training_has_no_row_of(tmp_path):
    probabilities_NC = torch.tensor([[0.75, 0.25], [0.125, 0.875]])
    predictions = Predictions(probabilities_NC.log(), torch.tensor([2, 0]), ["odd"])
    write_predictions(tmp_path / "predictions.csv", LABELS, ["one", "two"], predictions, PLACES)
    lines = (tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        "one,odd,money,0.75,0.25,/data/a.csv,12",
        "two,money,sports,0.125,0.875,/data/b.txt,",
    ]
    assert confident_mistakes(LABELS, ["one", "two"], predictions) == [
        ("0.875", "money", "sports", "two"),
        ("0.750", "odd", "money", "one"),
    ]


def test_mistakes_come_most_confident_first_and_only_so_many():
    confidence = [0.6 + n / 1000 for n in range(MISTAKES + 5)]
    probabilities_NC = torch.tensor([[1 - share, share] for share in confidence])
    predictions = Predictions(probabilities_NC.log(), torch.zeros(len(confidence)).long())
    texts = [f"text {n}" for n in range(len(confidence))]
    mistakes = confident_mistakes(LABELS, texts, predictions)
    assert mistakes[0] == ("0.624", "money", "sports", "text 24")
    assert [text for *_, text in mistakes] == [f"text {n}" for n in range(24, 4, -1)]
