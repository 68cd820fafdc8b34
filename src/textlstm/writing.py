"""Files that are written whole or not at all: JSON, CSV, text; and tables in Markdown."""

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from itertools import chain
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.escaping import in_markdown, in_spreadsheet, one_line


def write_json(file: Path, content: Any) -> None:
    """Writes JSON whole or not at all; see `as_json`."""
    write_text(file, as_json(content, indent=2) + "\n")


def as_json(content: Any, *, indent: int | None = None) -> str:
    """Formats a value as JSON, which has no NaN and no infinity: in their place stands null."""
    try:
        return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(content), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_text(file: Path, text: str) -> None:
    """Writes UTF-8 text whole or not at all."""
    with whole(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_bytes(file: Path, content: bytes) -> None:
    """Writes bytes whole or not at all."""
    with whole(file) as unfinished:
        unfinished.write_bytes(content)


def write_csv(
    file: Path, header: list[str], rows: Iterable[Iterable[Any]], *, spreadsheet: bool = False
) -> None:
    """Writes a table with commas between its cells, whole or not at all.

    Args:
        spreadsheet: whether cells are escaped so that a spreadsheet takes none for a formula, and a
            byte order mark says that the file is UTF-8; otherwise they are exact.
    """
    encoding = "utf-8-sig" if spreadsheet else "utf-8"
    with whole(file) as unfinished, open(unfinished, "w", encoding=encoding, newline="") as lines:
        writer = csv.writer(lines)
        for row in chain([header], rows):
            writer.writerow(map(in_spreadsheet, row) if spreadsheet else row)


def markdown_table(header: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """Makes a Markdown table whose cells are text alone: one line each, at most 300 letters."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Gives a file to write that takes the place of `file` once it is complete and on the disk.

    If that fails, `file` stays as it was, and the OSError names it. A link at `file` is replaced;
    what it points to stays as it was.
    """
    unfinished = file.with_name(f".{os.getpid()}.{file.name}")  # its suffix is that of `file`
    try:
        # Left by a process that had this number before; a link there would be written through.
        unfinished.unlink(missing_ok=True)
        yield unfinished
        _flush(unfinished)
        unfinished.replace(file)
        _flush(file.parent)
    except OSError as error:
        if error.filename in (None, str(unfinished)):
            error.filename = str(file)
            if isinstance(error, FileNotFoundError) and file.parent.is_dir():
                # So the kernel's own folders say, such as /proc, that they take no file.
                raise PermissionError(EACCES, os.strerror(EACCES), str(file)) from error
        raise
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Waits until what a file holds, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # no folder can be opened there
        return
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def make_folder(folder: Path, *, inside: Path) -> None:
    """Makes a folder below `inside`, where all that is written into it stays.

    Raises:
        InputError: see `refuse_link`.
    """
    refuse_link(folder, inside=inside)
    folder.mkdir(parents=True, exist_ok=True)


def refuse_link(path: Path, *, inside: Path) -> None:
    """Refuses a path below `inside` that leads out of it.

    Raises:
        InputError: the path, or a folder between the two, is a link, which may lead anywhere.
    """
    for part in (path, *path.parents):
        if part == inside:
            return
        if part.is_symlink():
            raise InputError(
                f"{part} is a link to {os.readlink(part)}, and nothing is written outside of "
                f"{inside}. Put a copy of what it points to in its place, or remove it."
            )


def _cell(value: Any) -> str:
    text = one_line(value)
    return in_markdown(text if len(text) <= 300 else f"{text[:300]}…")
