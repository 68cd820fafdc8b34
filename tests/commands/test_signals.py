"""A command that is told to end: one line, the signal's exit code, and nothing half-written."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import QUICK, SRC, environment, record, run, weights
from helpers.mistakes import half_written

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
NAMES = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl-C", signal.SIGHUP: "SIGHUP"}
LONG = [*QUICK[:-1], "trainer.max_epochs=2000", "threads=1", "trainer.checkpoint_every=7steps"]

# Locks, and the language model that the run goes on with.
KEPT = (".lock", ".unfinished")


def begin(
    outputs: Path, *options: str, before: Callable[[], object] | None = None
) -> subprocess.Popen:
    """Starts a long training run in the folder `run` of `outputs`, with a cache of its own."""
    return subprocess.Popen(
        [sys.executable, str(SRC / "train.py"), *LONG, *options, f"hydra.run.dir={outputs}/run"],
        env={**environment(), "TEXTLSTM_CACHE": str(outputs / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=before,
    )


def wait_for(file: Path, process: subprocess.Popen) -> None:
    """Waits until a running process has written a file."""
    while not file.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def test_a_run_that_is_told_to_end_saves_the_step_and_says_so(tmp_path):
    process = begin(tmp_path, "data.max_rows=300")
    wait_for(tmp_path / "run" / "checkpoints" / "last.ckpt", process)
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGHUP
    assert "Traceback" not in errors
    last = errors.splitlines()[-1]
    start = f"Stopped by SIGHUP. python src/train.py resume={tmp_path}/run goes on after step "
    assert last.startswith(start)
    assert last in (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert int(last.removeprefix(start).rstrip(".")) > 0


def test_nohup_goes_on_ignoring_the_end_of_its_terminal(tmp_path):
    ignored = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    process = begin(tmp_path, "data.max_rows=300", before=ignored)
    wait_for(tmp_path / "run" / "checkpoints" / "last.ckpt", process)
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


PRETRAINED = ["pretrain=own_text", "pretrain.epochs=20"]  # of few texts it would have none


@pytest.mark.trust("signal at a random moment")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_told_to_end_at_any_moment_ends_with_one_line(tmp_path, number, record_property):
    """While it imports, reads, tries threads, trains a language model, trains or validates."""
    tries, chance = 12, random.Random(int(number))
    record_property("tried", tries)
    for attempt in range(tries):
        outputs = tmp_path / str(attempt)
        process = begin(outputs, *PRETRAINED, "data.max_rows=2000", "threads=null")
        time.sleep(chance.uniform(2, 25))
        process.send_signal(number)
        sent = time.monotonic()
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 128 + number, errors
        assert time.monotonic() - sent < 30  # ten seconds on a machine without other work
        assert "Traceback" not in errors
        said = [line for line in errors.splitlines() if line.startswith("Stopped by")]
        assert len(said) == 1
        assert said[0].startswith(f"Stopped by {NAMES[number]}.")
        left = [name for name in half_written(outputs / "cache") if not name.endswith(KEPT)]
        assert left == []
        saved = outputs / "run" / "checkpoints" / "last.ckpt"
        assert ("goes on after step" in said[0]) <= saved.is_file()  # nothing that is not there


@pytest.mark.trust("kill at a random point")
def test_a_run_killed_at_random_points_ends_with_the_weights_of_one_never_killed(
    tmp_path, record_property
):
    options = [*QUICK, "data.max_rows=1500", "threads=1", "trainer.checkpoint_every=3steps"]
    options += ["trainer.max_epochs=6", "data.batch_size=16"]
    run("train", *options, f"hydra.run.dir={tmp_path}/whole")
    kills, chance = 0, random.Random(0)
    arguments = [*options, f"hydra.run.dir={tmp_path}/killed"]
    while kills < 15:
        process = subprocess.Popen(
            [sys.executable, str(SRC / "train.py"), *arguments],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=chance.uniform(4, 14))
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            if (tmp_path / "killed" / ".hydra" / "config.yaml").is_file():
                arguments = [f"resume={tmp_path}/killed"]
    record_property("tried", kills)
    if not (tmp_path / "killed" / "metrics.json").is_file():
        run("train", *arguments)
    whole, killed = weights(tmp_path / "whole", "last"), weights(tmp_path / "killed", "last")
    assert all(whole[key].equal(killed[key]) for key in whole)
    epochs = [
        [{**epoch, "seconds": 0} for epoch in record(tmp_path / name)["history"]]
        for name in ("whole", "killed")
    ]
    assert epochs[0] == epochs[1]
