"""Describes a model for those who use it: its scores, its threshold, and texts to try."""

import csv
import logging
from itertools import islice
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.escaping import one_line
from textlstm.model.bundle import TextClassifier
from textlstm.plurals import number_of
from textlstm.runs.record import METRICS, Record, ScoredName
from textlstm.runs.results import LINEAR, SCORES, against_line, compared
from textlstm.serving.messages import Example, ModelAnswer, ModelScores, ThresholdAnswer

log = logging.getLogger(__name__)

ROWS = 2000  # of the test set, among which examples are looked for
LONGEST = 300  # characters of an example
EXAMPLES = 6
CUT = {"head": "first", "tail": "last", "head_tail": "first and last"}


def describe_model(
    classifier: TextClassifier, record: Record | None, *, name: str, predictions: Path
) -> ModelAnswer:
    """Describes a model.

    Args:
        record: that of its run; None for a saved model that came without it.
        name: the name of its folder.
        predictions: the file of the run's test rows, from which examples are taken; it may be
            missing.

    Raises:
        InputError: a record whose scores are not what a run records.
    """
    card = ModelAnswer(
        name=name,
        classes=classifier.labels,
        description=_described(classifier),
        examples=find_examples(predictions),
    )
    if record is None:
        return card
    try:
        return card.model_copy(update=_scored(record))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"run: the scores in {predictions.with_name(METRICS)} are not what a run records "
            f"({one_line(repr(error))[:200]}). Bring the file back from a copy, or serve the saved "
            f"model alone: a copy of its folder model/."
        ) from error


def _scored(record: Record) -> dict[str, Any]:
    """The threshold and the scores of a run, as `ModelAnswer` has them."""
    scored_on = _scored_on(record)
    if scored_on is None:
        return {"threshold": _threshold(record)}
    baseline = record["baselines"].get(LINEAR) if scored_on == "test" else None
    return {
        "threshold": _threshold(record),
        "scored_on": scored_on,
        "scores": [
            ModelScores(model=model, **{key: scores[key] for key in SCORES})
            for model, scores in compared(record, scored_on)
        ],
        "against_baseline": None if baseline is None else against_line(record, baseline),
    }


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


def _threshold(record: Record) -> ThresholdAnswer | None:
    """The threshold that was chosen on validation; None if there is none."""
    calibration = record.get("calibration")
    threshold = None if calibration is None else calibration["threshold"]
    if calibration is None or threshold is None:
        return None
    lowest = threshold["min_probability"]
    answered = threshold["answered"].get("validation")
    share = "" if answered is None else f"; those were {100 * answered['share']:.0f} of 100 texts"
    return ThresholdAnswer(
        min_probability=lowest,
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
