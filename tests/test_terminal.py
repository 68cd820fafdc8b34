"""What happens while a command waits."""

import gc
import io
import logging
import shlex
import sys

from helpers.screens import terminal_as_stderr
from textlstm.terminal import Bar, ScreenFormatter, broken, continued, counted, loading, status


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


def test_a_bar_is_wiped_before_a_message_and_at_its_end(monkeypatch):
    with terminal_as_stderr(40) as screen:
        handler = logging.StreamHandler(sys.stderr)
        monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
        bar = Bar("{n:,} texts", total=10)
        bar.advance(5)
        logging.getLogger().warning("A message.")
        bar.advance(5)
        bar.close()
    assert "10 texts" in screen.written
    assert screen.rows() == ["A message.", ""]
    assert handler.filters == []


def test_a_bar_is_cut_to_a_narrow_terminal():
    with terminal_as_stderr(20) as screen:
        assert list(counted(range(3), "texts read for the vocabulary", total=3)) == [0, 1, 2]
    drawn = [line for line in screen.written.split("\r") if "of 3 texts" in line]
    assert drawn
    assert max(map(len, drawn)) <= 20
    assert screen.rows() == [""]


def test_there_is_no_bar_where_standard_error_is_no_terminal(monkeypatch):
    """A terminal at standard output does not count: the bar would go into the other stream."""
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert list(counted(range(3), "texts", total=3)) == [0, 1, 2]
    assert sys.stdout.getvalue() == sys.stderr.getvalue() == ""


def test_lines_are_broken_between_words_but_those_with_a_command():
    message = "There are words of many kinds in it, more than fit into one line."
    command = "Then python src/train.py resume=/a/folder/with/a/name goes on with it."
    with terminal_as_stderr(40):
        assert broken(message, sys.stderr).splitlines() == [
            "There are words of many kinds in it,",
            "  more than fit into one line.",
        ]
        record = logging.LogRecord("a", logging.INFO, "", 0, command, (), None)
        assert ScreenFormatter("%(message)s").format(record) == command
    assert broken(message, io.StringIO()) == message


def test_a_command_is_broken_between_arguments_as_a_shell_reads_it():
    command = (
        "  python src/train.py model.hidden=128 'data.train=/my files/a b.csv' seed=3 x=\"a 'b\""
    )
    with terminal_as_stderr(40):
        shown = continued(command, sys.stderr)
        assert continued("  make train", sys.stderr) == "  make train"
    assert len(shown.splitlines()) > 2
    assert max(map(len, shown.splitlines())) <= 40
    assert shlex.split(shown.replace("\\\n", " ")) == shlex.split(command)
    assert shown.startswith("  python src/train.py")
    assert continued(command, io.StringIO()) == command


class Screen(io.StringIO):
    """A terminal that remembers what is written to it."""

    def isatty(self):
        return True
