"""The options of the commands that have no configuration.

The commands themselves load torch. Their options are declared here, so that `--help` and a mistyped
option are answered before that.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from textlstm.commandline.help import option_parser

NO_PRESET = "default"
SORTED_BY = ("score", "date", "size")


def _leaderboard() -> ArgumentParser:
    parser, options = option_parser("leaderboard")
    options.add_argument(
        "sweep", nargs="?", help="the sweep's name or folder (default: the one worked on last)"
    )
    return parser


def _compare() -> ArgumentParser:
    parser, options = option_parser("compare")
    options.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="the folder of a finished run, latest, or best; the first is what the others are "
        "compared with",
    )
    return parser


def _runs() -> ArgumentParser:
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
        choices=SORTED_BY,
        default="score",
        help="what comes first among the runs of a data set: the best score, the newest date or "
        "the largest size (default: score)",
    )
    options.add_argument("--json", action="store_true", help="prints JSON in place of tables")
    return parser


def _benchmark() -> ArgumentParser:
    parser, options = option_parser("benchmark")
    options.add_argument("--data", help="the folder of data sets (default: the embedded corpus)")
    options.add_argument(
        "--presets",
        default=f"best,{NO_PRESET}",
        help="names of experiment=…, default for none, each with keys if wanted: "
        "best+model.hidden=128 (default: %(default)s)",
    )
    options.add_argument(
        "--seeds", default="1,2,3", help="seeds of the runs (default: %(default)s)"
    )
    options.add_argument(
        "--split-seeds",
        help="a data.split_seed for each seed, where test rows are cut from the training rows "
        "(default: the same test rows for all)",
    )
    options.add_argument("--name", help="the folder below outputs/benchmarks (default: the data's)")
    options.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="for each run, such as threads=1"
    )
    return parser


PARSERS: dict[str, Callable[[], ArgumentParser]] = {
    "leaderboard": _leaderboard,
    "compare": _compare,
    "runs": _runs,
    "benchmark": _benchmark,
}


def read_options(command: str) -> Namespace:
    """Reads the command line of a command in `PARSERS`; `--help` prints the help and ends.

    Raises:
        InputError: an option that the command does not have, or a value that it cannot take.
    """
    return PARSERS[command]().parse_intermixed_args()
