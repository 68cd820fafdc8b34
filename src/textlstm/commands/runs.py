"""Lists all runs, those of a data set together, the best first."""

from argparse import Namespace
from pathlib import Path

from textlstm.checks import InputError
from textlstm.leaderboard.listing import Listing
from textlstm.leaderboard.listing_table import as_lines_of_json, filtered, moment, table_lines
from textlstm.places import OUTPUTS
from textlstm.typed import as_typed

KINDS = ("runs", "sweeps", "benchmarks")  # folders of outputs/ that hold runs


def runs(chosen: Namespace) -> None:
    """Prints the finished runs that are asked for, and counts all others.

    Args:
        chosen: the options of the command line.

    Raises:
        InputError: a folder that does not exist, or a date that is none.
    """
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
