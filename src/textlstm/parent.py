"""A worker of a sweep and its parent, the process that started it.

The parent holds the other end of the worker's standard input. It writes to it once the worker may
begin, and closes it however it ends, even by SIGKILL.
"""

import os
import signal
import threading
import time

WORKER = "TEXTLSTM_WORKER"  # environment variable: number of a worker that another process started
PATIENCE = 5.0  # seconds that a worker may take to leave its trial before it is ended hard

_may_begin = threading.Event()


def is_worker() -> bool:
    """Tells whether another process started this one as a worker."""
    return WORKER in os.environ


def end_worker_with_parent() -> None:
    """Tells this worker to end, from now on, as soon as its parent is gone."""
    threading.Thread(target=_watch, daemon=True).start()


def wait_for_parent() -> None:
    """Waits until the parent says that this worker may begin."""
    _may_begin.wait()


def end_after(seconds: float, code: int) -> None:
    """Ends this process in that time, whatever it does then."""

    def end() -> None:
        time.sleep(seconds)
        os._exit(code)

    threading.Thread(target=end, daemon=True).start()


def _watch() -> None:
    # Python's own reading would hold a lock that the interpreter needs when it ends.
    while os.read(0, 1):
        _may_begin.set()
    end_after(PATIENCE, 128 + signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
