"""How far scores are the luck of the rows: intervals as by drawing rows, and McNemar's test."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import one_hot

from textlstm.model import significance
from textlstm.model.metrics import Predictions, scores
from textlstm.model.significance import intervals_of, mcnemar, paired_test, scores_with_intervals


def predicting(predicted, gold, classes, unseen=()):
    log_probabilities_NC = one_hot(torch.as_tensor(predicted), classes).double().log()
    return Predictions(log_probabilities_NC, torch.as_tensor(gold), unseen)


def test_the_intervals_are_those_of_scores_on_rows_drawn_again():
    generator = np.random.default_rng(5)
    gold = generator.choice(4, 300, p=[0.6, 0.25, 0.1, 0.05])
    right = (generator.random(300) < 0.8) & (gold < 3)
    predicted = np.where(right, gold, generator.integers(0, 3, 300))
    found = intervals_of(predicting(predicted, gold, 3, ["odd"]))

    drawn = []
    for _ in range(400):
        rows = generator.integers(0, 300, 300)
        scored = scores(predicting(predicted[rows], gold[rows], 3, ["odd"]), ["a", "b", "c"])
        drawn.append([scored["accuracy"], scored["macro_f1"]])
    accuracy, macro_f1 = np.percentile(drawn, [2.5, 97.5], axis=0).T
    assert found["accuracy"] == pytest.approx(accuracy, abs=0.015)
    assert found["macro_f1"] == pytest.approx(macro_f1, abs=0.015)
    share = float((predicted == gold).mean())
    exact = stats.binom.ppf([0.025, 0.975], 300, share) / 300
    assert found["accuracy"] == pytest.approx(exact, abs=0.005)


def test_the_same_predictions_have_the_same_intervals_around_their_scores():
    gold = [0, 1, 1, 0, 1, 0, 1, 1]
    predictions = predicting([0, 1, 0, 0, 1, 1, 1, 1], gold, 2)
    found = scores_with_intervals(predictions, ["a", "b"])
    assert found["intervals"] == intervals_of(predictions)
    for name in ("accuracy", "macro_f1"):
        low, high = found["intervals"][name]
        assert 0 <= low < found[name] < high <= 1


def test_a_split_of_one_row_or_one_class_has_an_interval_of_one_point():
    assert intervals_of(predicting([1], [1], 2)) == {"accuracy": (1, 1), "macro_f1": (1, 1)}
    assert intervals_of(predicting([0], [1], 2)) == {"accuracy": (0, 0), "macro_f1": (0, 0)}


def test_many_kinds_of_rows_are_drawn_less_often(monkeypatch):
    drawn = []
    resampled = significance.resampled_scores

    def counting(cells, counts, *, resamples):
        drawn.append((len(counts), resamples))
        return resampled(cells, counts, resamples=resamples)

    monkeypatch.setattr(significance, "resampled_scores", counting)
    rows = torch.arange(25_000)
    intervals_of(predicting(rows % 2, rows % 3, 3))
    intervals_of(predicting(rows // 160, rows % 157, 157))
    assert drawn[0] == (6, significance.MOST_RESAMPLES)
    assert drawn[1][0] > 20_000
    assert drawn[1][1] == significance.FEWEST_RESAMPLES


def test_a_paired_test_counts_the_rows_on_which_one_model_alone_is_right():
    gold = [0] * 20
    first, second = predicting([0] * 15 + [1] * 5, gold, 2), predicting([1] * 6 + [0] * 14, gold, 2)
    right, other = np.arange(20) < 15, np.arange(20) >= 6
    assert paired_test(first, second) == {
        "right_alone": 6,
        "wrong_alone": 5,
        "p": mcnemar(right, other),
    }


def test_the_bootstrap_scores_as_the_runs_are_scored():
    gold, predicted = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 2, 1, 1, 0])
    scored = scores(predicting(predicted, gold, 3), ["a", "b", "without a gold row"])
    hits, golds, predictions = (
        one_hot(numbers, 3).sum(dim=0).numpy()
        for numbers in (gold[gold == predicted], gold, predicted)
    )
    found = significance._macro_f1(hits[:, None], golds[:, None], predictions[:, None])
    assert found == pytest.approx([scored["macro_f1"]])
