"""The time of a run, which has that of the imports before it."""

import time

from textlstm.beginning import note_beginning, take_beginning
from textlstm.training.progress import EpochHistory


def test_the_first_run_of_a_command_begins_with_the_command(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    note_beginning()
    now[0] = 104.0  # the imports take a while
    first = EpochHistory()
    now[0] = 110.0
    assert first.seconds()["total"] == 10.0
    assert take_beginning() == 110.0  # a sweep's next run begins with itself
