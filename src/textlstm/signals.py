"""Ends a command in good order at Ctrl-C (SIGINT), SIGTERM and SIGHUP.

Windows has no SIGHUP, and there a SIGTERM of another process ends this one at once.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# By name: a signal that the platform lacks is left out.
HANDLED = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
# A launcher may pass on a signal that the whole group of processes got: what comes within this
# time is the same wish to stop.
SAME = 1.0  # seconds


class Stopped(SystemExit):
    """A signal has ended the command; the exit code is 128 and the number of the signal.

    Attributes:
        told: whether the user has been told.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number, self.told = number, False

    def __str__(self) -> str:
        return f"Stopped by {name(self.number)}."


class _State:
    """What this process has received, and whether it waits for a moment that suits it."""

    process = 0  # the one that handles signals; a forked child inherits its handlers
    held = False
    received: int | None = None
    at = 0.0


def name(number: int) -> str:
    """Names a signal as a person knows it."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def received() -> int | None:
    """The number of the signal that this process has received; None if there was none."""
    return _State.received


@contextmanager
def stoppable() -> Iterator[None]:
    """Within it, the first signal raises `Stopped`, and a later one ends the process at once.

    A signal that the process ignores stays ignored, such as SIGHUP under nohup.
    """
    if _State.process == os.getpid() or threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.getsignal(number) for number in HANDLED}
    try:
        _State.process = os.getpid()
        _handle()
        yield
    finally:
        _State.process, _State.received = 0, None
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


@contextmanager
def held() -> Iterator[None]:
    """Within it, a signal is only noted: whoever asks `received` stops where it suits.

    Where another part of the program handles signals, such as a sweep, it goes on to do so.

    Raises:
        Stopped: on leaving, if a signal was noted that nobody stopped for.
    """
    if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN, _receive):
        yield
        return
    with stoppable():
        _State.held = True
        try:
            yield
        finally:
            _State.held = False
        if _State.received is not None:
            raise Stopped(_State.received)


def keep_held() -> None:
    """Within `held`, handles the signals once more, if a library has put its own handlers."""
    if _State.held and threading.current_thread() is threading.main_thread():
        _handle()


def _handle() -> None:
    for number in HANDLED:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _receive)


def _receive(number: int, frame: Any) -> None:
    if os.getpid() != _State.process:
        os._exit(128 + number)
    if _State.received is not None:
        if time.monotonic() - _State.at > SAME:
            os._exit(128 + number)
        return
    _State.received, _State.at = number, time.monotonic()
    if not _State.held:
        raise Stopped(number)
