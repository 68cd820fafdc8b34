"""Lists all runs, those of a data set together, the best first."""

import argparse
from pathlib import Path

from textlstm.checks import InputError
from textlstm.commandline.help import option_parser
from textlstm.leaderboard.listing import Listing
from textlstm.leaderboard.listing_table import (
    SORTED,
    as_lines_of_json,
    filtered,
    moment,
    table_lines,
)
from textlstm.places import OUTPUTS
from textlstm.typed import as_typed

KINDS = ("runs", "sweeps", "benchmarks")  # folders of outputs/ that hold runs


def runs() -> None:
    """Prints the finished runs that the command line asks for, and counts all others.

    Raises:
        InputError: a folder that does not exist, or a date that is none.
    """
    chosen = _parser().parse_intermixed_args()
    since = None if chosen.since is None else moment(chosen.since)
    given = [Path(folder).expanduser().absolute() for folder in chosen.folders]
    missing = [folder for folder in given if not folder.is_dir()]
    if missing:
        raise InputError(f"There is no folder {missing[0]}.")

    listing = Listing.read(given or [OUTPUTS / kind for kind in KINDS])
    shown = filtered(listing.finished, data=chosen.data, since=since)
    if chosen.json:
        print(as_lines_of_json(shown, chosen.sort))
    elif listing == Listing():
        print(f"There are no runs yet; {as_typed('train')} starts one.")
    else:
        print(*table_lines(listing, shown, chosen.sort), sep="\n")


def _parser() -> argparse.ArgumentParser:
    parser, options = option_parser("runs")
    options.add_argument(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="where runs are looked for, at any depth (default: outputs/runs, outputs/sweeps and "
        "outputs/benchmarks)",
    )
    options.add_argument(
        "--data", metavar="TEXT", help="only runs whose data have this in the name of their file"
    )
    options.add_argument(
        "--since",
        metavar="DATE",
        help="only runs that ended since 2026-01-31, '2026-01-31 12:00', or in the last 7d, 12h "
        "or 30m",
    )
    options.add_argument(
        "--sort",
        choices=SORTED,
        default="score",
        help="what comes first among the runs of a data set: the best score, the newest date or "
        "the largest size (default: score)",
    )
    options.add_argument("--json", action="store_true", help="prints JSON in place of tables")
    return parser
