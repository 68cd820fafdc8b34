"""What files are known by: their content, so that a change is seen later."""

import glob
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from textlstm.checks import InputError
from textlstm.data.facts import SourceFacts
from textlstm.data.reading.files import find_files
from textlstm.data.reading.opened import open_without_waiting


def checksum(path: str | Path, key: str = "file") -> str:
    """Computes the SHA-256 of a file, in hexadecimal digits.

    That of a glob or a folder is computed from the names and checksums of its files.

    Raises:
        InputError: no such file, or one that cannot be read.
    """
    files = find_files(str(path), key)
    sums = []
    for file in files:
        try:
            with open_without_waiting(file) as content:
                sums.append(hashlib.file_digest(content, "sha256").hexdigest())
        except OSError as error:
            raise InputError(f"{key}: {file} cannot be read: {error.strerror}.") from error
    if len(files) == 1:
        return sums[0]

    root = os.path.commonpath(files)
    named = [f"{one}  {os.path.relpath(file, root)}" for one, file in zip(sums, files, strict=True)]
    return hashlib.sha256("\n".join(named).encode(errors="surrogateescape")).hexdigest()


def changed_sources(sources: Mapping[str, SourceFacts]) -> list[str]:
    """Names the recorded sources that are gone or hold something else now."""
    return [
        split
        for split, source in sources.items()
        if _checksum_now(source["path"]) != source["sha256"]
    ]


def check_there(paths: Mapping[str, str | None], resume: str) -> None:
    """Refuses to resume a run whose file is gone, with the way to go on if it has moved.

    Args:
        paths: by split, a file, folder or glob; None where the split has none of its own.
        resume: the run's folder.
    """
    for split, path in paths.items():
        if path is not None and not os.path.exists(path) and not glob.glob(path):
            raise InputError(
                f"data.{split}: {path} is gone. If it has moved, resume={resume} "
                f"data.{split}=NEW goes on with it."
            )


def _checksum_now(path: str) -> str | None:
    try:
        return checksum(path)
    except InputError:
        return None
