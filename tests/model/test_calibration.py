"""The temperature and the threshold: fitted on validation, and true to what they say."""

import numpy as np
import pytest
import torch

from textlstm.model.calibration import (
    at_temperature,
    calibration_error,
    choose_threshold,
    count_answered,
    describe_calibration,
    fit_temperature,
    reliability,
)
from textlstm.model.metrics import Predictions, scores

LABELS = ["a", "b", "c"]


def drawn(rows=2000, temperature=1.0, seed=0):
    """Predictions whose gold classes are drawn from their probabilities, then sharpened."""
    generator = torch.Generator().manual_seed(seed)
    log_NC = (2 * torch.randn(rows, 3, generator=generator)).log_softmax(dim=1)
    gold_N = torch.multinomial(log_NC.exp(), 1, generator=generator).flatten()
    return Predictions((log_NC / temperature).log_softmax(dim=1), gold_N)


def sure_of(shares, right):
    """Two-class predictions with these largest probabilities; class 0 is always predicted."""
    probabilities_NC = torch.tensor([[share, 1 - share] for share in shares])
    return Predictions(probabilities_NC.log(), (~torch.tensor(right)).long())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_made_probabilities_too_sure_or_not_sure_enough(temperature):
    found = fit_temperature(drawn(20_000, temperature))
    assert found == pytest.approx(1 / temperature, rel=0.05)


def test_the_temperature_has_the_lowest_log_loss_of_all():
    predictions = drawn(temperature=0.4)
    found = fit_temperature(predictions)

    def log_loss(temperature):
        return scores(at_temperature(predictions, temperature), LABELS)["log_loss"]

    others = [found * factor for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2)]
    assert all(log_loss(found) < log_loss(other) for other in [*others, 1.0])


@pytest.mark.parametrize("temperature", [0.25, 0.7, 3.0, 10.0])
def test_no_temperature_changes_what_is_predicted(temperature):
    predictions = drawn()
    calibrated = at_temperature(predictions, temperature)
    assert torch.equal(calibrated.predicted_N, predictions.predicted_N)
    torch.testing.assert_close(calibrated.probabilities_NC.sum(dim=1), torch.ones(2000).double())
    before = at_temperature(calibrated, 1 / temperature)
    torch.testing.assert_close(
        before.log_probabilities_NC.float(), predictions.log_probabilities_NC
    )


def test_a_validation_without_mistakes_does_not_make_probabilities_certain():
    few, many = (sure_of([0.9] * rows, [True] * rows) for rows in (5, 1000))
    inverse = 1 / fit_temperature(few)
    slopes = 5 * np.log(9) / (1 + 9**inverse), (inverse - 1) / 0.5**2  # of log loss, and prior
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-2)
    assert at_temperature(few, 1 / inverse).probabilities_NC.max() < 0.95
    assert 0.25 < fit_temperature(many) < 0.4


def test_the_bins_and_their_error_are_those_of_the_scores():
    predictions = drawn(temperature=0.5)
    bins = reliability(predictions)
    assert len(bins) <= 15
    assert sum(found.texts for found in bins) == 2000
    expected = scores(predictions, LABELS)["calibration_error"]
    assert calibration_error(predictions) == pytest.approx(expected, abs=1e-6)
    assert reliability(sure_of([0.56, 0.59, 0.99, 1.0], [True, False, True, True])) == [
        (pytest.approx(0.575), 0.5, 2),
        (pytest.approx(0.995), 1.0, 2),
    ]


def test_the_threshold_is_the_lowest_above_which_95_of_100_are_right():
    shares = [0.9] * 95 + [0.8] * 5 + [0.7005] * 100
    right = [True] * 95 + [False] * 5 + [True, False] * 50
    predictions = sure_of(shares, right)
    threshold = choose_threshold(predictions)
    assert threshold == {"target": 0.95, "min_probability": 0.701, "answered": {}}
    assert count_answered(predictions, 0.701) == {"right": 0.95, "share": 0.5}
    assert count_answered(predictions, 0.85) == {"right": 1.0, "share": 0.475}
    assert count_answered(predictions, 0.95) == {"right": None, "share": 0.0}


def test_where_all_answers_reach_95_the_threshold_is_that_of_99():
    threshold = choose_threshold(sure_of([0.9] * 97 + [0.6005] * 3, [True] * 97 + [False] * 3))
    assert threshold == {"target": 0.99, "min_probability": 0.601, "answered": {}}
    mixed = choose_threshold(sure_of([0.9] * 50, [True] * 48 + [False] * 2))
    assert mixed == {"target": 0.95, "min_probability": 0.0, "answered": {}}
    everything = choose_threshold(sure_of([0.9] * 50, [True] * 50))
    assert everything == {"target": 0.99, "min_probability": 0.0, "answered": {}}


def test_there_is_no_threshold_where_no_twenty_answers_are_good_enough():
    assert choose_threshold(sure_of([0.9] * 19 + [0.6] * 21, [True] * 19 + [False] * 21)) is None


def test_the_description_says_what_the_temperature_changed_and_keeps_other_splits():
    raw = {"validation": drawn(temperature=0.5), "test": drawn(temperature=0.5, seed=1)}
    temperature = fit_temperature(raw["validation"])
    calibrated = {name: at_temperature(found, temperature) for name, found in raw.items()}
    kept = {"train": {"right": 1.0, "share": 1.0}}
    threshold = {**choose_threshold(calibrated["validation"]), "answered": kept}
    found = describe_calibration(temperature, threshold, "validation", calibrated)
    assert found["temperature"] == temperature
    for name, predictions in raw.items():
        before = scores(predictions, LABELS)
        assert found["before"][name]["log_loss"] == pytest.approx(before["log_loss"], abs=1e-6)
        assert found["before"][name]["calibration_error"] == pytest.approx(
            before["calibration_error"], abs=1e-6
        )
    assert found["threshold"]["answered"].keys() == {"train", "validation", "test"}
    assert found["threshold"]["answered"]["validation"]["right"] >= found["threshold"]["target"]
