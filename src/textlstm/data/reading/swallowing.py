"""Finds rows that have swallowed others: from a stray quote to the next, rows become one text."""

import re
from collections.abc import Iterator
from itertools import chain

from textlstm.data.facts import SwallowingFacts
from textlstm.data.reading.tables import Chunk, key_beside

LINE_BREAK = re.compile(r"\r\n|\r|\n")


def held_rows(row: list[str], separator: str) -> Iterator[tuple[int, str]]:
    """What stands in the columns of rows that a field of this row seems to hold in its lines.

    A field with a line break holds rows if its first line and one below it have as many fields as
    this row, together with what stands before and after the field.

    Returns:
        Pairs of a column and a value in it; none if no field holds rows.
    """
    last = len(row) - 1
    for column, field in enumerate(row):
        first, *below = (line.split(separator) for line in LINE_BREAK.split(field))
        if last == 0 or not below or column + len(first) - 1 != last:
            continue
        whole = [line for line in below[:-1] if len(line) == len(row)]
        if len(below[-1]) - 1 == column:
            whole.append(below[-1])

        if whole:
            yield from enumerate(first[1:], start=column + 1)
            yield from chain.from_iterable(map(enumerate, whole))


class Swallowing:
    """Counts the rows that seem to hold whole rows, chunk by chunk."""

    def __init__(self) -> None:
        self.rows, self.first = 0, ""

    def count(self, chunk: Chunk) -> None:
        """Counts those of one more chunk."""
        if chunk.swallowing and not self.rows:
            self.first = chunk.place(chunk.swallowing[0])
        self.rows += len(chunk.swallowing)

    def facts(self) -> SwallowingFacts:
        """How many there are so far, and the first."""
        return {"rows": self.rows, "first": self.first}


def swallowing_sentence(key: str, found: SwallowingFacts) -> str:
    """Says which rows seem to hold whole rows, and what to do about it."""
    holds = "1 row holds" if found["rows"] == 1 else f"{found['rows']:,} rows hold"
    return (
        f"{key}: {holds} a line break and then what looks like a whole row, the first is "
        f"{found['first']}. If a quote is a character there, so that rows have become part of a "
        f"text, give {key_beside(key, 'quoting')}=none, or double the quotes inside fields."
    )
