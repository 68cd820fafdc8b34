"""What a person has to type, as this process was started or installed: for help and messages."""

import shlex
import sys
from pathlib import Path

from textlstm.places import CACHE, INSTALLED


def as_typed(command: str) -> str:
    """The beginning of a command line that starts `command`.

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
    """The command line that installs what one of the package's extras needs."""
    return f"pip install 'textlstm[{extra}]'" if INSTALLED else f"pip install -e '.[{extra}]'"


def emptying_cache() -> str:
    """The command line that empties the cache."""
    return f"rm -r {shlex.quote(str(CACHE))}" if INSTALLED else "make clean"
