"""Progress on a terminal before and after training; where there is no terminal, nothing."""

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from textlstm.ranks import is_rank_zero

T = TypeVar("T")


def _watched() -> bool:
    return sys.stderr.isatty() and is_rank_zero()


@contextmanager
def loading() -> Iterator[None]:
    """Says what is waited for while torch and what stands on it are imported, which takes seconds.

    What is imported stays: it is not searched for garbage, neither now nor at the end, which saves
        another two seconds.
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
    """A function that keeps one line up to date on the terminal; elsewhere it says nothing."""
    if not _watched():
        yield lambda line: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as spinner:
        yield lambda line: spinner.update(line)


def counted(
    items: Iterable[T],
    what: str,
    *,
    size_of: Callable[[T], int] = lambda item: 1,
    total: int | None = None,
) -> Iterator[T]:
    """The items, counted on the terminal as they pass; `what` names them, such as "texts".

    `size_of` is how many an item stands for; `total`, if it is known, is how many there will be.
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
