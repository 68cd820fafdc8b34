"""A cache of what was computed from some content: a folder of entries, each whole or absent."""

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
from textlstm.typed import emptying_cache

T = TypeVar("T")
UNWRITABLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EEXIST,
    errno.ENOTDIR,
)
DAMAGED = (OSError, ValueError, TypeError, KeyError, SafetensorError)


def content_key(*parts: Any) -> str:
    """Names what depends on `parts` alone, which are plain values.

    Equal parts have equal names in every process.
    """
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def kept(
    cache: Path, name: str, make: Callable[[Path], None], load: Callable[[Path], T]
) -> tuple[T, bool]:
    """Loads the entry `name` of the cache, and makes it first if it is absent or damaged.

    `make` fills an empty folder, which `load` reads.

    Returns:
        What `load` returned, and whether the entry was there before.

    Raises:
        InputError: the disk is full or may not be written to; nothing half-written is left.
    """
    entry = cache / name
    if entry.is_dir():
        try:
            return load(entry), True
        except DAMAGED:  # a disk may do that; the entry is made anew
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
def one_at_a_time(cache: Path, name: str = "") -> Iterator[None]:
    """Lets one process in after the other: the first fills the cache, the others find it full.

    Args:
        name: the entry that they need; processes that need different entries do not wait.

    Raises:
        InputError: the cache may not be written to.
    """
    lock = FileLock(cache / f".{name}.lock" if name else cache / ".lock")
    with _refused(Path(lock.lock_file)):
        cache.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _refused(entry: Path) -> Iterator[None]:
    """Turns the refusal of a disk to take the entry into an error for the user."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise InputError(
            f"cache: {entry} could not be written ({errno.errorcode[error.errno]}); nothing of it "
            f"was kept. Free space on that disk, or give write access; `{emptying_cache()}` "
            f"empties the cache."
        ) from error


def _publish(unfinished: Path, entry: Path) -> None:
    """Gives a finished entry its name, in one step."""
    try:
        unfinished.rename(entry)
    except OSError:
        if not entry.is_dir():  # else another process was faster, with the same content
            raise
