"""A table of any origin as checked rows that stay on the disk: text, label, and which texts are
duplicates.
"""

import json
import logging
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow
from datasets import Dataset

from textlstm.cache import content_key, kept
from textlstm.checks import InputError, nearest
from textlstm.data.reading.tables import NUL, Chunk, Table
from textlstm.terminal import counted

log = logging.getLogger(__name__)

TEXT_COLUMNS = (
    *(
        "text",
        "texts",
        "sentence",
        "content",
        "review",
        "headline",
        "title",
        "body",
        "message",
        "comment",
    ),
    *("description", "document", "question", "query", "utterance", "tweet", "post", "abstract"),
)
LABEL_COLUMNS = (
    *(
        "label",
        "labels",
        "class",
        "category",
        "target",
        "topic",
        "intent",
        "sentiment",
        "emotion",
        "tag",
    ),
    *("stars", "rating"),
)
SURROGATE = re.compile("[\ud800-\udfff]")
LAYOUT = (
    1  # of the rows in the cache: a change of what is written there makes the old entries useless
)
SCHEMA = pyarrow.schema(
    {"text": pyarrow.large_string(), "code": pyarrow.int32(), "duplicate_of": pyarrow.uint64()}
)


@dataclass(frozen=True)
class Origin:
    """Where rows come from: the config key and name for messages, the table, and what its content
    is known by.
    """

    key: str
    name: str
    open: Callable[[], Table]
    content: str
    record: dict[str, str]

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.key}: {self.name} {what}")


@dataclass(frozen=True)
class Columns:
    """What is read of a table, as the data keys say."""

    text_column: str | list[str] | None
    label_column: str | None
    drop_empty: bool


@dataclass(frozen=True)
class Rows:
    """Rows as the cache keeps them, whose labels are `labels[code]`; `class_names` are those of the
    data themselves.
    """

    rows: Dataset
    key: str
    labels: list[str]
    class_names: list[str] | None
    columns: dict[str, Any]
    empty: dict[str, int]

    def codes(self) -> np.ndarray:
        return self.rows.data.column("code").to_numpy()


def read_rows(origin: Origin, columns: Columns, cache: Path) -> Rows:
    """The checked rows of a source, from the cache or written there."""
    settings = (columns.text_column, columns.label_column, columns.drop_empty)
    key = content_key(LAYOUT, datasets.__version__, origin.content, *settings)
    (rows, facts), _ = kept(
        cache, f"rows-{key}", lambda folder: _write(folder, origin, columns), _load
    )
    if columns.text_column is None or columns.label_column is None:
        texts, label = " + ".join(facts["columns"]["text"]), facts["columns"]["label"]
        log.info(
            "%s: texts are read from the column %r, classes from %r.", origin.key, texts, label
        )
    empty = {what: rows for what, rows in facts["empty"].items() if rows}
    if empty:
        counts = " and ".join(f"{rows:,} without a {what}" for what, rows in empty.items())
        log.info("%s: dropped rows: %s.", origin.key, counts)
    return Rows(rows, key, **facts)


def _load(folder: Path) -> tuple[Dataset, dict[str, Any]]:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    rows = Dataset.from_file(str(folder / "rows.arrow"))
    if len(rows) != facts.pop("rows"):
        raise ValueError("rows.arrow is cut short")
    return rows, facts


