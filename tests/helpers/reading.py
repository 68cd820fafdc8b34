"""Three rows as a file of each format, plain and compressed, and what reading a file gives."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from textlstm.checks import InputError
from textlstm.data.reading.files import open_table
from textlstm.data.reading.settings import AS_FOUND, DelimitedSettings

ROWS = [
    ("Shares fell, again", "business"),
    ('She said "goal"', "sports"),
    ("Zwölf\nTore\t😀", "sports"),
]
CSV = (
    'text,label\n"Shares fell, again",business\n"She said ""goal""",sports\n'
    '"Zwölf\nTore\t😀",sports\n'
)
Columns = dict[str, list[Any]]
COLUMNS: Columns = {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}


def in_csv(columns: Columns, separator: str = ",") -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerows([list(columns), *zip(*columns.values(), strict=True)])
    return stream.getvalue().encode()


def in_tsv(columns: Columns) -> bytes:
    return in_csv(columns, "\t")


def objects(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def in_json_lines(columns: Columns) -> bytes:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in objects(columns)]
    return "".join(lines).encode()


def in_json(columns: Columns) -> bytes:
    return ("\n" + json.dumps(objects(columns), indent=2)).encode()


def in_parquet(columns: Columns) -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue().to_pybytes()


def zstandard(content: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


WRITTEN_AS: dict[str, Callable[[Columns], bytes]] = {
    ".csv": in_csv,
    ".tsv": in_tsv,
    ".jsonl": in_json_lines,
    ".json": in_json,
    ".parquet": in_parquet,
    ".pq": in_parquet,
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard,
}


def read(
    path: str | Path,
    columns: list[str] | None = None,
    encoding: str | None = None,
    settings: DelimitedSettings = AS_FOUND,
) -> list[tuple[Any, ...]]:
    """All rows of a path, with the named columns or with all."""
    chunks = open_table(str(path), "data.train", encoding, settings).chunks(columns)
    return list(chain.from_iterable(zip(*chunk.columns.values(), strict=True) for chunk in chunks))


def assert_refused(path: str | Path, message: str, settings: DelimitedSettings = AS_FOUND) -> None:
    """Asserts that reading ends with an error for `data.train` that `message` matches."""
    with pytest.raises(InputError, match=rf"^data\.train: .*{message}"):
        read(path, settings=settings)
