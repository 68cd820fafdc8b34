"""Puts a folder in place of `run=latest` and `run=best`, for each command that takes `run=`."""

import sys
from pathlib import Path

from textlstm.checks import InputError
from textlstm.escaping import visible
from textlstm.runs.folder import latest_run

LATEST, BEST = "latest", "best"


def with_folder_of_run(arguments: list[str]) -> list[str]:
    """Puts the folder of a run in place of `run=latest`, or of `run=best` with `sweep=NAME`.

    A folder that is called `latest` or `best` is taken itself. Which run it is stands on standard
    error.

    Raises:
        InputError: there is no such run, or a sweep is named for another run than its best.
    """
    values = dict(argument.partition("=")[::2] for argument in arguments)
    run, sweep = values.get("run"), values.get("sweep")
    if not run:
        return arguments
    if sweep is not None and run != BEST:
        raise InputError(f"sweep={sweep} goes with run=best, the best run of that sweep.")
    folder = _folder(run, sweep)
    if folder is None:
        return arguments

    print(f"run={run}: {visible(folder)}", file=sys.stderr)
    others = [argument for argument in arguments if not argument.startswith(("run=", "sweep="))]
    return [*others, f"run={folder}"]


def _folder(run: str, sweep: str | None) -> Path | None:
    """Finds the run that a word stands for; None if it is a folder's name."""
    if run not in (LATEST, BEST) or (sweep is None and Path(run).exists()):
        return None
    if run == LATEST:
        return latest_run()
    from textlstm.leaderboard.named import best_run, find_sweep  # other runs do without

    return best_run(find_sweep(sweep))
