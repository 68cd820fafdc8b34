"""Opens a journal file, in which a study is kept line by line on a disk that machines share."""

import json
import logging
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from textlstm.checks import InputError

log = logging.getLogger(__name__)


def open_journal(path: Path) -> JournalStorage:
    """Opens a journal file, which need not be there yet.

    Its last line may be torn: a process was killed, or a disk was full, while it was written. That
    line is cut off, since what is written next would continue it.

    Raises:
        InputError: a line above the last is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    backend = JournalFileBackend(str(path))
    _cut_off_tear(path)
    try:
        return JournalStorage(backend)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"sweep.storage={path}: {_damage(path)}. Give another file: a grid trains nothing "
            f"again whose run folder has its result."
        ) from error


def _cut_off_tear(path: Path) -> None:
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        with open(path, "rb+") as file:
            whole = file.read()
            end = whole.rfind(b"\n") + 1
            if end < len(whole):
                file.truncate(end)
                log.warning("%s: its last line was torn, and is cut off.", path)
    finally:
        lock.release()


def _damage(path: Path) -> str:
    """Says which line of a journal is damaged."""
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            if isinstance(json.loads(line), dict):
                continue
        except ValueError:
            pass
        return f"line {number} of the journal is damaged"
    return "this is no journal of a study"
