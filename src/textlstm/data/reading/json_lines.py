"""Reads JSON Lines, one object a line, and JSON files that hold one array of objects."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

from textlstm.data.reading.opened import OpenedFile
from textlstm.data.reading.tables import ROWS, Chunk, Table

OBJECT = '{"text": "…", "label": "…"}'


def read_json(file: OpenedFile) -> Table:
    """A table with the keys of the first thousand objects as columns."""
    columns = _keys(next(_objects(file), []))
    if not columns:
        raise file.fail(f" holds no object with keys; objects such as {OBJECT} were expected.")
    return Table(columns, {}, partial(_chunks, file, columns))


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

        items: Iterator[tuple[int, Any]]
        if first.lstrip().startswith("["):
            unit, items = "item", iter(enumerate(_parsed(file, first + text.read(), None), start=1))
        else:
            lines = chain([(number, first)], numbered)
            unit, items = "line", ((number, _parsed(file, line, number)) for number, line in lines)

        while chunk := list(islice(items, ROWS)):
            for number, item in chunk:
                if not isinstance(item, dict):
                    raise file.fail(
                        f", {unit} {number} is no JSON object; one such as {OBJECT} was expected."
                    )
            yield [item for _, item in chunk]


def _parsed(file: OpenedFile, text: str, line: int | None) -> Any:
    """The value of a line, or of the whole file, whose `line` is None."""
    try:
        return json.loads(text.rstrip("\r\n"))
    except (ValueError, RecursionError) as error:
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):
            line, reason = line or error.lineno, f"{error.msg}, column {error.colno}"
        where = "" if line is None else f", line {line}"
        raise file.fail(
            f"{where} is no JSON ({reason}); a JSON object a line, such as {OBJECT}, or one array "
            f"of them, was expected."
        ) from error
