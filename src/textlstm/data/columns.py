"""Chooses the columns that hold texts and labels: as they are given, or by their usual names."""

import re
from collections.abc import Callable

from textlstm.checks import InputError, nearest
from textlstm.data.reading.names import is_list, split_names
from textlstm.data.reading.tables import Table, key_beside, listed_columns, nothing
from textlstm.data.settings import ColumnSettings

TEXT_COLUMNS = [
    "text",
    "texts",
    "sentence",
    "content",
    "review",
    "headline",
    "title",
    "body",
    "message",
    "comment",
    "description",
    "document",
    "question",
    "query",
    "utterance",
    "tweet",
    "post",
    "abstract",
]
LABEL_COLUMNS = [
    "label",
    "labels",
    "class",
    "category",
    "target",
    "topic",
    "intent",
    "sentiment",
    "emotion",
    "tag",
    "stars",
    "rating",
    "cats",  # spaCy's
]

POSITION = re.compile(r"[1-9][0-9]{0,5}")


def choose_columns(
    settings: ColumnSettings, table: Table, key: str, fail: Callable[[str], InputError]
) -> tuple[list[str], str | list[str]]:
    """Chooses the columns of the text, and the column of the label or the columns of the classes.

    Args:
        settings: the columns that are wanted; None takes the first usual name that is there.
        table: has the columns that there are.
        key: the config key that named the table, for messages.
        fail: makes the error that says what is wrong with the table.

    Raises:
        InputError: a column that is not there, or no column, or the same for both.
    """
    columns = Columns(table, key, fail)
    texts = columns.texts(settings.text_column)
    labels = columns.labels(settings.label_column)
    both = next((name for name in labels if name in texts), None)
    if both is not None:
        raise InputError(
            f"{key_beside(key, 'text_column')} and {key_beside(key, 'label_column')} are both "
            f"{both!r}; two columns were expected."
        )
    return texts, labels[0] if len(labels) == 1 else labels


class Columns:
    """Finds the columns of a table by what a person typed, or by their usual names.

    Args:
        table: has the columns.
        key: the config key that named the table, for messages.
        fail: makes the error that says what is wrong with the table.
    """

    def __init__(self, table: Table, key: str, fail: Callable[[str], InputError]) -> None:
        self.table, self.key, self.fail = table, key, fail

    def texts(self, typed: str | list[str] | None) -> list[str]:
        """The columns of the text: one, or those of a list.

        Raises:
            InputError: a column that is not there, or no column.
        """
        if self._is_default(typed):
            return [self._usual("text", TEXT_COLUMNS)]
        names = self._names(typed)
        if not names:
            raise InputError(
                f"{key_beside(self.key, 'text_column')}=[] names no column; a name, or a list of "
                f"names, was expected."
            )
        return [self._find(str(name), "text_column") for name in names]

    def labels(self, typed: str | list[str] | None) -> list[str]:
        """The column of the label, or those of a list, one for each class.

        Raises:
            InputError: a column that is not there, or no column.
        """
        if self._is_default(typed):
            return [self._usual("label", LABEL_COLUMNS)]
        names = self._names(typed)
        if not names:
            raise InputError(
                f"{key_beside(self.key, 'label_column')} must be one name, or a list with the "
                f"column of each class, got {typed!r}."
            )
        return [self._find(str(name), "label_column") for name in names]

    def _names(self, typed: str | list[str] | None) -> list[str]:
        """The names that were typed; a bracketed list is one unless the table has that name."""
        names = typed if isinstance(typed, list) else [str(typed)]
        if len(names) == 1 and names[0] not in self.table.names() and is_list(names[0]):
            return split_names(names[0])
        return names

    def _is_default(self, typed: object) -> bool:
        """Whether nothing was typed, or `null`, which is not the name of a column."""
        return typed is None or (typed == "null" and "null" not in self.table.columns)

    def _find(self, name: str, option: str) -> str:
        """The column of that name, or at that position where positions count."""
        names = self.table.columns
        count = names.count(name) if name else 0
        is_position = self.table.by_position and POSITION.fullmatch(name)
        if count == 0 and is_position and int(name) <= len(names):
            return self._find(names[int(name) - 1], option)

        if count == 0 and name in self.table.fields:
            return name
        if count > 1:
            raise self.fail(f"has two columns {name!r}: each needs a name of its own.")
        if count == 1:
            self._refuse_number_of_a_row(name)
            return name

        without_names = self.table.without_names()
        if without_names and not self.table.by_position:
            raise self.fail(without_names)
        raise self.fail(
            f"has no column {name!r}.{nearest(name, filter(None, self.table.names()))} "
            f"{self._remedy(option)}{self._position(name)}"
        )

    def _position(self, name: str) -> str:
        """What to add where a number is not a name, but would be a position without a header."""
        delimited = self.table.without_names is not nothing
        if self.table.by_position or not delimited or not POSITION.fullmatch(name):
            return ""
        return f" If the file has no header, {key_beside(self.key, 'header')}=false counts them."

    def _refuse_number_of_a_row(self, name: str) -> None:
        """Refuses a position that by chance is a value of the first row, which is no header."""
        if POSITION.fullmatch(name) and not self.table.by_position:
            without_names = self.table.without_names()
            if without_names:
                raise self.fail(without_names)

    def _usual(self, what: str, usual: list[str]) -> str:
        """The first of the usual names that a column has, whatever its case."""
        names = self.table.columns
        there = {name.strip().lower(): name for name in names} | {name: name for name in names}
        found = next((there[name] for name in usual if name in there), None)
        if found is not None:
            return self._find(found, f"{what}_column")

        without_names = self.table.without_names()
        if without_names and not self.table.by_position:
            raise self.fail(without_names)
        raise self.fail(
            f"has none of the usual names for the column of the {what} ({', '.join(usual)}). "
            f"{self._remedy(f'{what}_column')}"
        )

    def _remedy(self, option: str) -> str:
        """The columns that there are, and the key that names one."""
        row = self.table.without_names() if self.table.by_position else ""
        return (
            f"Its columns are {listed_columns(self.table.names())}; name one with "
            f"{key_beside(self.key, option)}=…{row}"
        )
