"""Where labelled text comes from: files or a data set of the hub, as splits with the same classes."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, concatenate_datasets

from textlstm.cache import content_key
from textlstm.checks import NUMBER, InputError, choice, nearest
from textlstm.files import find_files, open_table
from textlstm.hub import HubSplit, hub_table, load_hub
from textlstm.rows import Columns, Origin, Rows, place_of, read_rows
from textlstm.streaming import Stream, first_rows, survey
from textlstm.tables import ROWS

NEWSWIRE4 = Path(__file__).with_name("newswire4.csv")
SOURCES = ("files", "hub")
WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
BOOLEANS = ("false", "true")
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
        first_number: what the first of data.label_names stands for, 0 or 1.
    """

    rows: Dataset
    labels: np.ndarray
    duplicate_of: np.ndarray
    key: str
    columns: dict[str, Any]
    empty: dict[str, int]
    origin: dict[str, str]
    first_number: int

    def texts(self, rows: np.ndarray | None = None) -> Iterator[str]:
        """The texts of `rows` (default: of all), some at a time in memory."""
        yield from chain.from_iterable(batched_texts(self.rows if rows is None else self.rows.select(rows)))


def batched_texts(rows: Dataset) -> Iterator[list[str]]:
    """The column `text`, some rows at a time in memory."""
    for chunk in rows.with_format("arrow").iter(ROWS):
        yield chunk.column("text").to_pylist()


def load_source(
    *,
    text_column: str | list[str] | None,
    label_column: str | None,
    label_names: list[str] | None,
    drop_empty: bool,
    cache: Path,
    **where: Any,
) -> dict[str, Source]:
    """Labelled text as `train` and, where they are given, `validation` and `test`.

    Args:
        where: see `_origins`.
        text_column, label_column: None takes the usual name that is there, and says so; several text columns
            are joined with a space.
        label_names: names for labels that are whole numbers from 0 or 1, or booleans.
        drop_empty: drop rows without text or label, and count them, in place of refusing them.
        cache: where the rows are kept, by content.

    Raises:
        InputError: a file, column, row or label that cannot be used, or a hub that cannot be reached.
    """
    columns = Columns(text_column, label_column, drop_empty)
    origins = _origins(**where)
    read = {split: read_rows(origin, columns, cache) for split, origin in origins.items()}
    labels, first_number = _classes(read["train"], origins["train"], label_names)
    return {split: _labelled(origins[split], rows, labels, label_names, first_number) for split, rows in read.items()}


def load_stream(
    *,
    rows: int,
    text_column: str | list[str] | None,
    label_column: str | None,
    label_names: list[str] | None,
    drop_empty: bool,
    cache: Path,
    **where: Any,
) -> tuple[Stream, dict[str, Source]]:
    """The training rows as a stream, and as sources validation, test, and in place of `train` its first `rows` rows.

    The other arguments are those of `load_source`.

    Raises:
        InputError: as `load_source`, or no validation or test of its own.
    """
    columns, origins = Columns(text_column, label_column, drop_empty), _origins(**where, streaming=True)
    for split in ("validation", "test"):
        if split not in origins:
            of_files = "" if where["source"] == "hub" else f"give data.{split}=FILE, or "
            raise InputError(
                f"data.streaming=true keeps no rows that {split} could be cut from, and the data have no {split} of "
                f"their own: {of_files}leave data.streaming out."
            )
    sample = first_rows(origins["train"], rows)
    read = {split: read_rows(origins[split], columns, cache) for split in ("validation", "test")}
    held_out = np.unique(np.concatenate([of.rows.data.column("duplicate_of").to_numpy() for of in read.values()]))
    found = survey(origins["train"], columns, held_out, cache)
    read["train"] = read_rows(sample, columns, cache)
    whole = replace(read["train"], labels=list(found["labels"]))  # of all rows
    if len(read["train"].labels) < 2 <= len(found["labels"]):
        raise origins["train"].fail(
            f"has one class in its first {rows:,} rows: rows sorted by class cannot be streamed, which shuffles none "
            f"but rows near each other. Shuffle the file, or leave data.streaming out."
        )
    labels, first_number = _classes(whole, origins["train"], label_names)
    numbers = _class_numbers(origins["train"], whole, labels, label_names, first_number)
    rows_of_class = [0] * len(labels)
    for number, count in zip(numbers, found["labels"].values(), strict=True):
        rows_of_class[number] += count
    stream = Stream(
        origins["train"],
        columns,
        held_out,
        dict(zip(whole.labels, numbers, strict=True)),
        rows_of_class,
        found["dropped"],
        found["longest_run"],
    )
    origins["train"] = sample
    sources = {
        split: _labelled(origins[split], read[split], labels, label_names, first_number)
        for split in ("train", "validation", "test")
    }
    sources["train"] = replace(sources["train"], empty=found["empty"])
    return stream, sources


