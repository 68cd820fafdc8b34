"""Three rows as a file of each format, plain and compressed, and what reading a file gives."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest

from textlstm.checks import InputError
from textlstm.data.reading.files import open_table
from textlstm.data.reading.settings import AS_NAMED, FileSettings

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


def in_arrow(columns: Columns) -> bytes:
    """A stream of record batches, as `datasets` writes it."""
    table, sink = pyarrow.table(columns), pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def in_feather(columns: Columns) -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.feather.write_feather(pyarrow.table(columns), sink)
    return sink.getvalue().to_pybytes()


def write_parquet_objects(rows: list[dict[str, Any]]) -> bytes:
    """A Parquet file of rows whose values may be objects and lists."""
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def in_excel(columns: Columns) -> bytes:
    """A workbook of one sheet, whose texts stand in its cells."""
    return workbook({"Sheet1": [list(columns), *zip(*columns.values(), strict=True)]})


def workbook(sheets: dict[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook with the rows of each sheet; numbers and booleans are cells of those kinds."""
    kind = "http://schemas.openxmlformats.org"
    office, package = f"{kind}/officeDocument/2006/relationships", f"{kind}/package/2006"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    numbers = range(1, len(sheets) + 1)
    listed = [
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, sheets, strict=True)
    ]
    links = [
        f'<Relationship Id="rId{number}" Type="{office}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    ]
    main = f"{kind}/spreadsheetml/2006/main"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
        f'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        f"{''.join(listed)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f"{''.join(links)}</Relationships>",
    }
    for number, rows in zip(numbers, sheets.values(), strict=True):
        lines = [f"<row>{''.join(map(cell, row))}</row>" for row in rows]
        data = f"<sheetData>{''.join(lines)}</sheetData>"
        files[f"xl/worksheets/sheet{number}.xml"] = f'<worksheet xmlns="{main}">{data}</worksheet>'
    return zipped({name: (head + content).encode() for name, content in files.items()})


def cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def in_fasttext(columns: Columns) -> bytes:
    """Lines of fastText's: these have no line breaks inside, and text and label alone."""
    labels = columns.get("label") or [None] * len(columns["text"])
    lines = [
        ("" if label is None else f"__label__{label} ") + text + "\n"
        for text, label in zip(columns["text"], labels, strict=True)
    ]
    return "".join(lines).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    """A .zip that holds some files."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


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
    ".arrow": in_arrow,
    ".feather": in_feather,
    ".xlsx": in_excel,
    ".xls": in_excel,  # which reading tells by the content
    ".fasttext": in_fasttext,
    ".ft": in_fasttext,
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard,
    ".zip": lambda content: zipped({"__MACOSX/._rows": b"", "data/rows": content}),
}


def read(
    path: str | Path,
    columns: list[str] | None = None,
    *,
    settings: FileSettings = AS_NAMED,
    **options: Any,
) -> list[tuple[Any, ...]]:
    """All rows of a path, with the named columns or with all; read as settings and options say."""
    read_as = FileSettings(**{**vars(settings), **options})
    chunks = open_table(str(path), "data.train", read_as).chunks(columns)
    return list(chain.from_iterable(zip(*chunk.columns.values(), strict=True) for chunk in chunks))


def assert_refused(path: str | Path, message: str, settings: FileSettings = AS_NAMED) -> None:
    """Asserts that reading ends with an error for `data.train` that `message` matches."""
    with pytest.raises(InputError, match=rf"^data\.train: .*{message}"):
        read(path, settings=settings)
