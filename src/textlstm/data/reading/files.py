"""Paths as tables: a file, a glob, or a folder with one sub-folder of text files per class."""

import codecs
import glob
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from textlstm.checks import InputError
from textlstm.data.reading.readers import FORMATS, Reader, suffix_of
from textlstm.data.reading.tables import ROWS, Chunk, Table

NO_FILES = (
    "unicode_escape",
    "raw_unicode_escape",
    "idna",
    "punycode",
    "undefined",
)  # codecs, but of no file
EXPECTED = (
    "a CSV, TSV, JSON Lines or Parquet file, a glob, or a folder with one sub-folder per class"
)


def find_files(path: str, key: str) -> list[Path]:
    """The file, the files that match a glob, or the text files of a folder with one sub-folder per
    class.

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
            f"{key}: {path:.80} is no path ({getattr(error, 'strerror', None) or error}); "
            f"{EXPECTED} was expected."
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
        tables = [file for file in sorted(given.iterdir()) if suffix_of(file) in FORMATS]
        suffix = "".join(tables[0].suffixes[-2:]) if tables else ""
        hint = f" For the files in it, give {key}='{path.rstrip('/')}/*{suffix}'." if tables else ""
        raise InputError(
            f"{key}: {given.absolute()} is a folder without sub-folders of text files; one "
            f"sub-folder per class "
            f"was expected, each with a text per file.{hint}"
        )
    if glob.has_magic(str(given)):
        files = sorted(
            file for file in map(Path, glob.glob(str(given), recursive=True)) if file.is_file()
        )
        if files:
            return files
        raise InputError(f"{key}: no file matches {given.absolute()}; {EXPECTED} was expected.")
    raise InputError(f"{key}: {given.absolute()} does not exist; {EXPECTED} was expected.")


def open_table(path: str, key: str, encoding: str | None = None) -> Table:
    """The rows of a file, of all files that match a glob, or of a folder with one sub-folder of
    texts per class.

    `encoding=None` is UTF-8, or what a byte order mark says. A folder's columns are `text` and
    `label`. JSON Lines have the columns of the first thousand objects; what an object lacks is
    None.

    Raises:
        InputError: a file that cannot be read, with the place; while opening, or while the chunks
            are drawn.
    """
    files = find_files(path, key)
    _check_encoding(encoding)
    if Path(path).expanduser().is_dir():
        return Table(["text", "label"], {}, lambda columns: _texts_by_folder(files, key, encoding))
    first = Reader(files[0], key, encoding).table()

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        for file in files:
            table = first if file is files[0] else Reader(file, key, encoding).table()
            missing = [column for column in columns or first.columns if column not in table.columns]
            if missing:
                raise InputError(
                    f"{key}: {file} has no column {missing[0]!r}, which {files[0]} has. "
                    f"Its columns are {', '.join(table.columns)}; all files of a glob need the "
                    f"same."
                )
            yield from table.chunks(columns)

    return first._replace(chunks=chunks)


def _check_encoding(encoding: object) -> None:
    if encoding is None:
        return
    try:
        known = (
            isinstance(encoding, str)
            and codecs.lookup(encoding).name.replace("-", "_") not in NO_FILES
        )
        "a".encode(str(encoding))  # hex, zlib and the like are codecs, too
    except (LookupError, UnicodeError, ValueError):
        known = False
    if not known:
        raise InputError(
            f"data.encoding={encoding} is no text encoding; one such as utf-8, latin-1 or cp1252 "
            f"was expected."
        )


def text_lines(file: Path, key: str, encoding: str | None, column: str) -> Iterator[Chunk]:
    """A file of any other name: a text a line, as one column."""
    reader = Reader(file, key, encoding)
    with reader.reading(), reader.text() as stream:
        lines = (line.rstrip("\r\n") for line in stream)
        done = 0
        while chunk := list(islice(lines, ROWS)):
            yield Chunk(str(file), done + 1, {column: chunk})
            done += len(chunk)


def _texts_by_folder(files: list[Path], key: str, encoding: str | None) -> Iterator[Chunk]:
    for start in range(0, len(files), ROWS):
        chunk = files[start : start + ROWS]
        texts = [Reader(file, key, encoding).whole_text() for file in chunk]
        labels = [file.parent.name for file in chunk]
        yield Chunk(
            str(files[0].parents[1]),
            start + 1,
            {"text": texts, "label": labels},
            list(map(str, chunk)),
        )
