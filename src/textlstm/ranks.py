"""The rank of this process in a distributed run, read from environment variables."""

import json
import os
import threading
import time
from typing import Any

# environment variable: the command line as rank 0 has prepared it, for the ranks Lightning starts
COMMAND_LINE = "TEXTLSTM_COMMAND_LINE"
PATIENCE = 5  # seconds that the other ranks wait before they say what rank 0 says as well


def is_rank_zero() -> bool:
    """Tells whether this process is the one that logs and writes files.

    It is, unless Lightning, torchrun or srun has given it a number above 0.
    """
    local = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_PROCID", "0"))
    return os.environ.get("RANK", local) == "0" and os.environ.get("NODE_RANK", "0") == "0"


def pass_on(command: str, arguments: list[str], recorded: dict[str, Any] | None = None) -> None:
    """Leaves a command and its arguments to the ranks that Lightning starts for this process.

    Lightning starts them with a command line of its own, which lacks the command's name and quotes
    the folder in a way that not every path survives.

    Args:
        recorded: the configuration of a run that is resumed.
    """
    left = {"by": os.getpid(), "typed": [command, *arguments], "recorded": recorded}
    os.environ[COMMAND_LINE] = json.dumps(left)


def passed_on() -> list[str] | None:
    """The command and its arguments that rank 0 of this node has left, or None."""
    left = _left()
    return None if left is None else left["typed"]


def recorded_passed_on() -> dict[str, Any] | None:
    """The configuration of the resumed run that rank 0 of this node has left, or None."""
    left = _left()
    return None if left is None else left["recorded"]


def _left() -> dict[str, Any] | None:
    """What rank 0 of this node has left, or None.

    Only a process that Lightning has started for rank 0 takes it: below torchrun the variable may
    be there, too, left by an earlier run.
    """
    if COMMAND_LINE not in os.environ or os.environ.get("LOCAL_RANK", "0") == "0":
        return None
    left: dict[str, Any] = json.loads(os.environ[COMMAND_LINE])
    return left if left["by"] == os.getppid() else None


def end_with_parent() -> None:
    """Ends this process, from now on, as soon as the one that started it is gone."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)  # the main thread may be inside a collective, waiting for rank 0


def let_rank_zero_speak() -> None:
    """Returns at once on rank 0; any other rank waits, and ends meanwhile if rank 0 does.

    So an error that all ranks meet is told once, by rank 0.
    """
    if not is_rank_zero():
        time.sleep(PATIENCE)
