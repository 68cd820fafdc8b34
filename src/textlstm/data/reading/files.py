"""Paths as tables: a file, a glob, or a folder with one sub-folder of text files per class."""

import codecs
import glob
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from textlstm.checks import InputError
from textlstm.data.reading.damaged import replaced_in, with_replacements
from textlstm.data.reading.folders import find_texts, is_saved, saved_tables
from textlstm.data.reading.formats import check_format, format_names, read_table
from textlstm.data.reading.opened import OpenedFile
from textlstm.data.reading.settings import AS_NAMED, FileSettings
from textlstm.data.reading.tables import ROWS, Chunk, Table, key_beside, listed_columns

log = logging.getLogger(__name__)

UNLABELLED_KEY = "data.unlabelled"  # its texts need no classes
EXPECTED = f"a {format_names()} file, a glob, or a folder with one sub-folder per class"
NOT_OF_FILES = {  # codecs of Python's that no file is written in
    "unicode_escape",
    "raw_unicode_escape",
    "idna",
    "punycode",
    "undefined",
}


def find_files(path: str, key: str) -> list[Path]:
    """Finds one file, those that match a glob, the texts of a folder, or a saved data set's tables.

    Raises:
        InputError: there are none, or some are missing.
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
        try:
            if is_saved(given):
                return saved_tables(given, key)
            return find_texts(given, key, labelled=key != UNLABELLED_KEY).files
        except OSError as error:
            raise InputError(
                f"{key}: {error.filename} cannot be read: {error.strerror}."
            ) from error
    if glob.has_magic(str(given)):
        matches = map(Path, glob.glob(str(given), recursive=True))
        files = sorted(file for file in matches if file.is_file())
        if files:
            return files
        raise InputError(f"{key}: no file matches {given.absolute()}; {EXPECTED} was expected.")
    if given.exists():
        raise InputError(
            f"{key}: {given.absolute()} is a pipe, a device or a socket, which cannot be read "
            f"twice; {EXPECTED} was expected. Write what it gives into a file."
        )
    raise InputError(f"{key}: {given.absolute()} does not exist; {EXPECTED} was expected.")


def is_text_folder(path: str) -> bool:
    """Whether a path is a folder whose files are texts: not a data set that `datasets` saved."""
    folder = Path(path).expanduser()
    return folder.is_dir() and not is_saved(folder)


def open_table(path: str, key: str, settings: FileSettings = AS_NAMED) -> Table:
    """Opens a file, all files that match a glob, or a folder as one table.

    The columns of a folder of classes are `text` and `label`. JSON Lines have the columns of the
    first thousand objects, and None where an object lacks one.

    Args:
        path: the file, the glob or the folder.
        key: the config key that named it, for messages.
        settings: what the names of the files do not say.

    Raises:
        InputError: a file that cannot be read, with the place; while opening, or while the chunks
            are drawn.
    """
    files = find_files(path, key)
    _check_encoding(settings.encoding, key)
    check_format(settings, key_beside(key, "format"))
    if is_text_folder(path):
        table = Table(["text", "label"], {}, lambda columns: _texts_by_folder(files, key, settings))
    else:
        table = _joined(files, key, settings)
    return with_replacements(table) if settings.encoding_errors == "replace" else table


def _joined(files: list[Path], key: str, settings: FileSettings) -> Table:
    """The tables of some files, all with the columns of the first, behind each other."""
    first = read_table(OpenedFile(files[0], key, settings))

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        for file in files:
            table = first
            if file is not files[0]:
                table = read_table(OpenedFile(file, key, settings))
                _check_like(table, file, first, files[0], columns, key)
            yield from table.chunks(columns)

    return first._replace(chunks=chunks)


def _check_like(
    table: Table, file: Path, first: Table, first_file: Path, columns: list[str] | None, key: str
) -> None:
    """Refuses a file of a glob without a column of the first; says what was decided otherwise."""
    wanted = first.columns if columns is None else columns
    missing = next((column for column in wanted if column not in table.names()), None)
    if missing is not None:
        raise InputError(
            f"{key}: {file} has no column {missing!r}, which {first_file} has. Its columns are "
            f"{listed_columns(table.columns)}; all files of a glob need the same."
        )
    if table.said and table.said != first.said:
        log.info("%s: %s: %s", key, file, table.said)


def _check_encoding(encoding: object, key: str) -> None:
    """Refuses what is not the encoding of a text; None is none."""
    if encoding is None:
        return
    try:
        known = (
            isinstance(encoding, str)
            and codecs.lookup(encoding).name.replace("-", "_") not in NOT_OF_FILES
        )
        "a".encode(str(encoding))  # hex, zlib and the like are codecs, too
    except (LookupError, UnicodeError, ValueError):
        known = False
    if not known:
        raise InputError(
            f"{key_beside(key, 'encoding')}={encoding} is no text encoding; one such as utf-8, "
            f"latin-1 or cp1252 was expected."
        )


def text_lines(path: Path, key: str, settings: FileSettings, column: str) -> Iterator[Chunk]:
    """Reads a file of any other name as one column, with a text in each line."""
    _check_encoding(settings.encoding, key)
    file = OpenedFile(path, key, settings)
    with file.reading(file.bad_line), file.text() as stream:
        lines = (line.rstrip("\r\n") for line in stream)
        done = 0
        while some := list(islice(lines, ROWS)):
            chunk = Chunk(str(path), done + 1, {column: some})
            yield replaced_in(chunk) if settings.encoding_errors == "replace" else chunk
            done += len(some)


def _texts_by_folder(files: list[Path], key: str, settings: FileSettings) -> Iterator[Chunk]:
    """The texts of a folder of classes, each of them a file, with the sub-folders as labels."""
    root = str(files[0].parents[1])
    for start in range(0, len(files), ROWS):
        some = files[start : start + ROWS]
        texts = [OpenedFile(file, key, settings).whole_text() for file in some]
        labels = [file.parent.name for file in some]
        yield Chunk(root, start + 1, {"text": texts, "label": labels}, list(map(str, some)))
