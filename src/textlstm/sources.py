"""Where labelled text comes from: files or a data set of the hub, as splits with the same classes."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset

from textlstm.cache import content_key
from textlstm.checks import NUMBER, InputError, choice, nearest
from textlstm.files import ROWS, find_files, open_table
from textlstm.hub import hub_table, load_hub
from textlstm.rows import Columns, Origin, Rows, place_of, read_rows

NEWSWIRE4 = Path(__file__).with_name("newswire4.csv")
SOURCES = ("files", "hub")
MANY_CLASSES = 50  # from here on, less than four rows per class look like no classes


@dataclass(frozen=True)
class Source:
    """One file, glob, folder or hub split as rows that stay on the disk.

    Args:
        rows: the columns `text` (string) and `label` (ClassLabel, the same classes in each source of a run).
        labels: the N classes of `rows`.
        duplicate_of: N numbers, equal for texts that are duplicates (`splits.normalise`).
        key: a name for the content, equal for equal content.
        columns: where they were read: `text` (a list of names) and `label`.
        empty: rows that were dropped for want of a `text` or a `label`.
        origin: for files, their absolute `path` and `sha256`.
    """

    rows: Dataset
    labels: np.ndarray
    duplicate_of: np.ndarray
    key: str
    columns: dict[str, Any]
    empty: dict[str, int]
    origin: dict[str, str]

    def texts(self, rows: np.ndarray | None = None) -> Iterator[str]:
        """The texts of `rows` (default: of all), some at a time in memory."""
        yield from chain.from_iterable(batched_texts(self.rows if rows is None else self.rows.select(rows)))


def batched_texts(rows: Dataset) -> Iterator[list[str]]:
    """The column `text`, some rows at a time in memory."""
    for chunk in rows.with_format("arrow").iter(ROWS):
        yield chunk.column("text").to_pylist()


def load_source(
    *,
    source: str,
    train: str | None,
    validation: str | None,
    test: str | None,
    name: str | None,
    config: str | None,
    text_column: str | list[str] | None,
    label_column: str | None,
    label_names: list[str] | None,
    encoding: str | None,
    drop_empty: bool,
    cache: Path,
) -> dict[str, Source]:
    """Labelled text as `train` and, where they are given, `validation` and `test`.

    Args:
        source: `files` or `hub`.
        train, validation, test: of files: a file, a glob or a folder each; `train=None` is the embedded corpus.
        name, config: of the hub: a data set of the Hugging Face hub, or a local folder of one.
        text_column, label_column: None takes the usual name that is there, and says so; several text columns
            are joined with a space.
        label_names: names for labels that are whole numbers from 0 or 1, or booleans.
        encoding: of text files; None is UTF-8, or what a byte order mark says.
        drop_empty: drop rows without text or label, and count them, in place of refusing them.
        cache: where the rows are kept, by content.

    Raises:
        InputError: a file, column, row or label that cannot be used, or a hub that cannot be reached.
    """
    choice("data.source", source, SOURCES)
    columns = Columns(text_column, label_column, drop_empty)
    if source == "hub":
        origins = {
            split: _hub_origin(rows, f"{name}, split {split},") for split, rows in load_hub(name, config).items()
        }
    else:
        paths = {"train": str(NEWSWIRE4) if train is None else train, "validation": validation, "test": test}
        origins = {
            split: _file_origin(path, f"data.{split}", encoding) for split, path in paths.items() if path is not None
        }
    read = {split: read_rows(origin, columns, cache) for split, origin in origins.items()}
    labels, class_of = _classes(read["train"], origins["train"], label_names)
    return {split: _labelled(origins[split], rows, labels, class_of) for split, rows in read.items()}


def load_labelled(
    path: str,
    *,
    text_column: str | list[str] | None,
    label_column: str | None,
    label_names: list[str] | None,
    drop_empty: bool,
    labels: list[str],
    cache: Path,
) -> Source:
    """The rows of `file=`, whose classes must be among `labels`."""
    origin, columns = _file_origin(path, "file", None), Columns(text_column, label_column, drop_empty)
    rows = read_rows(origin, columns, cache)
    class_of = str if label_names is None else _by_number(rows, origin, label_names)
    return _labelled(origin, rows, labels, class_of)


def checksum(path: str | Path, key: str = "file") -> str:
    """The SHA-256 of a file as hexadecimal digits; of a glob or a folder, that of its files' names and checksums."""
    files = find_files(str(path), key)
    sums = []
    for file in files:
        try:
            with open(file, "rb") as content:
                sums.append(hashlib.file_digest(content, "sha256").hexdigest())
        except OSError as error:
            raise InputError(f"{key}: {file} cannot be read: {error.strerror}.") from error
    if len(files) == 1:
        return sums[0]
    root = os.path.commonpath(files)
    named = [f"{one}  {os.path.relpath(file, root)}" for one, file in zip(sums, files, strict=True)]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def changed(sources: dict[str, dict[str, str]]) -> list[str]:
    """Which of the recorded sources (`path` and `sha256` each) are gone or hold something else now."""
    return [split for split, source in sources.items() if _checksum_now(source["path"]) != source["sha256"]]


