"""The formats of input files: one table, from which everything that lists them is made.

A new format is a module of its own, with a function that takes an `OpenedFile` and returns a
`Table`, and a line of `FORMATS`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from textlstm.checks import InputError
from textlstm.data.reading.delimited import read_csv, read_tsv
from textlstm.data.reading.json_lines import read_json
from textlstm.data.reading.opened import COMPRESSED, OpenedFile, suffix_of
from textlstm.data.reading.parquet import read_parquet
from textlstm.data.reading.tables import Table


class Format(NamedTuple):
    """A format of tables.

    Args:
        name: what people call it.
        read: makes a table of a file that is not empty.
    """

    name: str
    read: Callable[[OpenedFile], Table]


FORMATS = {
    ".csv": Format("CSV", read_csv),
    ".tsv": Format("TSV", read_tsv),
    ".jsonl": Format("JSON Lines", read_json),
    ".json": Format("JSON Lines", read_json),
    ".parquet": Format("Parquet", read_parquet),
    ".pq": Format("Parquet", read_parquet),
}


def format_names() -> str:
    """The names of the formats as a sentence lists them: `CSV, TSV, JSON Lines or Parquet`."""
    *others, last = dict.fromkeys(known.name for known in FORMATS.values())
    return f"{', '.join(others)} or {last}"


def is_table(path: Path) -> bool:
    """Whether the name of a file says that it has columns."""
    return suffix_of(path) in FORMATS


def read_table(file: OpenedFile) -> Table:
    """The file as a table, in the format that its name says.

    Raises:
        InputError: a name of no known format, an empty file, or one that cannot be read.
    """
    suffix = suffix_of(file.path)
    if suffix not in FORMATS:
        raise InputError(
            f"{file.key}: cannot tell the format of {file.path} from its name; expected one of "
            f"{', '.join(FORMATS)}, or these with {', '.join(COMPRESSED)} after."
        )
    if file.is_empty():
        raise file.fail(" is empty; rows with a text and a label were expected.")
    return FORMATS[suffix].read(file)
