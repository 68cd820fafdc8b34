"""Standard output that nobody reads, or that takes no more, whichever way a command prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import environment

FULL = Path("/dev/full")  # takes nothing: Linux has it
WAYS = {
    "print": "print('long ' * 10_000)",
    "rich": "from rich.console import Console; Console().print('long ' * 10_000)",
    "help": "import argparse; argparse.ArgumentParser().parse_args(['--help'])",
}
COMMANDS = [["-m", "textlstm", "--help"], ["-m", "textlstm", "--version"]]
started = pytest.mark.parametrize(
    "arguments",
    [
        *(
            pytest.param(
                [
                    "-c",
                    "from textlstm.commandline.output import whole_output\n"
                    f"with whole_output(): {w}",
                ],
                id=name,
            )
            for name, w in WAYS.items()
        ),
        *(pytest.param(command, id=command[-1]) for command in COMMANDS),
    ],
)


def printing(arguments, output):
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        check=False,
    )
    return done.returncode, done.stderr


@started
def test_a_reader_that_has_left_is_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert printing(arguments, writer) == (0, "")
    finally:
        os.close(writer)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@started
def test_a_full_device_is_one_error(arguments):
    with open(FULL, "wb") as full:
        code, errors = printing(arguments, full)
    if arguments[0] == "-c":  # without a command that tells the error
        assert "standard output" in errors.splitlines()[-1]
        return
    assert code == 2
    assert errors.startswith("error: standard output: No space left on device. ")
    assert errors.count("\n") == 1
