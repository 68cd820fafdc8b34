"""Files that are written whole or not at all: JSON, CSV, text; and tables in Markdown."""

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

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
    with _whole(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_csv(
    file: Path, header: list[str], rows: Iterable[Iterable[Any]], *, spreadsheet: bool = False
) -> None:
    """Writes a table with commas between its cells, whole or not at all.

    Args:
        spreadsheet: whether cells are escaped so that a spreadsheet takes none for a formula, and a
            byte order mark says that the file is UTF-8; otherwise they are exact.
    """
    encoding = "utf-8-sig" if spreadsheet else "utf-8"
    with _whole(file) as unfinished, open(unfinished, "w", encoding=encoding, newline="") as lines:
        writer = csv.writer(lines)
        for row in chain([header], rows):
            writer.writerow(map(in_spreadsheet, row) if spreadsheet else row)


def markdown_table(header: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """Makes a Markdown table whose cells are text alone: one line each, at most 300 letters."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Gives a file to write that takes the place of `file` once it is complete."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _cell(value: Any) -> str:
    text = one_line(value)
    return in_markdown(text if len(text) <= 300 else f"{text[:300]}…")
