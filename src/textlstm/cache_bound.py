"""Keeps the cache from growing without end, and removes what killed processes have left in it.

Only folders with names of entries are ever removed, whatever else lies beside them.
"""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from textlstm.cache_entry import (
    CHECKSUMS,
    last_change,
    last_use,
    remove_if_abandoned,
    remove_unless_used,
    size,
)
from textlstm.checks import InputError

log = logging.getLogger(__name__)

BOUND = "TEXTLSTM_CACHE_GB"  # environment variable: most gigabytes that the cache may take
DEFAULT = 20.0
ENTRY = re.compile(r"[a-z]+-[0-9a-f]{24}")
UNFINISHED = re.compile(rf"\.({ENTRY.pattern})\.\w+")
# The suffix of a folder that its next start goes on from, so that it outlives its process. Who
# works in it holds the lock of the entry's name.
RESUMABLE = ".unfinished"


def bytes_allowed() -> float:
    """The bytes that the cache may take.

    Raises:
        InputError: the environment variable is not a number above 0.
    """
    given = os.environ.get(BOUND, str(DEFAULT))
    try:
        gigabytes = float(given)
    except ValueError:
        gigabytes = 0
    if not gigabytes > 0:
        raise InputError(
            f"{BOUND} must be a number of gigabytes above 0, got {given!r}; without it, the cache "
            f"takes up to {DEFAULT:g}."
        )
    return gigabytes * 1e9


def sweep_abandoned(cache: Path) -> None:
    """Removes the unfinished entries of dead processes."""
    for folder in _folders(cache, UNFINISHED):
        if folder.suffix != RESUMABLE:
            remove_if_abandoned(folder)


def keep_within(cache: Path, allowed: float) -> None:
    """Removes the entries that were used longest ago, until the others take `allowed` bytes.

    An entry that a running process uses stays, even if the cache is larger then.
    """
    resumable = [one for one in _folders(cache, UNFINISHED) if one.suffix == RESUMABLE]
    used = {folder: last_change(folder) for folder in resumable}
    used |= {entry: last_use(entry) for entry in _folders(cache, ENTRY)}
    sizes = {folder: size(folder) for folder in used}

    total, removed = sum(sizes.values()), list[Path]()
    for folder in sorted(used, key=lambda folder: used[folder]):
        if total <= allowed:
            break
        if remove_unless_used(folder, _lock_of(folder)):
            total -= sizes[folder]
            removed.append(folder)

    if removed:
        log.info(
            "cache: removed what was used longest ago (%d entries, %.2f GB) to keep %s below "
            "%.3g GB; %s=N allows another size.",
            len(removed),
            sum(sizes[folder] for folder in removed) / 1e9,
            cache,
            allowed / 1e9,
            BOUND,
        )


def _folders(cache: Path, pattern: re.Pattern[str]) -> Iterator[Path]:
    """The folders whose whole name has a pattern; links are none, wherever they lead."""
    try:
        found = list(os.scandir(cache))
    except OSError:
        return
    for entry in found:
        if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def _lock_of(folder: Path) -> Path:
    if folder.suffix == RESUMABLE:
        return folder.with_suffix(".lock")
    return folder / CHECKSUMS
