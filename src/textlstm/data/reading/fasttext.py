"""Reads fastText's lines: the label, such as `__label__sports`, and the text after it."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.data.reading.opened import UNREADABLE, OpenedFile
from textlstm.data.reading.settings import FileSettings
from textlstm.data.reading.tables import ROWS, Chunk, Table

PREFIX = "__label__"  # fastText's own default
LABEL = re.compile(rf"(?:(?<=\s)|^){PREFIX}(\S+)\s?")
LOOKED_AT = 10_000  # characters of a file that show whether it begins with a label


def read_fasttext(file: OpenedFile) -> Table:
    """A table with the columns text and label.

    A line with several labels has them all in a list, so that it is refused where labels are read.
    """

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        done = 0
        with file.reading(file.bad_line), file.text() as stream:
            lines = (line.rstrip("\r\n") for line in stream if line.strip())
            while some := list(islice(lines, ROWS)):
                values: dict[str, Sequence[Any]] = {
                    "text": [LABEL.sub("", line) for line in some],
                    "label": [LABEL.findall(line) for line in some],
                }
                wanted = {name: values[name] for name in columns or values}
                yield Chunk(str(file.path), done + 1, wanted)
                done += len(some)

    return Table(["text", "label"], {}, chunks)


def has_labels(path: Path, settings: FileSettings) -> bool:
    """Whether the first line of a file that is not blank begins with a label of fastText's."""
    try:
        with OpenedFile(path, "", settings).text(errors="replace") as stream:
            return stream.read(LOOKED_AT).lstrip("\ufeff \t\r\n").startswith(PREFIX)
    except (InputError, UnicodeError, *UNREADABLE):  # reading it says what is wrong
        return False
