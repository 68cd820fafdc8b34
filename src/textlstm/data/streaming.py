"""Reads training rows anew in each epoch, and keeps none of them in memory or on the disk."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import TypedDict

import numpy as np

from textlstm.cache import content_key, kept
from textlstm.data.duplicates import duplicate_numbers
from textlstm.data.facts import DamageFacts, SwallowingFacts
from textlstm.data.reading.tables import Chunk, Table
from textlstm.data.rows import CheckedRows, Origin
from textlstm.data.settings import ColumnSettings
from textlstm.terminal import counted

LAYOUT = 3  # of the cached surveys: a change of what is written there must raise it


@dataclass(frozen=True)
class Stream:
    """The training rows of an origin, some at a time: their texts and class numbers.

    Args:
        origin, settings: what is read.
        held_out: numbers of the texts that stand in validation or test
            (`duplicates.duplicate_numbers`): such rows are left out. Duplicates among the rows
            themselves are not known.
        classes: the class number of each label, as it is written in the data.
        rows_of_class: how many rows of each class there are, by class number.
        dropped: how many rows were left out for standing in validation or test.
        longest_run: most rows of one class that follow each other.
    """

    origin: Origin
    settings: ColumnSettings
    held_out: np.ndarray
    classes: dict[str, int]
    rows_of_class: list[int]
    dropped: int
    longest_run: int

    def __len__(self) -> int:
        return sum(self.rows_of_class)

    def __iter__(self) -> Iterator[tuple[list[str], list[int]]]:
        for texts, labels, *_ in CheckedRows(self.origin, self.settings):
            rows = _trained_on(texts, self.held_out)
            yield [texts[row] for row in rows], [self.classes[labels[row]] for row in rows]


class Survey(TypedDict):
    """Counts from a first pass over a stream."""

    labels: dict[str, int]
    """Rows of each label, as it is written in the data."""
    empty: dict[str, int]
    """Rows without a `text` and without a `label`."""
    damaged: DamageFacts
    """Rows with � for bytes that are no text."""
    dropped: int
    """Rows left out, since their texts stand in validation or test."""
    longest_run: int
    """Most rows of one class that follow each other."""
    swallowing: SwallowingFacts
    """Rows that seem to hold whole rows."""


def survey(origin: Origin, settings: ColumnSettings, held_out: np.ndarray, cache: Path) -> Survey:
    """Reads the rows of a stream once, to count them; the counts are kept by content.

    Args:
        origin, settings: what is read.
        held_out: numbers of the texts that stand in validation or test.
        cache: a folder that keeps the counts.

    Raises:
        InputError: a row that cannot be used.
    """

    def write(folder: Path) -> None:
        rows = CheckedRows(origin, settings)
        counts: Counter[str] = Counter()
        dropped, longest, run, last = 0, 0, 0, None
        for texts, labels, *_ in counted(
            rows, f"rows read from {origin.key}", size_of=lambda some: len(some.texts)
        ):
            trained_on = _trained_on(texts, held_out)
            dropped += len(texts) - len(trained_on)
            for label, group in groupby(labels[row] for row in trained_on):
                length = sum(1 for _ in group)
                counts[label] += length
                run = run + length if label == last else length
                longest, last = max(longest, run), label

        facts: Survey = {
            "labels": counts,
            "empty": rows.empty,
            "damaged": rows.damaged,
            "dropped": dropped,
            "longest_run": longest,
            "swallowing": rows.swallowing.facts(),
        }
        (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")

    def load(folder: Path) -> Survey:
        return json.loads((folder / "facts.json").read_text(encoding="utf-8"))

    read = (settings.text_column, settings.label_column, settings.drop_empty)
    left_out = sha256(held_out.tobytes()).hexdigest()
    name = f"survey-{content_key(LAYOUT, origin.content, *read, left_out)}"
    return kept(cache, name, write, load)[0]


def _trained_on(texts: list[str], held_out: np.ndarray) -> list[int]:
    """The places of the texts that do not stand in validation or test."""
    return np.flatnonzero(~np.isin(duplicate_numbers(texts), held_out)).tolist()


def first_rows(origin: Origin, rows: int) -> Origin:
    """Makes an origin of the first `rows` rows of another one."""

    def opened() -> Table:
        table = origin.open()

        def chunks(columns: list[str] | None) -> Iterator[Chunk]:
            left = rows
            for chunk in table.chunks(columns):
                places = None if chunk.places is None else chunk.places[:left]
                damaged = [n for n in chunk.damaged if n < left]
                cut = {name: values[:left] for name, values in chunk.columns.items()}
                swallowing = [row for row in chunk.swallowing if row < left]
                yield chunk._replace(
                    columns=cut, places=places, damaged=damaged, swallowing=swallowing
                )
                left -= chunk.rows()
                if left <= 0:
                    return

        return table._replace(chunks=chunks)

    return replace(origin, open=opened, content=content_key(origin.content, "first", rows))
