"""The targets of the Makefile that take names: a sweep to rank, and runs to delete."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
QUESTION = "Delete these for good? [y/N] "
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(folder: Path, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "-f", str(MAKEFILE), *arguments]
    # Without the variables of the make that runs these tests, such as ARGS of `make test ARGS=-x`.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        command, cwd=folder, env=environment, input=answer, capture_output=True, text=True
    )


@pytest.fixture
def checkout(tmp_path):
    """A folder with two runs, one of which is at work, a sweep, and what is none of them."""
    for name in ("runs/a", "runs/b", "sweeps/my grid", "cache/entry"):
        (tmp_path / "outputs" / name).mkdir(parents=True)
        (tmp_path / "outputs" / name / "file").write_text("content")
    (tmp_path / "outputs" / "runs" / "b" / ".running").touch()
    (tmp_path / "src").mkdir()
    return tmp_path


def left(checkout):
    return sorted(str(file.parent.relative_to(checkout)) for file in checkout.rglob("file"))


@pytest.mark.parametrize("answer", ["y\n", "yes\n"])
def test_named_runs_are_deleted_after_a_yes(checkout, answer):
    done = make(
        checkout, "clean-runs", "RUNS=outputs/runs/* 'outputs/sweeps/my grid'", answer=answer
    )
    assert done.returncode == 0, done.stderr
    for name in ("outputs/runs/a", "outputs/runs/b", "outputs/sweeps/my grid"):
        assert f"\t{name}\n" in done.stdout[: done.stdout.index(QUESTION)]
    assert "A process may still work there: outputs/runs/b/.running" in done.stdout
    assert "runs/a/.running" not in done.stdout
    assert left(checkout) == ["outputs/cache/entry"]


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "maybe\n"])
def test_any_other_answer_deletes_nothing(checkout, answer):
    before = left(checkout)
    done = make(checkout, "clean-runs", "RUNS=outputs/runs/a", answer=answer)
    assert done.stdout.endswith(f"{QUESTION}Nothing was deleted.\n")
    assert left(checkout) == before


@pytest.mark.parametrize(
    "named",
    [
        *("outputs/cache/entry", "outputs", "outputs/runs", "src", ".", "/", "gone"),
        *("outputs/runs/a outputs/cache", "outputs/runs/../cache/entry", "outputs/runs/a/file"),
        "outputs/runs/link",
    ],
)
def test_what_is_no_run_is_not_deleted_even_beside_one(checkout, named):
    (checkout / "outputs" / "runs" / "link").symlink_to(checkout / "src")
    before = left(checkout)
    done = make(checkout, "clean-runs", f"RUNS={named}", answer="y\n")
    assert done.returncode == 2
    said = (
        "is no folder in outputs/runs, outputs/sweeps or outputs/benchmarks; nothing was deleted."
    )
    assert said in done.stderr
    assert left(checkout) == before


def test_without_a_name_nothing_is_deleted(checkout):
    done = make(checkout, "clean-runs", answer="y\n")
    assert done.returncode == 2
    assert "error: RUNS= names no folder" in done.stderr


def test_outputs_may_lie_on_another_disk(checkout, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("disk") / "outputs"
    (checkout / "outputs").rename(elsewhere)
    (checkout / "outputs").symlink_to(elsewhere)
    make(checkout, "clean-runs", "RUNS=outputs/runs/a", answer="y\n")
    assert not (elsewhere / "runs" / "a").exists()
    assert (elsewhere / "runs" / "b").exists()


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], "src/leaderboard.py"),
        (["SWEEP=units"], "src/leaderboard.py units"),
        (["SWEEP=grid"], "src/leaderboard.py grid"),
        (["ARGS=outputs/runs"], "src/leaderboard.py outputs/runs"),
    ],
)
def test_the_leaderboard_is_that_of_the_last_sweep_or_of_a_named_one(tmp_path, arguments, command):
    for file in ("pyproject.toml", "constraints.txt", ".venv/.installed"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    done = make(tmp_path, "--dry-run", "leaderboard", *arguments)
    assert done.stdout.splitlines()[-1].split() == [".venv/bin/python", *command.split()]
