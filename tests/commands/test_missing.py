"""What does not exist is reported before torch is loaded."""

import subprocess
import sys

import pytest

from helpers.commands import SRC, environment

WITHOUT_TORCH = """
import atexit, runpy, sys
atexit.register(lambda: print("torch" in sys.modules, file=sys.stderr))
"""


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("train", ["data.train=/nowhere.csv"], "error: data.train: /nowhere.csv does not exist; "),
        ("predict", ["run=/nowhere", "text=a"], "error: run: there is no folder /nowhere."),
    ],
)
def test_what_is_missing_is_one_error_without_torch(command, arguments, message):
    code = f"sys.argv = {['x', *arguments]}; "
    code += f"runpy.run_path('{SRC}/{command}.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH + code],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.splitlines()[1:] == ["False"]
