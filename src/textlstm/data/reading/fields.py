"""Gives what lies inside objects as columns with dotted names, such as `data.text`."""

from collections.abc import Iterable, Iterator
from typing import Any

from textlstm.data.reading.tables import Chunk, Table


def with_fields(table: Table, fields: list[str]) -> Table:
    """The same table, whose chunks have columns for dotted names where they are asked for.

    Args:
        table: its columns may hold objects, and lists of such.
        fields: the dotted names that there are.
    """
    if not fields:
        return table

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        if columns is None:
            yield from table.chunks(None)
            return
        outer = list(dict.fromkeys(_outer(name, table.columns) for name in columns))
        for chunk in table.chunks(outer):
            whole = add_fields(chunk, columns)
            yield whole._replace(columns={name: whole.columns[name] for name in columns})

    return table._replace(chunks=chunks, fields=fields)


def add_fields(chunk: Chunk, names: list[str]) -> Chunk:
    """The same chunk with a column for each of the names that it has not, with what lies inside."""
    columns = dict(chunk.columns)
    for name in names:
        outer = _outer(name, columns)
        if name not in columns and outer in columns:
            path = name[len(outer) + 1 :]
            columns[name] = [value_inside(value, path) for value in columns[outer]]
    return chunk._replace(columns=columns)


def field_names(values: Iterable[dict[str, Any]]) -> list[str]:
    """The dotted names of what lies inside the values of some objects, in their order."""
    return list(
        dict.fromkeys(
            f"{key}.{name}"
            for row in values
            for key, value in row.items()
            if isinstance(value, dict | list)
            for name in _names_inside(value)
        )
    )


def value_inside(value: Any, path: str) -> Any:
    """What lies in an object under a dotted name; of a list of objects, that of each in a list."""
    if isinstance(value, list):
        inside = [value_inside(item, path) for item in value]
        found = [item for item in inside if item is not None]
        return [each for item in found for each in (item if isinstance(item, list) else [item])]
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    outer = _outer(path, value)
    return value_inside(value.get(outer), path[len(outer) + 1 :]) if outer != path else None


def _names_inside(value: dict[str, Any] | list[Any]) -> list[str]:
    """The dotted names inside an object, or inside the objects of a list."""
    if isinstance(value, list):
        return [
            name for item in value if isinstance(item, dict | list) for name in _names_inside(item)
        ]
    return [*value, *field_names([value])]


def _outer(name: str, known: Iterable[str]) -> str:
    """The longest known name that a dotted name begins with; the name itself if there is none."""
    begins = [outer for outer in known if name == outer or name.startswith(f"{outer}.")]
    return max(begins, key=len, default=name)
