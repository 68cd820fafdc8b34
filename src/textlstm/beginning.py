"""The moment at which a command began, before what it imports."""

import time


class _Noted:
    """The moment of this process's command; None if a run has taken it."""

    at: float | None = None


def note_beginning() -> None:
    """Notes that a command begins now."""
    _Noted.at = time.monotonic()


def take_beginning() -> float:
    """Gives the moment of `time.monotonic` at which the first run of a command began with it.

    A later run of the same process, as in a sweep, begins now.
    """
    at, _Noted.at = _Noted.at, None
    return time.monotonic() if at is None else at
