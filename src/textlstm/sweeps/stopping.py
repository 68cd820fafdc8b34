"""Ends a sweep that is told to: one line, the signal's exit code, and no process left behind."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from textlstm.parent import end_after
from textlstm.signals import HANDLED
from textlstm.typed import same_command

log = logging.getLogger(__name__)

AGAIN = 0.1  # seconds until a signal is sent once more that Python has dropped


class Stopped(BaseException):
    """The process was told to end. It passes by all that catches errors, as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        self.number, self.code = number, 128 + number  # the exit code, as shells have it


class _Held:
    """Whether a signal waits for the end of a block, and which one has come."""

    on = False
    number: int | None = None


@contextmanager
def unbroken() -> Iterator[None]:
    """Lets a signal wait until the block has ended: half of what the block does would be worse.

    It changes nothing in other threads than the main one, which gets all signals.

    Raises:
        Stopped: on leaving, if a signal has come.
    """
    if _Held.on or threading.current_thread() is not threading.main_thread():
        yield
        return
    _Held.on, _Held.number = True, None
    try:
        yield
    finally:
        _Held.on = False
    if _Held.number is not None:
        raise Stopped(_Held.number)


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
            if not _Held.on:
                raise Stopped(number)
            _Held.number = number

    def look(found: Any) -> None:
        nonlocal told
        # Python drops what is raised while it frees an object: then the signal has to come again.
        if isinstance(found.exc_value, Stopped):
            told = False
            threading.Timer(AGAIN, os.kill, (process, found.exc_value.number)).start()
        else:
            hook(found)

    # A program that was started with `nohup`, or in the background of a script, goes on ignoring.
    heeded = [number for number in HANDLED if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    hook, sys.unraisablehook = sys.unraisablehook, look
    try:
        yield
    except Stopped as stopped:
        if says:
            log.info("Stopped. The same command goes on: %s", same_command())
        sys.exit(stopped.code)
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
