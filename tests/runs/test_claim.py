"""A run folder belongs to one process at a time, and to nobody once that process is dead."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from filelock import FileLock

from textlstm.checks import InputError
from textlstm.runs.claim import claimed

HOLD = """
import sys
from pathlib import Path
from textlstm.runs.claim import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, which works in the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "claimed\n"
    yield process
    process.kill()
    process.communicate()


def test_a_folder_in_use_is_refused_with_the_process_that_works_in_it(tmp_path, holder):
    message = (
        f"{tmp_path} is in use: process {holder.pid} on {socket.gethostname()} works in it. Wait "
        f"until it has ended, or end it, and type the command again."
    )
    for _ in range(2):  # asking changes nothing
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"), claimed(tmp_path):
            pass
    holder.communicate()  # it ends by itself
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_its_folder_to_the_next(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with claimed(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_locks_stops_nobody(tmp_path, monkeypatch, caplog):
    def unlockable(self, **timeout):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(FileLock, "acquire", unlockable)
    with claimed(tmp_path):
        (tmp_path / "written").touch()
    assert "start no second process in it" in caplog.text


def test_a_link_in_place_of_the_lock_is_not_written_through(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (".lock", ".running"):
        (folder / name).symlink_to(outside)
    with claimed(folder):
        assert outside.read_text() == "theirs"
    assert list(folder.iterdir()) == []
