"""Reads the labels of rows as texts, in any of the forms in which tools write them."""

from collections.abc import Sequence
from typing import Any

from textlstm.data.reading.tables import NUL, Chunk

SET = {"1", "true", "yes", "x"}
NOT_SET = {"", "0", "false", "no"}
LISTED = 5  # labels in the message for a row that has several


def read_labels(
    chunk: Chunk, column: str | list[str], class_names: list[str] | None, key: str
) -> list[str]:
    """The label of each row as text, "" where there is none.

    A label is a text, a number or a boolean; a list that holds one of these; or a mark for each
    class of which one is set, in an object such as spaCy's `cats` or in a column for each class.

    Args:
        chunk: the rows.
        column: the column of the label, or the columns of the classes.
        class_names: names for numbers in the column, if the data bring them.
        key: the config key that named the data, for messages.

    Raises:
        InputError: a value that is no label, or a row with several labels.
    """
    if isinstance(column, list):
        rows = zip(*(chunk.columns[name] for name in column), strict=True)
        return [
            _marked(chunk, n, dict(zip(column, row, strict=True)), column, key)
            for n, row in enumerate(rows)
        ]
    return [  # most labels are texts, which need no call
        value.strip()
        if isinstance(value, str) and "\0" not in value
        else _label(chunk, n, value, column, class_names, key)
        for n, value in enumerate(chunk.columns[column])
    ]


def shown(column: str | list[str]) -> str:
    """What messages call the column of the label, or the columns of the classes."""
    return column if isinstance(column, str) else ", ".join(column)


def _label(
    chunk: Chunk, n: int, value: Any, column: str, class_names: list[str] | None, key: str
) -> str:
    """The label in a value of row `n`."""
    if isinstance(value, str):
        if "\0" in value:
            raise chunk.fail(key, n, NUL.format(column=column))
        return value.strip()
    if value is None or value != value:  # NaN
        return ""
    if class_names is not None and isinstance(value, int):
        # The hub hides labels as -1.
        return class_names[value] if 0 <= value < len(class_names) else ""
    if isinstance(value, bool | int | float):
        return str(value)

    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        labels = [_label(chunk, n, item, column, class_names, key) for item in value]
        return _only(chunk, n, list(dict.fromkeys(labels)), column, key)
    if isinstance(value, dict) and not any(
        isinstance(mark, dict | list) for mark in value.values()
    ):
        return _marked(chunk, n, value, column, key)
    raise chunk.fail(
        key,
        n,
        f"holds {value!r:.50} in the column {column!r}; names, whole numbers or booleans "
        f"were expected as classes. Name another column with data.label_column=…",
    )


def _marked(chunk: Chunk, n: int, marks: dict[str, Any], column: str | list[str], key: str) -> str:
    """The class of row `n` whose mark is set."""
    labels = [name for name, mark in marks.items() if _is_set(chunk, n, name, mark, key)]
    return _only(chunk, n, labels, column, key)


def _is_set(chunk: Chunk, n: int, name: str, mark: Any, key: str) -> bool:
    if mark is None or mark != mark:  # NaN
        return False
    if isinstance(mark, bool | int | float):
        if mark in (0, 1):
            return bool(mark)
    elif isinstance(mark, str):
        text = mark.strip().lower().removesuffix(".0")
        if text in SET | NOT_SET:
            return text in SET
    raise chunk.fail(
        key,
        n,
        f"holds {mark!r:.50} for the class {name!r}; 1 for the class of the row and 0 for the "
        f"others were expected. Name another column with data.label_column=…",
    )


def _only(chunk: Chunk, n: int, labels: Sequence[str], column: str | list[str], key: str) -> str:
    """The one label of row `n`, "" if it has none."""
    if len(labels) > 1:
        named = ", ".join(map(repr, labels[:LISTED])) + (", …" if len(labels) > LISTED else "")
        where = f"column {column!r}" if isinstance(column, str) else f"columns {', '.join(column)}"
        raise chunk.fail(
            key,
            n,
            f"has {len(labels)} labels in the {where} ({named}); a text has one label here. Keep "
            f"one of them, or leave the row out.",
        )
    return labels[0] if labels else ""
