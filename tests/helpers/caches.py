"""Entries of a cache as tests make, read and spoil them, in this process or in others."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import SRC
from textlstm.cache import content_key


def entry_name(number: int) -> str:
    """A name like those that the project gives."""
    return f"rows-{content_key(number)}"


def writing(text: str) -> Callable[[Path], None]:
    """Makes an entry of one file."""

    def make(folder: Path) -> None:
        (folder / "entry.txt").write_text(text, encoding="utf-8")

    return make


def read(folder: Path) -> str:
    """Reads what `writing` has written."""
    return (folder / "entry.txt").read_text(encoding="utf-8")


def made_again(folder: Path) -> None:
    """Takes the place of `make` where an entry must be found."""
    pytest.fail("made again")


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts Python on some code that uses the cache."""
    begin = (
        "import sys, time\nfrom pathlib import Path\n"
        "from textlstm.cache import kept\nfrom textlstm.checks import InputError\n"
        "cache = Path(sys.argv[1])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", begin + code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SRC), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )
