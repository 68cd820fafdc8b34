"""A worker that another process started begins when it is told to, and ends with that process."""

import signal
import subprocess
import sys

WORKER = """
import time
from textlstm.parent import end_worker_with_parent, wait_for_parent
end_worker_with_parent()
wait_for_parent()
print("began", flush=True)
time.sleep(60)
"""
# It starts a worker, and says which process that is.
PARENT = f"""
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", {WORKER!r}], stdin=subprocess.PIPE, bufsize=0)
worker.stdin.write(b"x")
time.sleep(60)
"""


def test_a_worker_begins_when_it_is_told_to_and_ends_when_its_input_is_closed():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen([sys.executable, "-c", WORKER], **pipes) as worker:
        worker.stdin.write(b"x")
        assert worker.stdout.readline() == b"began\n"
        worker.stdin.close()
        assert worker.wait(30) == -signal.SIGTERM


def test_a_worker_ends_with_a_parent_that_is_killed():
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"began\n"  # the worker's, which has the same output
        parent.kill()
        assert parent.stdout.read() == b""  # at its end only when the worker has ended, too
