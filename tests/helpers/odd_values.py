"""Commands with odd values, each in a process forked from a warm one, under limits of its own."""

import gc
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from helpers.commands import SRC, environment

MEMORY = 6 * 2**30  # bytes that a command may claim beyond what the warm process has
SECONDS = 60  # that a command may take
HUNG = -1  # the code of a command that took longer


class Ended(NamedTuple):
    """How a command ended.

    Args:
        code: its exit code; HUNG if it had to be killed for its time.
        said: its standard error.
    """

    code: int
    said: str

    def fault(self) -> str | None:
        """Says what is wrong with this end, if it is neither a success nor one error."""
        errors = [line for line in self.said.splitlines() if line.startswith("error: ")]
        if self.code == HUNG:
            return "hung"
        if "Traceback" in self.said:
            return "traceback"
        if self.code == 0:
            return "an error and code 0" if errors else None
        if self.code != 2:
            return f"code {self.code}"
        return None if len(errors) == 1 else f"{len(errors)} errors"


class WarmProcess:
    """A process that has imported all commands, and forks itself for each that it runs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, command: str, arguments: list[str], folder: Path) -> Ended:
        """Runs a command in `folder`, which is made and then is its working directory."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        folder.mkdir(parents=True)
        asked = {"command": command, "arguments": arguments, "folder": str(folder)}
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        said = (folder / "stderr").read_text(encoding="utf-8", errors="replace")
        return Ended(code, said)


@contextmanager
def warm_process(outputs: Path) -> Iterator[WarmProcess]:
    """Starts the warm process; its commands write below `outputs` what they would write below
    outputs/.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "helpers.odd_values"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**environment(), "TEXTLSTM_OUTPUTS": str(outputs)},
    ) as process:
        yield WarmProcess(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    """Runs the commands that standard input asks for, and answers with their exit codes."""
    from textlstm import places

    places.OUTPUTS = Path(os.environ["TEXTLSTM_OUTPUTS"])  # before others take it from there
    places.CACHE = places.OUTPUTS / "cache"
    importlib.import_module("textlstm.commandline.main")
    others = (
        "evaluate",
        "export",
        "inspect_data",
        "leaderboard",
        "predict",
        "suspects",
        "label_next",
    )
    for name in (*others, "train"):
        importlib.import_module(f"textlstm.commands.{name}")
    _warm_up()

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(asked)
        sys.stdout.write(f"{_waited(child)}\n")
        sys.stdout.flush()


def _warm_up() -> None:
    """Composes a configuration, so that Hydra has found its plugins and knows its grammar.

    Nothing is kept from one child to the next: each is a copy of this process.
    """
    from textlstm.commandline.arguments import prepare
    from textlstm.commandline.main import _register_resolvers

    _register_resolvers()
    prepare("train", ["seed=1", "logger.name='a b'", "model.head=[4]"])
    gc.freeze()  # a collection in a child would copy all pages


def _run(asked: dict[str, Any]) -> None:
    """Runs a command in this process, which is a child, and ends it."""
    os.setsid()
    threading.Thread(target=_end_with_tests, args=[os.dup(0)], daemon=True).start()
    os.chdir(asked["folder"])
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))

    from textlstm.commandline.main import main

    sys.argv = [str(SRC / f"{asked['command']}.py"), *asked["arguments"]]
    # What the command starts more processes of itself with; Lightning asks the module.
    sys.orig_argv = [sys.executable, *sys.argv]
    sys.modules["__main__"].__spec__ = None
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    code: object = 1
    try:
        main(asked["command"])
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _end_with_tests(requests: int) -> None:
    """Kills this command and what it started as soon as nobody is left who could ask for more.

    While a command runs, none is asked for: the pipe of requests ends when the tests do.
    """
    if not os.read(requests, 1):
        os.killpg(0, signal.SIGKILL)


def _waited(child: int) -> int:
    """Waits for a child, and kills it and what it started once its time is up."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) if status else 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return HUNG


if __name__ == "__main__":
    _serve()
