"""Sweeps: each point once among any number of workers, dead workers' trials again, a search that stops in time."""

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter

import optuna
import pytest
import torch
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf
from small import DATA

from textlstm import study as study_module
from textlstm import sweeping
from textlstm.checks import InputError, JobsFailed
from textlstm.search_space import SearchSpace
from textlstm.study import TRIAL, Study, open_storage
from textlstm.sweeping import Worker, progress_line, trial_line

SETTINGS = {"name": "s", "trials": None, "minutes": None, "prune": False, "repeats": 1, "workers": 1, "storage": None}
RANGES = [
    "x=interval(0.0,1.0)",
    "n=interval(1,3)",
    "lr=tag(log,interval(1e-4,1e-1))",
    "kind=a,b",
    "k=range(2,7,2)",
    "m=int(interval(1,2))",
]
CONFIG = OmegaConf.create({"x": 0.5, "n": 1, "lr": 0.1, "kind": "a", "k": 2, "m": None, "y": 1})
SPAWN = multiprocessing.get_context("spawn")

every_storage = pytest.mark.parametrize("storage", [None, "journal.log"])


def opened(folder, storage=None, *, search=None, seed=0):
    url = None if storage is None else str(folder / storage)
    return Study(open_storage(url, folder), "s", seed=seed, search=search)


class Launcher(BasicLauncher):
    """Answers each job by `result` of its overrides; an exception is a job that failed."""

    def __init__(self, result):
        self.result, self.jobs = result, []

    def launch(self, job_overrides, initial_job_idx):
        answers = []
        for job in job_overrides:
            self.jobs.append(list(job))
            answer = JobReturn()
            try:
                answer.status, answer.return_value = JobStatus.COMPLETED, self.result(job)
            except ZeroDivisionError as error:
                answer.status, answer.return_value = JobStatus.FAILED, error
            answers.append(answer)
        return answers


def worker(study, tmp_path, result, overrides, *, seeds=("42",), **settings):
    space = SearchSpace.of(overrides, CONFIG)
    return Worker(study, {**SETTINGS, **settings}, tmp_path, Launcher(result), space, list(seeds))


def states(study):
    return Counter(trial.state.name for trial in study.trials())


def test_overrides_fall_into_fixed_and_swept_and_the_last_of_a_key_counts():
    space = SearchSpace.of(["a=1", "b=1,2", "c=x,y", "b=3,4,5", "a=2"], CONFIG)
    assert space.fixed == ["a=2"]
    assert list(space.grid()) == [[f"b={b}", f"c={c}"] for b in (3, 4, 5) for c in "xy"]


def test_a_grid_refuses_an_interval():
    with pytest.raises(
        InputError, match=r"x=interval\(0,1\): a grid takes lists .* needs sweep.trials= or sweep.minutes="
    ):
        SearchSpace.of(["x=interval(0,1)"], CONFIG).grid()


@pytest.mark.parametrize(
    ("overrides", "searching", "message"),
    [
        (
            ["data.refit=true", "model.hidden=8,16"],
            False,
            "no validation score to compare runs by: leave it out of a sw",
        ),
        (["data.refit=true,false"], False, "no validation score to compare runs by"),
        (
            ["data.folds=5", "data.fold=0,1"],
            True,
            "data.fold=0,1: a search would look for the easiest fold. Give it one",
        ),
    ],
)
def test_sweeps_that_would_compare_what_cannot_be_compared_are_refused(overrides, searching, message):
    space = SearchSpace.of(overrides, CONFIG)
    config = OmegaConf.create({"data": {"refit": overrides[0] == "data.refit=true"}})
    with pytest.raises(InputError, match=message):
        sweeping._check_data(config, space, searching)


def test_what_workers_share_is_read_for_the_first_of_swept_folds(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "CACHE", tmp_path)
    config = OmegaConf.create({"seed": 1, "data": {**DATA, "train": None, "max_rows": 100, "folds": 3}})
    sweeping._tokenize(config, SearchSpace.of(["data.folds=3", "data.fold=2,1"], CONFIG))
    assert sorted(entry.name.partition("-")[0] for entry in tmp_path.iterdir()) == ["ids", "rows", "tokenizer"]
    with pytest.raises(InputError, match=r"data\.folds=3 needs data\.fold, the part that validates: data\.fold=0,1,2"):
        sweeping._tokenize(config, SearchSpace.of(["data.folds=3", "model.hidden=8,16"], CONFIG))


