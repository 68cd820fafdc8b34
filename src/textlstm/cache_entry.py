"""One entry of the cache: its checksums, its lock, and how it appears and disappears.

The file of checksums is the lock, too. Each process that makes or reads an entry holds a shared
lock on it, which ends with the process, however that ends. Reading the file is enough to lock it,
so that a cache where nothing may be written can be used.
"""

import errno
import hashlib
import json
import os
import platform
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import xxhash

from textlstm.checks import InputError

try:
    import fcntl
except ImportError:  # Windows, which does not rename a folder while its files are open
    fcntl = None  # type: ignore[assignment]

CHECKSUMS = "checksums.json"
DAY = 24 * 60 * 60
# Entries that a process holds at once: the jobs of a sweep read others one after another, and open
# files are limited.
MOST_HELD = 64

_held: dict[Path, int] = {}  # the file descriptors of this process's locks, the latest last


@contextmanager
def unfinished_entry(entry: Path) -> Iterator[Path]:
    """Gives an empty folder to fill, which becomes the entry if the block does not fail.

    An entry that another process has made meanwhile is kept. Folder and files get the modes that
    the user's umask, or an access list of the cache, gives to new ones.
    """
    folder, lock = _hidden(entry), None
    folder.mkdir()
    try:
        (folder / CHECKSUMS).touch()
        lock = _lock_shared(folder)
        _overwrite(folder / CHECKSUMS, {"host": platform.node()})
        yield folder

        _give_usual_modes(folder)
        files = [file.name for file in folder.iterdir() if file.name != CHECKSUMS]
        content = {"entry": entry.name, "files": _checksums(folder, files)}
        _overwrite(folder / CHECKSUMS, content)
        try:
            folder.rename(entry)
        except OSError as error:  # another process may have been faster, with the same content
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not entry.is_dir():
                raise
        else:
            _hold(entry, lock)
            lock = None
    finally:
        if lock is not None:
            os.close(lock)
        _delete(folder)


def open_entry(entry: Path) -> None:
    """Keeps other processes from removing an entry, and compares its files with their checksums.

    Raises:
        InputError: the entry is damaged, or has no checksums.
    """
    try:
        _hold(entry, _lock_shared(entry))
        with suppress(OSError):  # it may belong to another user
            os.utime(entry / CHECKSUMS)
        _compare(entry)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"cache: {entry} is damaged: {error}.") from error


def _compare(entry: Path) -> None:
    content = json.loads((entry / CHECKSUMS).read_text(encoding="utf-8"))
    if content["entry"] != entry.name:
        raise ValueError("its checksums belong to another entry")
    expected = dict(content["files"])
    found = _checksums(entry, expected)
    if changed := [name for name in expected if found[name] != expected[name]]:
        raise ValueError(f"{', '.join(changed)} differs from what was written")


def remove_entry(entry: Path) -> None:
    """Removes an entry, which is whole until it is gone. Where it is a link, only that goes."""
    removed = _hidden(entry)
    entry.rename(removed)
    if removed.is_symlink():
        removed.unlink()
    else:
        _delete(removed)


def remove_unless_used(folder: Path, lock: Path) -> bool:
    """Removes an entry if no process has locked the file `lock`; tells whether it is gone."""
    with _claimed(lock) as unused:
        if unused:
            with suppress(OSError):  # it may belong to another user
                remove_entry(folder)
                return True
    return False


def remove_if_abandoned(folder: Path) -> None:
    """Removes an unfinished entry whose process is dead.

    Whether a process of another machine lives cannot always be seen, since not every disk that
    machines share passes locks on. What such a process has left goes a day after its last change.
    """
    with _claimed(folder / CHECKSUMS) as unused:
        if unused and (_was_made_here(folder) or time.time() - last_change(folder) > DAY):
            _delete(folder)


def last_use(entry: Path) -> float:
    """The time when an entry was read last, or written if no process has read it."""
    try:
        return (entry / CHECKSUMS).stat().st_mtime
    except OSError:  # a version without checksums has made it
        return last_change(entry)


def last_change(folder: Path) -> float:
    """The time of the last change of a folder and its files; 0 if it is gone."""
    return max((found.st_mtime for found in _below(folder)), default=0.0)


def size(folder: Path) -> int:
    """The bytes that a folder and its files hold; 0 if it is gone."""
    return sum(found.st_size for found in _below(folder))


def _below(folder: Path) -> Iterator[os.stat_result]:
    """What the disk says of a folder and all that is in it, without those that go meanwhile."""
    for root, _, files in os.walk(folder):
        for path in (root, *(os.path.join(root, file) for file in files)):
            with suppress(OSError):
                yield os.lstat(path)


def _hidden(entry: Path) -> Path:
    return entry.with_name(f".{entry.name}.{secrets.token_hex(4)}")


def _delete(folder: Path) -> None:
    """Deletes a folder, its checksums last: if this process is killed, the next one goes on."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != CHECKSUMS:
                path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _checksums(folder: Path, files: Iterable[str]) -> dict[str, str]:
    """Checksums that notice damage, at the speed of memory; they are none against a forger."""
    found = {}
    for name in files:
        with open(folder / name, "rb") as content:
            found[name] = hashlib.file_digest(content, xxhash.xxh3_128).hexdigest()
    return found


def _overwrite(file: Path, content: dict[str, Any]) -> None:
    """Writes JSON into a locked file, which stays the same file and is never empty meanwhile."""
    with open(file, "r+b") as locked:
        locked.write(json.dumps(content).encode())
        locked.truncate()


def _give_usual_modes(folder: Path) -> None:
    """Gives all files the mode of one that was just opened; some libraries write private files."""
    usual = (folder / CHECKSUMS).stat().st_mode
    for file in folder.iterdir():
        if file.is_file() and file.stat().st_mode != usual:
            file.chmod(usual)


def _lock_shared(folder: Path) -> int | None:
    """Locks an entry for as long as the returned file descriptor is open."""
    if fcntl is None:
        return None
    lock = os.open(folder / CHECKSUMS, os.O_RDONLY)
    with suppress(OSError):  # a disk without locks; nothing is removed from it either
        fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def _hold(entry: Path, lock: int | None) -> None:
    """Keeps a lock until the process ends, or has read many other entries."""
    if lock is None:
        return
    closed = [_held.pop(entry)] if entry in _held else []
    _held[entry] = lock
    if len(_held) > MOST_HELD:
        closed.append(_held.pop(next(iter(_held))))
    for old in closed:
        os.close(old)


@contextmanager
def _claimed(lock: Path) -> Iterator[bool]:
    """Tells whether no process has locked a file, and keeps others from doing so inside."""
    if fcntl is None or not lock.exists():
        yield True
        return
    try:
        file = os.open(lock, os.O_RDWR)
    except OSError:  # another user's, or just gone
        yield False
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unused = True
    except OSError:
        unused = False
    try:
        yield unused
    finally:
        os.close(file)


def _was_made_here(folder: Path) -> bool:
    """Tells whether an unfinished entry was finished, or begun by a process of this machine.

    One whose file of checksums is empty may have a process that is about to lock it.
    """
    try:
        content = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and (
        "entry" in content or content.get("host") == platform.node()
    )
