"""Studies: each point once among any number of workers, and dead workers' trials again."""

import multiprocessing
import os
import signal
import socket
import time
from collections import Counter

import pytest

from helpers.studies import RANGES, add, every_storage, opened, states, worker
from textlstm.checks import InputError

SPAWN = multiprocessing.get_context("spawn")


@every_storage
def test_of_two_workers_who_start_at_once_each_point_has_one(tmp_path, storage):
    points = [[f"x={n}"] for n in range(12)]
    results = SPAWN.Queue()
    arguments = (tmp_path, storage, points, results, SPAWN.Barrier(2))
    processes = [SPAWN.Process(target=start_and_work, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    ran = Counter(results.get(timeout=5) for _ in range(12))
    assert ran == Counter(f"x={n}" for n in range(12))
    assert results.empty()
    assert states(opened(tmp_path, storage))["COMPLETE"] == 12


def start_and_work(folder, storage, points, results, start):
    start.wait()
    study = opened(folder, storage)  # both make the tables
    add(study, points)
    start.wait()

    def result(job):
        results.put(job[-1])
        time.sleep(0.05)
        return 0.5

    worker(study, folder, result, ["y=1"]).work()


@every_storage
def test_a_killed_workers_trial_is_run_again(tmp_path, storage):
    study = opened(tmp_path, storage)
    add(study, [["x=1"], ["x=2"]])
    process = SPAWN.Process(target=take_and_die, args=(tmp_path, storage))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert states(study) == {"RUNNING": 1, "WAITING": 1}
    one = worker(study, tmp_path, lambda job: 0.5, ["y=1"])
    one.work()
    assert sorted(job[-1] for job in one.launcher.jobs) == ["x=1", "x=2"]
    assert states(study) == {"COMPLETE": 2, "FAIL": 1}


def take_and_die(folder, storage):
    opened(folder, storage).take(None)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_trial_that_kills_its_workers_is_given_up_after_three(tmp_path):
    study = opened(tmp_path)
    add(study, [["x=1"]])
    for attempt in (1, 2, 3):
        trial = study.take(None)
        assert trial.user_attrs.get("attempt", 1) == attempt
        study.give_back(trial)
    assert study.take(None) is None
    assert states(study) == {"FAIL": 3}


def test_a_grid_goes_on_with_what_is_not_done_and_runs_failed_points_again(tmp_path):
    points = [[f"x={n}"] for n in range(4)]
    study = opened(tmp_path)
    add(study, points)
    one = worker(study, tmp_path, lambda job: 1 // (job[-1] != "x=2"), ["y=1"])
    one.work()
    assert states(study) == {"COMPLETE": 3, "FAIL": 1}
    add(study, [*points, ["x=9"]], finished=points[:1])  # of the others the config has changed
    again = worker(study, tmp_path, lambda job: 1.0, ["y=1"])
    again.work()
    assert sorted(job[-1] for job in again.launcher.jobs) == ["x=1", "x=2", "x=3", "x=9"]


@every_storage
def test_the_points_of_a_grid_have_parameters_for_dashboards_also_when_they_are_run_again(
    tmp_path, storage
):
    study = opened(tmp_path, storage)
    add(study, [["h=8", "d=0.1", "kind=[1,2]"], ["h=16", "d=1", "kind=null"]])
    study.give_back(study.take(None))
    first, second = {"h": 8, "d": 0.1, "kind": "[1,2]"}, {"h": 16, "d": 1.0, "kind": "null"}
    assert [trial.params for trial in study.trials()] == [first, second, first]
    add(study, [["h=0.5"]])  # no whole number: Optuna does not mix the kinds of a parameter
    assert [trial.user_attrs["overrides"] for trial in study.trials()][3:] == [["h=0.5"]]
    one = worker(study, tmp_path, lambda job: 0.5, ["y=1"])
    one.work()
    assert states(study) == {"FAIL": 1, "COMPLETE": 3}


def test_a_grids_points_that_another_machine_has_done_are_not_run_here(tmp_path, monkeypatch):
    study = opened(tmp_path)
    add(study, [["x=1"]])
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    worker(study, tmp_path, lambda job: 0.5, ["y=1"]).work()
    monkeypatch.undo()
    add(study, [["x=1"], ["x=2"]])
    one = worker(study, tmp_path, lambda job: 0.5, ["y=1"])
    one.work()
    assert [job[-1] for job in one.launcher.jobs] == ["x=2"]


@every_storage
def test_the_number_of_trials_is_the_total_over_all_starts(tmp_path, storage):
    search = {"x": "interval(0.0,1.0)"}
    tried = []
    for total in (3, 3, 5):
        study = opened(tmp_path, storage, search=search)
        one = worker(study, tmp_path, lambda job: 0.5, RANGES[:1], trials=total)
        one.work()
        tried += [job[-1] for job in one.launcher.jobs]
    assert states(study) == {"COMPLETE": 5}
    assert len(set(tried)) == 5  # a restart does not repeat the sampler's start


def test_other_ranges_need_another_name(tmp_path):
    opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    with pytest.raises(
        InputError,
        match=r"begun with other ranges, x=interval\(0.0,1.0\); now they are x=1,2\. .*sweep.name=",
    ):
        opened(tmp_path, search={"x": "1,2"})
    with pytest.raises(InputError, match=r"now they are the points of a grid"):
        opened(tmp_path)
