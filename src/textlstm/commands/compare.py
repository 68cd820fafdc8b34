"""Compares finished runs: what differs, whose scores are better, and which texts changed."""

from argparse import Namespace
from pathlib import Path

from textlstm.commandline.named_runs import with_folder_of_run
from textlstm.leaderboard.compared_run import read_runs
from textlstm.leaderboard.comparison_page import write_comparison
from textlstm.places import OUTPUTS
from textlstm.runs.folder import folder_name


def compare(chosen: Namespace) -> None:
    """Compares runs, each with the first.

    Args:
        chosen: the options of the command line, which name the runs.

    Raises:
        InputError: fewer than two runs, or one that is not finished or is damaged.
    """
    runs = read_runs([_folder(name) for name in chosen.runs])
    named = folder_name("_".join(run.folder.name for run in runs))
    write_comparison(runs, OUTPUTS / "comparisons" / named)


def _folder(name: str) -> Path:
    """Finds the folder of a run that is named as in `run=`."""
    (named,) = with_folder_of_run([f"run={name}"])
    return Path(named.removeprefix("run="))
