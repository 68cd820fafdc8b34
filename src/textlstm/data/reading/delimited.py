"""Reads tables whose columns are divided by a separator: CSV with any of four, and TSV."""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from textlstm.data.reading.opened import UNDECODED, UNREADABLE, OpenedFile
from textlstm.data.reading.tables import NUL, ROWS, Chunk, Table

SEPARATORS = ",;\t|"
MARK = "\ufeff"  # stays in the header of a file whose encoding was named without its mark
REASONS = {
    "unexpected end of data": "a quote is opened there and never closed",
    "',' expected after '\"'": "text follows a closing quote",
}


def read_csv(file: OpenedFile) -> Table:
    """A table whose header shows which of the usual separators it has."""
    return DelimitedFile(file, SEPARATORS).table()


def read_tsv(file: OpenedFile) -> Table:
    """A table whose separator is the tab, whatever its header holds."""
    return DelimitedFile(file, "\t").table()


class DelimitedFile:
    """A file of rows whose fields are divided by that of `separators` which its header has most."""

    def __init__(self, file: OpenedFile, separators: str) -> None:
        self.file, self.separators = file, separators

    def table(self) -> Table:
        """The columns from the header, and the rows as they are needed."""
        with self._opened() as lines:
            header = self._header(self._rows(lines))

        if not any(header):
            raise self.file.fail(" has no header: a first line with the column names was expected.")
        for name in header:
            if "\0" in name:
                raise self.file.fail(f", header {NUL.format(column=name)}")
        return Table(self.file.distinct(header), {}, self._chunks)

    def _chunks(self, columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        with self._opened() as lines:
            rows = self._rows(lines)
            header = self._header(rows)
            while chunk := list(islice(rows, ROWS)):
                self._check_lengths(chunk, header, done)
                by_column = dict(zip(header, zip(*chunk, strict=True), strict=True))
                values: dict[str, Sequence[Any]] = {
                    column: by_column[column] for column in columns or header
                }
                yield Chunk(str(self.file.path), done + 1, values)
                done += len(chunk)

        if not done:
            raise self.file.fail(
                " has a header but no rows; rows with a text and a label were expected."
            )

    def _check_lengths(self, rows: list[list[str]], header: list[str], done: int) -> None:
        """Refuses a row with more or fewer fields than the header; `done` rows came before."""
        wrong = next((n for n, row in enumerate(rows) if len(row) != len(header)), None)
        if wrong is not None:
            count = len(rows[wrong])
            raise self.file.fail(
                f", row {done + wrong + 1} has {count} {'field' if count == 1 else 'fields'}, the "
                f"header has {len(header)} ({', '.join(header)}). A text that holds the "
                f'separator, a quote or a line break stands in "double quotes".'
            )

    def _rows(self, lines: io.TextIOWrapper) -> Iterator[list[str]]:
        """The header and the rows as lists of fields, without blank lines."""
        csv.field_size_limit(sys.maxsize)
        first = lines.readline()
        separator = max(self.separators, key=first.count)
        return filter(None, csv.reader(chain([first], lines), delimiter=separator, strict=True))

    @staticmethod
    def _header(rows: Iterator[list[str]]) -> list[str]:
        """The names of the columns, drawn from the rows; none if there is no row."""
        header = next(rows, [])
        if header:
            header[0] = header[0].removeprefix(MARK)
        return header

    @contextmanager
    def _opened(self) -> Iterator[io.TextIOWrapper]:
        """Opens the text, and turns what is wrong with it into an InputError that names the row."""
        with self.file.reading(self._bad_row), self.file.text() as lines:
            try:
                yield lines
            except csv.Error as error:
                reason = REASONS.get(str(error), str(error))
                raise self.file.fail(
                    f"{self._bad_row()} cannot be read: {reason}. A text that holds the "
                    f'separator, a quote or a line break stands in "double quotes", with quotes '
                    f"inside it doubled."
                ) from error

    def _bad_row(self) -> str:
        """Where the first row stands that is not CSV or holds a bad byte, such as `, row 3`.

        It is empty where that is not known.
        """
        number = -1  # of the last good row; the header has the number 0
        try:
            with self.file.text(errors="surrogateescape") as lines:
                for row in self._rows(lines):
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
