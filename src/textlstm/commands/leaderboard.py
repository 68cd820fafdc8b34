"""Ranks the configurations of a sweep."""

from textlstm.commandline.help import option_parser
from textlstm.leaderboard.board import write_leaderboard
from textlstm.leaderboard.named import find_sweep


def leaderboard() -> None:
    """Prints and writes the leaderboard of the sweep that is named on the command line.

    Raises:
        InputError: no such sweep, or no finished run in it.
    """
    parser, options = option_parser("leaderboard")
    options.add_argument(
        "sweep", nargs="?", help="the sweep's name or folder (default: the one worked on last)"
    )
    write_leaderboard(find_sweep(parser.parse_args().sweep).absolute())
