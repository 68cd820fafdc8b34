"""Ranks the configurations of a sweep."""

from argparse import Namespace

from textlstm.leaderboard.board import write_leaderboard
from textlstm.leaderboard.named import find_sweep


def leaderboard(chosen: Namespace) -> None:
    """Prints and writes the leaderboard of a sweep.

    Args:
        chosen: the options of the command line, which may name the sweep.

    Raises:
        InputError: no such sweep, or no finished run in it.
    """
    write_leaderboard(find_sweep(chosen.sweep).absolute())
