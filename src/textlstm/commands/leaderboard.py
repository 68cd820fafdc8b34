"""Ranks the configurations of a sweep."""

import argparse

from omegaconf import OmegaConf

from textlstm.leaderboard.board import write_leaderboard
from textlstm.leaderboard.named import find_sweep
from textlstm.places import CONF
from textlstm.typed import as_typed


def leaderboard() -> None:
    """Prints and writes the leaderboard of the sweep that is named on the command line.

    Raises:
        InputError: no such sweep, or no finished run in it.
    """
    parser = argparse.ArgumentParser(
        prog=as_typed("leaderboard"),
        description=OmegaConf.load(CONF / "hydra" / "help" / "leaderboard.yaml").template,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sweep", nargs="?", help="the sweep's name or folder (default: the one worked on last)"
    )
    write_leaderboard(find_sweep(parser.parse_args().sweep).absolute())
