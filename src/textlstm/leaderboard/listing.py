"""Finds the runs below folders, and reads of each what a list shows; what is damaged is named."""

import os
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.leaderboard.comparable import checksum_of, data_name, described_rows, validated_rows
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import Record, has_failed
from textlstm.runs.results import LINEAR
from textlstm.terminal import counted

LARGEST_RECORD = 100_000_000  # bytes of a metrics.json that is read; most have some thousand
# What values of another kind than those of a record raise.
WRONG_KIND = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
DAMAGED = "it does not say what was trained, or how it was scored"


@dataclass(frozen=True)
class ListedRun:
    """A finished run.

    Attributes:
        folder: where it is.
        data: the name of its data: the file, or the data set of the hub.
        key: what it has in common with the runs that it can be ranked with: those that were
            validated on the same rows.
        rows: these rows in a few words.
        ended: when it ended, in seconds since the epoch.
        score: macro F1 on validation, by which runs are ranked; None for a refit.
        test: macro F1 on test; None without a test.
        interval: the ends of the 95 % interval of `test`; older records have none.
        baseline: macro F1 of TF-IDF with logistic regression on the same test rows.
        parameters: trainable parameters.
        size: bytes on the disk.
    """

    folder: Path
    data: str
    key: Hashable
    rows: str
    ended: float
    score: float | None
    test: float | None
    interval: tuple[float, float] | None
    baseline: float | None
    parameters: int
    size: int


@dataclass(frozen=True)
class Listing:
    """The runs below some folders.

    Attributes:
        finished: in the order in which they were found.
        pruned, unfinished: folders of runs that a search gave up, and of those without a record.
        damaged: folders whose record cannot be read, with the reason.
    """

    finished: list[ListedRun] = field(default_factory=list)
    pruned: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    damaged: list[tuple[Path, str]] = field(default_factory=list)

    @classmethod
    def read(cls, roots: Iterable[Path]) -> "Listing":
        """Reads the runs below folders; on a terminal it says how many it has read."""
        found = cls()
        folders = dict.fromkeys(folder for root in roots for folder in _run_folders(root))
        for folder in counted(folders, "runs read", total=len(folders)):
            run = RunFolder(folder)
            if os.path.isfile(run.metrics):
                try:
                    found.finished.append(_read(run))
                except InputError as error:
                    found.damaged.append((folder, str(error)))
                except WRONG_KIND:
                    found.damaged.append((folder, DAMAGED))
            elif os.path.isfile(run.pruned):
                found.pruned.append(folder)
            else:
                found.unfinished.append(folder)
        return found


def _run_folders(root: Path) -> Iterator[Path]:
    """Finds the folders of runs below a folder, or that folder itself; not those inside of a run.

    A link to a run is followed, and no other link.
    """
    if _is_run(root):
        yield root
        return
    for place, names, _ in os.walk(root):
        runs = [name for name in sorted(names) if _is_run(Path(place) / name)]
        yield from (Path(place) / name for name in runs)
        names[:] = sorted({*names} - {*runs})


def _is_run(folder: Path) -> bool:
    """Tells whether a run has begun or ended in a folder."""
    # Those of os.path also answer for folders that this user may not read.
    return os.path.isdir(folder / ".hydra") or os.path.isfile(RunFolder(folder).metrics)


def _read(run: RunFolder) -> ListedRun:
    """Reads what a list shows of a run.

    Raises:
        InputError: a record that is damaged, of a newer version, or of a run that failed.
        Exception: one of `WRONG_KIND`, at a value of another kind than that of a record.
    """
    stat = run.metrics.stat()
    if stat.st_size > LARGEST_RECORD:
        raise InputError(f"{run.metrics} has {stat.st_size:,} bytes, too many for a record")
    record = run.record()
    assert record is not None
    if has_failed(record):
        raise InputError("its loss is no number")
    test: Any = record.get("test")
    interval = None if test is None else test.get("intervals", {}).get("macro_f1")
    linear: Any = record["baselines"].get(LINEAR)
    return ListedRun(
        run.path,
        data_name(record),
        validated_rows(record),
        _rows(record),
        stat.st_mtime,
        _number(record["score"]),
        None if test is None else _number(test["macro_f1"]),
        None if interval is None else (0.0 + interval[0], 0.0 + interval[1]),
        None if linear is None else _number(linear["macro_f1"]),
        int(record["parameters"]),
        _size(run.path),
    )


def _rows(record: Record) -> str:
    """Describes the rows that validated a run, with the checksum of their file."""
    checksum = checksum_of(record)
    known = f", SHA-256 {checksum}…" if checksum else ""
    return f"{described_rows(record)}{known}"


def _number(value: Any) -> float | None:
    """Takes a score for a number; whatever else it is raises an error."""
    return None if value is None else 0.0 + value


def _size(folder: Path) -> int:
    """Adds up the bytes of the files in a folder, without those that links lead to."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # a run that is under way has just removed it
                continue
    return size
