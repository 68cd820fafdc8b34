"""Reads labelled text from files or the hub: one source per split, all with the same classes."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, concatenate_datasets

from textlstm.cache import content_key
from textlstm.checks import InputError, choice
from textlstm.data.classes import class_numbers, find_classes
from textlstm.data.facts import SourceFacts
from textlstm.data.reading.files import find_files, open_table
from textlstm.data.reading.hub import HubSplit, hub_table, load_hub
from textlstm.data.reading.tables import ROWS
from textlstm.data.rows import Columns, Origin, Rows, read_rows
from textlstm.data.streaming import Stream, first_rows, survey

NEWSWIRE4 = Path(__file__).parents[1] / "newswire4.csv"
WHERE = {
    "files": ("train", "validation", "test"),
    "hub": ("name", "config"),
}  # keys that say so, by source


@dataclass(frozen=True)
class Source:
    """One file, glob, folder or hub split as rows that stay on the disk.

    Args:
        rows: the columns `text` (string) and `label` (ClassLabel, the same classes in each source
            of a run).
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
        yield from chain.from_iterable(
            batched_texts(self.rows if rows is None else self.rows.select(rows))
        )


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
        text_column, label_column: None takes the usual name that is there, and says so; several
            text columns are joined with a space.
        label_names: names for labels that are whole numbers from 0 or 1, or booleans.
        drop_empty: drop rows without text or label, and count them, in place of refusing them.
        cache: where the rows are kept, by content.

    Raises:
        InputError: a file, column, row or label that cannot be used, or a hub that cannot be
            reached.
    """
    columns = Columns(text_column, label_column, drop_empty)
    origins = _origins(**where)
    read = {split: read_rows(origin, columns, cache) for split, origin in origins.items()}
    labels, first_number = find_classes(read["train"], origins["train"], label_names)
    return {
        split: _labelled(origins[split], rows, labels, label_names, first_number)
        for split, rows in read.items()
    }


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
    """The training rows as a stream, and as sources validation, test, and in place of `train` its
    first `rows` rows.

    The other arguments are those of `load_source`.

    Raises:
        InputError: as `load_source`, or no validation or test of its own.
    """
    columns, origins = (
        Columns(text_column, label_column, drop_empty),
        _origins(**where, streaming=True),
    )
    for split in ("validation", "test"):
        if split not in origins:
            of_files = "" if where["source"] == "hub" else f"give data.{split}=FILE, or "
            raise InputError(
                f"data.streaming=true keeps no rows that {split} could be cut from, and the data "
                f"have no {split} of "
                f"their own: {of_files}leave data.streaming out."
            )
    sample = first_rows(origins["train"], rows)
    read = {split: read_rows(origins[split], columns, cache) for split in ("validation", "test")}
    held_out = np.unique(
        np.concatenate([of.rows.data.column("duplicate_of").to_numpy() for of in read.values()])
    )
    found = survey(origins["train"], columns, held_out, cache)
    read["train"] = read_rows(sample, columns, cache)
    whole = replace(read["train"], labels=list(found["labels"]))  # of all rows
    if len(read["train"].labels) < 2 <= len(found["labels"]):
        raise origins["train"].fail(
            f"has one class in its first {rows:,} rows: rows sorted by class cannot be streamed, "
            f"which shuffles none "
            f"but rows near each other. Shuffle the file, or leave data.streaming out."
        )
    labels, first_number = find_classes(whole, origins["train"], label_names)
    numbers = class_numbers(origins["train"], whole, labels, label_names, first_number)
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
    *, source: str, encoding: str | None, streaming: bool = False, **where: str | None
) -> dict[str, Origin]:
    """Where `train` and, if they are given, `validation` and `test` come from.

    Args:
        source: `files` or `hub`.
        encoding: of text files; None is UTF-8, or what a byte order mark says.
        streaming: of the hub: fetch the rows as they are read, in place of downloading them.
        where: of files, `train`, `validation` and `test`: a file, a glob or a folder each;
            `train=None` is the embedded corpus. Of the hub, `name` (a data set of the Hugging Face
            hub, or a local folder of one) and `config`.
    """
    choice("data.source", source, WHERE)
    for key, value in where.items():
        if value is not None and key not in WHERE[source]:
            raise InputError(
                f"data.{key}={value} has no meaning with data.source={source}: leave it out."
            )
    if source == "hub":
        name = where["name"]
        splits = load_hub(name, where["config"], streaming=streaming)
        return {
            split: _hub_origin(rows, f"{name}, split {split}") for split, rows in splits.items()
        }
    paths = {split: where[split] for split in WHERE["files"]}
    if paths["train"] is None:
        paths["train"] = str(NEWSWIRE4)
    return {
        split: _file_origin(path, f"data.{split}", encoding)
        for split, path in paths.items()
        if path is not None
    }


def joined(one: Source, other: Source) -> Source:
    """The rows of `one`, then those of `other`, which have the same classes; it has no origin of
    its own.
    """
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
    """The rows of `file=`, whose classes must be among `labels`; `first_number` is what the first
    of them stood for.
    """
    origin, columns = (
        _file_origin(path, "file", encoding),
        Columns(text_column, label_column, drop_empty),
    )
    return _labelled(origin, read_rows(origin, columns, cache), labels, label_names, first_number)


def checksum(path: str | Path, key: str = "file") -> str:
    """The SHA-256 of a file as hexadecimal digits; of a glob or a folder, that of its files' names
    and checksums.
    """
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


def changed(sources: Mapping[str, SourceFacts]) -> list[str]:
    """Names the recorded sources (`path` and `sha256` each) that are gone or have changed."""
    return [
        split
        for split, source in sources.items()
        if _checksum_now(source["path"]) != source["sha256"]
    ]


def _checksum_now(path: str) -> str | None:
    try:
        return checksum(path)
    except InputError:
        return None


def _file_origin(path: str, key: str, encoding: str | None) -> Origin:
    content = checksum(path, key)
    whole = str(Path(path).expanduser().absolute())
    record = {"path": whole, "sha256": content}
    suffixes = sorted(
        {"".join(file.suffixes[-2:]) for file in find_files(path, key)}
    )  # the format is in the name
    return Origin(
        key,
        whole,
        lambda: open_table(path, key, encoding),
        content_key(content, encoding, *suffixes),
        record,
    )


def _hub_origin(split: HubSplit, name: str) -> Origin:
    return Origin("data.name", name, partial(hub_table, split.rows, name), split.content, {})


def _labelled(
    origin: Origin, rows: Rows, labels: list[str], label_names: list[str] | None, first_number: int
) -> Source:
    label_N = np.array(class_numbers(origin, rows, labels, label_names, first_number))[rows.codes()]
    labelled = rows.rows.select_columns(["text"]).add_column(
        "label", label_N, feature=ClassLabel(names=labels)
    )
    duplicate_of = rows.rows.data.column("duplicate_of").to_numpy()
    return Source(
        labelled,
        label_N,
        duplicate_of,
        rows.key,
        rows.columns,
        rows.empty,
        origin.record,
        first_number,
    )
