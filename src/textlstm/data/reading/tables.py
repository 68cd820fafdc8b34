"""A table read in chunks, whatever it comes from, and how a row of it is named in messages."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from textlstm.checks import InputError

ROWS = 1000  # in memory together, of whatever length
NUL = (
    "holds a NUL byte in the column {column!r}, which no text has. Remove it, or name the encoding "
    "of the file, such "
    "as data.encoding=utf-16-le."
)


class Chunk(NamedTuple):
    """Some rows of a file, by column; `first` is the number of the first row, counted from 1
    without a header.

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
                        f"holds {value!r:.50} in the column {column!r}, text was expected; name "
                        f"another column.",
                    )
                if value and "\0" in value:
                    raise self.fail(key, n, f"{NUL.format(column=column)}")
        if len(columns) == 1:
            return [text or "" for text in values[columns[0]]]
        rows = zip(*values.values(), strict=True)
        return [" ".join(part for part in row if part and not part.isspace()) for row in rows]


class Table(NamedTuple):
    """Rows that are read as they are needed.

    `class_names` are those that the data themselves bring, by column; `chunks` gives the named
    columns, or all.
    """

    columns: list[str]
    class_names: dict[str, list[str]]
    chunks: Callable[[list[str] | None], Iterator[Chunk]]
