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
BOMS = {  # the longer ones first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NO_FILES = ("unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined")  # codecs, but of no file
ESCAPED = re.compile("[\udc80-\udcff]")  # what errors="surrogateescape" makes of bytes that are no text

EXPECTED = "a CSV, TSV, JSON Lines or Parquet file, a glob, or a folder with one sub-folder per class"
NUL = (
    "holds a NUL byte in the column {column!r}, which no text has. Remove it, or name the encoding of the file, such "
    "as data.encoding=utf-16-le."
)
OBJECT = '{"text": "…", "label": "…"}'


class Chunk(NamedTuple):
    """Some rows of a file, by column; `first` is the number of the first row, counted from 1 without a header.

    `places` names the rows where each is a file of its own.
    """

    file: str
    first: int
    columns: dict[str, Sequence[Any]]
    places: list[str] | None = None

    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, n: int) -> str:
        """Where row `n` (from 0) of the chunk stands."""
        return f"{self.file}, row {self.first + n}" if self.places is None else self.places[n]

    def fail(self, key: str, n: int, what: str) -> InputError:
        """What is wrong with row `n` (from 0) of the chunk."""
        return InputError(f"{key}: {self.place(n)} {what}")

    def texts(self, columns: list[str], key: str) -> list[str]:
        """The text of each row, several columns joined with a space; "" where there is none.

        Raises:
            InputError: a value that is no text.
        """
        values = {column: self.columns.get(column) or [None] * self.rows() for column in columns}
        for column in columns:
            for n, value in enumerate(values[column]):
                if value is not None and not isinstance(value, str):
                    raise self.fail(
                        key,
                        n,
                        f"holds {value!r:.50} in the column {column!r}, text was expected; name another column.",
                    )
                if value and "\0" in value:
                    raise self.fail(key, n, f"{NUL.format(column=column)}")
        if len(columns) == 1:
            return [text or "" for text in values[columns[0]]]
        rows = zip(*values.values(), strict=True)
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
    if not path:
        raise InputError(f"{key} is empty; {EXPECTED} was expected.")
    try:
        given = Path(path).expanduser()
        is_file = given.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a NUL, or ~nobody
        raise InputError(
            f"{key}: {path:.80} is no path ({getattr(error, 'strerror', None) or error}); {EXPECTED} was expected."
        ) from error
    if is_file:
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
        suffix = "".join(tables[0].suffixes[-2:]) if tables else ""
        hint = f" For the files in it, give {key}='{path.rstrip('/')}/*{suffix}'." if tables else ""
        raise InputError(
            f"{key}: {given.absolute()} is a folder without sub-folders of text files; one sub-folder per class "
            f"was expected, each with a text per file.{hint}"
        )
    if glob.has_magic(str(given)):
        files = sorted(file for file in map(Path, glob.glob(str(given), recursive=True)) if file.is_file())
        if files:
            return files
        raise InputError(f"{key}: no file matches {given.absolute()}; {EXPECTED} was expected.")
    raise InputError(f"{key}: {given.absolute()} does not exist; {EXPECTED} was expected.")


def open_table(path: str, key: str, encoding: str | None = None) -> Table:
    """The rows of a file, of all files that match a glob, or of a folder with one sub-folder of texts per class.

    `encoding=None` is UTF-8, or what a byte order mark says. A folder's columns are `text` and `label`. JSON Lines
    have the columns of the first thousand objects; what an object lacks is None.

    Raises:
        InputError: a file that cannot be read, with the place; while opening, or while the chunks are drawn.
    """
    files = find_files(path, key)
    _check_encoding(encoding)
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
                    f"Its columns are {', '.join(table.columns)}; all files of a glob need the same."
                )
            yield from table.chunks(columns)

    return first._replace(chunks=chunks)


def _suffix(file: Path) -> str:
    return Path(file.stem).suffix.lower() if file.suffix.lower() in COMPRESSED else file.suffix.lower()


def _check_encoding(encoding: object) -> None:
    if encoding is None:
        return
    try:
        known = isinstance(encoding, str) and codecs.lookup(encoding).name.replace("-", "_") not in NO_FILES
        "a".encode(str(encoding))  # hex, zlib and the like are codecs, too
    except (LookupError, UnicodeError, ValueError):
        known = False
    if not known:
        raise InputError(
            f"data.encoding={encoding} is no text encoding; one such as utf-8, latin-1 or cp1252 was expected."
        )


