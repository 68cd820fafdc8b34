"""Reads Parquet files, with the class names that the library `datasets` writes into them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pyarrow
from pyarrow.parquet import ParquetFile

from textlstm.data.reading.arrow import Batches, arrow_table
from textlstm.data.reading.opened import OpenedFile, is_compressed
from textlstm.data.reading.tables import ROWS, Table


def read_parquet(file: OpenedFile) -> Table:
    """A table whose columns may bring names for their numbers."""
    with _opened(file) as parquet:
        schema = parquet.schema_arrow
        if not parquet.metadata.num_rows:
            raise file.fail(" has columns but no rows; at least one row was expected.")
    return arrow_table(file, schema, partial(_batches, file))


def _batches(file: OpenedFile, columns: list[str] | None) -> Batches:
    with _opened(file) as parquet:
        yield from parquet.iter_batches(batch_size=ROWS, columns=columns)


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