def _origins(
    *,
    source: str,
    train: str | None,
    validation: str | None,
    test: str | None,
    name: str | None,
    config: str | None,
    encoding: str | None,
    streaming: bool = False,
) -> dict[str, Origin]:
    """Where `train` and, if they are given, `validation` and `test` come from.

    Args:
        source: `files` or `hub`.
        train, validation, test: of files: a file, a glob or a folder each; `train=None` is the embedded corpus.
        name, config: of the hub: a data set of the Hugging Face hub, or a local folder of one.
        encoding: of text files; None is UTF-8, or what a byte order mark says.
        streaming: of the hub: fetch the rows as they are read, in place of downloading them.
    """
    choice("data.source", source, SOURCES)
    ignored = (
        {"name": name, "config": config}
        if source == "files"
        else {"train": train, "validation": validation, "test": test}
    )
    for key, value in ignored.items():
        if value is not None:
            raise InputError(f"data.{key}={value} has no meaning with data.source={source}: leave it out.")
    if source == "hub":
        found = load_hub(name, config, streaming=streaming)
        return {split: _hub_origin(rows, f"{name}, split {split}") for split, rows in found.items()}
    paths = {"train": str(NEWSWIRE4) if train is None else train, "validation": validation, "test": test}
    return {split: _file_origin(path, f"data.{split}", encoding) for split, path in paths.items() if path is not None}


def joined(one: Source, other: Source) -> Source:
    """The rows of `one`, then those of `other`, which have the same classes; it has no origin of its own."""
    return Source(
        rows=concatenate_datasets([one.rows, other.rows]),
        labels=np.concatenate([one.labels, other.labels]),
        duplicate_of=np.concatenate([one.duplicate_of, other.duplicate_of]),
        key=content_key(one.key, other.key),
        columns=one.columns,
        empty={what: rows + other.empty[what] for what, rows in one.empty.items()},
        origin={},
        first_number=one.first_number,
    )


def load_labelled(
    path: str,
    *,
    text_column: str | list[str] | None,
    label_column: str | None,
    label_names: list[str] | None,
    first_number: int,
    encoding: str | None,
    drop_empty: bool,
    labels: list[str],
    cache: Path,
) -> Source:
    """The rows of `file=`, whose classes must be among `labels`; `first_number` is what the first of them stood for."""
    origin, columns = _file_origin(path, "file", encoding), Columns(text_column, label_column, drop_empty)
    return _labelled(origin, read_rows(origin, columns, cache), labels, label_names, first_number)


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
    return hashlib.sha256("\n".join(named).encode(errors="surrogateescape")).hexdigest()


def changed(sources: dict[str, dict[str, str]]) -> list[str]:
    """Which of the recorded sources (`path` and `sha256` each) are gone or hold something else now."""
    return [split for split, source in sources.items() if _checksum_now(source["path"]) != source["sha256"]]


def _checksum_now(path: str) -> str | None:
    try:
        return checksum(path)
    except InputError:
        return None


def _file_origin(path: str, key: str, encoding: str | None) -> Origin:
    content = checksum(path, key)
    whole = str(Path(path).expanduser().absolute())
    record = {"path": whole, "sha256": content}
    suffixes = sorted({"".join(file.suffixes[-2:]) for file in find_files(path, key)})  # the format is in the name
    return Origin(
        key, whole, lambda: open_table(path, key, encoding), content_key(content, encoding, *suffixes), record
    )


def _hub_origin(split: HubSplit, name: str) -> Origin:
    return Origin("data.name", name, partial(hub_table, split.rows, name), split.content, {})


