"""SLURM jobs of a sweep that is told to end or killed, with stand-ins for SLURM's commands."""

import logging
import os
import signal
import threading
from pathlib import Path

import pytest

from helpers.studies import RANGES, Launcher, add, opened, states, worker
from textlstm.checks import InputError
from textlstm.sweeps import slurm_jobs, stopping
from textlstm.sweeps.stopping import stoppable

SQUEUE = """#!/bin/sh
echo "squeue $*" >> calls
for job in *.job; do [ -f $job ] && echo "${job%%.*} $(cat $job)"; done
rm -f *.ending.job
"""
SCANCEL = """#!/bin/sh
echo "scancel $*" >> calls
for job; do [ -f $job.job ] && cp $job.job $job.ending.job && rm $job.job; done
exit 0
"""


class Slurm:
    """A queue whose jobs are files: number.job holds the path of the job's script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, number: int, script: str | Path) -> None:
        (self.folder / f"{number}.job").write_text(str(script))

    def left(self) -> list[str]:
        return sorted(file.name for file in self.folder.glob("*.job"))

    def calls(self, command: str) -> list[str]:
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.removeprefix(f"{command} ") for line in lines if line.startswith(command)]


@pytest.fixture(autouse=True)
def heeds_ctrl_c():
    """Tests that a script runs in the background are started with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Puts stand-ins for squeue and scancel, which find their queue where they lie, on PATH."""
    folder = tmp_path / "a queue"
    folder.mkdir()
    for name, script in (("squeue", SQUEUE), ("scancel", SCANCEL)):
        (folder / name).write_text(script.replace("\n", '\ncd "$(dirname "$0")"\n', 1))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(stopping, "end_after", lambda seconds, code: None)
    return Slurm(folder)


class Submitit:
    """A launcher with submitit's folder, whose job takes a place in the queue and is run there."""

    def __init__(self, slurm, folder, work):
        self.slurm, self.work = slurm, work
        self.params = {"submitit_folder": f"{folder}/.submitit/%j", "mem_gb": 8}
        self.placed = []

    def launch(self, job_overrides, initial_job_idx):
        folder, _, rest = self.params["submitit_folder"].partition("/%")
        assert rest == "j"
        self.placed.append(folder)
        self.slurm.place(100 + len(self.placed), f"{folder}/submission_file_1.sh")
        return self.work(job_overrides)


def placing(study, folder, slurm, work, **settings):
    overrides = ["y=1"] if study.search is None else RANGES[:1]
    one = worker(study, folder, None, overrides, **settings)
    one.launcher = Submitit(slurm, folder, work)
    return one


def done(jobs):
    """What Hydra's launchers answer for jobs that have scored 0.5."""
    return Launcher(lambda job: 0.5).launch(jobs, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_sweep_that_is_told_to_end_cancels_its_jobs_and_no_others(
    tmp_path, slurm, number, caplog
):
    both, end = threading.Barrier(2), threading.Event()

    def wait(jobs):
        if both.wait(10) == 0:
            os.kill(os.getpid(), number)
        end.wait(10)
        return done(jobs)

    slurm.place(7, "/home/me/other.sh")
    slurm.place(8, f"{tmp_path}/.submitit/run-0/8_submission.sh")  # another command's
    study = opened(tmp_path)
    add(study, [["x=1"], ["x=2"], ["x=3"]])
    one = placing(study, tmp_path, slurm, wait)
    others = {*threading.enumerate()}
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(SystemExit) as ended,
        stoppable(patience=10, says=True),
    ):
        one.work_in_threads(2)
    assert ended.value.code == 128 + number
    assert slurm.calls("scancel") == ["101 102"]
    assert caplog.messages[-2] == "Cancelling the SLURM jobs that are left: 101, 102."
    assert states(study) == {"WAITING": 3}

    end.set()  # a job that ends only now has its result in its folder: the study ignores it here
    for thread in {*threading.enumerate()} - others:
        thread.join(10)
    assert states(study) == {"WAITING": 3}
    placing(study, tmp_path, slurm, done).work_in_threads(1)
    assert states(study) == {"COMPLETE": 3}
    assert not any("attempt" in trial.user_attrs for trial in study.trials())
    assert {"7.job", "8.job"} <= set(slurm.left())


def test_what_a_killed_command_left_is_cancelled_and_has_ended_before_its_trial_runs_again(
    tmp_path, slurm, monkeypatch
):
    study = opened(tmp_path, search={"x": "interval(0.0,1.0)"})

    def killed(jobs):
        [trial] = study.trials()
        study.storage.set_trial_user_attr(trial._trial_id, "process", 2**22 + 1)  # there is none
        raise KeyboardInterrupt

    one = placing(study, tmp_path, slurm, killed, trials=1)
    monkeypatch.setattr(one, "_leave", lambda: None)  # SIGKILL leaves no time for it
    with pytest.raises(KeyboardInterrupt):
        one.work()
    assert states(study) == {"RUNNING": 1}
    assert slurm.left() == ["101.job"]

    def look(jobs):
        assert slurm.left() == ["101.job"]  # this command's
        assert slurm.calls("scancel") == [
            "101",
            "101",
        ]  # by who found it dead, and by who runs it again
        return done(jobs)

    other = placing(study, tmp_path, slurm, look, trials=1)
    other.work_in_threads(1)
    assert states(study) == {"FAIL": 1, "COMPLETE": 1}
    assert other.launcher.placed != one.launcher.placed


def test_an_error_of_one_thread_cancels_the_jobs_of_the_others(tmp_path, slurm):
    both = threading.Barrier(2)

    def refuse(jobs):
        if both.wait(10) == 0:
            raise RuntimeError("sbatch: error: invalid partition")
        threading.Event().wait(1)
        return done(jobs)

    study = opened(tmp_path)
    add(study, [["x=1"], ["x=2"]])
    with pytest.raises(InputError, match="invalid partition"):
        placing(study, tmp_path, slurm, refuse).work_in_threads(2)
    assert len(slurm.calls("scancel")) == 1
    assert "RUNNING" not in states(study)


def test_a_slurm_that_does_not_answer_is_a_warning_that_sends_to_squeue(tmp_path, slurm, caplog):
    (slurm.folder / "squeue").write_text("#!/bin/sh\necho slurm_load_jobs error >&2\nexit 1\n")
    study = opened(tmp_path)
    add(study, [["x=1"]])
    trial = study.take(None)
    slurm_jobs.with_own_folder(Submitit(slurm, tmp_path, done), trial)
    slurm_jobs.end_jobs(trial)
    assert set(caplog.messages) == {
        "SLURM jobs of the sweep may be left, see squeue: slurm_load_jobs error"
    }


def test_a_launcher_that_is_not_submitits_is_left_as_it_is(tmp_path):
    study = opened(tmp_path)
    add(study, [["x=1"]])
    trial, launcher = study.take(None), object()
    assert slurm_jobs.with_own_folder(launcher, trial) is launcher
    assert "scripts" not in trial.user_attrs
