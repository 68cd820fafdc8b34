"""Shows a list of runs: filtered, sorted, a table for each data set; or as JSON."""

import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.escaping import one_line, visible
from textlstm.leaderboard.listing import ListedRun, Listing
from textlstm.plurals import number_of
from textlstm.writing import as_json

NAMED = 5  # folders in the line about those that are not listed
AGO = re.compile(r"(\d{1,6})([dhm])", re.ASCII)
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
HEADER = "rank  macro F1    test  95 %            baseline  date                  size  run"
SORTED: dict[str, Callable[[ListedRun], float]] = {
    "score": lambda run: -run.score if run.score is not None else 1.0,
    "date": lambda run: -run.ended,
    "size": lambda run: -run.size,
}
"""What runs of a data set may be sorted by: the best, the newest or the largest first."""


def moment(given: str) -> float:
    """Reads a date such as 2026-01-31, with a time after a space or a T, or an age such as 7d.

    Returns:
        Seconds since the epoch; a date without a time is its beginning, here.

    Raises:
        InputError: it is neither.
    """
    try:
        if ago := AGO.fullmatch(given):
            return (datetime.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])})).timestamp()
        return datetime.fromisoformat(given).timestamp()
    except (OverflowError, ValueError) as error:
        raise InputError(
            f"--since: {given!r} is no date; 2026-01-31, '2026-01-31 12:00' or an age such as 7d, "
            f"12h or 30m was expected."
        ) from error


def filtered(runs: list[ListedRun], *, data: str | None, since: float | None) -> list[ListedRun]:
    """Keeps the runs whose data have a text in their name, and that ended since a moment."""
    return [
        run
        for run in runs
        if (data is None or data.lower() in run.data.lower())
        and (since is None or run.ended >= since)
    ]


def table_lines(listing: Listing, runs: list[ListedRun], sort: str) -> list[str]:
    """Makes the lines of the tables, one for each data set, and those that count all other runs.

    Args:
        listing: what was found.
        runs: those of its finished runs that are shown.
        sort: a key of `SORTED`.
    """
    groups: dict[Any, list[ListedRun]] = {}
    for run in sorted(runs, key=lambda run: run.rows):
        groups.setdefault(run.key, []).append(run)

    lines, titles = list[str](), list[str]()
    for group in groups.values():
        ranked = sorted(group, key=SORTED["score"])
        rank_of = {run.folder: rank for rank, run in enumerate(ranked, start=1)}
        titles.append(one_line(group[0].rows))
        again = titles.count(titles[-1])  # rows that were cut in another way
        lines += [titles[-1] if again == 1 else f"{titles[-1]} ({again})", HEADER]
        lines += [_line(run, rank_of[run.folder]) for run in sorted(group, key=SORTED[sort])]
        lines.append("")
    return [*lines, *_counts(listing, runs)]


def as_lines_of_json(runs: list[ListedRun], sort: str) -> str:
    """Makes a JSON list of the runs, sorted across data sets."""
    return as_json(
        [
            {
                "run": str(run.folder),
                "data": run.data,
                "rows": run.rows,
                "ended": datetime.fromtimestamp(run.ended).astimezone().isoformat("T", "seconds"),
                "validation_macro_f1": run.score,
                "test_macro_f1": run.test,
                "test_macro_f1_interval": run.interval,
                "baseline_test_macro_f1": run.baseline,
                "parameters": run.parameters,
                "bytes": run.size,
            }
            for run in sorted(runs, key=SORTED[sort])
        ],
        indent=2,
    )


def _line(run: ListedRun, rank: int) -> str:
    """Makes the line of a run; its path is the last, since it may be long."""
    interval = "–" if run.interval is None else "{:.3f} to {:.3f}".format(*run.interval)
    ended = datetime.fromtimestamp(run.ended).strftime("%Y-%m-%d %H:%M")
    return (
        f"{'–' if run.score is None else rank:>4}  {_score(run.score):>8}  {_score(run.test):>6}  "
        f"{interval:<14}  {_score(run.baseline):>8}  {ended}  {_size(run.size):>8}  "
        f"{visible(_from_here(run.folder))}"
    )


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _size(count: int) -> str:
    """Writes bytes in the unit that a person would take."""
    if count < 1_000_000:
        return f"{count / 1_000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB" if count < 1_000_000_000 else f"{count / 1e9:.1f} GB"


def _from_here(folder: Path) -> Path:
    """Names a folder from the working directory if it is below that."""
    here = Path(os.path.abspath("."))
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _counts(listing: Listing, shown: list[ListedRun]) -> list[str]:
    """Counts the runs that are listed and all others, with the folders of some of these."""
    total = number_of(len(listing.finished), "finished run")
    listed = total if len(shown) == len(listing.finished) else f"{len(shown):,} of {total}"
    pruned = f", {len(listing.pruned):,} pruned" if listing.pruned else ""
    lines = [f"{listed}{pruned}."]
    if listing.finished and not shown:
        names = sorted({one_line(run.data) for run in listing.finished})
        lines.append(f"None of them fits; their data are {_named(names)}.")
    if listing.unfinished:
        names = [one_line(_from_here(folder)) for folder in listing.unfinished]
        lines.append(f"{len(names):,} unfinished: {_named(names)}.")
    if listing.damaged:
        names = [
            f"{one_line(_from_here(folder))} ({one_line(why).removesuffix('.')})"
            for folder, why in listing.damaged
        ]
        lines.append(f"{len(names):,} damaged: {_named(names)}.")
    return lines


def _named(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join([*names[:NAMED], *([f"{more:,} more"] if more > 0 else [])])
