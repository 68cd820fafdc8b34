"""Reads files that a stranger may have written: of a bounded size, and JSON without surprises."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from textlstm.checks import InputError


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """Opens a regular file for reading; a pipe or a device might never end.

    Raises:
        InputError: it is something else, or cannot be opened.
    """
    without_waiting = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(file, os.O_RDONLY | without_waiting)
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {error.strerror}.") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(f"{file.name} is not a regular file.")
        with open(descriptor, "rb", closefd=False) as content:
            yield content
    finally:
        os.close(descriptor)


def size(content: BinaryIO) -> int:
    """Gives the number of bytes of an opened file."""
    return os.fstat(content.fileno()).st_size


def read_bytes(file: Path, *, most: int) -> bytes:
    """Reads a regular file of at most `most` bytes.

    Raises:
        InputError: it is larger, something else than a regular file, or cannot be read.
    """
    with opened(file) as content:
        if size(content) > most:
            raise InputError(
                f"{file.name} has {size(content):,} bytes, where at most {most:,} were expected."
            )
        return content.read(size(content))


def parse_json(content: bytes | str, name: str) -> Any:
    """Parses JSON in UTF-8 that says each thing once.

    Args:
        content: the JSON; bytes may not begin with a byte order mark.
        name: what messages call it.

    Raises:
        InputError: it is damaged, nested too deeply, or has a key twice, NaN or an infinity.
    """
    try:
        text = content.decode() if isinstance(content, bytes) else content
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not the JSON that was expected: {error}.") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:50]!r} stands there twice")
    return found


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")
