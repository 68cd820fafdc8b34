"""Reads tables whose columns are divided by a separator: CSV with any of four, and TSV."""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

from textlstm.data.reading.dialect import (
    MARK,
    TAB,
    Dialect,
    Sample,
    find_dialect,
    first_rows,
    likely_columns,
    seems_data,
    seems_names,
    shows_quoting,
)
from textlstm.data.reading.opened import UNDECODED, UNREADABLE, OpenedFile
from textlstm.data.reading.swallowing import held_rows
from textlstm.data.reading.tables import NUL, ROWS, Chunk, Table

SEPARATORS = ",;\t|"
SAMPLE = 1 << 20  # characters by which it is told how a file is written
SHOWN = 30  # characters of a value in a message
UNCLOSED = "a quote is opened there and never closed"
CONTINUED = "text follows a closing quote"


def read_csv(file: OpenedFile) -> Table:
    """A table whose header shows which of the usual separators it has."""
    return DelimitedFile(file, SEPARATORS).table()


def read_tsv(file: OpenedFile) -> Table:
    """A table whose separator is the tab, whatever its header holds."""
    return DelimitedFile(file, TAB).table()


class DelimitedFile:
    """A file of rows whose fields are divided by one of `separators`, as its first lines show."""

    def __init__(self, file: OpenedFile, separators: str) -> None:
        self.file, self.separators = file, separators
        csv.field_size_limit(sys.maxsize)

    def table(self) -> Table:
        """The columns, and the rows as they are needed."""
        names = self.names
        if not any(names):
            raise self.file.fail(" has no header: a first line with the column names was expected.")
        for name in names:
            if "\0" in name:
                raise self.file.fail(f", header {NUL.format(column=name)}")

        return Table(
            names,
            {},
            self._chunks,
            said=self._said(),
            by_position=not self.dialect.header,
            without_names=self._without_names,
        )

    @cached_property
    def sample(self) -> Sample:
        """The first lines, in which a byte that is no text is one that no text has."""
        replaced = self.file.settings.encoding_errors == "replace"
        errors = None if replaced else "surrogateescape"
        with self.file.reading(), self.file.text(errors=errors) as stream:
            lines = stream.readlines(SAMPLE)
            whole = not stream.readline()
        return Sample([line.removeprefix(MARK) for line in lines[:1]] + lines[1:], whole)

    @cached_property
    def dialect(self) -> Dialect:
        """How the file is written."""
        return find_dialect(self.sample, self.separators, self.file.settings)

    @cached_property
    def names(self) -> list[str]:
        """The name of each column: as the header or data.columns has it, or its position from 1.

        A name may be empty, or stand twice.
        """
        with self._opened() as lines:
            first: list[str] = next(filter(None, self.dialect.reader(lines)), [])
        if self.dialect.header:
            return first
        if not first:
            raise self.file.fail(" has no rows; at least one row was expected.")

        names = self.file.settings.column_names()
        if names == first:
            raise self.file.fail(
                f" has a header: its first row holds the names that {self.file.option('columns')} "
                f"gives. Leave them and {self.file.option('header')}=false out."
            )
        return names or [str(position) for position in range(1, len(first) + 1)]

    def _said(self) -> str:
        """Says what the first lines have decided, where they could have been read otherwise."""
        if not self.dialect.header:
            first, *others = first_rows(self.sample, self.dialect)
            if seems_names(first, others):
                return (
                    f"the first row, {_shown(first)}, is read as a row, but looks like names of "
                    f"columns; {self.file.option('header')}=true takes it for them."
                )
        if not (self.dialect.guessed and self.dialect.seen):
            return ""
        key = self.file.option("quoting")
        if self.dialect.quotes:
            return (
                f"fields stand in double quotes, as the first rows show; {key}=none takes a quote "
                f"as a character."
            )
        return (
            f"a quote is a character of the text, as the first rows show; {key}=double reads "
            f"fields in double quotes."
        )

    def _chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        """The rows, with the named columns or with all."""
        width, done = len(self.names), 0
        names = _told_apart(self.names) if columns is None else columns
        places = range(width) if columns is None else list(map(self.names.index, columns))
        with self._opened() as lines:
            reader = self.dialect.reader(lines)
            rows = filter(None, reader)
            if self.dialect.header:
                next(rows, None)

            lines_read = reader.line_num
            while chunk := list(islice(rows, ROWS)):
                if set(map(len, chunk)) != {width}:
                    raise self._wrong_length(chunk, done)
                self._check_quotes(chunk, done)
                spans_lines = reader.line_num - lines_read > len(chunk)
                swallowing = self._swallowing(chunk, done) if spans_lines else []

                by_place = list(zip(*chunk, strict=True))
                values: dict[str, Sequence[Any]] = {
                    name: by_place[place] for name, place in zip(names, places, strict=True)
                }
                yield Chunk(str(self.file.path), done + 1, values, swallowing=swallowing)
                done, lines_read = done + len(chunk), reader.line_num

        if not done:
            raise self.file.fail(" has a header but no rows; at least one row was expected.")

    def _wrong_length(self, rows: list[list[str]], done: int) -> Exception:
        """The error for the first row of another length than the header; `done` came before."""
        wrong = next(n for n, row in enumerate(rows) if len(row) != len(self.names))
        count = len(rows[wrong])
        key = self.file.option("quoting")
        remedy = (
            'A text that holds the separator, a quote or a line break stands in "double quotes".'
        )
        if not self.dialect.quotes:
            remedy = (
                f"A quote is a character in this file, so that no text holds the separator or a "
                f'line break; where such texts stand in "double quotes", give {key}=double.'
            )

        named = f"({', '.join(self.names)})"
        others = f"the header has {len(self.names)} {named}"
        if not self.dialect.header:
            others = f"row 1 has {len(self.names)}"
            if self.file.settings.column_names():
                others = f"{self.file.option('columns')} names {len(self.names)} {named}"
        return self.file.fail(
            f", row {done + wrong + 1} has {count} {'field' if count == 1 else 'fields'}, "
            f"{others}. {remedy}"
        )

    def _check_quotes(self, rows: list[list[str]], done: int) -> None:
        """Refuses a field in quotes where the first rows have shown that a quote is a character."""
        if self.dialect.quotes or self.dialect.mixed or not self.dialect.guessed:
            return
        for number, row in enumerate(rows, start=done + 1):
            field = next(filter(shows_quoting, row), None)
            if field is not None:
                key = self.file.option("quoting")
                raise self.file.fail(
                    f", row {number} holds {field!r:.{SHOWN}}, which stands in double quotes with "
                    f"those inside doubled, but the first rows of this tab-separated file do not "
                    f"show that fields stand in quotes. Give {key}=double if they do, or "
                    f"{key}=none if a quote is a character of the text."
                )

    def _swallowing(self, rows: list[list[str]], done: int) -> list[int]:
        """The rows (from 0) that hold what looks like whole rows, of which one is a known value.

        In a tab-separated file such a row contradicts what the first rows have shown.
        """
        found = []
        known = [set(column) for column in zip(*rows, strict=True)]
        for n, row in enumerate(rows):
            held = list(held_rows(row, self.dialect.separator))
            if held and self.dialect.separator == TAB and self.dialect.guessed:
                key = self.file.option("quoting")
                raise self.file.fail(
                    f", row {done + n + 1} holds a line break and then what looks like a whole "
                    f"row, from a quote on that may be a character, though the first rows show "
                    f"fields in double quotes. Give {key}=none if a quote is a character of the "
                    f"text, or {key}=double if these lines are one text."
                )
            if any(value.strip() and value in known[column] for column, value in held):
                found.append(n)
        return found

    def _without_names(self) -> str:
        """What to say of a file in which a column is not found since it seems to have no names."""
        rows = first_rows(self.sample, self.dialect)
        if not self.dialect.header:
            return f" Row 1 holds {_shown(rows[0])}." if rows else ""
        if self.file.settings.header or not rows or not seems_data(rows[0], rows[1:]):
            return ""

        text, label = likely_columns(rows)
        typed = {key: self.file.option(key) for key in ("header", "columns", "text_column")}
        positions = f"{typed['text_column']}={text}"
        if self.file.key != "input" and label != text:
            positions += f" {self.file.option('label_column')}={label}"
        return (
            f"seems to have no header: its first row holds {_shown(rows[0])}, like the rows below. "
            f"Give {typed['header']}=false with positions from 1, such as {positions}, or with a "
            f"name for each of the {len(rows[0])} columns, {typed['columns']}=[…]; or "
            f"{typed['header']}=true if these are the names."
        )

    @contextmanager
    def _opened(self) -> Iterator[io.TextIOWrapper]:
        """Opens the text, and turns what is wrong with it into an InputError that names the row."""
        with self.file.reading(self._bad_row), self.file.text() as lines:
            try:
                yield lines
            except csv.Error as error:
                reason = str(error)
                if reason == "unexpected end of data":
                    reason = UNCLOSED
                elif reason.endswith("""expected after '"'"""):  # whatever the separator
                    reason = CONTINUED
                raise self.file.fail(
                    f"{self._bad_row()} cannot be read: {reason}. A text that holds the "
                    f'separator, a quote or a line break stands in "double quotes", with quotes '
                    f"inside it doubled; where a quote is a character of the text, give "
                    f"{self.file.option('quoting')}=none."
                ) from error

    def _bad_row(self) -> str:
        """Where the first row stands that is not CSV or holds a bad byte, such as `, row 3`.

        It is empty where that is not known.
        """
        number = -1 if self.dialect.header else 0  # of the last good row; the header has 0
        try:
            with self.file.text(errors="surrogateescape") as lines:
                for row in filter(None, self.dialect.reader(lines)):
                    if any(map(UNDECODED.search, row)):
                        break
                    number += 1
                else:
                    return ""
        except csv.Error:
            pass
        except (UnicodeError, *UNREADABLE):  # in UTF-16 no byte can be escaped
            return ""
        return f", row {number + 1}" if number >= 0 else ", header"


def _told_apart(names: list[str]) -> list[str]:
    """The names of all columns, with the position where a name is empty or stands twice."""
    found: list[str] = []
    for position, name in enumerate(names, start=1):
        name = name or f"column {position}"
        while name in found:
            name = f"{name} ({position})"
        found.append(name)
    return found


def _shown(row: list[str]) -> str:
    """The first values of a row as a message shows them."""
    shown = [repr(value if len(value) <= SHOWN else value[: SHOWN - 1] + "…") for value in row[:4]]
    return ", ".join(shown) + (", …" if len(row) > 4 else "")