def _classes(train: Rows, origin: Origin, label_names: list[str] | None) -> tuple[list[str], int]:
    """The classes in order, and the number that stands for the first of `label_names`: 0 or 1."""
    labels = list(dict.fromkeys(train.labels))
    numbers = all(NUMBER.fullmatch(label) for label in labels)
    if len({_whole(label) for label in labels} if numbers else labels) < 2:
        raise origin.fail(
            f"has the label {labels[0]!r} in each row; at least two classes were expected: name another column with "
            f"data.label_column=…, or, of a folder, give one sub-folder per class."
        )
    if train.class_names is not None:
        if label_names is not None:
            raise origin.fail("brings names for its labels; leave data.label_names out.")
        return train.class_names, 0
    fractions = [label for label in labels if numbers and not WHOLE.fullmatch(label)]
    if fractions:
        raise origin.fail(
            f"has fractions as labels (such as {fractions[0]}): they look like a quantity to regress, classes were "
            f"expected. Name another column with data.label_column=…, or write classes as names, such as low and high."
        )
    if len(labels) > max(MANY_CLASSES, len(train.rows) / 4):
        look = "like a quantity to regress" if numbers else "like free text or identifiers"
        raise origin.fail(
            f"has {len(labels):,} different labels in {len(train.rows):,} rows (such as {labels[0]!r:.50}): they look "
            f"{look}, classes were expected. Name another column with data.label_column=…"
        )
    if label_names is not None:
        return label_names, _first_number(labels, origin, label_names)
    if numbers:
        labels = sorted(dict.fromkeys(map(_whole, labels)), key=float)
    return labels if numbers else sorted(labels), 0


def _whole(label: str) -> str:
    """1.0 as 1."""
    return label.partition(".")[0] if WHOLE.fullmatch(label) else label


def _number(label: str) -> int | None:
    """What a label that is a whole number or a boolean counts as."""
    if label.lower() in BOOLEANS:
        return BOOLEANS.index(label.lower())
    return int(_whole(label)) if WHOLE.fullmatch(label) and len(label) < 20 else None


def _first_number(labels: list[str], origin: Origin, label_names: list[str]) -> int:
    """0, or 1 if the labels do not fit from 0."""
    names = label_names if isinstance(label_names, list) else []
    if len(names) < 2 or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise InputError(f"data.label_names must be a list of two or more different names, got {label_names!r}.")
    numbers = {label: _number(label) for label in labels}
    named = [label for label, number in numbers.items() if number is None]
    if named:
        raise origin.fail(
            f"has the label {named[0]!r}; data.label_names names whole numbers and booleans. Leave it out: these "
            f"labels are names already."
        )
    found = {number for number in numbers.values() if number is not None}
    first = next((first for first in (0, 1) if found <= set(range(first, first + len(names)))), None)
    if first is None:
        raise origin.fail(
            f"has labels from {min(found)} to {max(found)}; data.label_names gives {len(names)} names, for 0 to "
            f"{len(names) - 1} or 1 to {len(names)}."
        )
    return first


def _class_numbers(
    origin: Origin, rows: Rows, labels: list[str], label_names: list[str] | None, first_number: int
) -> list[int]:
    """The number of the class of each of `rows.labels`."""
    classes = {label: n for n, label in enumerate(labels)}
    numbers = []
    for label in rows.labels:
        if label_names is not None:
            number = _number(label)
            place = classes.get(label) if number is None else number - first_number
            place = place if place in range(len(labels)) else None
        else:
            place = classes.get(label, classes.get(_whole(label)))
        if place is None:
            raise InputError(
                f"{origin.key}: {place_of(origin, rows, label)} has the label {label!r}, which no training row has."
                f"{nearest(label, labels)} The classes are {', '.join(labels)}."
            )
        numbers.append(place)
    return numbers


def _labelled(
    origin: Origin, rows: Rows, labels: list[str], label_names: list[str] | None, first_number: int
) -> Source:
    label_N = np.array(_class_numbers(origin, rows, labels, label_names, first_number))[rows.codes()]
    labelled = rows.rows.select_columns(["text"]).add_column("label", label_N, feature=ClassLabel(names=labels))
    duplicate_of = rows.rows.data.column("duplicate_of").to_numpy()
    return Source(labelled, label_N, duplicate_of, rows.key, rows.columns, rows.empty, origin.record, first_number)
