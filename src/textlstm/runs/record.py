"""The record of a run: what metrics.json and pruned.json hold, and how they are read and written.

The record is the contract between all that add to it and all that read it back; nothing else opens
these files. Its types stand where the values are made: those of the data in `data.facts`, those of
scores in `model.scores`, that of the machine in `runs.environment`; the rest stands here.

Keys may be added without a new `FORMAT`. A key that changes its meaning, or goes, needs one.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, cast

from textlstm.checks import InputError
from textlstm.data.facts import DataFacts
from textlstm.model.scores import Baseline, Calibration, PairedTest, Scores, Wide
from textlstm.passwords import without_password
from textlstm.runs.environment import Environment
from textlstm.runs.renamed import with_present_names
from textlstm.writing import write_json

FORMAT = 1
"""The format that is written here. Records without a number are older: format 0, the same keys."""

METRICS, PRUNED = "metrics.json", "pruned.json"

ScoredName = Literal["train", "validation", "test", "file"]
"""What can be scored: a split, or in an evaluation the rows of another file."""

Layer = tuple[str, str, int]
"""A layer's name, the shape of its output for one text, and its trainable parameters."""


class EpochValidation(TypedDict, total=False):
    """Scores on validation after an epoch; a refit has no validation and none of these keys."""

    val_loss: float
    """Mean cross-entropy on validation in nats, without smoothing or class weights."""
    val_accuracy: float
    """Share of validation texts whose class is predicted, from 0 to 1."""
    val_macro_f1: float
    """Macro F1 on validation."""


class Epoch(EpochValidation):
    """One pass over the training rows."""

    epoch: int
    """Its number, from 1."""
    train_loss: float
    """Mean training loss over the epoch, with dropout, smoothing and class weights."""
    train_accuracy: float
    """Share of training texts whose class was predicted while training, from 0 to 1."""
    seconds: float
    """How long it took, validation included."""


class PretrainingEpoch(TypedDict):
    """One pass of the language model over its texts, both directions together."""

    epoch: int
    """Its number, from 1."""
    train_perplexity: float
    """Perplexity in training, with dropout and among the drawn candidates alone."""
    perplexity: float
    """Perplexity among all tokens, on texts of the training split that are kept back."""
    seconds: float
    """How long it took."""


class Pretraining(TypedDict):
    """The language model that embedding and LSTM started from."""

    texts: int
    """Texts of the training split and of data.unlabelled."""
    tokens: int
    """Tokens of these texts that it reads."""
    from_cache: bool
    """Whether an earlier run had trained it."""
    history: list[PretrainingEpoch]
    """Its epochs in order."""


class Seconds(TypedDict):
    """Duration of a run; both numbers count the epochs before a resume."""

    train: float
    """Seconds in epochs, validation included."""
    total: float
    """Seconds in all: also reading, tokenizing, and scoring the baselines."""


class Resolved(TypedDict):
    """The numbers that a run trained with: from its config or, where it has none, from the rows."""

    batch_size: int
    """Texts per step."""
    max_epochs: int
    """Passes over the training rows, unless the run was ended before."""
    hidden: NotRequired[int]
    """Units of each LSTM layer in each direction; runs of before have the next four in config."""
    embedding_dim: NotRequired[int]
    """Numbers that stand for a token."""
    word_dropout: NotRequired[float | None]
    """Share of tokens that training read as unknown."""
    adversarial: NotRequired[float | None]
    """Size of the shifts that training also tried, in mean lengths of a token's vector."""


class ScoredSplits(TypedDict, total=False):
    """The scores of splits or of another file.

    A run has `validation`, unless it is a refit, and `test`, unless it ran with test=false. An
    evaluation adds the split that it scored anew, or `file`.
    """

    train: Scores
    """Scores on the training rows; only an evaluation has them."""
    validation: Scores
    """Scores of the kept epoch on the validation rows."""
    test: Scores
    """Scores of the kept epoch on the test rows."""
    file: Scores
    """Scores on the rows of another file; only an evaluation has them."""


