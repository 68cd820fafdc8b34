"""`run=latest` and `run=best`: which folder takes their place, and that every command has them."""

import re

import pytest

from helpers.sweeps import finished
from textlstm.checks import InputError
from textlstm.commandline import arguments
from textlstm.commandline.foreign_keys import OF_RUNS
from textlstm.commandline.named_runs import with_folder_of_run
from textlstm.leaderboard import named
from textlstm.runs import folder as runs


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    """Two runs, of which the one that began first finished last; one under way; and a sweep."""
    for module in (named, runs):
        monkeypatch.setattr(module, "OUTPUTS", tmp_path / "outputs")
    monkeypatch.chdir(tmp_path)
    for number, ended in ((1, 2), (2, 1)):
        run = finished(tmp_path / "outputs" / "runs", [f"model.hidden={number}"], 0.7, ended=ended)
        run.rename(run.with_name(f"2026-01-0{number}_12-00-00"))
    (tmp_path / "outputs" / "runs" / "2026-01-03_12-00-00").mkdir()
    for hidden in (8, 16):
        finished(tmp_path / "outputs" / "sweeps" / "grid", [f"model.hidden={hidden}"], hidden / 20)
    return tmp_path / "outputs"


def test_latest_is_the_run_that_finished_last(outputs, capsys):
    found = with_folder_of_run(["text=x", "run=latest"])
    assert found == ["text=x", f"run={outputs}/runs/2026-01-01_12-00-00"]
    shown = capsys.readouterr()
    assert shown.err == f"run=latest: {outputs}/runs/2026-01-01_12-00-00\n"
    assert shown.out == ""  # where predictions stand


def test_best_is_that_of_the_last_sweep_or_of_a_named_one(outputs):
    best = f"run={outputs}/sweeps/grid/model.hidden-16"
    assert with_folder_of_run(["run=best"]) == [best]
    assert with_folder_of_run(["sweep=grid", "run=best"]) == [best]
    assert with_folder_of_run(["run=best", "sweep=outputs/sweeps/grid"]) == [best]
    with pytest.raises(InputError, match="no sweep 'gird' in"):
        with_folder_of_run(["run=best", "sweep=gird"])


@pytest.mark.parametrize("name", ["latest", "best"])
def test_a_folder_of_that_name_wins(outputs, tmp_path, name):
    (tmp_path / name).mkdir()
    assert with_folder_of_run([f"run={name}"]) == [f"run={name}"]


def test_a_sweep_beside_another_run_is_refused(outputs):
    message = "sweep=grid goes with run=best, the best run of that sweep."
    with pytest.raises(InputError, match=re.escape(message)):
        with_folder_of_run(["run=latest", "sweep=grid"])


def test_without_a_finished_run_there_is_no_latest(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "OUTPUTS", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"no finished run in {re.escape(str(tmp_path))}/runs"):
        with_folder_of_run(["run=latest"])


@pytest.mark.parametrize("command", OF_RUNS)
def test_every_command_on_a_run_takes_them(outputs, command):
    prepared = arguments.prepare(command, ["run=latest"])
    assert prepared == [f"run='{outputs}/runs/2026-01-01_12-00-00'"]
    assert arguments.prepare(command, ["run=latest", "--help"]) == ["run='latest'", "--help"]
