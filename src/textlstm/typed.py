"""Command lines for help and messages, as the user of this process would type them."""

import shlex
import sys
from pathlib import Path

from textlstm.passwords import with_placeholder
from textlstm.places import CACHE, INSTALLED, OUTPUTS


def as_typed(command: str) -> str:
    """Gives the beginning of a command line that starts `command`.

    It is `textlstm train` or `python -m textlstm train` where that was typed, and
    `python src/train.py` in a checkout otherwise.
    """
    started = Path(sys.argv[0])
    if started.name == "__main__.py" and started.parent.name == "textlstm":
        return f"python -m textlstm {command}"
    if INSTALLED or started.stem == "textlstm":
        return f"textlstm {command}"
    return f"python src/{command}.py"


def installing(extra: str) -> str:
    """Gives the command line that installs an extra of the package."""
    return f"pip install 'textlstm[{extra}]'" if INSTALLED else f"pip install -e '.[{extra}]'"


def emptying_cache() -> str:
    """Gives the command line that empties the cache."""
    if INSTALLED or CACHE != OUTPUTS / "cache":
        return f"rm -r {shlex.quote(str(CACHE))}"
    return "make clean"


def same_command() -> str:
    """Gives the command line of this process, without the password of a database's URL."""
    program = "python"
    arguments = sys.orig_argv[1:]
    if Path(sys.argv[0]).stem == "textlstm" and "-m" not in arguments:  # an installed program
        program, *arguments = ["textlstm", *arguments[1:]]
    return shlex.join([program, *map(with_placeholder, arguments)])
