"""Ends a sweep that is told to: one line, the signal's exit code, and no process left behind."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from textlstm.parent import end_after
from textlstm.typed import same_command

log = logging.getLogger(__name__)

# What ends a sweep: Ctrl-C, kill, and a terminal that is closed. Windows has no SIGHUP.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopped(BaseException):
    """The process was told to end. It passes by all that catches errors, as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        self.code = 128 + number  # the exit code, as shells have it


@contextmanager
def stoppable(*, patience: float, says: bool) -> Iterator[None]:
    """Ends the process when a signal tells it to, once the block has cleaned up.

    Args:
        patience: seconds that the block may take to clean up; then the process ends all the same.
        says: whether to say how to go on.
    """

    process, told = os.getpid(), False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if os.getpid() != process:  # a forked child, which has inherited this
            os._exit(128 + number)
        if not told:  # a second Ctrl-C must not break off what the first began
            told = True
            end_after(patience, 128 + number)
            raise Stopped(number)

    # A program that was started with `nohup`, or in the background of a script, goes on ignoring.
    heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    except Stopped as stopped:
        if says:
            log.info("Stopped. The same command goes on: %s", same_command())
        sys.exit(stopped.code)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
