"""Finds the rows in a JSON document that is one value: an array, or an object that holds them."""

from collections.abc import Callable
from typing import Any

from textlstm.checks import InputError

Fail = Callable[[str], InputError]


def rows_of(document: Any, fail: Fail) -> list[Any]:
    """The rows of a document, which should be objects.

    It may be an array of them; an object with one such array, at any depth (`{"data": […]}`); one
    of the orientations in which pandas writes tables; or an object that is the only row itself.

    Args:
        document: what the file holds.
        fail: makes the error that says what is wrong with the file.

    Raises:
        InputError: an object with several arrays of objects.
    """
    if not isinstance(document, dict):
        return document if isinstance(document, list) else [document]
    if _is_split(document):
        return [dict(zip(document["columns"], row, strict=True)) for row in document["data"]]

    arrays = [key for key, value in document.items() if _is_array_of_objects(value)]
    if "text" in document and isinstance(document["text"], str):
        return [document]
    if len(arrays) > 1:
        raise fail(
            f" holds several arrays of objects ({', '.join(arrays)}): one was expected. Write each "
            f"into a file of its own."
        )
    if arrays:
        return document[arrays[0]]
    return _rows_in_values(document, fail)


def _rows_in_values(document: dict[str, Any], fail: Fail) -> list[Any]:
    """The rows of an object whose values are columns, rows, or one object that holds the rows."""
    values = list(document.values())
    if values and all(isinstance(value, list) for value in values):
        if len({len(value) for value in values}) > 1:
            lengths = ", ".join(f"{key} {len(value)}" for key, value in document.items())
            raise fail(
                f" holds columns of different lengths ({lengths}); a value for each row was "
                f"expected."
            )
        return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]

    if not values or not all(isinstance(value, dict) for value in values):
        return [document]
    is_nested = len(values) == 1 and any(map(_is_array_of_objects, values[0].values()))
    if is_nested or (len(values) == 1 and not _holds_columns(document)):
        return rows_of(values[0], fail)
    if not _holds_columns(document):
        return values
    numbers = dict.fromkeys(number for value in values for number in value)
    return [{name: column.get(number) for name, column in document.items()} for number in numbers]


def _is_split(document: dict[str, Any]) -> bool:
    """Whether this is pandas' orientation split: the names of the columns, and rows as arrays."""
    columns, rows = document.get("columns"), document.get("data")
    return (
        isinstance(columns, list)
        and isinstance(rows, list)
        and all(isinstance(name, str) for name in columns)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    )


def _is_array_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _holds_columns(document: dict[str, dict[str, Any]]) -> bool:
    """Whether objects in an object are columns (pandas' default), rather than rows.

    Rows have numbers as names; if neither have, there are fewer columns than rows.
    """
    inner = list(next(iter(document.values())))
    if all(map(str.isdecimal, document)):
        return False
    same = all(value.keys() == set(inner) for value in document.values())
    return same and bool(inner) and (all(map(str.isdecimal, inner)) or len(document) < len(inner))
