"""Reads a table of any origin as checked rows that stay on the disk.

Each row has a text, the code of its label, and a number that it shares with its duplicates.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow
from datasets import Dataset

from textlstm.cache import content_key, kept
from textlstm.checks import InputError
from textlstm.data.columns import choose_columns
from textlstm.data.duplicates import duplicate_numbers
from textlstm.data.facts import ColumnFacts, DamageFacts, SourceFacts, SwallowingFacts
from textlstm.data.labels import read_labels, shown
from textlstm.data.reading.damaged import count_damaged, damaged_sentence
from textlstm.data.reading.swallowing import Swallowing, swallowing_sentence
from textlstm.data.reading.tables import Chunk, Table
from textlstm.data.settings import ColumnSettings
from textlstm.terminal import counted

log = logging.getLogger(__name__)

SURROGATE = re.compile("[\ud800-\udfff]")
LAYOUT = 4  # of the cached rows: a change of what is written there must raise it, to drop old ones
SCHEMA = pyarrow.schema(
    {
        "text": pyarrow.large_string(),
        "code": pyarrow.int32(),
        "duplicate_of": pyarrow.uint64(),
        "file": pyarrow.int32(),
        "row": pyarrow.int32(),
    }
)


@dataclass(frozen=True)
class Origin:
    """A source of rows: a file, glob, folder or hub split.

    Args:
        key: the config key, for messages.
        name: what messages call the origin.
        open: gives the table.
        content: a name for the content, equal for equal content.
        record: what the record of a run says of the origin; None for data of the hub.
        files: what the chunks of the table call the files, in their order; of the hub, the split.
    """

    key: str
    name: str
    open: Callable[[], Table]
    content: str
    record: SourceFacts | None
    files: Sequence[str]

    def fail(self, what: str) -> InputError:
        """The error that says what is wrong with the origin."""
        return InputError(f"{self.key}: {self.name} {what}")


@dataclass(frozen=True)
class Places:
    """The file of each of N rows, and its number there.

    Args:
        files: the names of the files.
        file_N: the number, from 0, of each row's file.
        row_N: the number of each row in its file, from 1 without the header, as messages count; 0
            for a text that is a file of its own.
    """

    files: list[str]
    file_N: np.ndarray
    row_N: np.ndarray

    def of_rows(self, row_numbers: np.ndarray) -> "Places":
        """The places of some of the rows."""
        return Places(self.files, self.file_N[row_numbers], self.row_N[row_numbers])

    def joined(self, other: "Places") -> "Places":
        """These places, and then the others."""
        file_N = np.concatenate([self.file_N, other.file_N + len(self.files)])
        row_N = np.concatenate([self.row_N, other.row_N])
        return Places([*self.files, *other.files], file_N, row_N)

    def shown(self) -> Iterator[tuple[str, int | str]]:
        """The file and the number of each row; "" where a text is a file of its own."""
        for file, row in zip(self.file_N.tolist(), self.row_N.tolist(), strict=True):
            yield self.files[file], row or ""


class KeptRows(NamedTuple):
    """The rows of a chunk that have a text and a label: these, file and row as in `Places`."""

    texts: list[str]
    labels: list[str]
    files: list[int]
    row_numbers: list[int]


@dataclass(frozen=True)
class Rows:
    """Rows as the cache keeps them.

    Args:
        rows: the columns of `SCHEMA`.
        key: a name for the rows, equal for equal content and settings.
        labels: the different labels; the label of a row is `labels[code]`.
        class_names: names of the classes that the data bring along, if they do.
        columns: the columns that were read: `text` (a list of names) and `label`.
        empty: how many rows were dropped because they lack a `text` or a `label`.
        damaged: rows with � for bytes that are no text.
        said: what the first rows have decided about reading, in a sentence; "" for nothing.
        swallowing: the rows that seem to hold whole rows.
    """

    rows: Dataset
    key: str
    labels: list[str]
    class_names: list[str] | None
    columns: ColumnFacts
    empty: dict[str, int]
    damaged: DamageFacts
    said: str
    swallowing: SwallowingFacts

    def codes(self) -> np.ndarray:
        """The code of each row's label."""
        return self.rows.data.column("code").to_numpy()

    def label_counts(self) -> dict[str, int]:
        """How many rows have each label."""
        counts = np.bincount(self.codes(), minlength=len(self.labels)).tolist()
        return dict(zip(self.labels, counts, strict=True))

    def duplicate_of(self) -> np.ndarray:
        """A number for each row, equal for duplicates."""
        return self.rows.data.column("duplicate_of").to_numpy()

    def places(self, origin: Origin) -> Places:
        """The file of each row, under its present absolute path, and its number there."""
        files = list(origin.files)
        if origin.record is not None:
            files = [str(Path(file).absolute()) for file in files]
        columns = (self.rows.data.column(name).to_numpy() for name in ("file", "row"))
        return Places(files, *columns)


