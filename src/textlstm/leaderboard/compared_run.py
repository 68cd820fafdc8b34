"""Reads the runs that are compared: their records, and what they predicted for each row."""

from dataclasses import dataclass
from functools import cached_property
from os.path import commonpath
from pathlib import Path
from string import ascii_uppercase
from typing import Any, cast

import numpy as np
import pandas as pd

from textlstm.checks import InputError
from textlstm.escaping import BYTE_ORDER_MARK, in_spreadsheet
from textlstm.model.scores import Scores
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import METRICS, Record, ScoredName

COLUMNS = ["text", "gold", "predicted"]
PLACE = ["file", "row"]
PROBABILITY = "probability_"


@dataclass(frozen=True)
class ComparedRun:
    """A finished run, with the scores and predictions that it is compared by.

    Attributes:
        letter: what tables call it: A, B, …
        folder: where it is.
        record: its record.
        ended: when it ended, in seconds since the epoch.
        split: the rows that it was scored on last: test, or validation without a test.
    """

    letter: str
    folder: Path
    record: Record
    ended: float
    split: ScoredName

    @property
    def scores(self) -> Scores:
        """The scores on `split`."""
        return self.record[self.split]

    @property
    def checksum(self) -> str | None:
        """The checksum of the file that the scored rows are from; None for data of the hub."""
        sources = self.record["data"]["sources"]
        source = sources.get(self.split) or sources.get("train")
        return None if source is None else source["sha256"]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The scored rows: text, gold and predicted class, its probability, and the row's place.

        The place is the file, without the folders that all files share, and the row in it; it is
        missing in runs of older versions.

        Raises:
            InputError: predictions.csv is missing or damaged, or is not that of the record.
        """
        file = RunFolder(self.folder).predictions
        rows = read_predictions(file, self.record, self.split, self.scores["accuracy"])
        if not {*PLACE} <= {*rows.columns}:
            return rows
        place = _without_folders(rows["file"]) + "\n" + rows["row"]
        return rows.drop(columns=PLACE).assign(place=place)


def read_predictions(
    file: Path, record: Record, split: ScoredName, accuracy: float
) -> pd.DataFrame:
    """Reads the rows that a run, or its baseline, has predicted.

    Args:
        file: predictions.csv or baseline_predictions.csv of the run.
        split: the rows that it predicted.
        accuracy: the share of them that is right, by the record.

    Returns:
        For each row its text, gold and predicted class and the probability of the latter; its file
        and row, too, but not of runs of older versions.

    Raises:
        InputError: the file is missing or damaged, or is not that of the record.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        place = PLACE if {*PLACE} <= {*table.columns} else []
        rows = table[[*COLUMNS, *place]].assign(
            probability=_probabilities(table, record["labels"], escaped=_for_a_spreadsheet(file))
        )
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror}. Bring the file back from a copy, or train "
            f"the run anew."
        ) from error
    except (KeyError, TypeError, ValueError) as error:  # pandas' own errors are kinds of the last
        raise InputError(
            f"{file} is damaged ({error}): columns text, gold, predicted and one probability "
            f"per class were expected. Bring the file back from a copy, or train the run anew."
        ) from error

    right = float((rows["gold"] == rows["predicted"]).mean()) if len(rows) else 0.0
    if abs(right - accuracy) > 1e-6:
        raise InputError(
            f"{file} does not hold what was predicted for {split}: {right:.4f} of its "
            f"{len(rows):,} rows are right, and {METRICS} says {accuracy:.4f}. "
            f"Bring the file back from a copy, or train the run anew."
        )
    return rows


def read_runs(folders: list[Path]) -> list[ComparedRun]:
    """Reads the records of finished runs, and calls the runs A, B, … in their order.

    Raises:
        InputError: fewer than two different folders, more than there are letters, or no finished
            run in one of them.
    """
    runs = [RunFolder.finished(str(folder)) for folder in folders]
    paths = [run.path.resolve() for run in runs]
    if len({*paths}) < len(paths) or not 2 <= len(runs) <= len(ascii_uppercase):
        raise InputError(
            f"compare takes two to {len(ascii_uppercase)} different runs, got "
            f"{', '.join(map(str, folders)) or 'none'}."
        )
    return [_read(letter, run) for letter, run in zip(ascii_uppercase, runs, strict=False)]


def _read(letter: str, run: RunFolder) -> ComparedRun:
    """Reads the record of a run, and looks for what a comparison needs of it.

    Raises:
        InputError: it lacks some of that.
    """
    record = cast(Record, run.record())
    split: ScoredName = "test" if "test" in record else "validation"
    found = ComparedRun(letter, run.path, record, run.metrics.stat().st_mtime, split)
    try:
        _look_at(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{run.metrics} is damaged: it does not say how the run was trained and scored. Bring "
            f"the file back from a copy, or train the run anew."
        ) from error
    return found


def _look_at(run: ComparedRun) -> None:
    """Reads what a comparison shows of a record; whatever fails tells that it is damaged."""
    scores: Any = run.scores
    numbers = [scores["accuracy"], scores["macro_f1"], scores["log_loss"]]
    numbers += [found[score] for found in scores["classes"].values() for score in ("f1", "rows")]
    if "intervals" in scores:
        for low, high in (scores["intervals"][name] for name in ("accuracy", "macro_f1")):
            numbers += [low, high]
    _ = [number + 0.0 for number in numbers]
    data: Any = run.record["data"]
    _ = [split["rows"] + 0 for split in data["splits"].values()]
    _ = [source["sha256"] + source["path"] for source in data["sources"].values()]
    _ = [run.record["environment"].items(), run.record["config"].items()]
    _ = [sorted(run.record["labels"]), data["columns"].items(), data["tokenizer"].items()]


def _probabilities(table: pd.DataFrame, labels: list[str], *, escaped: bool) -> np.ndarray:
    """Gives the probability of the predicted class of each row.

    Args:
        escaped: whether header and cells are those that a spreadsheet takes for no formula.
    """
    shown = in_spreadsheet if escaped else str
    shares_NC = table[[shown(PROBABILITY + label) for label in labels]].to_numpy(float)
    of_class = {shown(label): place for place, label in enumerate(labels)}
    chosen_N = [of_class[predicted] for predicted in table["predicted"]]
    return shares_NC[np.arange(len(table)), chosen_N]


def _for_a_spreadsheet(file: Path) -> bool:
    """Tells whether a table was written for a spreadsheet: only then it has a byte order mark."""
    mark = BYTE_ORDER_MARK.encode()
    with open(file, "rb") as content:
        return content.read(len(mark)) == mark


def _without_folders(files: pd.Series) -> pd.Series:
    """Takes the folders off that all files are in: another machine has the same files elsewhere."""
    different = files.unique().tolist()
    if len(different) < 2:
        return files.map(lambda file: "")
    shared = len(commonpath(different))
    return files.map(lambda file: file[shared:])
