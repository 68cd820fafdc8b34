"""Progress on a terminal before and after training; where there is no terminal, nothing."""

import gc
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from textlstm.ranks import is_rank_zero

if TYPE_CHECKING:
    from rich.status import Status

T = TypeVar("T")


def _watched() -> bool:
    """Tells whether standard error is a terminal, and this process the one that writes to it."""
    return sys.stderr.isatty() and is_rank_zero()


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
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = [BarColumn()] if total else []
    columns = [TextColumn("{task.completed:,.0f} " + what), *bar, TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task, size_of(item))
