"""Which of the processes that train one run this is, before there is a trainer to ask."""

import json
import os
import threading
import time

# environment variable: what rank 0 gave Hydra, for the ranks that Lightning starts
ARGUMENTS = "TEXTLSTM_ARGUMENTS"
PATIENCE = 5  # seconds that the other ranks wait before they say what rank 0 says as well


def is_rank_zero() -> bool:
    """Whether this process speaks and writes: always, but for those that Lightning, torchrun or
    srun number above 0.
    """
    local = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_PROCID", "0"))
    return os.environ.get("RANK", local) == "0" and os.environ.get("NODE_RANK", "0") == "0"


def inherited_arguments() -> list[str] | None:
    """The arguments that rank 0 of this node has prepared, in a process that Lightning started for
    it; else None.
    """
    if ARGUMENTS not in os.environ or os.environ.get("LOCAL_RANK", "0") == "0":
        return None
    left = json.loads(os.environ[ARGUMENTS])
    if left["by"] != os.getppid():  # torchrun started this one, and some run before that left them
        return None
    threading.Thread(target=_end_with, args=(left["by"],), daemon=True).start()
    return left["arguments"]


def bequeath(arguments: list[str]) -> None:
    """Leaves the arguments to the processes that this one starts.

    Lightning gives them its own command line, which quotes the folder in a way that not every path
    survives.
    """
    os.environ[ARGUMENTS] = json.dumps({"by": os.getpid(), "arguments": arguments})


def let_rank_zero_speak() -> None:
    """Returns at once on rank 0; elsewhere only if rank 0, which ends all, has not met the same
    error.
    """
    if not is_rank_zero():
        time.sleep(PATIENCE)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)  # this may be inside a collective, waiting for rank 0
