"""Tells by the first lines of a delimited file how it is written: separator, quotes, header."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from textlstm.checks import NUMBER
from textlstm.data.reading.settings import DelimitedSettings

TAB = "\t"
MARK = "\ufeff"  # stays in the first line of a file whose encoding was named without its mark
SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\r\n])"?\s*', re.IGNORECASE)  # as Excel writes it
IN_QUOTES = re.compile(r'"(?:[^"]|"")*"?')
LINES = 100  # that are read to choose between separators
ROWS_COMPARED = 1000  # with a first row that may be a header
LABEL = 50  # characters of the longest value by which a first row is taken for data


@dataclass(frozen=True)
class Sample:
    """The first lines of a file.

    Args:
        lines: the lines with their ends, without a byte order mark.
        whole: whether they are all that the file has.
    """

    lines: list[str]
    whole: bool


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written.

    Args:
        separator: what divides the fields.
        quotes: whether a field may stand in double quotes; otherwise a quote is a character.
        header: whether the first row holds the names of the columns.
        separator_line: whether a first line `sep=;` is left out.
        guessed: whether `quotes` is what the first lines show, and was not said by a key.
        seen: whether those lines hold quotes by which that was told.
        mixed: whether some of them speak for the contrary, too.
    """

    separator: str
    quotes: bool
    header: bool
    separator_line: bool
    guessed: bool
    seen: bool
    mixed: bool

    def reader(self, lines: Iterator[str], *, strict: bool = True) -> Any:
        """Reads all rows of the file from its lines, with the header and with blank lines."""
        first = next(lines, "").removeprefix(MARK)
        rows = lines if self.separator_line else chain([first], lines)
        if self.quotes:
            return csv.reader(rows, delimiter=self.separator, strict=strict)
        return csv.reader(rows, delimiter=self.separator, quoting=csv.QUOTE_NONE, strict=strict)


def find_dialect(sample: Sample, separators: str, settings: DelimitedSettings) -> Dialect:
    """Finds out how a file is written.

    In a tab-separated file a quote is a character, unless the sample shows that fields stand in
    double quotes; with any other separator they may do so. `data.quoting` decides otherwise.

    Args:
        sample: the first lines of the file.
        separators: those that there may be, the most usual first.
        settings: what the keys say of header and quotes.
    """
    lines = sample.lines
    named = SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if named is not None:
        lines = lines[1:]
    separator = _separator(lines, separators) if named is None else named[1]

    guessed, quotes, seen, mixed = settings.quoting is None, True, False, False
    if not guessed:
        quotes = settings.quoting == "double"
    elif separator == TAB:
        fields = [field for line in lines for field in _fields(line, separator)]
        seen = any(field.startswith('"') for field in fields)
        quotes = seen and _stand_in_quotes(Sample(lines, sample.whole), separator)
        mixed = not quotes and any(map(shows_quoting, fields))
    return Dialect(
        separator,
        quotes=quotes,
        header=settings.header is not False,
        separator_line=named is not None,
        guessed=guessed,
        seen=seen,
        mixed=mixed,
    )


def _separator(lines: list[str], separators: str) -> str:
    """The separator that the first row has most, if it divides half of the others alike."""
    line = next((line for line in lines if line.strip("\r\n")), "")
    first = IN_QUOTES.sub("", line)
    found = [separator for separator in separators if separator in first]
    if len(found) == 1:
        return found[0]
    if not found:
        return max(separators, key=line.count)

    def divides_alike(separator: str) -> bool:
        rows = csv.reader(islice(lines, LINES), delimiter=separator)
        width, *others = (len(row) for row in rows if row)
        return 2 * others.count(width) >= len(others)

    return max(list(filter(divides_alike, found)) or found, key=first.count)


def _stand_in_quotes(sample: Sample, separator: str) -> bool:
    """Whether the quotes in a sample stand around fields, rather than being characters of texts.

    A field that begins and ends with one, and has those inside doubled, shows it, if all rows can
    be read so. Fields that hold the separator or a line break show it, too, where the lines alone
    would not be rows, unless a row would hold whole rows.
    """
    rows = [_fields(line, separator) for line in sample.lines if line.strip("\r\n")]
    columns = [field for row in rows for field in row]
    doubled = sum(map(shows_quoting, columns))
    stray = sum('"' in field and not _in_quotes(field) for field in columns)
    readable, holds_rows = _read_in_quotes(sample, separator)
    if doubled:
        return readable or doubled > stray
    if not readable or holds_rows:
        return False
    if len({len(row) for row in rows}) > 1:
        return True
    return not stray and _quoted_for_a_reason(rows)


