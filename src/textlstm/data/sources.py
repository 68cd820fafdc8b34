"""Reads labelled text from files or the hub: one source per split, all with the same classes."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from datasets import ClassLabel, Dataset, concatenate_datasets

from textlstm.cache import content_key
from textlstm.checks import InputError, nearest
from textlstm.data.classes import Classes, find_classes, trained_classes
from textlstm.data.facts import ColumnFacts, DamageFacts, SourceFacts, SwallowingFacts
from textlstm.data.reading.checksums import checksum
from textlstm.data.reading.files import find_files, is_text_folder, open_table
from textlstm.data.reading.folders import describe_left_out, find_texts, left_out_sentences
from textlstm.data.reading.hub import HubSplit, hub_table, load_hub
from textlstm.data.reading.settings import FileSettings
from textlstm.data.reading.tables import ROWS
from textlstm.data.rows import Origin, Places, Rows, place_of, read_rows
from textlstm.data.settings import ColumnSettings, ReadSettings
from textlstm.data.streaming import Stream, first_rows, survey

log = logging.getLogger(__name__)

NEWSWIRE4 = Path(__file__).parents[1] / "newswire4.csv"


@dataclass(frozen=True)
class Source:
    """One file, glob, folder or hub split as rows that stay on the disk.

    Args:
        rows: the columns `text` (string) and `label` (ClassLabel: the classes, the same in each
            source of a run, and then those of `unseen`).
        labels_N: the classes of the N rows.
        duplicate_of: N numbers, equal for texts that are duplicates (`duplicates.normalise`).
        key: a name for the content, equal for equal content.
        columns: where text and label were read.
        empty: how many rows were dropped because they lack a `text` or a `label`.
        damaged: rows with � for bytes that are no text.
        merged: groups of labels that data.merge_labels made one class each.
        origin: the files' path and checksum; None for the hub.
        first_number: the label in the data that the first of data.label_names stands for, 0 or 1.
        swallowing: the rows that seem to hold whole rows.
        places: the file of each of the N rows, and its number there.
        is_sample: whether these rows are the beginning of a stream, and stand in for it.
        unseen: names of classes that some of these rows have and no training row.
    """

    rows: Dataset
    labels_N: np.ndarray
    duplicate_of: np.ndarray
    key: str
    columns: ColumnFacts
    empty: dict[str, int]
    damaged: DamageFacts
    merged: list[list[str]]
    origin: SourceFacts | None
    first_number: int
    swallowing: SwallowingFacts
    places: Places
    is_sample: bool = False
    unseen: list[str] = field(default_factory=list)

    @property
    def class_names(self) -> list[str]:
        """The classes that training rows have, in the order of their numbers."""
        names = self.rows.features["label"].names
        return names[: len(names) - len(self.unseen)]

    @property
    def unseen_rows(self) -> dict[str, int]:
        """Rows of each unseen class, by its name."""
        known = len(self.class_names)
        counts = np.bincount(self.labels_N, minlength=known + len(self.unseen))[known:]
        return dict(zip(self.unseen, counts.tolist(), strict=True))

    @property
    def known_N(self) -> np.ndarray:
        """N booleans that say whether a row has a class that a training row has."""
        return self.labels_N < len(self.class_names)

    def texts(self, row_numbers: np.ndarray | None = None) -> Iterator[str]:
        """Reads the texts of some rows (default: all), a chunk at a time in memory."""
        return texts_of(self.rows, row_numbers)


def texts_of(rows: Dataset, row_numbers: np.ndarray | None = None) -> Iterator[str]:
    """Reads the column `text` of some rows (default: all), a chunk at a time in memory."""
    some = rows if row_numbers is None else rows.select(row_numbers)
    yield from chain.from_iterable(batched_texts(some))


def batched_texts(rows: Dataset) -> Iterator[list[str]]:
    """Reads the column `text`, a chunk of rows at a time in memory."""
    for chunk in rows.with_format("arrow").iter(ROWS):
        yield chunk.column("text").to_pylist()


def load_source(settings: ReadSettings, *, cache: Path) -> dict[str, Source]:
    """Reads labelled text as `train` and, where they are given, `validation` and `test`.

    Args:
        settings: where the texts come from and what is read of them. Where no text or label column
            is given, one with a usual name is taken, and a message names it; several text columns
            are joined with a space. Rows without text or label are refused, or dropped and counted.
        cache: a folder that keeps the rows, by content.

    Raises:
        InputError: a file, column, row or label that cannot be used, or a hub that cannot be
            reached.
    """
    origins = _find_origins(settings)
    read = {split: read_rows(origin, settings, cache) for split, origin in origins.items()}
    train = read["train"]
    classes = find_classes(train, origins["train"], settings, train.label_counts())
    return {split: _label(origins[split], rows, classes) for split, rows in read.items()}


def load_stream(
    settings: ReadSettings, *, sample_size: int, cache: Path
) -> tuple[Stream, dict[str, Source]]:
    """Opens train as a stream.

    Args:
        settings: as for `load_source`.
        sample_size: how many rows the sample has.
        cache: a folder that keeps the other rows, and what a first pass finds, by content.

    Returns:
        The stream; and three sources: validation, test, and a sample (the first `sample_size` rows)
        that stands in for train.

    Raises:
        InputError: as `load_source`, or no validation or test of their own.
    """
    origins = _find_origins(settings, streaming=True)
    _check_held_out(origins, settings.source)
    sample = first_rows(origins["train"], sample_size)
    read = {split: read_rows(origins[split], settings, cache) for split in ("validation", "test")}
    held_out = np.unique(np.concatenate([rows.duplicate_of() for rows in read.values()]))
    found = survey(origins["train"], settings, held_out, cache)

    read["train"] = read_rows(sample, settings, cache)
    every_label = replace(read["train"], labels=list(found["labels"]))  # of all rows
    _check_mixed(origins["train"], read["train"], every_label, sample_size)
    classes = find_classes(every_label, origins["train"], settings, found["labels"])
    numbers, _ = classes.numbers_of(every_label.labels)
    number_of = dict(zip(every_label.labels, numbers, strict=True))

    stream = Stream(
        origins["train"],
        settings,
        held_out,
        number_of,
        _rows_of_class(found["labels"], number_of, len(classes.names)),
        found["dropped"],
        found["longest_run"],
    )

    origins["train"] = sample
    sources = {
        split: _label(origins[split], read[split], classes)
        for split in ("train", "validation", "test")
    }
    # A class of which the sample alone has rows has none in the stream: all are held out.
    train = without_unseen(sources["train"])
    sources["train"] = replace(
        train,
        empty=found["empty"],
        damaged=found["damaged"],
        swallowing=found["swallowing"],
        is_sample=True,
    )
    return stream, sources


def load_labelled(
    path: str,
    settings: ColumnSettings,
    *,
    class_names: list[str],
    first_number: int,
    cache: Path,
) -> Source:
    """Reads the rows of a file (`file=`) for a model that is already trained.

    Args:
        path: a file, a glob or a folder.
        settings: what is read of it.
        class_names: the classes of the model; at least one row must have one of them.
        first_number: the label that the first of data.label_names stood for in training.
        cache: a folder that keeps the rows, by content.

    Raises:
        InputError: a file, column, row or label that cannot be used.
    """
    origin = _file_origin(path, "file", settings)
    rows = read_rows(origin, settings, cache)
    return _label(origin, rows, trained_classes(class_names, settings, first_number))


def without_unseen(source: Source) -> Source:
    """Leaves out the rows whose class no training row has."""
    if not source.unseen:
        return source
    known = np.flatnonzero(source.known_N)
    feature = ClassLabel(names=source.class_names)
    return replace(
        source,
        rows=source.rows.select(known).cast_column("label", feature),
        labels_N=source.labels_N[known],
        duplicate_of=source.duplicate_of[known],
        places=source.places.of_rows(known),
        key=content_key(source.key, "known", hashlib.sha256(known.tobytes()).hexdigest()),
        unseen=[],
    )


def join(one: Source, other: Source) -> Source:
    """Puts the rows of `other`, which have the same classes, after those of `one`.

    Neither has rows of unseen classes. The result has no origin of its own.
    """
    return Source(
        rows=concatenate_datasets([one.rows, other.rows]),
        labels_N=np.concatenate([one.labels_N, other.labels_N]),
        duplicate_of=np.concatenate([one.duplicate_of, other.duplicate_of]),
        key=content_key(one.key, other.key),
        columns=one.columns,
        empty={what: rows + other.empty[what] for what, rows in one.empty.items()},
        damaged=one.damaged,
        merged=one.merged,
        origin=None,
        first_number=one.first_number,
        swallowing=one.swallowing if one.swallowing["rows"] else other.swallowing,
        places=one.places.joined(other.places),
    )


def _find_origins(settings: ReadSettings, *, streaming: bool = False) -> dict[str, Origin]:
    """Finds where `train` and, if they are given, `validation` and `test` come from.

    Args:
        settings: names files (without data.train the embedded corpus) or a data set of the hub.
        streaming: whether rows of the hub are fetched as they are read, and not downloaded.
    """
    if settings.source == "hub":
        splits = load_hub(settings.name, settings.config, streaming=streaming)
        return {
            split: _hub_origin(rows, f"{settings.name}, split {split}")
            for split, rows in splits.items()
        }
    paths = {
        "train": str(NEWSWIRE4) if settings.train is None else settings.train,
        "validation": settings.validation,
        "test": settings.test,
    }
    return {
        split: _file_origin(path, f"data.{split}", settings)
        for split, path in paths.items()
        if path is not None
    }


def _check_held_out(origins: dict[str, Origin], source: str) -> None:
    """Refuses a stream without validation or test rows of their own."""
    for split in ("validation", "test"):
        if split not in origins:
            file = "" if source == "hub" else f"give data.{split}=FILE, or "
            raise InputError(
                f"data.streaming=true keeps no rows that {split} could be cut from, and the data "
                f"have no {split} of their own: {file}leave data.streaming out."
            )


def _check_mixed(origin: Origin, sample: Rows, every_label: Rows, sample_size: int) -> None:
    """Refuses a stream without rows, or whose first rows have one class and all have several."""
    if not every_label.labels:
        raise origin.fail(
            "has no text that does not also stand in validation or test, so none is left to train "
            "on. Give files that do not overlap."
        )
    if len(sample.labels) < 2 <= len(every_label.labels):
        raise origin.fail(
            f"has one class in its first {sample_size:,} rows: rows sorted by class cannot be "
            f"streamed, which shuffles none but rows near each other. Shuffle the file, or leave "
            f"data.streaming out."
        )


def _rows_of_class(
    rows_of_label: dict[str, int], number_of: dict[str, int], classes: int
) -> list[int]:
    """Counts the rows of each class; several labels may be spellings of one class."""
    rows_of_class = [0] * classes
    for label, rows in rows_of_label.items():
        rows_of_class[number_of[label]] += rows
    return rows_of_class


def _label(origin: Origin, rows: Rows, classes: Classes) -> Source:
    """Gives the rows their labels as class numbers.

    Raises:
        InputError: no row has a class that a training row has.
    """
    numbers, unseen = classes.numbers_of(rows.labels)
    labels_N = np.array(numbers)[rows.codes()]
    if not (labels_N < len(classes.names)).any():
        label = rows.labels[int(rows.codes()[0])]
        raise InputError(
            f"{origin.key}: {place_of(origin, rows, label)} has the label {label!r}, which no "
            f"training row has.{nearest(label, classes.names)} The classes are "
            f"{', '.join(classes.names)}."
        )

    texts = rows.rows.select_columns(["text"])
    feature = ClassLabel(names=[*classes.names, *unseen])
    return Source(
        rows=texts.add_column("label", labels_N, feature=feature),
        labels_N=labels_N,
        duplicate_of=rows.duplicate_of(),
        key=rows.key,
        columns=rows.columns,
        empty=rows.empty,
        damaged=rows.damaged,
        merged=classes.merged_groups,
        origin=origin.record,
        first_number=classes.first_number,
        swallowing=rows.swallowing,
        places=rows.places(origin),
        unseen=unseen,
    )


def _file_origin(path: str, key: str, settings: FileSettings) -> Origin:
    content = checksum(path, key)
    absolute = str(Path(path).expanduser().absolute())
    # The format is in the names, so the same content under other names may be other rows.
    files = find_files(path, key)
    suffixes = sorted({"".join(file.suffixes[-2:]) for file in files})
    record: SourceFacts = {"path": absolute, "sha256": content}

    if is_text_folder(path):
        left_out = describe_left_out(find_texts(Path(absolute), key))
        for sentence in left_out_sentences(key, left_out):
            log.warning("%s", sentence)
            record["left_out"] = left_out
    return Origin(
        key,
        absolute,
        lambda: open_table(path, key, settings),
        content_key(content, *settings.reading_values(), *suffixes),
        record,
        list(map(str, files)),
    )


def _hub_origin(split: HubSplit, name: str) -> Origin:
    opened = partial(hub_table, split.rows, name)
    return Origin("data.name", name, opened, split.content, None, [name])
