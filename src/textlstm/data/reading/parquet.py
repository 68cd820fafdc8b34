"""Reads Parquet files, with the class names that the library `datasets` writes into them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow
from pyarrow.parquet import ParquetFile

from textlstm.data.reading.fields import with_fields
from textlstm.data.reading.opened import OpenedFile, is_compressed
from textlstm.data.reading.tables import ROWS, Chunk, Table


def read_parquet(file: OpenedFile) -> Table:
    """A table whose columns may bring names for their numbers."""
    with _opened(file) as parquet:
        schema = parquet.schema_arrow
        if not parquet.metadata.num_rows:
            raise file.fail(" has columns but no rows; at least one row was expected.")

    class_names = _class_names((schema.metadata or {}).get(b"huggingface", b"{}"))
    table = Table(file.distinct(schema.names), class_names, partial(_chunks, file))
    return with_fields(table, _field_names(schema))


def _field_names(fields: Iterable[pyarrow.Field]) -> list[str]:
    """The dotted names of what lies inside columns of objects, and inside lists of such."""
    return [f"{field.name}.{name}" for field in fields for name in _names_inside(field.type)]


def _names_inside(kind: pyarrow.DataType) -> list[str]:
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        return _names_inside(kind.value_type)
    if not pyarrow.types.is_struct(kind):
        return []
    fields = [kind.field(place) for place in range(kind.num_fields)]
    return [*(field.name for field in fields), *_field_names(fields)]


def _chunks(file: OpenedFile, columns: list[str] | None) -> Iterator[Chunk]:
    done = 0
    with _opened(file) as parquet:
        for batch in parquet.iter_batches(batch_size=ROWS, columns=columns):
            values: dict[str, Sequence[Any]] = {
                name: _values(file, batch, name, done) for name in batch.schema.names
            }
            yield Chunk(str(file.path), done + 1, values)
            done += batch.num_rows


def _values(file: OpenedFile, batch: pyarrow.RecordBatch, name: str, done: int) -> list[Any]:
    """One column of a batch of rows, before which `done` rows came."""
    try:
        return batch.column(name).to_pylist()
    except UnicodeDecodeError as error:
        raise file.fail(
            f", column {name!r} holds bytes that are no UTF-8 text, in a row from {done + 1} on. "
            f"Write it again."
        ) from error


@contextmanager
def _opened(file: OpenedFile) -> Iterator[ParquetFile]:
    """Opens the file; a compressed one is unpacked into memory, since it is not read in order."""
    with file.reading(file.bad_line, binary=True):
        if is_compressed(file.path):
            with file.bytes() as stream:
                content = pyarrow.BufferReader(stream.read())
        else:
            content = file.path
        with ParquetFile(content) as parquet:
            yield parquet


def _class_names(metadata: bytes) -> dict[str, list[str]]:
    """Class names by column, as `datasets` writes them into Parquet files; none without them."""
    try:
        features = json.loads(metadata)["info"]["features"]
        named = {
            column: kind["names"]
            for column, kind in features.items()
            if kind.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {column: names for column, names in named.items() if _are_class_names(names)}


def _are_class_names(names: Any) -> bool:
    """Whether these are different names in a list."""
    return (
        isinstance(names, list)
        and all(isinstance(name, str) and name for name in names)
        and len(set(names)) == len(names)
    )
