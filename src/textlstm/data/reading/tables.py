"""Tables that are read in chunks, and how messages name their rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from textlstm.checks import InputError

ROWS = 1000  # of a chunk, which is in memory as a whole
NUL = (
    "holds a NUL byte in the column {column!r}, which no text has. Remove it, or name the encoding "
    "of the file, such as data.encoding=utf-16-le."
)


def key_beside(key: str, name: str) -> str:
    """The key `name` of the command that has the key of a file, `key`: in `data` beside data.train.

    Of evaluate's `file` and predict's `input` it is the name itself.
    """
    return f"data.{name}" if key.startswith("data.") else name


def listed_columns(names: list[str]) -> str:
    """The names of columns as a message lists them; those without a name are counted."""
    named = [repr(name) if "," in name else name for name in names if name]
    unnamed = len(names) - len(named)
    return ", ".join(named) + (f" and {unnamed} without a name" if unnamed else "")


def nothing() -> str:
    """Says nothing: for tables of which there is nothing to say."""
    return ""


class Chunk(NamedTuple):
    """Some rows of a table.

    Args:
        file: what messages call the table.
        first: the number of the first row, counted from 1 without a header.
        columns: the values of each column, which are as many as there are rows.
        places: what messages call the rows, where each is a file of its own.
        damaged: the rows (from 0) in which bytes were no text and are read as �.
        swallowing: the rows (from 0) that seem to hold whole rows in one of their fields.
    """

    file: str
    first: int
    columns: dict[str, Sequence[Any]]
    places: list[str] | None = None
    damaged: Sequence[int] = ()
    swallowing: Sequence[int] = ()

    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values())))

    def place(self, n: int) -> str:
        """What messages call row `n` (from 0) of the chunk."""
        return f"{self.file}, row {self.first + n}" if self.places is None else self.places[n]

    def fail(self, key: str, n: int, what: str) -> InputError:
        """The error that says what is wrong with row `n` (from 0) of the chunk."""
        return InputError(f"{key}: {self.place(n)} {what}")

    def texts(self, columns: list[str], key: str) -> list[str]:
        """The text of each row, with several columns joined by a space; "" where there is none.

        Raises:
            InputError: a value that is not a text, or that holds a NUL byte.
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
                    raise self.fail(key, n, NUL.format(column=column))

        if len(columns) == 1:
            return [text or "" for text in values[columns[0]]]
        rows = zip(*values.values(), strict=True)
        return [" ".join(part for part in row if part and not part.isspace()) for row in rows]


class Table(NamedTuple):
    """Rows that are read as they are needed.

    Args:
        columns: the names of the columns; one that is empty or stands twice names none.
        class_names: names for the numbers of a column, by column, where the data bring them.
        chunks: reads the rows anew, with the named columns or, for None, with all.
        fields: dotted names of what lies inside objects, such as `data.text`, which `chunks` gives
            as columns where they are named.
        said: what was decided by the first rows, and the key that decides otherwise.
        by_position: whether a whole number that is not a name stands for a column, from 1.
        without_names: what to say where a column is not found and there seem to be no names.
    """

    columns: list[str]
    class_names: dict[str, list[str]]
    chunks: Callable[[list[str] | None], Iterator[Chunk]]
    fields: Sequence[str] = ()
    said: str = ""
    by_position: bool = False
    without_names: Callable[[], str] = nothing

    def names(self) -> list[str]:
        """All names that `chunks` knows, the columns first."""
        return [*self.columns, *self.fields]
