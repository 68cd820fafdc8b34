"""Describes a model for those who use it: its scores, its threshold, and texts to try."""

import csv
import logging
import math
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

from textlstm.checks import InputError
from textlstm.escaping import one_line
from textlstm.model.bundle import TextClassifier
from textlstm.model.scores import Scores
from textlstm.plurals import number_of
from textlstm.runs.record import METRICS, Record, ScoredName
from textlstm.runs.results import LINEAR, against_line, compared

log = logging.getLogger(__name__)

ROWS = 2000  # of the test set, among which examples are looked for
LONGEST = 300  # characters of an example
EXAMPLES = 6
CUT = {"head": "first", "tail": "last", "head_tail": "first and last"}


class Threshold(TypedDict):
    """The probability from which an answer is called sure, and how it was chosen, in words."""

    min_probability: float
    sentence: str


class ShownScores(TypedDict):
    """The scores of the model, or of a simpler one; None is a score that is no number."""

    model: str
    accuracy: float | None
    macro_f1: float | None
    log_loss: float | None
    calibration_error: float | None


class Example(TypedDict):
    """A text of the test set and its class."""

    text: str
    label: str


class ShownModel(TypedDict):
    """What a page says of a model.

    Args:
        name: the name of its folder.
        description: what it is, in words.
        scored_on: the rows of `scores`, test or validation; None without scores.
        scores: the model first, then its baselines.
        against_baseline: how it compares with the linear baseline, in words.
    """

    name: str
    classes: list[str]
    description: str
    threshold: Threshold | None
    scored_on: str | None
    scores: list[ShownScores]
    against_baseline: str | None
    examples: list[Example]


def describe_model(
    classifier: TextClassifier, record: Record | None, *, name: str, predictions: Path | None
) -> ShownModel:
    """Describes a model.

    Args:
        record: that of its run; None for a saved model that came without it.
        name: the name of its folder.
        predictions: the file of the run's test rows, from which examples are taken; it may be
            missing. None takes no examples.

    Raises:
        InputError: a record whose scores are not what a run records.
    """
    shown = ShownModel(
        name=name,
        classes=classifier.labels,
        description=_described(classifier),
        threshold=None,
        scored_on=None,
        scores=[],
        against_baseline=None,
        examples=[] if predictions is None else find_examples(predictions),
    )
    if record is None:
        return shown
    try:
        _add_scores(shown, record)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"run: the scores in {METRICS} of the run {name} are not what a run records "
            f"({one_line(repr(error))[:200]}). Bring the file back from a copy; serve also takes "
            f"the saved model alone: a copy of its folder model/."
        ) from error
    return shown


def _add_scores(shown: ShownModel, record: Record) -> None:
    """Adds the threshold and the scores of a run."""
    shown["threshold"] = _threshold(record)
    scored_on = _scored_on(record)
    if scored_on is None:
        return
    shown["scored_on"] = scored_on
    shown["scores"] = [_shown_scores(*found) for found in compared(record, scored_on)]
    baseline = record["baselines"].get(LINEAR) if scored_on == "test" else None
    if baseline is not None:
        shown["against_baseline"] = against_line(record, baseline)


def _shown_scores(model: str, scores: Scores) -> ShownScores:
    """Takes the scores that are shown."""
    return ShownScores(
        model=model,
        accuracy=_number(scores["accuracy"]),
        macro_f1=_number(scores["macro_f1"]),
        log_loss=_number(scores["log_loss"]),
        calibration_error=_number(scores["calibration_error"]),
    )


def _number(score: Any) -> float | None:
    """Takes a score; None for one that is no number, which JSON has not."""
    return None if score is None or not math.isfinite(score) else float(score)


def _scored_on(record: Record) -> ScoredName | None:
    """The rows whose scores are shown: test, or validation where test was not scored."""
    if "test" in record:
        return "test"
    return "validation" if "validation" in record else None


def _described(classifier: TextClassifier) -> str:
    """Says what the model is, and how much of a text it reads."""
    parameters = sum(
        values.numel() for values in classifier.network.parameters() if values.requires_grad
    )
    members = getattr(classifier.network, "members", [None])
    kind = "An LSTM" if len(members) == 1 else f"{len(members)} LSTMs"
    kind += f" with {number_of(parameters, 'weight')}"
    if classifier.wide is not None:
        kind += ", mixed with a linear model over pieces of the text"
    if classifier.max_length is None:
        return f"{kind}. It reads whole texts."
    place = CUT[classifier.truncate]
    reads = "It reads" if classifier.wide is None else "The LSTM reads"
    return f"{kind}. {reads} the {place} {classifier.max_length:,} words of a text."


def _threshold(record: Record) -> Threshold | None:
    """The threshold that was chosen on validation; None if there is none."""
    calibration = record.get("calibration")
    threshold = None if calibration is None else calibration["threshold"]
    if calibration is None or threshold is None:
        return None
    lowest = threshold["min_probability"]
    answered = threshold["answered"].get("validation")
    share = "" if answered is None else f"; those were {100 * answered['share']:.0f} of 100 texts"
    return Threshold(
        min_probability=float(lowest),
        sentence=(
            f"On {calibration['chosen_on']}, at least {100 * threshold['target']:.0f} of 100 "
            f"answers with a probability of {100 * lowest:.1f} % or more were right{share}."
        ),
    )


def find_examples(file: Path) -> list[Example]:
    """Takes a short text of each class from a file of predictions; none if it cannot be read."""
    if not file.is_file():
        return []
    found: dict[str, str] = {}
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            for row in islice(csv.DictReader(lines), ROWS):
                text, label = row.get("text"), row.get("gold")
                if text and label and not text.isspace() and len(text) <= LONGEST:
                    found.setdefault(label, text)
    except (OSError, ValueError, csv.Error) as error:
        log.warning("No examples are shown: %s cannot be read (%s).", file, error)
        return []
    return [Example(text=text, label=label) for label, text in islice(found.items(), EXAMPLES)]
