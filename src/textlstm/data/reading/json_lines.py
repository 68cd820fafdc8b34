"""Reads JSON Lines, one object a line, and JSON documents, whose lines end anywhere."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

from textlstm.checks import InputError
from textlstm.data.reading.fields import field_names, with_fields
from textlstm.data.reading.opened import OpenedFile
from textlstm.data.reading.tables import ROWS, Chunk, Table

DECODER = json.JSONDecoder()
WHITE_SPACE = re.compile(r"[ \t\r\n]*")
Fail = Callable[[str], InputError]
OBJECT = '{"text": "…", "label": "…"}'


def read_json(file: OpenedFile) -> Table:
    """A table with the keys of the first thousand objects as columns."""
    first = next(_objects(file), [])
    columns = _keys(first)
    if not columns:
        raise file.fail(f" holds no object with keys; objects such as {OBJECT} were expected.")
    return with_fields(Table(columns, {}, partial(_chunks, file, columns)), field_names(first))


def _chunks(
    file: OpenedFile, first_columns: list[str], columns: list[str] | None
) -> Iterator[Chunk]:
    """The values of the named columns, or of all keys that a chunk has; None where one lacks."""
    done = 0
    for objects in _objects(file):
        names = columns or _keys(objects) or first_columns
        values: dict[str, Sequence[Any]] = {
            name: [row.get(name) for row in objects] for name in names
        }
        yield Chunk(str(file.path), done + 1, values)
        done += len(objects)


def _keys(objects: list[dict[str, Any]]) -> list[str]:
    """All keys of some objects, in the order in which they appear."""
    return list(dict.fromkeys(chain.from_iterable(objects)))


def _objects(file: OpenedFile) -> Iterator[list[dict[str, Any]]]:
    """The objects of the file, some at a time."""
    with file.reading(file.bad_line), file.text() as text:
        numbered = ((number, line) for number, line in enumerate(text, start=1) if line.strip())
        number, first = next(numbered, (1, ""))
        if not first:
            return

        second = next(numbered, None) if _is_whole(first) else None
        items: Iterator[tuple[int, Any]]
        if second is None:
            whole = _values(file, first + text.read(), number)
            rows = _rows_of(whole[0], file.fail) if len(whole) == 1 else whole
            unit, items = "item", iter(enumerate(rows, start=1))
        else:
            lines = chain([(number, first), second], numbered)
            unit, items = "line", ((number, _parsed(file, line, number)) for number, line in lines)

        while chunk := list(islice(items, ROWS)):
            chunk = [(number, _as_object(item)) for number, item in chunk]
            for number, item in chunk:
                if not isinstance(item, dict):
                    raise file.fail(
                        f", {unit} {number} is no JSON object; one such as {OBJECT} was expected."
                    )
            yield [item for _, item in chunk]


def _as_object(item: Any) -> Any:
    """An item as the object that it stands for: `["…", {"cats": …}]`, spaCy's pair, has a text."""
    if isinstance(item, list) and len(item) == 2:
        text, annotations = item
        if isinstance(text, str) and isinstance(annotations, dict) and "text" not in annotations:
            return {"text": text, **annotations}
    return item


def _is_whole(line: str) -> bool:
    """Whether the first line is a row of JSON Lines: neither the start of a document nor an array.

    A line that breaks off is such a start; one that is wrong before its end is a wrong row.
    """
    content = line.strip()
    if content.startswith("["):
        return False
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        return error.pos < len(content)
    except (ValueError, RecursionError):
        return False
    return True


def _values(file: OpenedFile, text: str, first_line: int) -> list[Any]:
    """The values of a document that begins in `first_line`: one, or several behind each other."""
    values, end = list[Any](), 0
    while not values or end < len(text):
        try:
            value, end = DECODER.raw_decode(text, _after_space(text, end))
        except (ValueError, RecursionError) as error:
            raise _not_json(file, error, first_line - 1) from error
        values.append(value)
        end = _after_space(text, end)
    return values


def _after_space(text: str, start: int) -> int:
    """The place of the first character from `start` on that is no white space."""
    space = WHITE_SPACE.match(text, start)
    return start if space is None else space.end()


def _parsed(file: OpenedFile, text: str, line: int) -> Any:
    """The value of a line."""
    try:
        return json.loads(text.rstrip("\r\n"))
    except (ValueError, RecursionError) as error:
        raise _not_json(file, error, line - 1) from error


def _not_json(file: OpenedFile, error: Exception, before: int) -> InputError:
    """The error for what is no JSON, in a line or in a document before which lines came."""
    reason, where = str(error), ""
    if isinstance(error, json.JSONDecodeError):
        reason, where = f"{error.msg}, column {error.colno}", f", line {before + error.lineno}"
    return file.fail(
        f"{where} is no JSON ({reason}); a JSON object a line, such as {OBJECT}, or one array of "
        f"them, was expected."
    )


def _rows_of(document: Any, fail: Fail) -> list[Any]:
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
        return _rows_of(values[0], fail)
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
