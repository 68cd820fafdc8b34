"""An interrupted trial of a sweep goes on from its checkpoint, and ends with the same bits."""

import csv
import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import equal

from helpers.commands import call
from helpers.sweeps import trials_of
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import read_record
from textlstm.sweeps.stopping import Stopped
from textlstm.training.resuming import checkpoint_of_trial
from textlstm.training.saving import SaveInsideEpoch
from textlstm.training.settings import RunSettings

ROWS = [(f"word {n % 7} of {n}", "ab"[n * n % 11 % 2]) for n in range(120)]
STEPS = 12  # of an epoch; validation follows
GOES_ON = "The trial was interrupted, and goes on from last.ckpt."


@pytest.fixture
def options(write_rows, tmp_path, monkeypatch):
    """A search of one trial, whose cache lies beside it; its sampler is seeded."""
    monkeypatch.setattr("textlstm.training.run.CACHE", tmp_path / "cache")
    return [
        f"data.train={write_rows('rows.csv', ROWS)}",
        "data.batch_size=8",
        "data.test_fraction=0.1",
        "model.hidden=choice(8,12)",
        "model.embedding_dim=8",
        "model.dropout=0.3",
        "trainer.max_epochs=4",
        "trainer.checkpoint_every=5steps",
        "threads=1",
        "wide=false",
        "sweep=search",
        "sweep.trials=1",
        "sweep.workers=1",
    ]


def sweep(options: list[str], folder: Path, code: int = 0) -> str:
    """Runs or goes on with the sweep, and returns what it logs."""
    return call("train", *options, f"hydra.sweep.dir={folder}", code=code)[1]


def interrupt(options: list[str], folder: Path, step: int, place: str) -> None:
    """Ends the sweep after a training step, or before a validation, as a signal does."""
    found = getattr(SaveInsideEpoch, place)

    def hook(self, trainer, *others):
        found(self, trainer, *others)
        if trainer.global_step == step:
            raise Stopped(signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SaveInsideEpoch, place, hook)
        sweep(options, folder, code=143)


def result(folder: Path):
    """The weights, epochs and reports of the one trial in a sweep's folder."""
    [metrics] = folder.glob("*/metrics.json")
    record = read_record(metrics.parent)
    [trial] = trials_of("search", folder)
    epochs = [{**epoch, "seconds": 0} for epoch in record["history"]]
    told = (epochs, record["steps"], record["validation"], trial.value, trial.intermediate_values)
    return load_file(metrics.parent / "model" / "model.safetensors"), told


def assert_same(found, expected):
    assert [name for name in expected[0] if not equal(found[0][name], expected[0][name])] == []
    assert found[1] == expected[1]


def test_an_interrupted_trial_ends_as_one_that_was_never_stopped(options, tmp_path):
    sweep(options, tmp_path / "whole")
    interrupt(options, tmp_path / "stopped", STEPS + 7, "on_train_batch_end")
    assert GOES_ON in sweep(options, tmp_path / "stopped")
    found = result(tmp_path / "stopped")
    assert_same(found, result(tmp_path / "whole"))
    assert len(found[1][-1]) == 10  # the parts of a run, each reported once


@pytest.mark.trust("interruption of a trial")
def test_a_trial_that_is_interrupted_again_and_again_ends_the_same(
    options, tmp_path, record_property
):
    sweep(options, tmp_path / "whole")
    places = [
        *((step, "on_train_batch_end") for step in (3, 5, STEPS - 1, STEPS + 7, 3 * STEPS + 11)),
        *((step, "on_validation_start") for step in (STEPS, 3 * STEPS, 4 * STEPS)),
    ]
    record_property("tried", len(places))
    for step, place in sorted(places):
        interrupt(options, tmp_path / "stopped", step, place)
    sweep(options, tmp_path / "stopped")
    assert_same(result(tmp_path / "stopped"), result(tmp_path / "whole"))


def test_a_trial_begins_anew_if_its_configuration_or_its_data_have_changed(options, tmp_path):
    interrupt(options, tmp_path / "sweep", STEPS + 7, "on_train_batch_end")
    [begun] = tmp_path.glob("sweep/*/checkpoints/begun.json")
    settings = RunSettings.parse(json.loads(begun.read_text(encoding="utf-8")))
    run = RunFolder(begun.parents[1])
    copied = RunFolder(Path(shutil.copytree(run.path, tmp_path / "copied")))
    assert checkpoint_of_trial(run, settings) == run.last_checkpoint

    assert checkpoint_of_trial(copied, replace(settings, seed=7)) is None
    assert not copied.has_checkpoint()
    assert not list(copied.path.rglob("events.out.tfevents*"))

    with open(tmp_path / "rows.csv", "a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(("one more text", "a"))
    assert checkpoint_of_trial(run, settings) is None
    assert not run.has_checkpoint()


def test_a_trial_without_a_whole_checkpoint_begins_anew_and_says_so(options, tmp_path, caplog):
    interrupt(options, tmp_path / "sweep", STEPS - 1, "on_train_batch_end")
    [last] = tmp_path.glob("sweep/*/checkpoints/last.ckpt")
    for file in last.parent.glob("*.ckpt"):
        file.write_bytes(b"cut")
    settings = json.loads((last.parent / "begun.json").read_text(encoding="utf-8"))
    run = RunFolder(last.parents[1])
    assert checkpoint_of_trial(run, RunSettings.parse(settings)) is None
    assert caplog.messages[-1].startswith("The trial begins anew: ")