def read_rows(origin: Origin, columns: ColumnSettings, cache: Path) -> Rows:
    """Reads the checked rows of an origin, from the cache if they were read before."""
    settings = (columns.text_column, columns.label_column, columns.drop_empty)
    key = content_key(LAYOUT, datasets.__version__, origin.content, *settings)
    (rows, facts), _ = kept(
        cache, f"rows-{key}", lambda folder: _write(folder, origin, columns), _load
    )

    if columns.text_column is None or columns.label_column is None:
        texts, label = " + ".join(facts["columns"]["text"]), shown(facts["columns"]["label"])
        log.info(
            "%s: texts are read from the column %r, classes from %r.", origin.key, texts, label
        )
    if facts["said"]:
        log.info("%s: %s", origin.key, facts["said"])
    empty = {what: count for what, count in facts["empty"].items() if count}
    if empty:
        counts = " and ".join(f"{count:,} without a {what}" for what, count in empty.items())
        log.info("%s: dropped rows: %s.", origin.key, counts)
    if facts["damaged"]["rows"]:
        log.warning("%s", damaged_sentence(origin.key, facts["damaged"]))
    if facts["swallowing"]["rows"]:
        log.warning("%s", swallowing_sentence(origin.key, facts["swallowing"]))
    return Rows(rows, key, **facts)


