"""Files that are written whole or not at all: JSON, CSV; and tables in Markdown."""

import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_json(file: Path, content: Any) -> None:
    """Writes JSON whole or not at all."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    unfinished.replace(file)


def write_csv(file: Path, header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    with open(file, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(header)
        writer.writerows(rows)


def markdown_table(header: list[str], rows: list[Any]) -> str:
    """A table whose cells cannot break it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    text = (
        " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    )
    return text if len(text) <= 300 else f"{text[:300]}…"
