"""Fixtures that several files of tests share."""

import csv
import os
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.commands import MANY_CORES, SRC, TESTS, as_before
from helpers.mistakes import SMALL, half_written
from textlstm.commandline import main as command_line
from textlstm.runs import figures
from textlstm.writing import markdown_table

# Every process that a test starts knows where this checkout's package is, and its helpers.
found = [str(SRC), str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
if os.environ.get("TEXTLSTM_TEST_CORES"):  # they claim as many cores, as this one does
    runpy.run_path(str(MANY_CORES / "sitecustomize.py"))
    found.insert(0, str(MANY_CORES))
os.environ["PYTHONPATH"] = os.pathsep.join(found)
if not os.environ.get("TEXTLSTM_TEST_GPU"):  # the numbers that tests expect are a CPU's
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "DISABLE_MPS": "1"}  # the latter for Lightning

# A script in the background ignores Ctrl-C, and nohup the end of the terminal. The processes that
# tests start would ignore them, too; after a handler of any kind they start with none.
for number in {signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)}:
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Switches them on again after each test: a command switches them off for its whole process."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[[str, Iterable[tuple[str, str]]], str]:
    """Writes a CSV file of texts and labels, and gives its path."""

    def write_rows(name: str, rows: Iterable[tuple[str, str]]) -> str:
        with open(tmp_path / name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return str(tmp_path / name)

    return write_rows


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str, str | bytes], str]:
    """Writes a file, in a folder that need not be there yet, and gives its path."""

    def write_file(name: str, content: str | bytes) -> str:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return write_file


@pytest.fixture
def plain_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose only font knows ASCII and ü."""
    known = frozenset([*range(32, 127), ord("ü")])
    monkeypatch.setattr(figures, "_fonts", lambda: (["DejaVu Sans"], known))


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[[dict[str, str | bytes]], Path]:
    """Writes files into a new folder, and gives the folder."""

    def write_files(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "data"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write_files


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Runs a training command with a mistake in it, and gives the last line of standard error.

    It must end with code 2 and one error, and leave nothing but its log. Nothing is written outside
    of the test's folder; what the command sets for its process is set back after the test.
    """
    monkeypatch.setattr("textlstm.training.run.CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf_cache")
    monkeypatch.syspath_prepend(SRC)

    def refused(*overrides: str) -> str:
        monkeypatch.setattr(
            sys, "argv", ["train.py", *overrides, *SMALL, f"hydra.run.dir={tmp_path}/run"]
        )
        with pytest.raises(SystemExit) as stop:
            command_line.main("train")

        errors = capsys.readouterr().err
        assert stop.value.code == 2, errors
        assert "Traceback" not in errors
        assert errors.count("error: ") == 1

        left = [str(file.relative_to(tmp_path)) for file in (tmp_path / "run").rglob("*")]
        # A mistake in the command line itself ends the command before there is a folder.
        assert left in ([], ["run/train.log"])
        assert half_written(tmp_path / "cache") == []
        return errors.splitlines()[-1]

    with as_before():
        yield refused


@pytest.fixture
def assert_refused(
    write_files: Callable[[dict[str, str | bytes]], Path], refused: Callable[..., str]
) -> Callable[[dict[str, str | bytes], list[str], str], None]:
    """Checks that a training command on these files ends with just this error message."""

    def assert_refused(files: dict[str, str | bytes], overrides: list[str], message: str) -> None:
        folder = str(write_files(files))
        found = refused(*(override.replace("{folder}", folder) for override in overrides))
        assert found == "error: " + message.replace("{folder}", folder)

    return assert_refused


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives each test of `make test-trust` its kind of attack, which its report carries."""
    for item in items:
        if marker := item.get_closest_marker("trust"):
            item.user_properties.append(("attack", marker.args[0]))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints how many attacks of each kind were tried, survived and lost.

    A test is one attack, unless it says how many it tried by `record_property("tried", N)`.
    """
    tried: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            # A file that cannot be imported has no properties.
            said = dict(getattr(report, "user_properties", ()))
            if "attack" in said and (report.when == "call" or outcome != "passed"):
                tried[said["attack"]] += said.get("tried", 1)
                lost[said["attack"]] += outcome != "passed"
    if tried:
        rows = [[kind, tried[kind], tried[kind] - lost[kind], lost[kind]] for kind in sorted(tried)]
        terminalreporter.section("attacks")
        terminalreporter.write_line(markdown_table(["attack", "tried", "survived", "lost"], rows))
