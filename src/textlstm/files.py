"""Files in chunks of rows: CSV, TSV, JSON, JSON Lines and Parquet, plain or compressed, and folders of text files."""

import bz2
import codecs
import csv
import glob
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
from typing import Any, NamedTuple

import pyarrow
from pyarrow.parquet import ParquetFile

from textlstm.checks import InputError

ROWS = 1000  # in memory together, of whatever length
FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".pq")
SEPARATORS = ",;\t|"
COMPRESSED: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda file: pyarrow.input_stream(str(file), compression="zstd"),
}
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, pyarrow.ArrowException)
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
ESCAPED = re.compile("[\udc80-\udcff]")  # what errors="surrogateescape" makes of bytes that are no text

OBJECT = '{"text": "…", "label": "…"}'


class Chunk(NamedTuple):
    """Some rows of a file, by column; `first` is the number of the first row, counted from 1 without a header."""

    file: str
    first: int
    columns: dict[str, Sequence[Any]]

    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def fail(self, key: str, n: int, what: str) -> InputError:
        """What is wrong with row `n` (from 0) of the chunk."""
        return InputError(f"{key}: {self.file}, row {self.first + n} {what}")

    def texts(self, columns: list[str], key: str) -> list[str]:
        """The text of each row, several columns joined with a space; "" where there is none.

        Raises:
            InputError: a value that is no text.
        """
        for column in columns:
            for n, value in enumerate(self.columns[column]):
                if value is not None and not isinstance(value, str):
                    raise self.fail(
                        key, n, f"holds {value!r:.50} in the column {column!r}, text was expected; name another column."
                    )
                if value and "\0" in value:
                    raise self.fail(
                        key,
                        n,
                        f"holds a NUL byte in the column {column!r}: no text has one. Remove it, or name the "
                        f"encoding that the file is in, such as data.encoding=utf-16.",
                    )
        if len(columns) == 1:
            return [text or "" for text in self.columns[columns[0]]]
        rows = zip(*(self.columns[column] for column in columns), strict=True)
        return [" ".join(part for part in row if part and not part.isspace()) for row in rows]


class Table(NamedTuple):
    """Rows that are read as they are needed.

    `class_names` are those that the data themselves bring, by column; `chunks` gives the named columns, or all.
    """

    columns: list[str]
    class_names: dict[str, list[str]]
    chunks: Callable[[list[str] | None], Iterator[Chunk]]


def find_files(path: str, key: str) -> list[Path]:
    """The file, the files that match a glob, or the text files of a folder with one sub-folder per class.

    Raises:
        InputError: there are none.
    """
    given = Path(path).expanduser()
    if given.is_file():
        return [given]
    if given.is_dir():
        files = sorted(
            file
            for folder in given.iterdir()
            if folder.is_dir() and not folder.name.startswith(".")
            for file in folder.iterdir()
            if file.is_file() and not file.name.startswith(".")
        )
        if files:
            return files
        tables = [file for file in sorted(given.iterdir()) if _suffix(file) in FORMATS]
        hint = f" For the files in it, give {key}='{path.rstrip('/')}/*{tables[0].suffix}'." if tables else ""
        raise InputError(
            f"{key}: {given.absolute()} is a folder without sub-folders of text files; one sub-folder per class "
            f"was expected, each with a text per file.{hint}"
        )
    if glob.has_magic(str(given)):
        files = sorted(file for file in map(Path, glob.glob(str(given), recursive=True)) if file.is_file())
        if files:
            return files
        raise InputError(f"{key}: no file matches {given.absolute()}.")
    raise InputError(
        f"{key}: {given.absolute()} does not exist; a CSV, TSV, JSON Lines or Parquet file, a glob, "
        f"or a folder with one sub-folder per class was expected."
    )


def open_table(path: str, key: str, encoding: str | None = None) -> Table:
    """The rows of a file, of all files that match a glob, or of a folder with one sub-folder of texts per class.

    `encoding=None` is UTF-8, or what a byte order mark says. A folder's columns are `text` and `label`. JSON Lines
    have the columns of the first thousand objects; what an object lacks is None.

    Raises:
        InputError: a file that cannot be read, with the place; while opening, or while the chunks are drawn.
    """
    files = find_files(path, key)
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise InputError(f"data.encoding={encoding} is no encoding that Python knows.") from error
    if Path(path).expanduser().is_dir():
        return Table(["text", "label"], {}, lambda columns: _texts_by_folder(files, key, encoding))
    first = _table(files[0], key, encoding)

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        for file in files:
            table = first if file is files[0] else _table(file, key, encoding)
            missing = [column for column in columns or first.columns if column not in table.columns]
            if missing:
                raise InputError(
                    f"{key}: {file} has no column {missing[0]!r}, which {files[0]} has. "
                    f"Its columns are {', '.join(table.columns)}."
                )
            yield from table.chunks(columns)

    return first._replace(chunks=chunks)


