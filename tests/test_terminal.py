"""What happens while a command waits."""

import gc
import io
import logging
import sys

from textlstm.terminal import loading, status


def test_what_is_imported_is_not_searched_for_garbage_and_what_jobs_leave_is():
    gc.unfreeze()
    try:
        with loading():
            assert not gc.isenabled()
        assert gc.isenabled()
        kept = gc.get_freeze_count()
        assert kept > 0
        with loading():  # as in a sweep's second job, which must not keep what the first one left
            assert gc.isenabled()
        assert gc.get_freeze_count() <= kept
    finally:
        gc.unfreeze()


def test_the_status_line_is_wiped_before_a_message_is_written(monkeypatch):
    """In what the terminal gets, the sequence that erases a line stands before the message."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    handler = logging.StreamHandler(screen)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    with status() as tell:
        tell("2 running")
        logging.getLogger().warning("run 1: macro F1")
        tell("1 running")
    before, _, after = screen.getvalue().partition("run 1: macro F1\n")
    assert "2 running" in before
    assert before.endswith("\x1b[2K")
    assert "1 running" in after
    assert after.endswith("\x1b[2K")
    assert handler.filters == []


class Screen(io.StringIO):
    """A terminal that remembers what is written to it."""

    def isatty(self):
        return True
