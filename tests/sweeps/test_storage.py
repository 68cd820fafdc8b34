"""Where trials are kept: databases that do not answer, and somebody else's."""

import errno
import os
from pathlib import Path

import pytest

from textlstm.checks import InputError
from textlstm.sweeps import storage as storage_module
from textlstm.sweeps.storage import open_storage


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+nodriver://localhost/x", "nodriver"),
        ("mysql+mysqldb://localhost/x", "Python's driver of that database is not installed"),
    ],
)
def test_a_database_that_cannot_be_reached_is_an_error_of_the_user(
    tmp_path, monkeypatch, url, message
):
    monkeypatch.setattr(storage_module, "TRIES", 1)
    with pytest.raises(InputError, match=message):
        open_storage(url, tmp_path)


def test_a_sweep_of_somebody_else_is_named_before_the_database_is_asked(tmp_path, monkeypatch):
    """Tests may run as root, whom no permission stops: the file's refusal is played."""

    def refused(file: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))

    (tmp_path / "study.db").touch()
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError, match=r"study\.db"):
        open_storage(None, tmp_path)


def test_a_pipe_in_place_of_a_journal_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"sweep\.storage=.*pipe is no file on a disk; a journal"):
        open_storage(str(tmp_path / "pipe"), tmp_path)
