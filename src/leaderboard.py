"""Prints a sweep's configurations, best first, with the commands that train the best again and score it on test.

python src/leaderboard.py
python src/leaderboard.py outputs/sweeps/grid
"""

import argparse
from pathlib import Path

from textlstm.checks import InputError
from textlstm.command_line import fail, prepare_screen
from textlstm.leaderboard import latest_sweep, leaderboard
from textlstm.runs import OUTPUTS

if __name__ == "__main__":
    prepare_screen()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", nargs="?", type=Path, help="the sweep's folder (default: the one worked on last)")
    try:
        chosen = parser.parse_args().sweep
        leaderboard((chosen or latest_sweep(OUTPUTS / "sweeps")).absolute())
    except InputError as error:
        fail(error)
