"""One file as a table: CSV, TSV, JSON, JSON Lines or Parquet, plain or compressed, and text in any
encoding.
"""

import bz2
import codecs
import csv
import gzip
import io
import json
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow.parquet import ParquetFile

from textlstm.checks import InputError
from textlstm.data.reading.tables import NUL, ROWS, Chunk, Table

FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".pq")
SEPARATORS = ",;\t|"
COMPRESSED: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda file: pyarrow.input_stream(str(file), compression="zstd"),
}
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, pyarrow.ArrowException)
BOMS = {  # the longer ones first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
ESCAPED = re.compile(
    "[\udc80-\udcff]"
)  # what errors="surrogateescape" makes of bytes that are no text

OBJECT = '{"text": "…", "label": "…"}'


def suffix_of(file: Path) -> str:
    return (
        Path(file.stem).suffix.lower() if file.suffix.lower() in COMPRESSED else file.suffix.lower()
    )


def is_table(file: Path) -> bool:
    """Whether its name says that a file has columns."""
    return suffix_of(file) in FORMATS


class Reader:
    """One file; whatever cannot be read of it becomes an InputError that names the place."""

    def __init__(self, file: Path, key: str, encoding: str | None) -> None:
        self.file, self.key, self.encoding = file, key, encoding

    def table(self) -> Table:
        suffix = suffix_of(self.file)
        if suffix not in FORMATS:
            raise InputError(
                f"{self.key}: cannot tell the format of {self.file} from its name; expected one of "
                f"{', '.join(FORMATS)}, or these with {', '.join(COMPRESSED)} after."
            )
        if self.is_empty():
            raise self.fail(" is empty; rows with a text and a label were expected.")
        if suffix in (".parquet", ".pq"):
            return self.parquet()
        return self.json() if suffix in (".jsonl", ".json") else self.csv()

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.key}: {self.file}{what}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            reason = {
                "unexpected end of data": "a quote is opened there and never closed",
                "',' expected after '\"'": "text follows a closing quote",
            }.get(str(error), str(error))
            raise self.fail(
                f"{self.bad_row()} cannot be read: {reason}. A text that holds the separator, a "
                f"quote or a line "
                f'break stands in "double quotes", with quotes inside it doubled.'
            ) from error
        except UnicodeError as error:
            raise self.bad_byte() from error
        except (*UNREADABLE, OverflowError) as error:
            raise self.unreadable(error) from error

    def unreadable(self, error: BaseException) -> InputError:
        suffix = self.file.suffix.lower()
        if getattr(error, "strerror", None):
            return self.fail(f" cannot be read: {error.strerror}.")  # type: ignore[attr-defined]
        if suffix in (*COMPRESSED, ".parquet", ".pq") and not isinstance(error, OverflowError):
            return self.fail(
                f" is no whole {suffix} file: it is damaged, cut short, or something else under "
                f"that name. "
                f"Fetch or write it again."
            )
        return self.fail(
            f" cannot be read: {str(error).strip().partition(chr(10))[0].rstrip('.')}."
        )

    def bytes(self) -> Any:
        return COMPRESSED.get(self.file.suffix.lower(), lambda file: open(file, "rb"))(self.file)

    def text(self, errors: str = "strict") -> io.TextIOWrapper:
        """The file decoded: from `encoding`, or as its byte order mark says, or from UTF-8."""
        codec = self.codec()
        return io.TextIOWrapper(io.BufferedReader(self.bytes()), codec, errors=errors, newline="")

    def codec(self) -> str:
        if self.encoding is not None and codecs.lookup(self.encoding).name != "utf-8":
            return self.encoding
        with self.bytes() as stream:
            start = stream.read(4)
        return next((codec for mark, codec in BOMS.items() if start.startswith(mark)), "utf-8")

    def is_empty(self) -> bool:
        with self.reading(), self.bytes() as stream:
            return not stream.read(1)

    def whole_text(self) -> str:
        with self.reading(), self.text() as lines:
            return lines.read()

    def csv(self) -> Table:
        with self.reading(), self.text() as lines:
            header = next(self.csv_rows(lines), [])
        if header:
            header[0] = header[0].removeprefix(
                "\ufeff"
            )  # of an encoding that was named without its mark
        if not any(header):
            raise self.fail(" has no header: a first line with the column names was expected.")
        for name in header:
            if "\0" in name:
                raise self.fail(f", header {NUL.format(column=name)}")
        return Table(self.each_once(header), {}, self.csv_chunks)

    def each_once(self, names: list[str]) -> list[str]:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise self.fail(f" has two columns {twice!r}: each needs a name of its own.")
        return names

    def csv_rows(self, lines: io.TextIOWrapper) -> Iterator[list[str]]:
        csv.field_size_limit(sys.maxsize)
        first = lines.readline()
        separator = "\t" if suffix_of(self.file) == ".tsv" else max(SEPARATORS, key=first.count)
        return filter(
            None, csv.reader(chain([first], lines), delimiter=separator, strict=True)
        )  # no blank lines

    def csv_chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        with self.reading(), self.text() as lines:
            rows = self.csv_rows(lines)
            header = next(rows)
            header[0] = header[0].removeprefix("\ufeff")
            while chunk := list(islice(rows, ROWS)):
                wrong = next((n for n, row in enumerate(chunk) if len(row) != len(header)), None)
                if wrong is not None:
                    fields = "1 field" if len(chunk[wrong]) == 1 else f"{len(chunk[wrong])} fields"
                    raise self.fail(
                        f", row {done + wrong + 1} has {fields}, the header has {len(header)} "
                        f"({', '.join(header)}). A text that holds the separator, a quote or a "
                        f"line break stands "
                        f'in "double quotes".'
                    )
                by_column = dict(zip(header, zip(*chunk, strict=True), strict=True))
                yield Chunk(
                    str(self.file),
                    done + 1,
                    {column: by_column[column] for column in columns or header},
                )
                done += len(chunk)
        if not done:
            raise self.fail(
                " has a header but no rows; rows with a text and a label were expected."
            )

    def json(self) -> Table:
        first = next(self.json_objects(), [])
        self.columns = list(dict.fromkeys(chain.from_iterable(first)))
        if not self.columns:
            raise self.fail(f" holds no object with keys; objects such as {OBJECT} were expected.")
        return Table(self.columns, {}, self.json_chunks)

    def json_chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        for chunk in self.json_objects():
            names = columns or list(dict.fromkeys(chain.from_iterable(chunk))) or self.columns
            yield Chunk(
                str(self.file), done + 1, {name: [row.get(name) for row in chunk] for name in names}
            )
            done += len(chunk)

    def json_objects(self) -> Iterator[list[dict[str, Any]]]:
        """JSON Lines, or one JSON array, in chunks."""
        with self.reading(), self.text() as text:
            numbered = ((number, line) for number, line in enumerate(text, start=1) if line.strip())
            number, first = next(numbered, (1, ""))
            if not first:
                return
            items: Iterator[tuple[int, Any]]
            unit = "item" if first.lstrip().startswith("[") else "line"
            if unit == "item":
                items = iter(enumerate(self.parsed(first + text.read(), None), start=1))
            else:
                items = (
                    (n, self.parsed(line, n)) for n, line in chain([(number, first)], numbered)
                )
            while chunk := list(islice(items, ROWS)):
                for number, item in chunk:
                    if not isinstance(item, dict):
                        raise self.fail(
                            f", {unit} {number} is no JSON object; one such as {OBJECT} was "
                            f"expected."
                        )
                yield [item for _, item in chunk]

    def parsed(self, text: str, line: int | None) -> Any:
        try:
            return json.loads(text.rstrip("\r\n"))
        except (ValueError, RecursionError) as error:
            expected = f"a JSON object a line, such as {OBJECT}, or one array of them,"
            reason = str(error)
            if isinstance(error, json.JSONDecodeError):
                line, reason = line or error.lineno, f"{error.msg}, column {error.colno}"
            where = "" if line is None else f", line {line}"
            raise self.fail(f"{where} is no JSON ({reason}); {expected} was expected.") from error

    def parquet(self) -> Table:
        with self.reading(), self.parquet_file() as opened:
            schema = opened.schema_arrow
            if not opened.metadata.num_rows:
                raise self.fail(
                    " has columns but no rows; rows with a text and a label were expected."
                )
        class_names = _class_names((schema.metadata or {}).get(b"huggingface", b"{}"))
        return Table(self.each_once(schema.names), class_names, self.parquet_chunks)

    def parquet_file(self) -> ParquetFile:
        if self.file.suffix.lower() not in COMPRESSED:
            return ParquetFile(self.file)
        with self.bytes() as stream:
            return ParquetFile(pyarrow.BufferReader(stream.read()))

    def parquet_chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        with self.reading(), self.parquet_file() as opened:
            for batch in opened.iter_batches(batch_size=ROWS, columns=columns):
                values: dict[str, Sequence[Any]] = {
                    name: self.parquet_values(batch, name, done) for name in batch.schema.names
                }
                yield Chunk(str(self.file), done + 1, values)
                done += batch.num_rows

    def parquet_values(self, batch: pyarrow.RecordBatch, name: str, done: int) -> list[Any]:
        try:
            return batch.column(name).to_pylist()
        except UnicodeDecodeError as error:
            raise self.fail(
                f", column {name!r} holds bytes that are no UTF-8 text, in a row from {done + 1} "
                f"on. Write it again."
            ) from error

    def bad_row(self) -> str:
        """The first row that is no CSV or holds a byte that is no text, as `, row 3`; of JSON, the
        line.
        """
        table = suffix_of(self.file) in (".csv", ".tsv")
        number = 0  # the last one that is good
        try:
            with self.text(errors="surrogateescape") as lines:
                rows: Iterable[Any] = self.csv_rows(lines) if table else lines
                for row in rows:
                    if any(ESCAPED.search(cell) for cell in (row if table else [row])):
                        break
                    number += 1
                else:
                    return ""
        except csv.Error:
            pass
        except (UnicodeError, *UNREADABLE):  # in UTF-16 no byte can be escaped
            return ""
        if not table:
            return f", line {number + 1}"
        return f", row {number}" if number else ", header"

    def bad_byte(self) -> InputError:
        """Where the first byte stands that is no text."""
        codec = self.codec()
        decoder, read = codecs.getincrementaldecoder(codec)(), 0
        try:
            with self.bytes() as stream:
                while block := stream.read(1 << 20):
                    pending = len(decoder.getstate()[0])
                    try:
                        decoder.decode(block)
                    except UnicodeError as error:
                        read += getattr(error, "start", 0) - pending
                        break
                    read += len(block)
                else:
                    read -= len(decoder.getstate()[0])  # a character that the file's end cuts
        except UNREADABLE as error:
            return self.unreadable(error)
        row = self.bad_row() if is_table(self.file) else ""
        name = codec.removesuffix("-sig").upper()
        wrong = f"{row}, byte {read} is no {name} text"
        if self.encoding is not None:
            return self.fail(
                f"{wrong}, which data.encoding={self.encoding} says it is. Name another, or leave "
                f"it out for UTF-8."
            )
        if name.startswith(("UTF-16", "UTF-32")):
            return self.fail(
                f"{wrong}, which its byte order mark says it is: it is damaged or cut short."
            )
        other = (
            ", or name its encoding, such as data.encoding=latin-1"
            if self.key.startswith("data.")
            else ""
        )
        return self.fail(f"{wrong}. Save the file as UTF-8 (iconv -f LATIN1 -t UTF-8){other}.")


def _class_names(metadata: bytes) -> dict[str, list[str]]:
    """Class names by column, as `datasets` writes them into Parquet files; else none."""
    try:
        features = json.loads(metadata)["info"]["features"]
        names = {
            column: kind["names"]
            for column, kind in features.items()
            if kind.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {
        column: of
        for column, of in names.items()
        if isinstance(of, list)
        and all(isinstance(name, str) and name for name in of)
        and len(set(of)) == len(of)
    }