@pytest.mark.parametrize(
    ("accelerator", "gpu", "expected"),
    [("auto", True, 1), ("gpu", True, 1), ("cpu", True, 6), ("auto", False, 6), ("cpu", False, 6)],
)
def test_there_is_a_worker_for_each_core_but_one_alone_where_they_would_share_a_gpu(
    monkeypatch, accelerator, gpu, expected
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(sweeping, "cores", lambda: 6)
    monkeypatch.setattr(sweeping, "MEMORY", 1)  # of a worker, in bytes
    config = OmegaConf.create({"trainer": {"accelerator": accelerator}, "model": {"hidden": 16}})
    assert sweeping._workers(config) == expected


def test_suggestions_lie_in_their_ranges():
    space = SearchSpace.of(RANGES, CONFIG)
    assert space.described()["lr"] == "tag(log,interval(1e-4,1e-1))"
    trials = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    tried = [dict(pair.split("=") for pair in space.suggest(trials.ask())) for _ in range(200)]
    assert all(0 <= float(of["x"]) <= 1 and 1e-4 <= float(of["lr"]) <= 1e-1 for of in tried)
    assert {of["n"] for of in tried} == {"1", "2", "3"}
    assert {of["m"] for of in tried} == {"1", "2"}
    assert {of["k"] for of in tried} == {"2", "4", "6"}
    assert {of["kind"] for of in tried} == {"a", "b"}
    assert 0.3 < sum(float(of["lr"]) < 3e-3 for of in tried) / 200 < 0.7  # half of them, on a logarithmic scale
    assert max(len(of["x"]) for of in tried) <= 8  # three digits, as a person would type them


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
    study.add(points)
    start.wait()

    def result(job):
        results.put(job[-1])
        time.sleep(0.05)
        return 0.5

    worker(study, folder, result, ["y=1"]).work()


def take_and_die(folder, storage):
    opened(folder, storage).take(None)
    os.kill(os.getpid(), signal.SIGKILL)


@every_storage
def test_a_killed_workers_trial_is_run_again(tmp_path, storage):
    study = opened(tmp_path, storage)
    study.add([["x=1"], ["x=2"]])
    process = SPAWN.Process(target=take_and_die, args=(tmp_path, storage))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert states(study) == {"RUNNING": 1, "WAITING": 1}
    one = worker(study, tmp_path, lambda job: 0.5, ["y=1"])
    one.work()
    assert sorted(job[-1] for job in one.launcher.jobs) == ["x=1", "x=2"]
    assert states(study) == {"COMPLETE": 2, "FAIL": 1}


@every_storage
def test_a_silent_worker_of_another_machine_counts_as_dead_after_a_while(tmp_path, storage, monkeypatch):
    study = opened(tmp_path, storage)
    study.add([["x=1"]])
    trial = study.take(None)
    trial.set_user_attr("host", "elsewhere")
    assert study.take(None) is None
    monkeypatch.setattr(study_module, "SILENCE", -1.0)
    again = study.take(None)
    assert again.user_attrs["overrides"] == ["x=1"]
    assert again.user_attrs["attempt"] == 2


def test_a_trial_that_kills_its_workers_is_given_up_after_three(tmp_path):
    study = opened(tmp_path)
    study.add([["x=1"]])
    for attempt in (1, 2, 3):
        trial = study.take(None)
        assert trial.user_attrs.get("attempt", 1) == attempt
        study.give_back(trial)
    assert study.take(None) is None
    assert states(study) == {"FAIL": 3}


def test_a_trial_whose_job_is_broken_off_is_given_back(tmp_path):
    def stop(job):
        raise SystemExit(130)

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    with pytest.raises(SystemExit):
        worker(study, tmp_path, stop, RANGES[:1], trials=1).work()
    assert states(study) == {"FAIL": 1, "WAITING": 1}
    tried = study.trials()[0].params
    one = worker(study, tmp_path, lambda job: 0.5, RANGES[:1], trials=1)
    one.work()
    assert study.study.best_params == tried
    assert states(study) == {"FAIL": 1, "COMPLETE": 1}


def test_a_running_trial_shows_that_it_is_alive(tmp_path, monkeypatch):
    monkeypatch.setattr(study_module, "BEAT", 0.05)
    study = opened(tmp_path)
    study.add([["x=1"]])
    trial = study.take(None)
    with study.alive(trial):
        time.sleep(0.5)
    frozen = study.trials()[0]
    assert frozen.user_attrs["beat"] - frozen.datetime_start.timestamp() > 0.3


def test_a_grid_goes_on_with_what_is_not_done_and_runs_failed_points_again(tmp_path):
    points = [[f"x={n}"] for n in range(4)]
    study = opened(tmp_path)
    study.add(points)
    one = worker(study, tmp_path, lambda job: 1 // (job[-1] != "x=2"), ["y=1"])
    one.work()
    assert states(study) == {"COMPLETE": 3, "FAIL": 1}
    study.add([*points, ["x=9"]])
    again = worker(study, tmp_path, lambda job: 1.0, ["y=1"])
    again.work()  # what is complete in this folder is for the job to skip
    assert sorted(job[-1] for job in again.launcher.jobs) == ["x=0", "x=1", "x=2", "x=3", "x=9"]


@every_storage
def test_the_points_of_a_grid_have_parameters_for_dashboards_also_when_they_are_run_again(tmp_path, storage):
    study = opened(tmp_path, storage)
    study.add([["h=8", "d=0.1", "kind=[1,2]"], ["h=16", "d=1", "kind=null"]])
    study.give_back(study.take(None))
    first, second = {"h": 8, "d": 0.1, "kind": "[1,2]"}, {"h": 16, "d": 1.0, "kind": "null"}
    assert [trial.params for trial in study.trials()] == [first, second, first]
    study.add([["h=0.5"]])  # no whole number: Optuna does not mix the kinds of a parameter
    assert [trial.user_attrs["overrides"] for trial in study.trials()][3:] == [["h=0.5"]]
    one = worker(study, tmp_path, lambda job: 0.5, ["y=1"])
    one.work()
    assert states(study) == {"FAIL": 1, "COMPLETE": 3}


def test_a_grids_points_that_another_machine_has_done_are_not_run_here(tmp_path, monkeypatch):
    study = opened(tmp_path)
    study.add([["x=1"]])
    monkeypatch.setattr(study_module.socket, "gethostname", lambda: "elsewhere")
    worker(study, tmp_path, lambda job: 0.5, ["y=1"]).work()
    monkeypatch.undo()
    study.add([["x=1"], ["x=2"]])
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
        InputError, match=r"begun with other ranges, x=interval\(0.0,1.0\); now they are x=1,2\. .*sweep.name="
    ):
        opened(tmp_path, search={"x": "1,2"})
    with pytest.raises(InputError, match=r"now they are the points of a grid"):
        opened(tmp_path)


def test_results_are_told_pruned_and_failed_trials_apart(tmp_path):
    results = iter([0.7, None, ZeroDivisionError(), 0.9])

    def result(job):
        found = next(results)
        if isinstance(found, Exception):
            raise found
        return found

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    worker(study, tmp_path, result, RANGES[:1], trials=4).work()
    assert [trial.state.name for trial in study.trials()] == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE"]
    assert study.study.best_value == 0.9
    assert trial_line(study.trials()[1]).startswith("trial 1: pruned  x=0.")
    line = progress_line(study.trials(), {**SETTINGS, "trials": 10}, time.monotonic() - 120, 0)
    assert line == "2 of 10 trials done, 1 pruned, 1 failed, best macro F1 0.9000, about 3 min left"


def test_repeats_train_each_trial_with_each_seed_and_count_the_mean(tmp_path):
    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    one = worker(study, tmp_path, lambda job: int(job[-1][5:]), RANGES[:1], trials=2, seeds=("3", "4", "8"))
    one.work()
    assert [job[-1] for job in one.launcher.jobs] == ["seed=3", "seed=4", "seed=8"] * 2
    assert [trial.value for trial in study.trials()] == [5.0, 5.0]


def test_no_trial_begins_that_would_end_after_the_time_is_up(tmp_path):
    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    one = worker(study, tmp_path, lambda job: time.sleep(0.3) or 0.5, RANGES[:1], minutes=1.5 / 60)
    one.work()
    assert 2 <= len(study.trials()) <= 4


class Placer:
    """A launcher that is not Hydra's own: it may place jobs elsewhere, all of a trial at once."""

    def __init__(self, launcher):
        self.launcher, self.launches = launcher, []

    def launch(self, job_overrides, initial_job_idx):
        self.launches.append(len(job_overrides))
        return self.launcher.launch(job_overrides, initial_job_idx)


def placing(study, folder, result, **settings):
    one = worker(study, folder, result, RANGES[:1], **settings)
    one.launcher = Placer(one.launcher)
    return one


def test_other_launchers_get_as_many_trials_at_once_as_there_are_workers(tmp_path):
    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    both = threading.Barrier(2)
    one = placing(study, tmp_path, lambda job: both.wait(10) * 0.5, trials=6, seeds=("1", "2"), prune=True)
    one.work_in_threads(2)
    assert one.launcher.launches == [2] * 6
    jobs = one.launcher.launcher.jobs
    attached = [job for job in jobs if job[-1].startswith("+hydra.job.env_set.TEXTLSTM_TRIAL='{")]
    assert len(attached) == 6  # of each trial the first job may be pruned
    assert states(study) == {"COMPLETE": 6}


class UncompletedJobError(Exception):
    """As submitit's, which names a job that SLURM ended before it had a result."""


def test_a_job_that_is_ended_from_outside_is_placed_again_and_stops_no_other(tmp_path, caplog):
    ended = []

    def result(job):
        if not ended:
            ended.append(job)
            raise UncompletedJobError("Job 7_0 has not produced any output\n(state: CANCELLED)\nits log")
        return 0.5

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    one = placing(study, tmp_path, result, trials=3)
    one.work_in_threads(2)
    one.raise_failed()
    assert states(study) == {"COMPLETE": 3, "FAIL": 1}
    assert [job for job in one.launcher.launcher.jobs if job == ended[0]] == ended * 2  # the same, once more
    assert "trial 0: Job 7_0 has not produced any output (state: CANCELLED)" in caplog.messages


def test_jobs_elsewhere_that_fail_or_are_ended_each_time_are_named_at_the_end(tmp_path):
    def result(job):
        raise UncompletedJobError("gone")

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    one = placing(study, tmp_path, result, trials=1)
    one.work_in_threads(1)
    failed = JobReturn()
    failed.status, failed.hydra_cfg = JobStatus.FAILED, OmegaConf.create({"hydra": {"runtime": {"output_dir": "/s/a"}}})
    one.answers.append([failed])
    with pytest.raises(JobsFailed, match=r"say why: /s/a/train.log; those of the trials 2 were ended 3 times\.$"):
        one.raise_failed()
    assert states(study) == {"FAIL": 3}


def test_a_launcher_that_refuses_jobs_ends_the_sweep(tmp_path):
    def result(job):
        raise RuntimeError("Submission failed\nsbatch: error: invalid partition specified: gpu")

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    with pytest.raises(InputError, match=r"^hydra/launcher: sbatch: error: invalid partition specified: gpu$"):
        placing(study, tmp_path, result, trials=5).work_in_threads(1)
    assert states(study) == {"FAIL": 1, "WAITING": 1}


def test_a_trial_whose_first_job_is_pruned_trains_no_other_seed(tmp_path):
    seen = []

    def result(job):
        seen.append((job[-1], TRIAL in os.environ))
        return

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    worker(study, tmp_path, result, RANGES[:1], trials=2, seeds=("1", "2"), prune=True).work()
    assert seen == [("seed=1", True)] * 2
    assert TRIAL not in os.environ
    assert states(study) == {"PRUNED": 2}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+nodriver://localhost/x", "nodriver"),
        ("mysql+mysqldb://localhost/x", "Python's driver of that database is not installed"),
    ],
)
def test_a_database_that_cannot_be_reached_is_an_error_of_the_user(tmp_path, monkeypatch, url, message):
    monkeypatch.setattr(study_module, "TRIES", 1)
    with pytest.raises(InputError, match=message):
        open_storage(url, tmp_path)
