"""Ranks the configurations of a sweep."""

import argparse
from pathlib import Path

from omegaconf import OmegaConf

from textlstm.leaderboard.board import latest_sweep, write_leaderboard
from textlstm.places import CONF, OUTPUTS
from textlstm.typed import as_typed


def leaderboard() -> None:
    """Prints and writes the leaderboard of the sweep that is named on the command line.

    Raises:
        InputError: no folder, or no finished run in it.
    """
    parser = argparse.ArgumentParser(
        prog=as_typed("leaderboard"),
        description=OmegaConf.load(CONF / "hydra" / "help" / "leaderboard.yaml").template,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sweep", nargs="?", type=Path, help="the sweep's folder (default: the one worked on last)"
    )
    chosen = parser.parse_args().sweep
    write_leaderboard((chosen or latest_sweep(OUTPUTS / "sweeps")).absolute())