def _load(folder: Path) -> tuple[Dataset, dict[str, Any]]:
    """The rows and the facts about them that `_write` has left in a folder."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    rows = Dataset.from_file(str(folder / "rows.arrow"))
    if len(rows) != facts.pop("rows"):
        raise ValueError("rows.arrow is cut short")
    return rows, facts


def _write(folder: Path, origin: Origin, columns: ColumnSettings) -> None:
    """Writes the rows of an origin into a folder, and the facts about them."""
    checked, codes = CheckedRows(origin, columns), dict[str, int]()
    chunks = counted(checked, f"rows read from {origin.key}", size_of=lambda some: len(some.texts))
    with (
        pyarrow.OSFile(str(folder / "rows.arrow"), "wb") as file,
        pyarrow.ipc.new_stream(file, SCHEMA) as writer,
    ):
        for some in chunks:
            writer.write_batch(_batch(some, codes))

    facts = {
        "rows": checked.kept,
        "labels": list(codes),
        "class_names": checked.class_names,
        "columns": {"text": checked.texts, "label": checked.label},
        "empty": checked.empty,
        "damaged": checked.damaged,
        "said": checked.table.said,
        "swallowing": checked.swallowing.facts(),
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def _batch(some: KeptRows, codes: dict[str, int]) -> pyarrow.RecordBatch:
    """The rows as the cache keeps them; labels that are new get the next number in `codes`."""
    numbers = [codes.setdefault(label, len(codes)) for label in some.labels]
    columns = [
        pyarrow.array(some.texts, pyarrow.large_string()),
        pyarrow.array(numbers, pyarrow.int32()),
        pyarrow.array(duplicate_numbers(some.texts)),
        pyarrow.array(some.files, pyarrow.int32()),
        pyarrow.array(some.row_numbers, pyarrow.int32()),
    ]
    return pyarrow.record_batch(columns, SCHEMA)


class CheckedRows:
    """The rows of an origin, a chunk at a time, without those that lack a text or a label.

    `empty` counts the rows that lack a `text` or a `label`, and `kept` the others; `damaged` says
    which rows have � for bytes that are no text, and `swallowing` which seem to hold whole rows.
    All are complete after the last chunk only, and so the error for rows that may not be dropped
    comes there.

    Raises:
        InputError: a column, text or label that cannot be used.
    """

    def __init__(self, origin: Origin, columns: ColumnSettings) -> None:
        self.origin, self.drop_empty = origin, columns.drop_empty
        self.table = origin.open()
        self.texts, self.label = choose_columns(columns, self.table, origin.key, origin.fail)
        self.class_names = _class_names(self.table, self.label)
        self.empty = {"text": 0, "label": 0}
        self.damaged: DamageFacts = {"rows": 0, "places": []}
        self.swallowing = Swallowing()
        self.kept = 0

    def __iter__(self) -> Iterator[KeptRows]:
        read, first_empty = 0, dict[str, str]()
        number_of = {file: number for number, file in enumerate(self.origin.files)}
        labels = self.label if isinstance(self.label, list) else [self.label]
        for chunk in self.table.chunks([*self.texts, *labels]):
            values = self._values(chunk)
            self.swallowing.count(chunk)
            read += chunk.rows()
            count_damaged(chunk, self.damaged, self.origin.name)

            for what, column in values.items():
                missing = [n for n, value in enumerate(column) if not value]
                self.empty[what] += len(missing)
                if missing:
                    place = chunk.place(missing[0]).removeprefix(f"{self.origin.name}, ")
                    first_empty.setdefault(what, place)

            texts, found = values["text"], values["label"]
            kept_rows = [n for n, text in enumerate(texts) if text and found[n]]
            self.kept += len(kept_rows)
            yield KeptRows(
                [texts[n] for n in kept_rows],
                [found[n] for n in kept_rows],
                *_in_files(chunk, kept_rows, number_of),
            )

        self._refuse_empty(read, first_empty)

    def _names(self) -> dict[str, str]:
        """Gives the names of the text and label columns for messages."""
        return {"text": " + ".join(self.texts), "label": shown(self.label)}

    def _values(self, chunk: Chunk) -> dict[str, list[str]]:
        """The text and the label of each row of a chunk, "" where there is none."""
        key = self.origin.key
        texts = ["" if text.isspace() else text for text in chunk.texts(self.texts, key)]
        values = {"text": texts, "label": read_labels(chunk, self.label, self.class_names, key)}
        for what, name in self._names().items():
            _refuse_surrogates(chunk, values[what], name, key)
        return values

    def _refuse_empty(self, read: int, first_empty: dict[str, str]) -> None:
        """Refuses rows that lack something and may not be dropped, and an origin of no other rows.

        Args:
            read: how many rows there are.
            first_empty: where the first row without a `text` and without a `label` stands.
        """
        named = self._names()
        if first_empty and not self.drop_empty:
            lacking = " and ".join(
                f"no {what} in {self.empty[what]:,} of {read:,} rows (column {named[what]!r}, the "
                f"first is {first})"
                for what, first in first_empty.items()
            )
            raise self.origin.fail(
                f"has {lacking}; rows are counted from 1 without the header. Fill or remove them, "
                f"or drop them with data.drop_empty=true."
            )
        if not self.kept:
            raise self.origin.fail(
                f"has {read:,} rows, none with a text (column {named['text']!r}) and a label "
                f"(column {named['label']!r})."
            )


def _in_files(
    chunk: Chunk, kept_rows: list[int], number_of: dict[str, int]
) -> tuple[list[int], list[int]]:
    """The number of the file of each kept row of a chunk, and its row number, as in `Places`.

    Args:
        number_of: the number of each file, by what the chunk calls it.
    """
    if chunk.places is None:
        files = [number_of[chunk.file]] * len(kept_rows)
        return files, [chunk.first + n for n in kept_rows]
    return [number_of[chunk.places[n]] for n in kept_rows], [0] * len(kept_rows)


def _refuse_surrogates(chunk: Chunk, values: list[str], column: str, key: str) -> None:
    """Refuses a value that holds half of a character, which no encoding can write."""
    if SURROGATE.search("".join(values)):
        bad = next(n for n, value in enumerate(values) if SURROGATE.search(value))
        raise chunk.fail(
            key,
            bad,
            f"holds half of a surrogate pair (\\ud800 to \\udfff) in the column {column!r}: write "
            f"the whole character, or remove it.",
        )


def _class_names(table: Table, label: str | list[str]) -> list[str] | None:
    """Names for the numbers in the column of the label, if the data bring them."""
    return table.class_names.get(label) if isinstance(label, str) else None


def place_of(origin: Origin, rows: Rows, label: str) -> str:
    """The file and row where a label stands first.

    A stream keeps no rows, so the origin is read again.
    """
    column = rows.columns["label"]
    table = origin.open()
    for chunk in table.chunks(column if isinstance(column, list) else [column]):
        found = read_labels(chunk, column, _class_names(table, column), origin.key)
        if label in found:
            return chunk.place(found.index(label))
    return origin.name