def is_table(file: Path) -> bool:
    """Whether its name says that a file has columns."""
    return _suffix(file) in FORMATS


def text_lines(file: Path, key: str, encoding: str | None, column: str) -> Iterator[Chunk]:
    """A file of any other name: a text a line, as one column."""
    reader = _Reader(file, key, encoding)
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
        labels = [file.parent.name for file in chunk]
        yield Chunk(str(files[0].parents[1]), start + 1, {"text": texts, "label": labels}, list(map(str, chunk)))


def _table(file: Path, key: str, encoding: str | None) -> Table:
    suffix = _suffix(file)
    if not is_table(file):
        raise InputError(
            f"{key}: cannot tell the format of {file} from its name; expected one of {', '.join(FORMATS)}, "
            f"or these with {', '.join(COMPRESSED)} after."
        )
    reader = _Reader(file, key, encoding)
    if reader.is_empty():
        raise InputError(f"{key}: {file} is empty; rows with a text and a label were expected.")
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
            reason = {
                "unexpected end of data": "a quote is opened there and never closed",
                "',' expected after '\"'": "text follows a closing quote",
            }.get(str(error), str(error))
            raise self.fail(
                f"{self.bad_row()} cannot be read: {reason}. A text that holds the separator, a quote or a line "
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
                f" is no whole {suffix} file: it is damaged, cut short, or something else under that name. "
                f"Fetch or write it again."
            )
        return self.fail(f" cannot be read: {str(error).strip().partition(chr(10))[0].rstrip('.')}.")

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
            header[0] = header[0].removeprefix("\ufeff")  # of an encoding that was named without its mark
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
        separator = "\t" if _suffix(self.file) == ".tsv" else max(SEPARATORS, key=first.count)
        return filter(None, csv.reader(chain([first], lines), delimiter=separator, strict=True))  # no blank lines

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
                        f"({', '.join(header)}). A text that holds the separator, a quote or a line break stands "
                        f'in "double quotes".'
                    )
                by_column = dict(zip(header, zip(*chunk, strict=True), strict=True))
                yield Chunk(str(self.file), done + 1, {column: by_column[column] for column in columns or header})
                done += len(chunk)
        if not done:
            raise self.fail(" has a header but no rows; rows with a text and a label were expected.")

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
            yield Chunk(str(self.file), done + 1, {name: [row.get(name) for row in chunk] for name in names})
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
                items = ((n, self.parsed(line, n)) for n, line in chain([(number, first)], numbered))
            while chunk := list(islice(items, ROWS)):
                for number, item in chunk:
                    if not isinstance(item, dict):
                        raise self.fail(f", {unit} {number} is no JSON object; one such as {OBJECT} was expected.")
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
                raise self.fail(" has columns but no rows; rows with a text and a label were expected.")
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
                f", column {name!r} holds bytes that are no UTF-8 text, in a row from {done + 1} on. Write it again."
            ) from error

    def bad_row(self) -> str:
        """The first row that is no CSV or holds a byte that is no text, as `, row 3`; of JSON, the line."""
        table = _suffix(self.file) in (".csv", ".tsv")
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
                f"{wrong}, which data.encoding={self.encoding} says it is. Name another, or leave it out for UTF-8."
            )
        if name.startswith(("UTF-16", "UTF-32")):
            return self.fail(f"{wrong}, which its byte order mark says it is: it is damaged or cut short.")
        other = ", or name its encoding, such as data.encoding=latin-1" if self.key.startswith("data.") else ""
        return self.fail(f"{wrong}. Save the file as UTF-8 (iconv -f LATIN1 -t UTF-8){other}.")


def _class_names(metadata: bytes) -> dict[str, list[str]]:
    """Class names by column, as `datasets` writes them into Parquet files; of anything else, none."""
    try:
        features = json.loads(metadata)["info"]["features"]
        names = {column: kind["names"] for column, kind in features.items() if kind.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {
        column: of
        for column, of in names.items()
        if isinstance(of, list) and all(isinstance(name, str) and name for name in of) and len(set(of)) == len(of)
    }
