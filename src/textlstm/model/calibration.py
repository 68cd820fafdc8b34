"""Calibrates probabilities: chooses a temperature and a threshold on validation."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from textlstm.model.metrics import Predictions, log_loss
from textlstm.model.scores import Answered, Calibration, Threshold, Uncalibrated

COLDEST, HOTTEST = 0.25, 10.0  # limits of a temperature
SPREAD = 0.5  # standard deviation of the prior on 1 / temperature
TARGETS = (0.95, 0.99)  # shares of right answers; the second where all answers reach the first
FEWEST = 20  # answers that a threshold is judged by
STEPS = 1000  # thresholds tried, from 0 to 0.999
BINS = 15


class Bin(NamedTuple):
    """The texts of a split whose largest probability lies in one of the equal bins."""

    confidence: float
    """Mean of their largest probabilities."""
    accuracy: float
    """Share of them that is predicted right."""
    texts: int


def at_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Divides the log-probabilities by a temperature, and normalizes them again."""
    if temperature == 1:
        return predictions
    log_NC = predictions.log_probabilities_NC.double() / temperature
    return Predictions(log_NC.log_softmax(dim=1), predictions.gold_N, predictions.unseen)


def fit_temperature(predictions: Predictions) -> float:
    """Finds the temperature with the lowest log loss (Guo et al. 2017), from 0.25 to 10.

    Few rows, of which all or nearly all are predicted right, would have the lowest at 0.25, and new
    texts probabilities that are far too high. So `prior_loss` is added to the log loss.
    """
    rows = int(predictions.known_N.sum())

    def loss(log_temperature: float) -> float:
        temperature = float(np.exp(log_temperature))
        found = log_loss(at_temperature(predictions, temperature))
        return found + prior_loss(1 / temperature, rows)

    bounds = (float(np.log(COLDEST)), float(np.log(HOTTEST)))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def prior_loss(inverse_temperature: float, rows: int) -> float:
    """Gives the negative logarithm of a prior on 1 / temperature, divided by the rows, in nats.

    The prior is a normal distribution with mean 1 and standard deviation 0.5, without its constant.
    Added to a mean log loss of so many rows, it gives the maximum a posteriori. With several
    hundred rows it is next to nothing.
    """
    return ((inverse_temperature - 1) / SPREAD) ** 2 / 2 / rows


def choose_threshold(predictions: Predictions) -> Threshold | None:
    """Finds the lowest probability above which 95 of 100 answers are right; None if there is none.

    Where all answers together reach that, 99 of 100 are asked for, if any threshold reaches it.
    """
    confidence_N, right_N = _confidence(predictions)
    order = np.argsort(-confidence_N, kind="stable")
    right_N = right_N[order].cumsum()
    thresholds = np.arange(STEPS) / STEPS
    answered = np.searchsorted(-confidence_N[order], -thresholds, side="right")
    enough = answered >= min(FEWEST, len(confidence_N))
    share = right_N[np.maximum(answered, 1) - 1] / np.maximum(answered, 1)

    chosen: Threshold | None = None
    for target in TARGETS:
        reached = np.flatnonzero(enough & (share >= target))
        if len(reached) and (chosen is None or chosen["min_probability"] == 0):
            lowest = float(thresholds[reached[0]])
            chosen = {"target": target, "min_probability": lowest, "answered": {}}
    return chosen


def count_answered(predictions: Predictions, min_probability: float) -> Answered:
    """Counts the texts whose largest probability reaches a threshold, and the right ones."""
    confidence_N, right_N = _confidence(predictions)
    sure_N = confidence_N >= min_probability
    right = float(right_N[sure_N].mean()) if sure_N.any() else None
    return {"right": right, "share": float(sure_N.mean())}


def describe_calibration(
    temperature: float,
    threshold: Threshold | None,
    chosen_on: str,
    predictions: dict[str, Predictions],
) -> Calibration:
    """Describes what a temperature and a threshold do to scored splits.

    Args:
        chosen_on: in words, the rows that chose both.
        predictions: the predictions of each scored split by its name, after the temperature.
    """
    before: dict[str, Uncalibrated] = {}
    for name, scored in predictions.items():
        plain = at_temperature(scored, 1 / temperature)
        before[name] = {
            "log_loss": log_loss(plain),
            "calibration_error": calibration_error(plain),
        }

    if threshold is not None:
        answered = {
            name: count_answered(scored, threshold["min_probability"])
            for name, scored in predictions.items()
        }
        threshold = {**threshold, "answered": {**threshold["answered"], **answered}}

    return {
        "temperature": temperature,
        "chosen_on": chosen_on,
        "before": before,
        "threshold": threshold,
    }


def calibration_error(predictions: Predictions) -> float:
    """Mean difference of confidence and accuracy over the bins, weighted by their texts."""
    bins = reliability(predictions)
    texts = sum(found.texts for found in bins)
    return sum(found.texts * abs(found.confidence - found.accuracy) for found in bins) / texts


def reliability(predictions: Predictions) -> list[Bin]:
    """Compares confidence and accuracy in 15 equal bins of confidence, without the empty ones."""
    confidence_N, right_N = _confidence(predictions)
    number_N = np.clip(np.ceil(confidence_N * BINS).astype(int) - 1, 0, BINS - 1)
    inside = [number_N == number for number in range(BINS)]
    return [
        Bin(float(confidence_N[rows].mean()), float(right_N[rows].mean()), int(rows.sum()))
        for rows in inside
        if rows.any()
    ]


def _confidence(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """The largest probability of each text, and whether its class is right."""
    right_N = predictions.predicted_N == predictions.gold_N
    return predictions.probabilities_NC.double().amax(dim=1).numpy(), right_N.numpy()
