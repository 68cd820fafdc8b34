"""Other people's machines: many cores or one, no git, no home, other locales and paths. A run there
says the same.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import SRC, claim_cores, record, run
from textlstm.training.threads import cores

pytestmark = pytest.mark.cores

SMOKE = ["experiment=smoke", "data.max_rows=100"]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

CHILD = """
import multiprocessing, os, subprocess, sys
counts = [os.cpu_count(), len(os.sched_getaffinity(0)), multiprocessing.cpu_count()]
print(*counts, *([os.process_cpu_count()] if hasattr(os, "process_cpu_count") else []))
if len(sys.argv) > 1:
    started = [sys.executable, "-c", sys.argv[1]]
    print(subprocess.run(started, stdout=subprocess.PIPE, text=True).stdout)
"""

ONE_CORE = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def skeleton(said: tuple[str, str], folder: Path) -> list[str]:
    """What a run has said, with one digit in place of any number.

    That the wide channel is fitted is left out, since it is said where no cache has it.
    """
    said = tuple(output.replace("Fitting the wide channel…\n", "") for output in said)
    return [re.sub(r"\d+", "0", output.replace(str(folder), "")) for output in said]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a run with two cores, and what it said."""
    folder = tmp_path_factory.mktemp("usual") / "run"
    with pytest.MonkeyPatch.context() as patch:
        claim_cores(patch, 2)
        return folder, skeleton(run("train", *SMOKE, f"hydra.run.dir={folder}"), folder)


def test_a_process_and_what_it_starts_claim_the_cores(monkeypatch):
    claim_cores(monkeypatch, 16)
    command = [sys.executable, "-c", CHILD, CHILD]
    shown = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    assert len(shown.split()) in (6, 8)
    assert set(shown.split()) == {"16"}


def test_the_tests_themselves_claim_the_cores_they_are_told_to():
    claimed = os.environ.get("TEXTLSTM_TEST_CORES")
    assert claimed is None or cores() == os.cpu_count() == int(claimed)


def test_a_run_says_the_same_with_many_cores(usual, tmp_path, monkeypatch):
    claim_cores(monkeypatch, 16)
    said = run("train", *SMOKE, f"hydra.run.dir={tmp_path}/run")
    assert skeleton(said, tmp_path / "run") == usual[1]
    assert record(usual[0])["environment"]["machine"].endswith(", 2 CPUs")
    assert record(tmp_path / "run")["environment"]["machine"].endswith(", 16 CPUs")


def test_a_run_says_the_same_with_one_core_no_home_and_no_git_under_an_odd_path(
    usual, tmp_path, monkeypatch
):
    """One core, HOME that cannot be written, no git, the locale C, and a checkout in a folder with
    space and accent.
    """
    claim_cores(monkeypatch, 0)
    checkout = tmp_path / "my é checkout"
    for part in ("src", "conf"):
        shutil.copytree(
            SRC.parent / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    monkeypatch.setenv("HOME", str(checkout / "src" / "train.py" / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    launcher = ("-W", "default", "-c", ONE_CORE, "-W", "default")
    said = run("train", *SMOKE, launcher=launcher, src=checkout / "src")
    [folder] = (checkout / "outputs" / "runs").iterdir()
    assert skeleton(said, folder) == usual[1]
    assert record(folder)["environment"]["git_commit"] is None
    said = run(
        "predict",
        f"run={folder}",
        "text=Shares fall in Köln",
        launcher=launcher,
        src=checkout / "src",
    )
    assert said[0].splitlines()[0] in record(folder)["labels"]
    assert said[1] == ""


def test_in_an_ascii_locale_pipes_are_utf_8(usual, monkeypatch):
    for name, value in ASCII.items():
        monkeypatch.setenv(name, value)
    out, errors = run("predict", f"run={usual[0]}", stdin="Shares fall in Köln 北京\n")
    assert out.splitlines()[1].startswith("Shares fall in Köln 北京,")
    assert errors == ""


def test_an_argument_that_the_locale_cannot_read_is_one_error(usual, monkeypatch):
    for name, value in ASCII.items():
        monkeypatch.setenv(name, value)
    _, errors = run("predict", f"run={usual[0]}", "text=Köln", code=2)
    assert errors == (
        "error: 'text=K\\udcc3\\udcb6ln' is no text in ascii, by which this process reads the "
        "command line and paths. "
        "Type PYTHONUTF8=1 before the command.\n"
    )
