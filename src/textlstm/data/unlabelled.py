"""Reads texts without a class, from which a language model learns: `data.unlabelled`."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypedDict

import datasets
import numpy as np
import pyarrow
from datasets import Dataset

from textlstm.cache import content_key, kept
from textlstm.checks import InputError
from textlstm.data.columns import Columns
from textlstm.data.duplicates import duplicate_numbers
from textlstm.data.facts import DamageFacts, SourceFacts, SwallowingFacts
from textlstm.data.reading.checksums import checksum
from textlstm.data.reading.damaged import count_damaged, damaged_sentence
from textlstm.data.reading.files import find_files, is_text_folder, open_table, text_lines
from textlstm.data.reading.formats import opens_as_table
from textlstm.data.reading.swallowing import Swallowing, swallowing_sentence
from textlstm.data.reading.tables import Chunk
from textlstm.data.settings import ColumnSettings
from textlstm.data.sources import texts_of
from textlstm.plurals import number_of
from textlstm.terminal import counted

log = logging.getLogger(__name__)

KEY = "data.unlabelled"
LAYOUT = 3  # of the cached texts: a change of what is written there must raise it, to drop old ones
SCHEMA = pyarrow.schema({"text": pyarrow.large_string(), "duplicate_of": pyarrow.uint64()})


@dataclass(frozen=True)
class Unlabelled:
    """Texts without a class, as rows that stay on the disk.

    Args:
        rows: the columns of `SCHEMA`.
        key: a name for the content, equal for equal content.
        row_numbers: the rows that may be learned from.
        empty: how many rows had no text.
        damaged: rows with � for bytes that are no text.
        origin: the files' path and checksum.
    """

    rows: Dataset
    key: str
    row_numbers: np.ndarray
    empty: int
    damaged: DamageFacts
    origin: SourceFacts

    def texts(self, row_numbers: np.ndarray | None = None) -> Iterator[str]:
        """Reads the texts of some rows (default: all), a chunk at a time in memory."""
        return texts_of(self.rows, row_numbers)


class TextFacts(TypedDict):
    """What the cache keeps of the texts beside themselves."""

    rows: int
    """How many there are."""
    empty: int
    """Rows without a text."""
    damaged: DamageFacts
    """Rows with � for bytes that are no text."""
    said: str
    """What the first rows have decided about reading, in a sentence; "" for nothing."""
    swallowing: SwallowingFacts
    """Rows that seem to hold whole rows."""


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
    read_as = (settings.reading_values(), settings.text_column)
    key = content_key(LAYOUT, datasets.__version__, content, *read_as, *suffixes)

    def write(folder: Path) -> None:
        (folder / "facts.json").write_text(json.dumps(_write(folder, path, settings)))

    def load(folder: Path) -> tuple[Dataset, TextFacts]:
        facts = json.loads((folder / "facts.json").read_text())
        rows = Dataset.from_file(str(folder / "rows.arrow"))
        if len(rows) != facts["rows"]:
            raise ValueError("rows.arrow is cut short")
        return rows, facts

    (rows, facts), _ = kept(cache, f"texts-{key}", write, load)
    if facts["damaged"]["rows"]:
        log.warning("%s", damaged_sentence(KEY, facts["damaged"]))
    if facts["said"]:
        log.info("%s: %s", KEY, facts["said"])
    if facts["swallowing"]["rows"]:
        log.warning("%s", swallowing_sentence(KEY, facts["swallowing"]))
    allowed = ~np.isin(rows.data.column("duplicate_of").to_numpy(), held_out)
    if not len(rows):
        raise InputError(f"{KEY}: {absolute} has no text.")
    if not allowed.any():
        raise InputError(
            f"{KEY}: {absolute} has {number_of(len(rows), 'text')}, none that is not in validation "
            f"or test."
        )
    origin: SourceFacts = {"path": absolute, "sha256": content}
    return Unlabelled(rows, key, np.flatnonzero(allowed), facts["empty"], facts["damaged"], origin)


def _write(folder: Path, path: str, settings: ColumnSettings) -> TextFacts:
    """Writes the texts into a folder; counts them, and the rows without a text."""
    damaged: DamageFacts = {"rows": 0, "places": []}
    rows, empty, swallowing = 0, 0, Swallowing()
    columns, said, chunks = _opened(path, settings)
    read = counted(chunks, f"rows read from {KEY}", size_of=lambda chunk: chunk.rows())
    with (
        pyarrow.OSFile(str(folder / "rows.arrow"), "wb") as file,
        pyarrow.ipc.new_stream(file, SCHEMA) as writer,
    ):
        for chunk in read:
            texts = [text for text in chunk.texts(columns, KEY) if text and not text.isspace()]
            rows += len(texts)
            empty += chunk.rows() - len(texts)
            count_damaged(chunk, damaged, path)
            swallowing.count(chunk)
            arrays = [
                pyarrow.array(texts, pyarrow.large_string()),
                pyarrow.array(duplicate_numbers(texts), pyarrow.uint64()),
            ]
            writer.write_batch(pyarrow.record_batch(arrays, SCHEMA))
    return {
        "rows": rows,
        "empty": empty,
        "damaged": damaged,
        "said": said,
        "swallowing": swallowing.facts(),
    }


def _opened(path: str, settings: ColumnSettings) -> tuple[list[str], str, Iterator[Chunk]]:
    """The columns of the text, what was decided by the first rows, and the rows."""
    files, is_folder = find_files(path, KEY), is_text_folder(path)
    if not is_folder and not opens_as_table(files[0], settings):
        lines = (text_lines(file, KEY, settings, "text") for file in files)
        return ["text"], "", chain.from_iterable(lines)

    table = open_table(path, KEY, settings)
    if is_folder:  # whose texts have no name
        return ["text"], "", table.chunks(["text"])
    columns = Columns(table, KEY, lambda what: InputError(f"{KEY}: {path} {what}"))
    texts = columns.texts(settings.text_column)
    return texts, table.said, table.chunks(texts)
