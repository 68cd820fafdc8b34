"""Checkpoint files: written whole or not at all, with a checksum that is compared at each reading.

A checkpoint is a ZIP file, as torch.save writes it. The comment at its end is the SHA-256 of all
bytes before the comment: torch reads the file as any other, and the checksum cannot be lost or
belong to another file. A file without one is of an older version, and the CRC-32 of its parts
stands in.
"""

import hashlib
import io
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from textlstm.checks import InputError
from textlstm.runs.folder import LAST, PREVIOUS

MARK = b"sha256:"
COMMENT = len(MARK) + 2 * hashlib.sha256().digest_size
ENDING = b"PK\x05\x06"  # of a ZIP file: 22 bytes, the last two of which are the comment's length
ENDING_SIZE = 22
CHUNK = 1 << 20


class WholeCheckpoints(TorchCheckpointIO):
    """Writes Lightning's checkpoints whole or not at all, and compares their checksum when read.

    Lightning's own way writes into the folder of temporary files and moves: where that is another
    file system, the last good checkpoint is overwritten while the new one is copied.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Writes a checkpoint; the one that a new last.ckpt replaces stays as previous.ckpt.

        Raises:
            InputError: it cannot be written; what was there before stays.
        """
        file = Path(path)
        previous = file.with_name(PREVIOUS) if file.name == LAST else None
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(file, _with_checksum(content), previous)
        except OSError as error:
            raise InputError(
                f"{file} cannot be written: {error.strerror or error}. The checkpoints that were "
                f"there before are whole; once the folder can be written to again, resume= goes on "
                f"from them."
            ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Reads a checkpoint of plain values and tensors: see `read_checkpoint`."""
        return read_checkpoint(Path(path))


def read_checkpoint(file: Path, *, mmap: bool = False) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU once its checksum is right. It runs no code of it.

    Args:
        mmap: leave its tensors on the disk until they are used.

    Raises:
        InputError: there is no such file, or it is cut short, damaged or no checkpoint.
    """
    wrong = damage(file)
    if wrong is None:
        try:
            return torch.load(file, weights_only=True, map_location="cpu", mmap=mmap)
        except Exception as error:  # a stranger's file may raise anything
            wrong = f"is no checkpoint of plain values and tensors ({type(error).__name__})"
    raise InputError(f"{file} {wrong}. Put an undamaged copy in its place.")


def damage(file: Path) -> str | None:
    """Says what is wrong with a checkpoint's bytes; None if they are those that were written."""
    if not file.is_file():
        return "is missing"
    try:
        with open(file, "rb") as opened:
            return _damage(opened, file.stat().st_size)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def _damage(opened: io.BufferedReader, size: int) -> str | None:
    if size == 0:
        return "is empty"
    opened.seek(max(0, size - COMMENT))
    comment = opened.read(COMMENT)
    if comment.startswith(MARK):
        whole = comment == MARK + _digest(opened, size - COMMENT) and _parts_are_plain(opened, size)
    else:
        whole = comment[-ENDING_SIZE:].startswith(ENDING) and _parts_are_plain(opened, size)
        whole = whole and _parts_are_whole(opened)
    return None if whole else "is cut short or damaged: its checksum is another"


def _parts_are_plain(opened: io.BufferedReader, size: int) -> bool:
    """Tells whether no part takes more memory than its bytes in the file: torch compresses none."""
    opened.seek(0)
    try:
        with zipfile.ZipFile(opened) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError):
        return False
    stored = all(part.compress_type == zipfile.ZIP_STORED for part in parts)
    return stored and sum(part.file_size for part in parts) <= size


def _parts_are_whole(opened: io.BufferedReader) -> bool:
    """Compares the CRC-32 of each part of a ZIP file, which torch itself does not."""
    opened.seek(0)
    try:
        with zipfile.ZipFile(opened) as parts:
            return parts.testzip() is None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError):
        return False


def _with_checksum(content: io.BytesIO) -> io.BytesIO:
    """Gives a ZIP file without a comment its SHA-256 as the comment."""
    size = content.seek(0, os.SEEK_END)
    content.seek(size - 2)
    content.write(COMMENT.to_bytes(2, "little"))
    digest = _digest(content, size)
    content.seek(size)
    content.write(MARK + digest)
    return content


def _digest(opened: io.BytesIO | io.BufferedReader, size: int) -> bytes:
    """The SHA-256 of the first `size` bytes, in hexadecimal digits."""
    opened.seek(0)
    digest = hashlib.sha256()
    for start in range(0, size, CHUNK):
        digest.update(opened.read(min(CHUNK, size - start)))
    return digest.hexdigest().encode()


def put_in_place(file: Path, content: bytes) -> None:
    """Writes the bytes of a whole checkpoint to another place, whole or not at all."""
    _write_whole(file, io.BytesIO(content), None)


def _write_whole(file: Path, content: io.BytesIO, previous: Path | None) -> None:
    """Writes a file beside its place, flushed to the disk, and then puts it there."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.unlink(missing_ok=True)
        with open(unfinished, "xb") as written:
            written.write(content.getbuffer())
            written.flush()
            os.fsync(written.fileno())

        if previous is not None and file.is_file():
            file.replace(previous)
        unfinished.replace(file)
        _flush_folder(file.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Flushes a folder's names to the disk, where the system can do so."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