class Record(ScoredSplits):
    """A finished run, or the evaluation of one, as metrics.json holds it."""

    format: int
    """Number of this layout: `FORMAT`, or 0 for a record from before formats had numbers."""
    title: str
    """The heading of the report; of an evaluation it ends with what was scored."""
    refit: bool
    """Whether the validation rows trained, too, so that there was no validation."""
    score: float | None
    """What runs are ranked by: macro F1 on validation; None for a refit."""
    best_epoch: int | None
    """The epoch, from 1, whose weights are kept; None for a refit, which keeps the last."""
    chosen_by: str
    """In words: what chose the epoch that is kept."""
    watched: NotRequired[str]
    """The score of validation that chose it, by its name in TensorBoard; missing in a refit and in
    older records, where it is val/loss."""
    stopped: NotRequired[str]
    """In words: after which epoch training ended early, and why; missing if it did not."""
    labels: list[str]
    """The names of the C classes, in the order of their numbers."""
    calibration: NotRequired[Calibration]
    """The temperature of the scores above, and a threshold; missing with calibrate=false, in a
    refit without calibration_from, and in records from before there was one."""
    wide: NotRequired[Wide]
    """The wide channel, whose mixture with the LSTM has the scores above; missing without one."""
    baselines: dict[str, Baseline]
    """By name: test scores of simpler models; empty without test=true and baselines=true."""
    baselines_on_validation: NotRequired[dict[str, Baseline]]
    """By name: validation scores of simpler models, of a run with test=false and baselines=true."""
    paired: NotRequired[PairedTest]
    """The model against the linear baseline on test; missing without the two, in an evaluation of
    changed data, and in older records."""
    seconds: Seconds
    """How long the run took."""
    parameters: int
    """Trainable parameters of the network."""
    layers: list[Layer]
    """The layers from the embedding to the class scores; `T` in a shape is a text's own length."""
    steps: int
    """Optimizer steps, those before a resume included."""
    resolved: NotRequired[Resolved]
    """The batch size and the epochs; an old record has none, since its config has both."""
    history: list[Epoch]
    """The epochs in order, those before a resume included."""
    pretraining: NotRequired[Pretraining | None]
    """The language model before the training; None without it, and no key in older records."""
    data: DataFacts
    """The data. An evaluation of another file has that file's splits and sources."""
    seed: int
    """The seed of weights, batches and dropout; data.split_seed is in `config`."""
    threads: int
    """CPU threads of each process."""
    device: str
    """The device of the first process, such as cpu or cuda:0."""
    devices: int
    """How many processes trained, one per device."""
    environment: Environment
    """Versions, machine and git commit."""
    overrides: list[str]
    """What was typed, as Hydra understood it: KEY=VALUE each."""
    config: dict[str, Any]
    """The whole configuration as composed, with `resume` empty."""


class PrunedRecord(TypedDict):
    """A trial that a sweep gave up, as pruned.json holds it."""

    format: int
    """As in `Record`."""
    score: float
    """The best macro F1 on validation among its epochs."""
    overrides: list[str]
    """What was typed, as Hydra understood it: KEY=VALUE each."""
    history: list[Epoch]
    """The epochs that it had."""


def read_record(path: Path) -> Record:
    """Reads metrics.json, given the file or its folder.

    Raises:
        InputError: the file is missing or damaged, or written by a newer textlstm.
    """
    record = cast(Record, _read(_file(path, METRICS), Record.__required_keys__))
    return {**record, "config": with_present_names(record["config"])}


def has_failed(record: Record) -> bool:
    """Tells whether a run of an older version went on to its end with weights that are no numbers.

    Now such a run ends with an error and leaves no record.
    """
    scored = record.get("validation") or record.get("test")
    loss: float | None = scored["log_loss"] if scored else 0.0
    return loss is None or not math.isfinite(loss)


def write_record(folder: Path, record: Record) -> None:
    """Writes metrics.json whole or not at all; a folder with one holds a finished run."""
    write_json(folder / METRICS, record)


def read_pruned(path: Path) -> PrunedRecord:
    """Reads pruned.json, given the file or its folder.

    Raises:
        InputError: the file is missing or damaged, or written by a newer textlstm.
    """
    return cast(PrunedRecord, _read(_file(path, PRUNED), PrunedRecord.__required_keys__))


def write_pruned(folder: Path, record: PrunedRecord) -> None:
    """Writes pruned.json whole or not at all; a folder with one holds a trial that was given up."""
    write_json(folder / PRUNED, record)


def evaluation_record(
    run: Record,
    name: ScoredName,
    scores: Scores,
    *,
    shown_name: str,
    data: DataFacts,
    calibration: Calibration | None = None,
    wide: Wide | None = None,
) -> Record:
    """Makes the record of an evaluation: the run's, with the scores of what was scored now.

    Args:
        run: the record of the run, which stays as it is.
        name: the key of the scores.
        scores: the new scores.
        shown_name: what the title calls the split or file.
        data: the facts of the run's data, or of the other file.
        calibration, wide: the run's, with what they make of what was scored; None if it has none.
    """
    scored: ScoredSplits = {}
    scored[name] = scores
    title = f"{run['title']}, scored on {shown_name}"
    record: Record = {**run, "format": FORMAT, "title": title, "data": data, **scored}
    if calibration is not None:
        record["calibration"] = calibration
    if wide is not None:
        record["wide"] = wide
    record["overrides"] = [without_password(line) for line in run["overrides"]]  # of older versions
    return record


def _file(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path


def _read(file: Path, required: Iterable[str]) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # neither UTF-8 nor JSON
        raise _damaged(file, f"it is not JSON ({error})") from error

    if not isinstance(content, dict):
        raise _damaged(file, "a JSON object was expected")
    number = content.setdefault("format", 0)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise _damaged(file, f"its format is {number!r}, a whole number was expected")
    if number > FORMAT:
        raise InputError(
            f"{file} has format {number}, and this textlstm reads formats up to {FORMAT}: a newer "
            f"one wrote it. Update textlstm."
        )
    missing = sorted(set(required) - content.keys())
    if missing:
        raise _damaged(file, f"it has no {', '.join(missing)}")
    return content


def _damaged(file: Path, what: str) -> InputError:
    return InputError(
        f"{file} is damaged: {what}. Bring the file back from a copy, or train the run anew."
    )
