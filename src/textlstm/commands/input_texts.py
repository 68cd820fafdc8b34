"""Reads the texts that are predicted: a table, a file of lines, standard input or a keyboard."""

import logging
import sys
from collections.abc import Iterator
from itertools import chain, islice

from textlstm.checks import InputError
from textlstm.data.columns import Columns
from textlstm.data.facts import DamageFacts
from textlstm.data.reading.damaged import count_damaged, damaged_sentence
from textlstm.data.reading.fields import add_fields
from textlstm.data.reading.files import find_files, is_text_folder, open_table, text_lines
from textlstm.data.reading.formats import opens_as_table
from textlstm.data.reading.names import is_list, split_names
from textlstm.data.reading.settings import FileSettings
from textlstm.data.reading.swallowing import Swallowing, swallowing_sentence
from textlstm.data.reading.tables import ROWS, Chunk

log = logging.getLogger(__name__)


def standard_input(columns: str | list[str] | None) -> tuple[list[str], Iterator[Chunk]]:
    """Names the column of the text, and reads one text from each line of standard input."""
    name = _name_of_lines(columns)
    return [name], _typed_lines(name)


def _typed_lines(column: str) -> Iterator[Chunk]:
    """Reads one text from each line of standard input; from a keyboard, one at a time."""
    keyboard = sys.stdin.isatty()
    if keyboard:
        print("Reading texts from the keyboard, one a line; Ctrl-D ends.", file=sys.stderr)
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    lines = (line.rstrip("\r\n") for line in sys.stdin)
    try:
        while chunk := list(islice(lines, 1 if keyboard else ROWS)):
            yield Chunk("standard input", 1, {column: chunk})
    except UnicodeDecodeError as error:
        raise InputError(f"input: standard input is not UTF-8 text ({error}).") from error


def read_input(
    path: str, columns: str | list[str] | None, settings: FileSettings
) -> tuple[list[str], Iterator[Chunk]]:
    """Finds the columns of the text, and reads the rows of a table or the lines of another file."""
    if is_text_folder(path):
        raise InputError(f"input: {path} is a folder; a file or a glob was expected.")
    files = find_files(path, "input")
    if not opens_as_table(files[0], settings):
        name = _name_of_lines(columns)
        lines = (text_lines(file, "input", settings, name) for file in files)
        return [name], _looked_through(chain.from_iterable(lines), path)

    table = open_table(path, "input", settings)
    found = Columns(table, "input", lambda what: InputError(f"input: {path} {what}"))
    texts = found.texts(columns)
    if table.said:
        log.info("input: %s", table.said)
    chunks = (add_fields(chunk, texts) for chunk in table.chunks(None))
    return texts, _looked_through(chunks, path)


def _name_of_lines(columns: str | list[str] | None) -> str:
    """Names the column of the text where each line of the input is one: the first name given."""
    if isinstance(columns, str):
        columns = split_names(columns) if is_list(columns) else [columns]
    return columns[0] if columns else "text"


def _looked_through(chunks: Iterator[Chunk], path: str) -> Iterator[Chunk]:
    """The same chunks; warns at the end of rows that seem to hold whole rows, or have �."""
    damaged: DamageFacts = {"rows": 0, "places": []}
    swallowing = Swallowing()
    for chunk in chunks:
        count_damaged(chunk, damaged, path)
        swallowing.count(chunk)
        yield chunk

    if damaged["rows"]:
        log.warning("%s", damaged_sentence("input", damaged))
    if swallowing.rows:
        log.warning("%s", swallowing_sentence("input", swallowing.facts()))
