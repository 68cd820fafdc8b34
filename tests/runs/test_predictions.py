"""predictions.csv has every text with every probability; mistakes come most confident first."""

import csv

import torch

from textlstm.model.metrics import Predictions
from textlstm.runs.predictions import MISTAKES, confident_mistakes, write_predictions

LABELS = ["money", "sports"]


def test_predictions_have_a_row_per_text_with_every_probability(tmp_path):
    probabilities_NC = torch.tensor([[0.75, 0.25], [0.125, 0.875]])
    predictions = Predictions(probabilities_NC.log(), torch.tensor([0, 0]))
    write_predictions(tmp_path / "predictions.csv", LABELS, ["bank falls", "a | bar"], predictions)
    with open(tmp_path / "predictions.csv", encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[0] == ["text", "gold", "predicted", "probability_money", "probability_sports"]
    assert rows[1] == ["bank falls", "money", "money", "0.75", "0.25"]
    assert rows[2] == ["a | bar", "money", "sports", "0.125", "0.875"]
    assert len(rows) == 3


def test_the_gold_class_of_a_row_may_be_one_that_training_has_no_row_of(tmp_path):
    probabilities_NC = torch.tensor([[0.75, 0.25], [0.125, 0.875]])
    predictions = Predictions(probabilities_NC.log(), torch.tensor([2, 0]), ["odd"])
    write_predictions(tmp_path / "predictions.csv", LABELS, ["one", "two"], predictions)
    lines = (tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == ["one,odd,money,0.75,0.25", "two,money,sports,0.125,0.875"]
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
