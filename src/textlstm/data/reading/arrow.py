"""Reads Arrow files (Feather, and what the library `datasets` saves) and Parquet files.

The schema of each has the class names that `datasets` writes into it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import ipc
from pyarrow.parquet import ParquetFile

from textlstm.data.reading.fields import with_fields
from textlstm.data.reading.opened import OpenedFile, is_compressed
from textlstm.data.reading.tables import ROWS, Chunk, Table

MAGIC = b"ARROW1"  # at the start of the format with a footer; without one, batches are a stream

Batches = Iterator[pyarrow.RecordBatch]


def read_arrow(file: OpenedFile) -> Table:
    """A table whose columns may bring names for their numbers."""
    with _opened(file) as (schema, batches):
        if not any(batch.num_rows for batch in batches):
            raise file.fail(" has columns but no rows; at least one row was expected.")
    return _table(file, schema, partial(_batches, file))


def read_parquet(file: OpenedFile) -> Table:
    """A table whose columns may bring names for their numbers."""
    with _opened_parquet(file) as parquet:
        schema = parquet.schema_arrow
        if not parquet.metadata.num_rows:
            raise file.fail(" has columns but no rows; at least one row was expected.")
    return _table(file, schema, partial(_parquet_batches, file))


def _table(
    file: OpenedFile, schema: pyarrow.Schema, batches: Callable[[list[str] | None], Batches]
) -> Table:
    """A table of record batches, with the class names that `datasets` writes into the schema.

    Args:
        file: where they come from.
        schema: their columns.
        batches: gives them, with some of the columns or, for None, all.

    Raises:
        InputError: two columns of one name, or a name that is no UTF-8.
    """
    try:
        names, field_names = schema.names, _field_names(schema)
    except UnicodeDecodeError as error:
        raise file.damaged() from error
    class_names = _class_names((schema.metadata or {}).get(b"huggingface", b"{}"))
    table = Table(file.distinct(names), class_names, partial(_chunks, file, batches))
    return with_fields(table, field_names)


def _chunks(
    file: OpenedFile,
    batches: Callable[[list[str] | None], Batches],
    columns: list[str] | None,
) -> Iterator[Chunk]:
    done = 0
    for batch in batches(columns):
        values: dict[str, Sequence[Any]] = {
            name: _values(file, batch, name, done) for name in batch.schema.names
        }
        yield Chunk(str(file.path), done + 1, values)
        done += batch.num_rows


def _values(file: OpenedFile, batch: pyarrow.RecordBatch, name: str, done: int) -> list[Any]:
    """One column of a batch of rows, before which `done` rows came."""
    with file.reading(file.bad_line, binary=True):
        try:
            return batch.column(name).to_pylist()
        except UnicodeDecodeError as error:
            raise file.fail(
                f", column {name!r} holds bytes that are no UTF-8 text, in a row from {done + 1} "
                f"on. Write it again."
            ) from error


def _batches(file: OpenedFile, columns: list[str] | None) -> Batches:
    """The batches of the file, cut to chunks.

    What they hold is checked before it is looked at: the format itself trusts whoever has written
    the file, and reads memory that is not its own where a text's end is wrong.
    """
    with _opened(file) as (_, batches):
        for whole in batches:
            batch = whole if columns is None else whole.select(columns)
            for start in range(0, batch.num_rows, ROWS):
                part = batch.slice(start, ROWS)
                part.validate(full=True)
                yield part


@contextmanager
def _opened(file: OpenedFile) -> Iterator[tuple[pyarrow.Schema, Batches]]:
    """Opens an Arrow file: its columns, and its batches in their order."""
    with file.reading(file.bad_line, binary=True):
        content = _content(file)
        source = pyarrow.OSFile(str(content)) if isinstance(content, Path) else content
        with source:
            has_footer = source.read(len(MAGIC)) == MAGIC
            source.seek(0)
            reader = ipc.open_file(source) if has_footer else ipc.open_stream(source)
            with reader:
                yield reader.schema, _in_order(reader)


def _parquet_batches(file: OpenedFile, columns: list[str] | None) -> Batches:
    with _opened_parquet(file) as parquet:
        yield from parquet.iter_batches(batch_size=ROWS, columns=columns)


@contextmanager
def _opened_parquet(file: OpenedFile) -> Iterator[ParquetFile]:
    with (
        file.reading(file.bad_line, binary=True),
        ParquetFile(_content(file)) as parquet,
    ):
        yield parquet


def _content(file: OpenedFile) -> Path | pyarrow.BufferReader:
    """The path; a compressed file is unpacked into memory, since it is not read in order."""
    if not is_compressed(file.path):
        return file.path
    with file.bytes() as stream:
        return pyarrow.BufferReader(stream.read())


def _in_order(reader: ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader) -> Batches:
    if isinstance(reader, ipc.RecordBatchFileReader):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)


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


def _class_names(metadata: bytes) -> dict[str, list[str]]:
    """Class names by column, as `datasets` writes them into its files; none without them."""
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
