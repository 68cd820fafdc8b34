"""Starts a command as the first thing of its process, so that a signal ends it with one line."""

import sys
from contextlib import suppress

from textlstm.beginning import note_beginning
from textlstm.checks import InputError
from textlstm.commandline.address_space import check_address_space
from textlstm.ranks import is_rank_zero, let_rank_zero_speak
from textlstm.signals import Stopped, stoppable


def start(command: str) -> None:
    """Runs a command: see `textlstm.commandline.main.main`."""
    note_beginning()
    try:
        check_address_space()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

    try:
        with stoppable():
            # Here, since it takes a moment, in which a signal may come, too.
            from textlstm.commandline.main import main

            main(command)
    except Stopped as stop:
        let_rank_zero_speak()
        if is_rank_zero() and not stop.told:
            with suppress(OSError):  # the terminal may have been closed
                print(stop, file=sys.stderr)
        raise