def _suffix(file: Path) -> str:
    return Path(file.stem).suffix.lower() if file.suffix.lower() in COMPRESSED else file.suffix.lower()


def is_table(file: Path) -> bool:
    """Whether its name says that a file has columns."""
    return _suffix(file) in FORMATS


def text_lines(file: Path, key: str, column: str) -> Iterator[Chunk]:
    """A file of any other name: a text a line, as one column."""
    reader = _Reader(file, key, None)
    with reader.reading(), reader.text() as stream:
        lines = (line.rstrip("\r\n") for line in stream)
        done = 0
        while chunk := list(islice(lines, ROWS)):
            yield Chunk(str(file), done + 1, {column: chunk})
            done += len(chunk)


def _texts_by_folder(files: list[Path], key: str, encoding: str | None) -> Iterator[Chunk]:
    for start in range(0, len(files), ROWS):
        chunk = files[start : start + ROWS]
        texts = [_Reader(file, key, encoding).whole_text() for file in chunk]
        yield Chunk(str(files[0].parents[1]), start + 1, {"text": texts, "label": [file.parent.name for file in chunk]})


def _table(file: Path, key: str, encoding: str | None) -> Table:
    suffix = _suffix(file)
    if not is_table(file):
        raise InputError(
            f"{key}: cannot tell the format of {file} from its name; expected one of {', '.join(FORMATS)}, "
            f"or these with {', '.join(COMPRESSED)} after."
        )
    reader = _Reader(file, key, encoding)
    if reader.is_empty():
        raise InputError(f"{key}: {file} is empty.")
    if suffix in (".parquet", ".pq"):
        return reader.parquet()
    return reader.json() if suffix in (".jsonl", ".json") else reader.csv()


