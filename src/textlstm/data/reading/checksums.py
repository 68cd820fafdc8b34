"""Checksums of files, which tell whether the data of a run have changed since."""

import hashlib
import os
from pathlib import Path

from textlstm.checks import InputError
from textlstm.data.reading.files import find_files


def checksum(path: str | Path, key: str = "file") -> str:
    """The SHA-256 of a file as hexadecimal digits.

    That of a glob or a folder is made of the names and checksums of its files.
    """
    files = find_files(str(path), key)
    checksums = []
    for file in files:
        try:
            with open(file, "rb") as content:
                checksums.append(hashlib.file_digest(content, "sha256").hexdigest())
        except OSError as error:
            raise InputError(f"{key}: {file} cannot be read: {error.strerror}.") from error
    if len(files) == 1:
        return checksums[0]

    root = os.path.commonpath(files)
    lines = [
        f"{digits}  {os.path.relpath(file, root)}"
        for digits, file in zip(checksums, files, strict=True)
    ]
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def changed(sources: dict[str, dict[str, str]]) -> list[str]:
    """Names the recorded sources (`path` and `sha256` each) that are gone or have changed."""
    return [
        split
        for split, source in sources.items()
        if _checksum_now(source["path"]) != source["sha256"]
    ]


def _checksum_now(path: str) -> str | None:
    """The checksum of what now stands at a path; None if nothing that can be read does."""
    try:
        return checksum(path)
    except InputError:
        return None
