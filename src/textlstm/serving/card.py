"""Describes a model for those who use it: its scores, its threshold, and texts to try."""

import csv
import logging
from itertools import islice
from pathlib import Path

from textlstm.model.bundle import TextClassifier
from textlstm.plurals import number_of
from textlstm.runs.record import Record, ScoredName
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
    """
    scored_on = None if record is None else _scored_on(record)
    scores: list[ModelScores] = []
    against = None
    if record is not None and scored_on is not None:
        for model, found in compared(record, scored_on):
            scores.append(ModelScores(model=model, **{key: found[key] for key in SCORES}))
        if scored_on == "test" and LINEAR in record["baselines"]:
            against = against_line(record, record["baselines"][LINEAR])
    return ModelAnswer(
        name=name,
        classes=classifier.labels,
        description=_described(classifier),
        threshold=None if record is None else _threshold(record),
        scored_on=scored_on,
        scores=scores,
        against_baseline=against,
        examples=find_examples(predictions),
    )


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
