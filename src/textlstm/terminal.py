"""Progress on a terminal, in one line at its bottom; where there is no terminal, nothing."""

import gc
import logging
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from textlstm.ranks import is_rank_zero

if TYPE_CHECKING:
    from rich.status import Status

T = TypeVar("T")

COMMAND = re.compile(r"\b(python3?|textlstm|make|pip) [\w./-]")
ARGUMENT = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+""")  # of a shell
INTERVAL = 0.5  # seconds; drawing at each step costs a third of the time of a small network
SHARE = "{bar:16}{percentage:4.0f}%"  # of a total that is known
LEFT = "{remaining} left"


class _State:
    quiet = False  # whether nothing is drawn, wherever standard error leads


def _watched() -> bool:
    """Tells whether standard error is a terminal, and this process the one that writes to it."""
    return sys.stderr.isatty() and is_rank_zero() and not _State.quiet


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, no progress is drawn."""
    before, _State.quiet = _State.quiet, True
    try:
        yield
    finally:
        _State.quiet = before


@contextmanager
def loading() -> Iterator[None]:
    """Says that torch is being loaded, around the imports that take seconds for it.

    What is imported inside stays for good, so it is never searched for garbage, neither now nor
    when the process ends. That saves two more seconds.
    """
    if gc.get_freeze_count():  # it was imported before, in another job of a sweep
        yield
        return
    gc.disable()
    try:
        with status() as tell:
            tell("Loading torch…")
            yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def status() -> Iterator[Callable[[str], None]]:
    """Gives a function that shows a line on the terminal in place of the line before.

    The line is wiped before a message is logged. Where nobody watches, such as in a pipe or on a
    rank above 0, the function does nothing.
    """
    if not _watched():
        yield lambda line: None
        return
    shown = _StatusLine()
    handlers = logging.getLogger().handlers[:]
    for handler in handlers:
        handler.addFilter(shown.wipe)
    try:
        yield shown.tell
    finally:
        for handler in handlers:
            handler.removeFilter(shown.wipe)
        shown.wipe()


class ScreenFormatter(logging.Formatter):
    """Breaks the lines of a message between words where standard error is a terminal.

    Messages with a command stay as they are: what is copied from a line that the terminal itself
    has broken is one line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The message as the terminal gets it."""
        message = super().format(record)
        return message if COMMAND.search(message) else broken(message, sys.stderr)


def broken(text: str, stream: TextIO) -> str:
    """Breaks the lines of a text between words if they are wider than the terminal of a stream."""
    width = _columns(stream)
    lines = list[str]()
    for line in text.split("\n"):
        wrapped = [line]
        if width is not None and len(line) > width:
            wrapped = textwrap.wrap(
                line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
        lines += wrapped
    return "\n".join(lines)


def continued(command: str, stream: TextIO) -> str:
    """Breaks a command line between arguments for the terminal of a stream, as a shell reads it."""
    width = _columns(stream)
    if width is None or len(command) <= width:
        return command
    indent = command[: len(command) - len(command.lstrip())]
    lines = [indent]
    for argument in ARGUMENT.findall(command):
        space = " " if lines[-1].strip() else ""
        longer = f"{lines[-1]}{space}{argument}"
        if space and len(longer) > width - len(" \\"):
            lines.append(f"{indent}    {argument}")
        else:
            lines[-1] = longer
    return " \\\n".join(lines)


def _columns(stream: TextIO) -> int | None:
    """Counts the columns of a stream's terminal; None if it is none, or nobody knows."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:  # it is closed by now
        return None


class _StatusLine:
    """A line with a spinner on the terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.spinner: Status | None = None

    def tell(self, line: str) -> None:
        """Shows a line in place of the one before."""
        if self.spinner is None:
            self.spinner = self.console.status(line)
            self.spinner.start()
        else:
            self.spinner.update(line)

    def wipe(self, record: logging.LogRecord | None = None) -> bool:
        """Wipes the line; as a filter of messages it lets each pass."""
        if self.spinner is not None:
            self.spinner.stop()
            self.spinner = None
        return True


class Bar:
    """A line at the bottom of the terminal that says how far something is.

    It is wiped before a message is logged, and drawn again below it. Where nobody watches, nothing
    is drawn.

    Args:
        layout: the line, with the fields that tqdm knows in braces, such as `{n:,} texts`; `{desc}`
            is what `advance` is told.
        total: the count at the end, if that is known.
        done: the count at the beginning.
        told: what `{desc}` is until then.
    """

    def __init__(
        self, layout: str, *, total: int | None = None, done: int = 0, told: str = ""
    ) -> None:
        self.line: Any = None
        self.drawn = time.monotonic()
        self.handlers: list[logging.Handler] = []
        if not _watched():
            return
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread of its own
        self.line = tqdm(
            total=total,
            initial=done,
            desc=told,
            bar_format=layout,
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
            smoothing=0,  # what is left takes as long as what has been done, on average
        )
        self.handlers = logging.getLogger().handlers[:]
        for handler in self.handlers:
            handler.addFilter(self._wipe)

    def advance(self, count: int = 1, tell: Callable[[], str] | None = None) -> None:
        """Counts on, and draws the line if it is older than half a second.

        Args:
            tell: gives what stands for `{desc}`; it is called only when the line is drawn.
        """
        if self.line is None:
            return
        self.line.n += count
        if time.monotonic() - self.drawn > INTERVAL or self.line.n == self.line.total:
            if tell is not None:
                self.line.set_description_str(tell(), refresh=False)
            self.line.refresh()
            self.drawn = time.monotonic()

    def close(self) -> None:
        """Wipes the line for good."""
        for handler in self.handlers:
            handler.removeFilter(self._wipe)
        if self.line is not None:
            self.line.close()
            self.line = None

    def _wipe(self, record: logging.LogRecord) -> bool:
        """Wipes the line; as a filter of messages it lets each pass."""
        self.line.clear()
        return True


def counted(
    items: Iterable[T],
    what: str,
    *,
    size_of: Callable[[T], int] = lambda item: 1,
    total: int | None = None,
) -> Iterator[T]:
    """Yields the items and counts them on the terminal, if somebody watches.

    Args:
        items: whatever is iterated over.
        what: their name, such as "texts".
        size_of: how many an item counts for.
        total: how many there will be, if that is known; then a bar shows the share that is done.
    """
    if not _watched():
        yield from items
        return
    layout = f"{{n:,}} {what}  {{elapsed}}"
    if total:
        layout = f"{{n:,}} of {{total:,}} {what}  {SHARE}  {LEFT}"
    bar = Bar(layout, total=total)
    try:
        for item in items:
            yield item
            bar.advance(size_of(item))
    finally:
        bar.close()