class _Reader:
    """One file; whatever cannot be read of it becomes an InputError that names the place."""

    def __init__(self, file: Path, key: str, encoding: str | None) -> None:
        self.file, self.key, self.encoding = file, key, encoding

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.key}: {self.file}{what}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            unclosed = str(error) == "unexpected end of data"
            raise self.fail(
                f", row {self.bad_row()} cannot be read: "
                f"{'a quote is opened there and never closed' if unclosed else error}. A text that holds the "
                f'separator, a quote or a line break stands in "double quotes", with quotes inside it doubled.'
            ) from error
        except UnicodeError as error:
            raise self.bad_byte() from error
        except UNREADABLE as error:
            reason = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
            raise self.fail(f" cannot be read: {reason.rstrip('.')}.") from error

    def bytes(self) -> Any:
        return COMPRESSED.get(self.file.suffix.lower(), lambda file: open(file, "rb"))(self.file)

    def text(self, errors: str = "strict") -> io.TextIOWrapper:
        """The file decoded: from `encoding`, or as its byte order mark says, or from UTF-8."""
        return io.TextIOWrapper(io.BufferedReader(self.bytes()), self.codec(), errors=errors, newline="")

    def codec(self) -> str:
        if self.encoding is not None:
            return self.encoding
        with self.bytes() as stream:
            start = stream.read(3)
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
        if not any(header):
            raise self.fail(" has no header: a first line with the column names was expected.")
        twice = next((name for name in header if header.count(name) > 1), None)
        if twice is not None:
            raise self.fail(f" has two columns {twice!r}: each needs a name of its own.")
        return Table(header, {}, self.csv_chunks)

    def csv_rows(self, lines: io.TextIOWrapper) -> Iterator[list[str]]:
        csv.field_size_limit(sys.maxsize)
        first = lines.readline()
        separator = "\t" if _suffix(self.file) == ".tsv" else max(SEPARATORS, key=first.count)
        return filter(None, csv.reader(chain([first], lines), delimiter=separator, strict=True))  # no blank lines

    def csv_chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        with self.reading(), self.text() as lines:
            rows = self.csv_rows(lines)
            header = next(rows)
            while chunk := list(islice(rows, ROWS)):
                wrong = next((n for n, row in enumerate(chunk) if len(row) != len(header)), None)
                if wrong is not None:
                    raise self.fail(
                        f", row {done + wrong + 1} has {len(chunk[wrong])} fields, the header has {len(header)} "
                        f"({', '.join(header)}). A text that holds the separator, a quote or a line break stands "
                        f'in "double quotes".'
                    )
                by_column = dict(zip(header, zip(*chunk, strict=True), strict=True))
                yield Chunk(str(self.file), done + 1, {column: by_column[column] for column in columns or header})
                done += len(chunk)
        if not done:
            raise self.fail(" has a header but no rows.")

    def json(self) -> Table:
        first = next(self.json_objects(), [])
        if not first:
            raise self.fail(" holds no object.")
        return Table(list(dict.fromkeys(chain.from_iterable(first))), {}, self.json_chunks)

    def json_chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        for chunk in self.json_objects():
            names = columns or list(dict.fromkeys(chain.from_iterable(chunk)))
            yield Chunk(str(self.file), done + 1, {name: [row.get(name) for row in chunk] for name in names})
            done += len(chunk)

    def json_objects(self) -> Iterator[list[dict[str, Any]]]:
        """JSON Lines, or one JSON array, in chunks."""
        with self.reading(), self.text() as text:
            numbered = ((number, line) for number, line in enumerate(text, start=1) if line.strip())
            number, first = next(numbered, (1, ""))
            items: Iterator[tuple[int, Any]]
            if first.lstrip().startswith("["):
                items = iter(enumerate(self.parsed(first + text.read(), None), start=1))
            else:
                items = ((n, self.parsed(line, n)) for n, line in chain([(number, first)], numbered))
            while chunk := list(islice(items, ROWS)):
                for number, item in chunk:
                    if not isinstance(item, dict):
                        raise self.fail(f", line {number} is no JSON object; one such as {OBJECT} was expected.")
                yield [item for _, item in chunk]

    def parsed(self, text: str, line: int | None) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            expected = "a JSON array of objects" if line is None else f"a JSON object a line, such as {OBJECT},"
            reason = str(error)
            if isinstance(error, json.JSONDecodeError):
                line, reason = line or error.lineno, f"{error.msg}, column {error.colno}"
            where = "" if line is None else f", line {line}"
            raise self.fail(f"{where} is no JSON ({reason}); {expected} was expected.") from error

    def parquet(self) -> Table:
        with self.reading(), self.parquet_file() as opened:
            schema = opened.schema_arrow
            if not opened.metadata.num_rows:
                raise self.fail(" has columns but no rows.")
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = described.get("info", {}).get("features", {})
        names = {name: kind["names"] for name, kind in features.items() if kind.get("_type") == "ClassLabel"}
        return Table(schema.names, names, self.parquet_chunks)

    def parquet_file(self) -> ParquetFile:
        if self.file.suffix.lower() not in COMPRESSED:
            return ParquetFile(self.file)
        with self.bytes() as stream:
            return ParquetFile(pyarrow.BufferReader(stream.read()))

    def parquet_chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        with self.reading(), self.parquet_file() as opened:
            for batch in opened.iter_batches(batch_size=ROWS, columns=columns):
                values = {name: batch.column(name).to_pylist() for name in batch.schema.names}
                yield Chunk(str(self.file), done + 1, values)
                done += batch.num_rows

    def bad_row(self) -> int | None:
        """The first row that is no CSV or holds a byte that is no text; of JSON, the line."""
        number, first = 0, 0 if _suffix(self.file) in (".csv", ".tsv") else 1
        try:
            with self.text(errors="surrogateescape") as lines:
                rows: Iterable[Any] = lines if first else self.csv_rows(lines)
                for number, row in enumerate(rows, start=first):
                    if any(ESCAPED.search(cell) for cell in ([row] if first else row)):
                        return number
        except csv.Error:
            return number + 1
        except UnicodeError:  # in UTF-16 no byte can be escaped
            pass
        return None

    def bad_byte(self) -> InputError:
        """Where the first byte stands that is no text."""
        decoder, read = codecs.getincrementaldecoder(self.codec())(), 0
        with self.bytes() as stream:
            while block := stream.read(1 << 20):
                pending = len(decoder.getstate()[0])
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    read += error.start - pending
                    break
                read += len(block)
        suffix = _suffix(self.file)
        row = self.bad_row() if suffix in FORMATS else None
        unit = "row" if suffix in (".csv", ".tsv") else "line"
        where = "" if row is None else f"{unit} {row}, " if row else "header, "
        return self.fail(
            f", {where}byte {read} is no {self.codec().removesuffix('-sig').upper()} text. Save the file as UTF-8 "
            f"(iconv -f LATIN1 -t UTF-8), or name its encoding, such as data.encoding=latin-1."
        )
