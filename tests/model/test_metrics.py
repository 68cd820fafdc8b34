"""Scores: by hand, as scikit-learn's, with absent classes, and in the order of the rows."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from textlstm.model.metrics import PredictionCollector, Predictions, scores

PROBABILITIES = [
    [0.7, 0.2, 0.1],
    [0.6, 0.3, 0.1],
    [0.1, 0.8, 0.1],
    [0.5, 0.3, 0.2],
    [0.2, 0.2, 0.6],
]
GOLD = [0, 0, 1, 1, 2]
LABELS = ["a", "b", "c"]


def predictions(probabilities, gold):
    return Predictions(torch.tensor(probabilities).log(), torch.tensor(gold))


def test_scores_by_hand():
    found = scores(predictions(PROBABILITIES, GOLD), LABELS)
    assert found["accuracy"] == pytest.approx(4 / 5)
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3 + 1) / 3)
    assert found["log_loss"] == pytest.approx(-np.log([0.7, 0.6, 0.8, 0.3, 0.6]).mean())
    assert found["auroc"] == pytest.approx(
        (1 + 11 / 12 + 1) / 3
    )  # of class b, row 3 ties with row 1: 5.5 of 6 pairs
    assert found["confusion_matrix"] == [[2, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert found["absent"] == []
    assert found["classes"]["a"] == pytest.approx(
        {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "rows": 2}
    )
    assert found["classes"]["b"] == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "rows": 2}
    )


def test_calibration_error_by_hand():
    found = scores(
        predictions([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.38, 0.62]], [0, 0, 1, 1]), ["a", "b"]
    )
    # Two of the three said to be sure to 0.9 are right; the one of 0.62 is right.
    assert found["calibration_error"] == pytest.approx(
        0.75 * (0.9 - 2 / 3) + 0.25 * (1 - 0.62), abs=1e-6
    )


def test_scores_are_scikit_learns():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), size=200)
    gold = np.array([generator.choice(4, p=row) for row in probabilities])
    found = scores(predictions(probabilities.astype(np.float32), gold), list("abcd"))
    predicted = probabilities.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(gold, predicted))
    assert found["macro_f1"] == pytest.approx(
        sklearn_metrics.f1_score(gold, predicted, average="macro"), abs=1e-6
    )
    assert found["log_loss"] == pytest.approx(
        sklearn_metrics.log_loss(gold, probabilities), abs=1e-5
    )
    auroc = sklearn_metrics.roc_auc_score(gold, probabilities, multi_class="ovr", average="macro")
    assert found["auroc"] == pytest.approx(auroc, abs=1e-5)
    assert found["confusion_matrix"] == sklearn_metrics.confusion_matrix(gold, predicted).tolist()


def test_an_absent_class_is_left_out_and_listed():
    found = scores(predictions(PROBABILITIES[:4], GOLD[:4]), LABELS)
    assert found["absent"] == ["c"]
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["auroc"] == pytest.approx((1 + 3.5 / 4) / 2)
    assert found["classes"]["c"]["rows"] == 0


def test_auroc_is_none_when_there_is_one_class_only():
    found = scores(predictions(PROBABILITIES[:2], GOLD[:2]), LABELS)
    assert found["auroc"] is None
    assert found["absent"] == ["b", "c"]
    assert found["macro_f1"] == 1.0


UNSEEN = ["odd", "new"]  # classes 3 and 4, which training has no row of


def test_rows_of_unseen_classes_count_as_wrong_by_hand():
    probabilities = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.9, 0.1, 0.0]]
    gold = torch.tensor([0, 1, 2, 3])
    found = scores(Predictions(torch.tensor(probabilities).log(), gold, UNSEEN), LABELS)
    assert found["accuracy"] == 0.75
    # The row of `odd` is predicted as a, whose precision it halves.
    assert found["classes"]["a"] == pytest.approx(
        {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "rows": 1}
    )
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 1 + 0) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.7, 0.8, 0.6]).mean())
    assert found["calibration_error"] == pytest.approx((0.3 + 0.2 + 0.4 + 0.9) / 4, abs=1e-6)
    assert found["auroc"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert found["confusion_matrix"] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert found["unseen"] == {"odd": 1}
    assert found["absent"] == []


def test_scores_with_unseen_classes_are_scikit_learns():
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.ones(3), size=300).astype(np.float32)
    gold = generator.integers(0, 5, 300)
    found = scores(
        Predictions(torch.tensor(probabilities).log(), torch.tensor(gold), UNSEEN), LABELS
    )
    predicted, known = probabilities.argmax(axis=1), gold < 3
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(gold, predicted))
    assert found["macro_f1"] == pytest.approx(
        sklearn_metrics.f1_score(gold, predicted, average="macro"), abs=1e-6
    )
    assert found["log_loss"] == pytest.approx(
        sklearn_metrics.log_loss(gold[known], probabilities[known]), abs=1e-5
    )
    assert found["unseen"] == {"odd": int((gold == 3).sum()), "new": int((gold == 4).sum())}


def test_an_unseen_class_without_a_row_changes_nothing():
    with_names = Predictions(torch.tensor(PROBABILITIES).log(), torch.tensor(GOLD), UNSEEN)
    assert scores(with_names, LABELS) == scores(predictions(PROBABILITIES, GOLD), LABELS)


def test_scores_are_plain_values():
    found = scores(predictions(PROBABILITIES, GOLD), LABELS)
    assert {type(value) for value in found.values()} == {float, dict, list}
    assert {type(value) for row in found["classes"].values() for value in row.values()} == {
        float,
        int,
    }


def test_the_collector_restores_the_order_of_the_rows():
    collector = PredictionCollector()
    logits_NC = torch.tensor(PROBABILITIES).log() + 3  # softmax takes the shift out again
    for rows in ([4, 0], [3, 1], [2]):
        collector.update(logits_NC[rows], torch.tensor(GOLD)[rows], torch.tensor(rows))
    collected = collector.compute()
    torch.testing.assert_close(collected.probabilities_NC, torch.tensor(PROBABILITIES))
    assert collected.gold_N.tolist() == GOLD
    assert collected.predicted_N.tolist() == [0, 0, 1, 0, 2]


def test_a_reset_collector_forgets():
    collector = PredictionCollector()
    collector.update(torch.zeros(2, 3), torch.tensor([0, 1]), torch.tensor([0, 1]))
    collector.reset()
    collector.update(torch.zeros(2, 3), torch.tensor([2, 0]), torch.tensor([0, 1]))
    assert collector.compute().gold_N.tolist() == [2, 0]


def test_one_row_is_collected_and_scored():
    collector = PredictionCollector()
    collector.update(torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([0]), torch.tensor([0]))
    assert scores(collector.compute(), LABELS)["accuracy"] == 1.0
