"""Fixtures that several files of tests share."""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import torch

from textlstm.runs import figures


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Switches them on again after each test: a command switches them off for its whole process."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[[str, Iterable[tuple[str, str]]], str]:
    """Writes a CSV file of texts and labels, and gives its path."""

    def write_rows(name: str, rows: Iterable[tuple[str, str]]) -> str:
        with open(tmp_path / name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return str(tmp_path / name)

    return write_rows


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str, str | bytes], str]:
    """Writes a file, in a folder that need not be there yet, and gives its path."""

    def write_file(name: str, content: str | bytes) -> str:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return write_file


@pytest.fixture
def plain_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose only font knows ASCII and ü."""
    known = frozenset([*range(32, 127), ord("ü")])
    monkeypatch.setattr(figures, "_fonts", lambda: (["DejaVu Sans"], known))
