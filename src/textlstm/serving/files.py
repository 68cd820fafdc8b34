"""Takes a file that was sent to be classified, and answers with a table, part by part."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet

from textlstm.checks import InputError
from textlstm.data.reading.formats import format_of
from textlstm.data.reading.opened import UNREADABLE, OpenedFile
from textlstm.data.reading.settings import AS_NAMED, FileSettings
from textlstm.data.reading.tables import Chunk
from textlstm.runs.tally import Limits
from textlstm.serving.messages import CHARACTERS

ROWS = 100_000  # of a file
UNPACKED = 100_000_000  # bytes of a compressed file, unpacked
PART = 100  # texts between which other requests are answered
ZIP = b"PK"  # at the start of an archive


class SentFile(NamedTuple):
    """A file as it was sent.

    Args:
        path: where it lies while it is read.
        text_column: the column of the text; None is the run's.
        format: as in `predict`; None is what the name says.
        spreadsheet: whether the table is for a spreadsheet, which shall take no text for a formula.
    """

    path: Path
    text_column: str | None
    format: str | None
    spreadsheet: bool


class FileAnswer(NamedTuple):
    """What comes of a file.

    Args:
        texts: how many it has.
        limits: how many of them the model reads badly, for each part of them.
        parts: the table of their predictions as CSV, part by part.
    """

    texts: int
    limits: Iterator[Limits]
    parts: Iterator[str]


ClassifyFile = Callable[[SentFile], FileAnswer]
"""Reads a file, which is then needed no more; the predictions are computed as they are asked for.

Raises:
    InputError: a file that `predict` would not take, either.
"""


def safe_name(name: str) -> str:
    """Makes a file's name of the one that a client gave: its end says how the file is read."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", re.split(r"[/\\]", name)[-1])[-100:]
    return plain.lstrip(".-") or "texts"


def refuse_giant(path: Path, settings: FileSettings) -> None:
    """Refuses a file that is small, and large once it is unpacked.

    Args:
        path: the file.
        settings: how it is read, which its name alone does not say.

    Raises:
        InputError: it has more than UNPACKED bytes then, or nobody can tell before it is unpacked.
    """
    kind = format_of(path, settings)
    name = None if kind is None else kind.name
    if name == "Arrow":
        raise InputError(
            f"{path.name} is read as an Arrow file, whose size unpacked nobody can tell before. "
            f"Send it as Parquet or CSV, or classify it with the command predict."
        )
    if _unpacked_bytes(path, name) > UNPACKED:
        raise InputError(
            f"{path.name} has more than {UNPACKED:,} bytes when it is unpacked. Send it in several "
            f"parts, or classify it with the command predict."
        )


def _unpacked_bytes(path: Path, kind: str | None) -> int:
    """The size of a file once it is unpacked; 0 for a damaged one, which is an error later.

    What is packed twice, such as a Parquet file in a .zip, is unpacked twice.

    Args:
        path: the file.
        kind: the name of its format; None is no table.
    """
    try:
        with OpenedFile(path, "input", AS_NAMED).bytes() as stream:
            content = stream.read(UNPACKED + 1)
        if len(content) > UNPACKED:
            return len(content)
        if kind == "Excel" and content.startswith(ZIP):  # an .xls is not packed
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return sum(member.file_size for member in archive.infolist())
        if kind == "Parquet":
            metadata = pyarrow.parquet.read_metadata(pyarrow.BufferReader(content))
            groups = range(metadata.num_row_groups)
            return sum(metadata.row_group(number).total_byte_size for number in groups)
    except (*UNREADABLE, ValueError, InputError):
        return 0
    return len(content)


def bounded(chunks: Iterator[Chunk], columns: list[str]) -> list[Chunk]:
    """Reads all rows of a file, in chunks of PART rows.

    Raises:
        InputError: too many rows, or too long a text.
    """
    found: list[Chunk] = []
    rows = 0
    for chunk in chunks:
        rows += chunk.rows()
        if rows > ROWS:
            raise InputError(
                f"The file has more than {ROWS:,} texts. Send it in several parts, or classify it "
                f"with the command predict."
            )
        for n, text in enumerate(chunk.texts(columns, "input")):
            if len(text) > CHARACTERS:
                raise chunk.fail(
                    "input",
                    n,
                    f"has {len(text):,} characters, and {CHARACTERS:,} are read at most.",
                )
        found += _parts(chunk)
    return found


def _parts(chunk: Chunk) -> Iterator[Chunk]:
    """Cuts a chunk into some of PART rows."""
    for start in range(0, chunk.rows(), PART):
        rows = slice(start, start + PART)
        columns = {name: values[rows] for name, values in chunk.columns.items()}
        places = None if chunk.places is None else chunk.places[rows]
        yield Chunk(chunk.file, chunk.first + start, columns, places)
