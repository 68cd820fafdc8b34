"""Finds a sweep by its name, and the best run of it."""

from pathlib import Path

from textlstm.checks import InputError, nearest
from textlstm.leaderboard.folder import SweepFolder
from textlstm.places import OUTPUTS
from textlstm.typed import as_typed


def find_sweep(name: str | None) -> Path:
    """Finds a sweep by its folder or its name; None asks for the one that was worked on last.

    Raises:
        InputError: there is none.
    """
    sweeps = OUTPUTS / "sweeps"
    folders = [folder for folder in sweeps.glob("*") if folder.is_dir()]
    if name is None:
        if folders:
            return max(folders, key=_worked_on)
        raise InputError(
            f"There is no sweep in {sweeps}; {as_typed('train')} sweep=grid starts one."
        )

    folder = Path(name).expanduser().absolute()
    if folder.is_dir():
        return folder
    named = [found for found in folders if found.name == name]
    if named:
        return named[0]
    names = sorted(found.name for found in folders)
    raise InputError(
        f"There is no folder {folder}, and no sweep {name!r} in {sweeps}.{nearest(name, names)}"
    )


def best_run(sweep: Path) -> Path:
    """Finds the run with the highest score of the configuration that a sweep's leaderboard leads.

    Raises:
        InputError: no finished run, or runs that were validated on different rows.
    """
    rankings = SweepFolder.read(sweep).rankings
    if len(rankings) > 1:
        best = [f"run={one.best.best_run.folder} ({one.rows})" for one in rankings]
        raise InputError(
            f"The runs of {sweep} were validated on different rows, so that none is the best of "
            f"all. Take the best on some of them: {', '.join(best)}."
        )
    return rankings[0].best.best_run.folder


def _worked_on(sweep: Path) -> float:
    return max(entry.stat().st_mtime for entry in [sweep, *sweep.iterdir()])