def _read_in_quotes(sample: Sample, separator: str) -> tuple[bool, bool]:
    """Whether all rows can be read and have as many fields, and whether one holds whole rows."""
    reader = csv.reader(iter(sample.lines), delimiter=separator, strict=True)
    width, start, holds_rows = 0, 0, False
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                return False, holds_rows
            lines = sample.lines[start : reader.line_num]
            holds_rows = holds_rows or _hold_rows(lines, separator, width)
            start = reader.line_num
    except csv.Error as error:
        unfinished = not sample.whole and str(error) == "unexpected end of data"
        return unfinished, holds_rows or _hold_rows(sample.lines[start:], separator, width)
    return True, holds_rows


def _hold_rows(lines: list[str], separator: str, width: int) -> bool:
    """Whether the first of the lines of one row has as many fields as a row, and another, too."""
    first, *others = (line.count(separator) + 1 == width for line in lines)
    return width > 1 and first and any(others)


def _quoted_for_a_reason(rows: list[list[str]]) -> bool:
    """Whether fields in quotes are just those of some columns, or just those with a comma.

    The former is how quotes are written around each text, the latter how spreadsheets write them.
    """
    whole = [
        all(map(_in_quotes, filter(None, column)))
        for column in zip(*rows[1:], strict=True)
        if any(column)
    ]
    if any(whole):
        return True
    fields = [field for row in rows for field in row]
    with_comma = {field for field in fields if "," in field}
    return bool(with_comma) and {field for field in fields if _in_quotes(field)} == with_comma


def shows_quoting(field: str) -> bool:
    """Whether an unparsed field begins and ends with a quote and has some inside, all doubled."""
    if '""' not in field or not _in_quotes(field):
        return False
    inside = field[1:-1]
    return '""' in inside and '"' not in inside.replace('""', "")


def _in_quotes(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"'


def _fields(line: str, separator: str) -> list[str]:
    """The fields of a line in which a quote is a character."""
    return line.rstrip("\r\n").split(separator)


def first_rows(sample: Sample, dialect: Dialect) -> list[list[str]]:
    """The rows of a sample, the header among them, as far as they can be read."""
    rows = filter(None, dialect.reader(iter(sample.lines), strict=False))
    return list(islice(rows, 1 + ROWS_COMPARED))


def seems_data(first: list[str], others: Iterable[list[str]]) -> bool:
    """Whether a first row looks like the rows below it, and not like names of their columns.

    It does if one of its values stands again in the same column, as a label does, or if it is a
    number above numbers. Numbers in turn are names, as pandas gives them.
    """
    names = [value for value in first if value]
    if names in ([str(n + start) for n in range(len(names))] for start in (0, 1)):
        return False
    rows = [row for row in others if len(row) == len(first)]
    if not rows:
        return False

    for value, below in zip(first, zip(*rows, strict=True), strict=True):
        if value.strip() and len(value) <= LABEL and value in below:
            return True
        given = [other for other in below if other]
        if given and NUMBER.fullmatch(value) and all(map(NUMBER.fullmatch, given)):
            return True
    return False


def seems_names(first: list[str], others: Iterable[list[str]]) -> bool:
    """Whether a first row looks like names: one of its values is not a number, above numbers."""
    rows = [row for row in others if len(row) == len(first)]
    columns = zip(first, zip(*rows, strict=True), strict=True) if rows else ()
    return any(
        value and not NUMBER.fullmatch(value) and all(map(NUMBER.fullmatch, below))
        for value, below in columns
    )


def likely_columns(rows: list[list[str]]) -> tuple[int, int]:
    """The positions, from 1, of what looks most like texts and like labels in rows without names.

    Texts are the longest values, and labels those of the others that differ least.
    """
    width = len(rows[0])
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    text = max(range(width), key=lambda n: sum(map(len, columns[n])))
    others = [n for n in range(width) if n != text] or [text]
    label = min(others, key=lambda n: (len(set(columns[n])) == 1, len(set(columns[n]))))
    return text + 1, label + 1
