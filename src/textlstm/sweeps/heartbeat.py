"""Signs of life: a worker renews a time stamp in its trial, so that others notice its death.

(Optuna's own heartbeat is experimental and does not work with a journal file.)
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial

from textlstm.sweeps.storage import NO_ANSWER

BEAT = 20.0  # seconds between signs of life
SILENCE = 120.0  # seconds without one after which a worker counts as dead


def sign(trial: Trial) -> None:
    """Writes into the trial which process of which machine runs it."""
    trial.set_user_attr("host", socket.gethostname())
    trial.set_user_attr("process", os.getpid())
    trial.set_user_attr("beat", time.time())


@contextmanager
def beating(trial: Trial) -> Iterator[None]:
    """Renews the trial's sign of life until the block ends."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT):
            try:
                trial.set_user_attr("beat", time.time())
            except (UpdateFinishedTrialError, *NO_ANSWER):
                continue  # the trial has its result by now, or the database is away for a moment

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def is_dead(trial: FrozenTrial) -> bool:
    """Tells whether a running trial's worker is gone from this machine, or silent for too long."""
    here = trial.user_attrs.get("host") == socket.gethostname()
    if here and not _is_running(trial.user_attrs.get("process")):
        return True
    assert trial.datetime_start is not None
    # It may have begun a moment ago, without a beat or with that of a worker before.
    beat = max(trial.user_attrs.get("beat", 0.0), trial.datetime_start.timestamp())
    return time.time() - beat > SILENCE


def _is_running(process: int | None) -> bool:
    """Tells whether a process of this machine runs; one that is not known yet counts as running."""
    if process is None:  # not noted yet
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
