"""Sweeps found by name, and the best run of one."""

import os
import re

import pytest

from helpers.sweeps import finished, repeats
from textlstm.checks import InputError
from textlstm.leaderboard import named
from textlstm.leaderboard.named import best_run, find_sweep


@pytest.fixture
def sweeps(tmp_path, monkeypatch):
    """A folder of two sweeps, the first of which was worked on last."""
    monkeypatch.setattr(named, "OUTPUTS", tmp_path / "outputs")
    for name, ended in (("grid", 9), ("units", 5)):
        run = finished(tmp_path / "outputs" / "sweeps" / name, ["model.hidden=8"], 0.7)
        os.utime(run, (ended, ended))
        os.utime(run.parent, (ended, ended))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "outputs" / "sweeps"


def test_a_sweep_is_found_by_its_name_its_folder_or_as_the_last(sweeps):
    assert find_sweep("units") == sweeps / "units"
    assert find_sweep("outputs/sweeps/units") == sweeps / "units"
    assert find_sweep(None) == sweeps / "grid"


def test_a_folder_wins_over_a_sweep_of_its_name(sweeps, tmp_path):
    (tmp_path / "units").mkdir()
    assert find_sweep("units") == tmp_path / "units"


@pytest.mark.parametrize("name", ["unit", "../runs"])
def test_another_name_is_refused_and_the_nearest_sweep_named(sweeps, name):
    with pytest.raises(InputError, match=f"no sweep {name!r} in {re.escape(str(sweeps))}") as error:
        find_sweep(name)
    assert ("Did you mean 'units'?" in str(error.value)) == (name == "unit")


def test_the_best_run_is_the_best_of_the_configuration_that_leads(tmp_path):
    repeats(tmp_path, ["model.hidden=8"], [0.90, 0.10])
    repeats(tmp_path, ["model.hidden=16"], [0.60, 0.62])
    assert best_run(tmp_path).name == "model.hidden-16_seed-1"


def test_of_runs_on_different_rows_none_is_the_best(tmp_path):
    for number in (1, 2):
        sources = {"train": {"path": f"/{number}.csv", "sha256": f"{number}" * 64}}
        finished(tmp_path, [f"data.train={number}"], 0.7, data={"sources": sources})
    with pytest.raises(InputError) as error:
        best_run(tmp_path)
    assert "so that none is the best of all" in str(error.value)
    for number in (1, 2):
        assert f"run={tmp_path}/data.train-{number} ({number}.csv, 20 rows)" in str(error.value)
