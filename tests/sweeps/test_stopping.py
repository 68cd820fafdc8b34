"""Sweeps that are told to end, or killed: one line, nothing left behind, and they go on."""

import contextlib
import logging
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from optuna.trial import TrialState

from helpers.commands import SRC, environment, run
from helpers.studies import add, opened, states, worker
from helpers.sweeps import trials_of
from textlstm.sweeps import stopping
from textlstm.sweeps.stopping import Stopped, stoppable

TOLD = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def no_hard_end(monkeypatch):
    """Else the tests' own process would end a few seconds after it was told to."""
    monkeypatch.setattr(stopping, "end_after", lambda seconds, code: None)


@pytest.fixture(autouse=True)
def heeds_ctrl_c():
    """Tests that a script runs in the background are started with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", TOLD)
def test_a_signal_ends_the_sweep_with_one_line_that_says_how_to_go_on(number, monkeypatch, caplog):
    typed = ["python", "src/train.py", "model.hidden=8,16", "sweep.storage=postgresql://me:x@db/s"]
    monkeypatch.setattr(sys, "orig_argv", typed)
    before = signal.getsignal(number)
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(SystemExit) as end,
        stoppable(patience=1, says=True),
    ):
        signal.raise_signal(number)
    assert end.value.code == 128 + number
    assert caplog.messages == [
        "Stopped. The same command goes on: python src/train.py model.hidden=8,16 "
        "sweep.storage=postgresql://me:PASSWORD@db/s"
    ]
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_does_not_break_off_what_the_first_began():
    cleaned_up = []

    @contextlib.contextmanager
    def cleaning_up():
        try:
            yield
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned_up.append(True)

    with pytest.raises(SystemExit), stoppable(patience=1, says=False), cleaning_up():
        signal.raise_signal(signal.SIGINT)
    assert cleaned_up


def test_a_stopped_trial_waits_again_and_is_counted_once(tmp_path):
    def stop(job):
        if len(study.trials()) == 2:
            raise Stopped(signal.SIGTERM)

    study = opened(tmp_path)
    add(study, [["x=1"], ["x=2"]])
    with pytest.raises(Stopped):
        worker(study, tmp_path, stop, ["y=1"]).work()
    assert states(study) == {"WAITING": 2}

    worker(study, tmp_path, lambda job: 0.5, ["y=1"]).work()
    assert states(study) == {"COMPLETE": 2}
    assert not any("attempt" in trial.user_attrs for trial in study.trials())


def test_a_signal_waits_until_a_trial_has_been_taken(tmp_path, monkeypatch):
    study = opened(tmp_path)
    add(study, [["x=1"]])
    ask = study.study.ask

    def told_meanwhile():
        signal.raise_signal(signal.SIGTERM)
        return ask()

    monkeypatch.setattr(study.study, "ask", told_meanwhile)
    one = worker(study, tmp_path, lambda job: 0.5, ["y=1"])
    with pytest.raises(SystemExit), stoppable(patience=1, says=False):
        one.work()
    assert one.launcher.jobs == []
    assert states(study) == {"WAITING": 1}


def test_a_signal_that_comes_while_python_frees_an_object_is_not_lost(capsys):
    class Freed:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def free_and_wait():
        freed = Freed()
        del freed  # Python drops what is raised in there
        for _ in range(100):
            time.sleep(0.1)

    with pytest.raises(SystemExit) as end, stoppable(patience=1, says=False):
        free_and_wait()
    assert end.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == ""


@pytest.mark.trust("end of a sweep at a random moment")
@pytest.mark.parametrize("number", [*TOLD, signal.SIGKILL])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_that_is_ended_leaves_no_process_and_goes_on(tmp_path, number, workers):
    overrides = [
        "experiment=smoke",
        "data.max_rows=1000",
        "trainer.max_epochs=40",  # it must not be over before it is told
        "callbacks.early_stopping.patience=40",
        "model.hidden=8,9,10",
        "sweep.name=ended",
        f"sweep.workers={workers}",
        f"hydra.sweep.dir={tmp_path}",
    ]
    process = subprocess.Popen(
        [sys.executable, SRC / "train.py", *overrides],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    begun = time.monotonic()
    while not (tmp_path / "study.db").exists():
        time.sleep(0.1)
    time.sleep(random.Random().uniform(0, 2 * (time.monotonic() - begun)))
    assert process.poll() is None

    if number == signal.SIGINT:  # as a terminal sends it
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    wait_until_none_is_left(str(tmp_path))
    assert "Traceback" not in errors
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 128 + number
        assert errors.splitlines()[-1].startswith("Stopped. The same command goes on: python ")
        assert errors.count("Stopped") == 1
        with contextlib.suppress(KeyError):  # it may have been told before there was a study
            states = {trial.state for trial in trials_of("ended", tmp_path)}
            assert states <= {TrialState.WAITING, TrialState.COMPLETE}

    run("train", *overrides)
    done = [t for t in trials_of("ended", tmp_path) if t.state == TrialState.COMPLETE]
    assert sorted(trial.user_attrs["overrides"] for trial in done) == [
        ["model.hidden=10"],
        ["model.hidden=8"],
        ["model.hidden=9"],
    ]


def wait_until_none_is_left(argument):
    """Waits until no process has `argument` on its command line; fails after some seconds."""
    deadline = time.monotonic() + 15
    while left := subprocess.run(
        ["pgrep", "--full", argument], capture_output=True, text=True, check=False
    ).stdout:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
