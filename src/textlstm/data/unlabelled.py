"""Reads texts without a class, from which a language model learns: `data.unlabelled`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import datasets
import numpy as np
import pyarrow
from datasets import Dataset

from textlstm.cache import content_key, kept
from textlstm.checks import InputError, nearest
from textlstm.data.columns import TEXT_COLUMNS, guess_column
from textlstm.data.duplicates import duplicate_numbers
from textlstm.data.facts import SourceFacts
from textlstm.data.reading.checksums import checksum
from textlstm.data.reading.files import find_files, open_table, text_lines
from textlstm.data.reading.formats import is_table
from textlstm.data.reading.tables import Chunk
from textlstm.data.settings import ColumnSettings
from textlstm.data.sources import texts_of
from textlstm.terminal import counted

KEY = "data.unlabelled"
LAYOUT = 1  # of the cached texts: a change of what is written there must raise it, to drop old ones
SCHEMA = pyarrow.schema({"text": pyarrow.large_string(), "duplicate_of": pyarrow.uint64()})


@dataclass(frozen=True)
class Unlabelled:
    """Texts without a class, as rows that stay on the disk.

    Args:
        rows: the columns of `SCHEMA`.
        key: a name for the content, equal for equal content.
        row_numbers: the rows that may be learned from.
        empty: how many rows had no text.
        origin: the files' path and checksum.
    """

    rows: Dataset
    key: str
    row_numbers: np.ndarray
    empty: int
    origin: SourceFacts

    def texts(self, row_numbers: np.ndarray | None = None) -> Iterator[str]:
        """Reads the texts of some rows (default: all), a chunk at a time in memory."""
        return texts_of(self.rows, row_numbers)


def load_unlabelled(
    path: str, settings: ColumnSettings, *, held_out: np.ndarray, cache: Path
) -> Unlabelled:
    """Reads texts from a table, a folder, or any other file with one text on each line.

    Texts that are held out are left out.

    Args:
        path: a file, a glob or a folder as data.train takes them, or files with one text on each
            line.
        settings: the column of the text, and the encoding.
        held_out: the duplicate numbers of the texts that nothing may be learned from.
        cache: a folder that keeps the rows, by content.

    Raises:
        InputError: a file or column that cannot be used, or no text that is not held out.
    """
    content, absolute = checksum(path, KEY), str(Path(path).expanduser().absolute())
    suffixes = sorted({"".join(file.suffixes[-2:]) for file in find_files(path, KEY)})
    key = content_key(
        LAYOUT, datasets.__version__, content, settings.encoding, settings.text_column, *suffixes
    )

    def write(folder: Path) -> None:
        (folder / "facts.json").write_text(json.dumps(_write(folder, path, settings)))

    def load(folder: Path) -> tuple[Dataset, int]:
        facts = json.loads((folder / "facts.json").read_text())
        rows = Dataset.from_file(str(folder / "rows.arrow"))
        if len(rows) != facts["rows"]:
            raise ValueError("rows.arrow is cut short")
        return rows, facts["empty"]

    (rows, empty), _ = kept(cache, f"texts-{key}", write, load)
    allowed = ~np.isin(rows.data.column("duplicate_of").to_numpy(), held_out)
    if not allowed.any():
        raise InputError(
            f"{KEY}: {absolute} has {len(rows):,} texts, none that is not in validation or test."
        )
    origin: SourceFacts = {"path": absolute, "sha256": content}
    return Unlabelled(rows, key, np.flatnonzero(allowed), empty, origin)


def _write(folder: Path, path: str, settings: ColumnSettings) -> dict[str, int]:
    """Writes the texts into a folder; counts them, and the rows without a text."""
    facts = {"rows": 0, "empty": 0}
    columns, chunks = _opened(path, settings)
    read = counted(chunks, f"rows read from {KEY}", size_of=lambda chunk: chunk.rows())
    with (
        pyarrow.OSFile(str(folder / "rows.arrow"), "wb") as file,
        pyarrow.ipc.new_stream(file, SCHEMA) as writer,
    ):
        for chunk in read:
            texts = [text for text in chunk.texts(columns, KEY) if text and not text.isspace()]
            facts["rows"] += len(texts)
            facts["empty"] += chunk.rows() - len(texts)
            arrays = [
                pyarrow.array(texts, pyarrow.large_string()),
                pyarrow.array(duplicate_numbers(texts), pyarrow.uint64()),
            ]
            writer.write_batch(pyarrow.record_batch(arrays, SCHEMA))
    return facts


def _opened(path: str, settings: ColumnSettings) -> tuple[list[str], Iterator[Chunk]]:
    """The columns of the text, and the rows."""
    files, encoding = find_files(path, KEY), settings.encoding
    if not is_table(files[0]) and not Path(path).expanduser().is_dir():
        lines = (text_lines(file, KEY, encoding, "text") for file in files)
        return ["text"], chain.from_iterable(lines)

    table = open_table(path, KEY, encoding)
    given = settings.text_column
    if given is None:
        given = guess_column(
            "text", TEXT_COLUMNS, table.columns, lambda what: InputError(f"{KEY}: {path} {what}")
        )
    columns = given if isinstance(given, list) else [given]
    for column in columns:
        if column not in table.columns:
            raise InputError(
                f"{KEY}: {path} has no column {column!r}.{nearest(column, table.columns)} Its "
                f"columns are {', '.join(table.columns)}; it is read as data.train is, by "
                f"data.text_column=…"
            )
    return columns, table.chunks(columns)