def _checksum_now(path: str) -> str | None:
    try:
        return checksum(path)
    except InputError:
        return None


def _file_origin(path: str, key: str, encoding: str | None) -> Origin:
    whole = str(Path(path).expanduser().absolute())
    content = checksum(path, key)
    record = {"path": whole, "sha256": content}
    suffixes = sorted({"".join(file.suffixes[-2:]) for file in find_files(path, key)})  # the format is in the name
    return Origin(
        key, whole, lambda: open_table(path, key, encoding), content_key(content, encoding, *suffixes), record
    )


def _hub_origin(rows: Dataset, name: str) -> Origin:
    return Origin("data.name", name, partial(hub_table, rows, name), rows._fingerprint, {})


def _classes(train: Rows, origin: Origin, label_names: list[str] | None) -> tuple[list[str], Callable[[str], str]]:
    """The classes in order, and which of them a label stands for."""
    labels = list(dict.fromkeys(train.labels))
    if len(labels) < 2:
        raise origin.fail(f"has the label {labels[0]!r} in each row; at least two classes were expected.")
    numbers = all(NUMBER.fullmatch(label) for label in labels)
    if numbers and not all(re.fullmatch(r"[+-]?\d+", label) for label in labels):
        fraction = next(label for label in labels if not re.fullmatch(r"[+-]?\d+", label))
        raise origin.fail(
            f"has fractions as labels (such as {fraction}): they look like a quantity to regress, classes were "
            f"expected. Write classes as names, such as low and high."
        )
    if train.class_names is None and len(labels) > max(MANY_CLASSES, len(train.rows) / 4):
        look = "like a quantity to regress" if numbers else "like free text or identifiers"
        raise origin.fail(
            f"has {len(labels):,} different labels in {len(train.rows):,} rows (such as {labels[0]!r:.50}): they look "
            f"{look}, classes were expected. Name another column with data.label_column=…"
        )
    if label_names is not None:
        return label_names, _by_number(train, origin, label_names)
    if train.class_names is not None:
        return train.class_names, str
    return sorted(labels, key=float) if numbers else sorted(labels), str


def _by_number(rows: Rows, origin: Origin, label_names: list[str]) -> Callable[[str], str]:
    """The name of a label that is a number (from 0, or else from 1) or a boolean."""
    known = {"False": 0, "false": 0, "True": 1, "true": 1} | {
        label: int(label) for label in rows.labels if re.fullmatch(r"[+-]?\d{1,9}", label)
    }
    if not isinstance(label_names, list) or len(set(label_names)) != len(label_names):
        raise InputError(f"data.label_names must be a list of different names, got {label_names!r}.")
    unknown = [label for label in rows.labels if label not in known]
    if unknown:
        raise origin.fail(f"has the label {unknown[0]!r}; data.label_names names whole numbers and booleans only.")
    numbers = {known[label] for label in rows.labels}
    start = next((start for start in (0, 1) if numbers <= set(range(start, start + len(label_names)))), None)
    if start is None:
        raise origin.fail(
            f"has labels from {min(numbers)} to {max(numbers)}; data.label_names gives {len(label_names)} names, "
            f"for 0 to {len(label_names) - 1} or 1 to {len(label_names)}."
        )
    return lambda label: label_names[known[label] - start] if label in known else label


def _labelled(origin: Origin, rows: Rows, labels: list[str], class_of: Callable[[str], str]) -> Source:
    number = {label: n for n, label in enumerate(labels)}
    classes = [class_of(label) for label in rows.labels]
    for label, name in zip(rows.labels, classes, strict=True):
        if name not in number:
            raise InputError(
                f"{origin.key}: {place_of(origin, rows, label)} has the label {label!r}, which no training row has."
                f"{nearest(name, labels)} The classes are {', '.join(labels)}."
            )
    label_N = np.array([number[name] for name in classes])[rows.codes()]
    labelled = rows.rows.select_columns(["text"]).add_column("label", label_N, feature=ClassLabel(names=labels))
    duplicate_of = rows.rows.data.column("duplicate_of").to_numpy()
    return Source(labelled, label_N, duplicate_of, rows.key, rows.columns, rows.empty, origin.record)
