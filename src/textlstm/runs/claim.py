"""Keeps a run folder for one process: a second one that would write into it gets an error."""

import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from textlstm.checks import InputError
from textlstm.writing import write_text

log = logging.getLogger(__name__)

PATIENCE = 0.5  # seconds, in which a process that has just got the folder writes down its name
LOCK, HOLDER = ".lock", ".running"  # files of a run folder, while a process works in it
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keeps a run folder for this process while the block lasts.

    The system gives the folder back if the process dies. On a disk that knows no locks the block
    runs all the same, after a warning.

    Raises:
        InputError: another process works in the folder; the message names it.
    """
    lock = FileLock(folder / LOCK)
    if (folder / LOCK).is_symlink():  # some versions of filelock would write through it
        (folder / LOCK).unlink()
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise InputError(
            f"{folder} is in use: {_holder(folder)} works in it. Wait until it has ended, or end "
            f"it, and type the command again."
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in WITHOUT_LOCKS:
            raise
        log.warning("%s cannot be locked (%s): start no second process in it.", folder, error)
        yield
        return

    try:
        write_text(folder / HOLDER, f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        with suppress(OSError):  # the folder, or its disk, may be gone
            (folder / HOLDER).unlink(missing_ok=True)
            (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    """Names the process that works in the folder, as it has written it there."""
    try:
        return (folder / HOLDER).read_text(encoding="utf-8")[:200].strip() or "another process"
    except (OSError, ValueError):  # it has not written it yet, or not in UTF-8
        return "another process"
