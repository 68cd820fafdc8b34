"""Ranks the configurations of a sweep."""

import argparse
from pathlib import Path

from textlstm.leaderboard.board import latest_sweep, write_leaderboard
from textlstm.places import OUTPUTS

DESCRIPTION = """
Prints a sweep's configurations, best first, with the commands that train the best again and score
it on test.

python src/leaderboard.py
python src/leaderboard.py outputs/sweeps/grid
"""


def leaderboard() -> None:
    """Prints and writes the leaderboard of the sweep that is named on the command line.

    Raises:
        InputError: no folder, or no finished run in it.
    """
    parser = argparse.ArgumentParser(
        description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sweep", nargs="?", type=Path, help="the sweep's folder (default: the one worked on last)"
    )
    chosen = parser.parse_args().sweep
    write_leaderboard((chosen or latest_sweep(OUTPUTS / "sweeps")).absolute())
