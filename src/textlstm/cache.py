"""Keeps what was computed from some content: a folder of entries, each whole or not there."""

import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from safetensors import SafetensorError

from textlstm.checks import InputError

T = TypeVar("T")
UNWRITABLE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EEXIST, errno.ENOTDIR),
)
DAMAGED = (OSError, ValueError, TypeError, KeyError, SafetensorError)


def content_key(*parts: Any) -> str:
    """A name for what depends on `parts` (plain values) alone: equal parts, equal names, from
    process to process.
    """
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def kept(
    cache: Path, name: str, make: Callable[[Path], None], load: Callable[[Path], T]
) -> tuple[T, bool]:
    """What `load` reads from the folder `name` of the cache, and whether it was there; if not,
    `make` has filled it.

    Raises:
        InputError: the disk is full or may not be written to; nothing half-written is left.
    """
    entry = cache / name
    if entry.is_dir():
        try:
            return load(entry), True
        except DAMAGED:  # by whatever happened to the disk: it is made anew
            shutil.rmtree(entry, ignore_errors=True)
    unfinished = None
    try:
        with _refused(entry):
            cache.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=cache))
            make(unfinished)
            _publish(unfinished, entry)
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)
    return load(entry), False


@contextmanager
def one_at_a_time(cache: Path) -> Iterator[None]:
    """Lets one process in after the other, so that the first fills the cache and the others find it
    full.

    Raises:
        InputError: as `kept`.
    """
    lock = FileLock(cache / ".lock")
    with _refused(Path(lock.lock_file)):
        cache.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _refused(entry: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise InputError(
            f"cache: {entry} could not be written ({errno.errorcode[error.errno]}); nothing of it "
            f"was kept. "
            f"Free space on that disk, or give write access; `make clean` empties the cache."
        ) from error


def _publish(unfinished: Path, entry: Path) -> None:
    try:
        unfinished.rename(entry)
    except OSError:
        if not entry.is_dir():  # else another process was faster, with the same content
            raise
