"""A worker: what it runs, here or elsewhere, when it stops, and what it tells of failures."""

import os
import threading
from types import SimpleNamespace

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from helpers.studies import RANGES, add, opened, states, worker
from textlstm.checks import InputError, JobsFailed
from textlstm.sweeps import worker as worker_module
from textlstm.sweeps.progress import run_line
from textlstm.sweeps.sweep import raise_failed
from textlstm.sweeps.trials import TRIAL


def test_results_are_told_pruned_and_failed_trials_apart(tmp_path):
    results = iter([0.7, None, ZeroDivisionError(), 0.9])

    def result(job):
        found = next(results)
        if isinstance(found, Exception):
            raise found
        return found

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    worker(study, tmp_path, result, RANGES[:1], trials=4).work()
    assert [trial.state.name for trial in study.trials()] == [
        "COMPLETE",
        "PRUNED",
        "FAIL",
        "COMPLETE",
    ]
    assert study.study.best_value == 0.9


def test_repeats_train_each_trial_with_each_seed_and_count_the_mean(tmp_path):
    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    one = worker(
        study, tmp_path, lambda job: int(job[-1][5:]), RANGES[:1], trials=2, seeds=("3", "4", "8")
    )
    one.work()
    assert [job[-1] for job in one.launcher.jobs] == ["seed=3", "seed=4", "seed=8"] * 2
    assert [trial.value for trial in study.trials()] == [5.0, 5.0]


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


def test_a_trial_whose_job_is_broken_off_is_run_again(tmp_path):
    def stop(job):
        raise SystemExit(130)

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    with pytest.raises(SystemExit):
        worker(study, tmp_path, stop, RANGES[:1], trials=1).work()
    assert states(study) == {"WAITING": 1}
    tried = study.trials()[0].params
    one = worker(study, tmp_path, lambda job: 0.5, RANGES[:1], trials=1)
    one.work()
    assert study.study.best_params == tried
    assert states(study) == {"COMPLETE": 1}


def test_no_trial_begins_that_would_end_after_the_time_is_up(tmp_path, monkeypatch):
    now = [0.0]

    def train(job):
        now[0] += 25
        return 0.5

    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(worker_module, "time", clock)
    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    worker(study, tmp_path, train, RANGES[:1], minutes=1.5).work()
    assert states(study) == {"COMPLETE": 3}  # after 75 seconds of 90, each takes 25


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
    one = placing(
        study, tmp_path, lambda job: both.wait(10) * 0.5, trials=6, seeds=("1", "2"), prune=True
    )
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
            raise UncompletedJobError(
                "Job 7_0 has not produced any output\n(state: CANCELLED)\nits log"
            )
        return 0.5

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    one = placing(study, tmp_path, result, trials=3)
    one.work_in_threads(2)
    assert one.progress.failed(study.trials()) == []
    assert states(study) == {"COMPLETE": 3, "FAIL": 1}
    assert [
        job for job in one.launcher.launcher.jobs if job == ended[0]
    ] == ended * 2  # the same, once more
    assert "run 0: Job 7_0 has not produced any output (state: CANCELLED)" in caplog.messages


def test_jobs_elsewhere_that_are_ended_each_time_are_named_at_the_end(tmp_path):
    def result(job):
        raise UncompletedJobError("gone")

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    one = placing(study, tmp_path, result, trials=1)
    one.work_in_threads(1)
    assert states(study) == {"FAIL": 3}
    [failed] = one.progress.failed(study.trials())
    with pytest.raises(
        JobsFailed, match=r"^1 of the sweep's runs failed; .*\n  run 2 failed: its "
    ):
        raise_failed([failed])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InputError("optimizer.lr must be a number, got '001'."), "optimizer.lr must be a number"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_why_a_job_failed_stands_beside_it(tmp_path, error, reason):
    def answer(job):
        failed = JobReturn()
        failed.status, failed.return_value = JobStatus.FAILED, error
        failed.hydra_cfg = OmegaConf.create({"hydra": {"runtime": {"output_dir": "/s/a"}}})
        return failed

    study = opened(tmp_path)
    add(study, [["x=1"]])
    one = worker(study, tmp_path, None, ["y=1"])
    one.launcher.launch = lambda jobs, initial_job_idx: [answer(job) for job in jobs]
    one.work()
    [failed] = study.trials()
    assert run_line(failed).startswith(f"run 0 failed: {reason}")
    assert run_line(failed).endswith("  x=1")
    with pytest.raises(
        JobsFailed, match=rf"\n  run 0 failed: {reason}.*  x=1\n    /s/a/train.log$"
    ):
        raise_failed([failed])


def test_a_launcher_that_refuses_jobs_ends_the_sweep(tmp_path):
    def result(job):
        raise RuntimeError("Submission failed\nsbatch: error: invalid partition specified: gpu")

    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})
    with pytest.raises(
        InputError, match=r"^hydra/launcher: sbatch: error: invalid partition specified: gpu$"
    ):
        placing(study, tmp_path, result, trials=5).work_in_threads(1)
    assert states(study) == {"FAIL": 1, "WAITING": 1}