def _write(folder: Path, origin: Origin, columns: Columns) -> None:
    checked, codes = CheckedRows(origin, columns), dict[str, int]()
    with (
        pyarrow.OSFile(str(folder / "rows.arrow"), "wb") as file,
        pyarrow.ipc.new_stream(file, SCHEMA) as writer,
    ):
        for texts, labels in counted(
            checked, f"rows read from {origin.key}", size_of=lambda chunk: len(chunk[0])
        ):
            writer.write_batch(_batch(texts, labels, codes))
    facts = {
        "rows": checked.kept,
        "labels": list(codes),
        "class_names": checked.class_names,
        "columns": {"text": checked.texts, "label": checked.label},
        "empty": checked.empty,
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


class CheckedRows:
    """Texts and labels of an origin, a chunk at a time.

    Rows that lack one are left out and counted in `empty`; `kept` counts the others. Both are of
    all rows only after the last chunk, and so is the error that tells of them where they are not to
    be dropped.

    Raises:
        InputError: a column, text or label that cannot be used.
    """

    def __init__(self, origin: Origin, columns: Columns) -> None:
        self.origin, self.drop_empty = origin, columns.drop_empty
        self.table = origin.open()
        self.texts, self.label = _chosen_columns(origin, self.table, columns)
        self.class_names = self.table.class_names.get(self.label)
        self.empty = {"text": 0, "label": 0}
        self.kept = 0

    def __iter__(self) -> Iterator[tuple[list[str], list[str]]]:
        key = self.origin.key
        named = {"text": " + ".join(self.texts), "label": self.label}
        rows, first_empty = 0, dict[str, str]()
        for chunk in self.table.chunks([*self.texts, self.label]):
            values = {
                "text": ["" if text.isspace() else text for text in chunk.texts(self.texts, key)],
                "label": _labels(chunk, self.label, self.class_names, key),
            }
            for what, name in named.items():
                _refuse_surrogates(chunk, values[what], name, key)
            rows += chunk.rows()
            for what, of_rows in values.items():
                missing = [n for n, value in enumerate(of_rows) if not value]
                self.empty[what] += len(missing)
                if missing:
                    first_empty.setdefault(
                        what, chunk.place(missing[0]).removeprefix(f"{self.origin.name}, ")
                    )
            pairs = [
                (text, label)
                for text, label in zip(*values.values(), strict=True)
                if text and label
            ]
            self.kept += len(pairs)
            yield [text for text, _ in pairs], [label for _, label in pairs]
        if first_empty and not self.drop_empty:
            lacking = " and ".join(
                f"no {what} in {self.empty[what]:,} of {rows:,} rows (column {named[what]!r}, the "
                f"first is {first})"
                for what, first in first_empty.items()
            )
            raise self.origin.fail(
                f"has {lacking}; rows are counted from 1 without the header. Fill or remove them, "
                f"or drop them with "
                f"data.drop_empty=true."
            )
        if not self.kept:
            raise self.origin.fail(
                f"has {rows:,} rows, none with a text (column {named['text']!r}) and a label "
                f"(column {named['label']!r})."
            )


def _batch(texts: list[str], labels: list[str], codes: dict[str, int]) -> pyarrow.RecordBatch:
    """The rows as the cache keeps them, with new labels added to `codes`."""
    columns = [
        pyarrow.array(texts, pyarrow.large_string()),
        pyarrow.array([codes.setdefault(label, len(codes)) for label in labels], pyarrow.int32()),
        pyarrow.array(duplicate_numbers(texts)),
    ]
    return pyarrow.record_batch(columns, SCHEMA)


def _refuse_surrogates(chunk: Chunk, values: list[str], column: str, key: str) -> None:
    if SURROGATE.search("".join(values)):
        bad = next(n for n, value in enumerate(values) if SURROGATE.search(value))
        raise chunk.fail(
            key,
            bad,
            f"holds half of a surrogate pair (\\ud800 to \\udfff) in the column {column!r}: write "
            f"the "
            f"whole character, or remove it.",
        )


def normalise(text: str) -> str:
    """What makes two texts duplicates: equal up to compatibility forms, case and white space."""
    if text.isascii():  # where the two steps below change nothing but case
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def duplicate_numbers(texts: list[str]) -> np.ndarray:
    """A number per text, equal for duplicates (64 bits, the same in each process)."""
    return pd.util.hash_array(
        np.array([normalise(text) for text in texts], dtype=object), categorize=False
    )


def _chosen_columns(origin: Origin, table: Table, columns: Columns) -> tuple[list[str], str]:
    """The columns of the text and of the label: as given, or the usual ones that are there."""
    given = (
        _guess(origin, table, "text", TEXT_COLUMNS)
        if columns.text_column is None
        else columns.text_column
    )
    texts = given if isinstance(given, list) else [given]
    label = (
        _guess(origin, table, "label", LABEL_COLUMNS)
        if columns.label_column is None
        else columns.label_column
    )
    if not texts:
        raise InputError(
            "data.text_column=[] names no column; a name, or a list of names, was expected."
        )
    if not isinstance(label, str):
        raise InputError(f"data.label_column must be one name, got {label!r}.")
    for key, names in (("text_column", texts), ("label_column", [label])):
        for name in names:
            if name not in table.columns:
                raise origin.fail(
                    f"has no column {name!r}.{nearest(str(name), table.columns)} "
                    f"Its columns are {', '.join(table.columns)}; name one with data.{key}=…"
                )
    if label in texts:
        raise InputError(
            f"data.text_column and data.label_column are both {label!r}; two columns were expected."
        )
    return texts, label


def _guess(origin: Origin, table: Table, what: str, usual: tuple[str, ...]) -> str:
    there = {name.strip().lower(): name for name in table.columns} | {
        name: name for name in table.columns
    }
    found = next((there[name] for name in usual if name in there), None)
    if found is None:
        raise origin.fail(
            f"has none of the usual names for the column of the {what} ({', '.join(usual)}). "
            f"Its columns are {', '.join(table.columns)}; name one with data.{what}_column=…"
        )
    return found


def _labels(chunk: Chunk, column: str, class_names: list[str] | None, key: str) -> list[str]:
    """The label of each row as text, "" where there is none."""
    labels = []
    for n, value in enumerate(chunk.columns[column]):
        if isinstance(value, str):
            if "\0" in value:
                raise chunk.fail(key, n, NUL.format(column=column))
            labels.append(value.strip())
        elif value is None or value != value:  # NaN
            labels.append("")
        elif class_names is not None and isinstance(value, int):
            labels.append(
                class_names[value] if 0 <= value < len(class_names) else ""
            )  # the hub hides labels as -1
        elif isinstance(value, bool | int | float):
            labels.append(str(value))
        else:
            raise chunk.fail(
                key,
                n,
                f"holds {value!r:.50} in the column {column!r}; names, whole numbers or booleans "
                f"were expected as "
                f"classes. Name another column with data.label_column=…",
            )
    return labels


def place_of(origin: Origin, rows: Rows, label: str) -> str:
    """The file and row where a label stands first: rows are not numbered in the cache, so they are
    read again.
    """
    column = rows.columns["label"]
    table = origin.open()
    for chunk in table.chunks([column]):
        found = _labels(chunk, column, table.class_names.get(column), origin.key)
        if label in found:
            return chunk.place(found.index(label))
    return origin.name
