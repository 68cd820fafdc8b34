"""Fixtures that several files of tests share."""

import csv
import os
import runpy
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
MANY_CORES = Path(__file__).parent / "many_cores"

# Every process that a test starts knows where this checkout's package is, and its helpers.
found = [str(SRC), str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
if os.environ.get("TEXTLSTM_TEST_CORES"):  # they claim as many cores, as this one does
    runpy.run_path(str(MANY_CORES / "sitecustomize.py"))
    found.insert(0, str(MANY_CORES))
os.environ["PYTHONPATH"] = os.pathsep.join(found)
if not os.environ.get("TEXTLSTM_TEST_GPU"):  # the numbers that tests expect are a CPU's
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "DISABLE_MPS": "1"}  # the latter for Lightning, on a Mac


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
