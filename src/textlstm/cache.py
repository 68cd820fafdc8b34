"""A cache of what was computed from some content: a folder of entries, each whole or absent."""

import errno
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from safetensors import SafetensorError

from textlstm.cache_bound import bytes_allowed, keep_within, sweep_abandoned
from textlstm.cache_entry import open_entry, remove_entry, unfinished_entry
from textlstm.checks import InputError
from textlstm.places import CACHE_FOLDER
from textlstm.typed import emptying_cache

log = logging.getLogger(__name__)

T = TypeVar("T")
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
UNWRITABLE = (
    *FORBIDDEN,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EEXIST,
    errno.ENOTDIR,
)
MOST_MAKES = 2  # in a row, of an entry that is damaged as soon as it is made
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

    `make` fills an empty folder, which `load` reads. Other processes do not remove the entry while
    this one runs. Where nothing may be written, an entry that is there is read all the same.

    Returns:
        What `load` returned, and whether the entry was there before.

    Raises:
        InputError: the disk is full, may not be written to, or gives back something else than was
            written to it; nothing half-written is left.
    """
    entry, allowed, makes = cache / name, bytes_allowed(), 0
    with _refused(entry):
        sweep_abandoned(cache)
        while True:
            if entry.is_dir():
                try:
                    open_entry(entry)
                    loaded = load(entry)
                    break
                except DAMAGED as error:
                    if makes == MOST_MAKES:
                        raise
                    log.warning("%s It is made anew.", _damage_of(entry, error))
                with suppress(FileNotFoundError):  # another process found the damage, too
                    remove_entry(entry)

            cache.mkdir(parents=True, exist_ok=True)
            with unfinished_entry(entry) as folder:
                make(folder)
            makes += 1

    if makes:
        keep_within(cache, allowed)
    return loaded, not makes


@contextmanager
def one_at_a_time(cache: Path, name: str = "") -> Iterator[None]:
    """Lets one process in after the other: the first fills the cache, the others find it full.

    Where a process may not write, none waits: what is in the cache is read, and `kept` says what is
    missing.

    Args:
        name: the entry that they need; processes that need different entries do not wait.

    Raises:
        InputError: the disk is full, or the cache is not a folder.
    """
    lock = FileLock(cache / f".{name}.lock" if name else cache / ".lock")
    with _refused(Path(lock.lock_file)):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            if error.errno not in FORBIDDEN:
                raise
    try:
        yield
    finally:
        lock.release()


def _damage_of(entry: Path, error: Exception) -> str:
    if isinstance(error, InputError):
        return str(error)
    return f"cache: {entry} is damaged: {error}."


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
            f"empties the cache, and {CACHE_FOLDER}=FOLDER before the command takes another one."
        ) from error
