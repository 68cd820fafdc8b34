"""Ends of training other than the last epoch: early, by steps, by time, or by a bad loss."""

import json
import re
from contextlib import nullcontext
from unittest.mock import Mock

import pytest
import torch

from helpers.commands import QUICK, call, events_folder, record, train_and_kill, weights
from textlstm.checks import InputError
from textlstm.training.stopping import FiniteLoss

ROWS = [(f"word {n % 7} of {n}", "ab"[n * n % 11 % 2]) for n in range(120)]
STEPS = 6  # of an epoch of 96 training rows
SPOIL = [
    "+callbacks.fail._target_=helpers.failing.Fail",
    "+callbacks.fail.rank=null",
    "+callbacks.fail.how=spoil",
]


@pytest.fixture
def options(write_rows, tmp_path):
    """Options of a short run in the folder `run`."""
    return [
        *QUICK,
        f"data.train={write_rows('rows.csv', ROWS)}",
        "data.batch_size=16",
        f"hydra.run.dir={tmp_path}/run",
    ]


@pytest.fixture
def trained(options, tmp_path):
    """Trains with more options; gives the record and what the screen showed."""

    def trained(*more):
        _, errors = call("train", *options, *more)
        return record(tmp_path / "run"), errors

    return trained


@pytest.mark.parametrize(
    ("monitor", "best"),
    [("val/loss", min), ("val/macro_f1", max), ("val/accuracy", max), ("val/auroc", None)],
)
def test_early_stopping_follows_what_it_watches(tmp_path, monitor, best):
    _, errors = call(
        *("train", *QUICK, "data.max_rows=240", "data.batch_size=16", "optimizer.lr=0.003"),
        f"callbacks.early_stopping.monitor={monitor}",
        "callbacks.early_stopping.patience=8",
        "optimizer.schedule=constant",
        "trainer.max_epochs=60",
        f"hydra.run.dir={tmp_path}/run",
    )
    found = record(tmp_path / "run")
    epochs, kept = len(found["history"]), found["best_epoch"]
    assert epochs == kept + 8 < 60
    if best is not None:
        scores = [epoch[monitor.replace("/", "_")] for epoch in found["history"]]
        assert scores.index(best(scores)) + 1 == kept
        assert scores[0] != scores[kept - 1]  # else this shows nothing
    kept_score = found["history"][kept - 1]["val_macro_f1"]
    assert found["score"] == pytest.approx(kept_score, abs=1e-6)
    assert found["watched"] == monitor

    said = found["stopped"]
    pattern = rf"Training stopped early, after epoch {epochs} of 60: {monitor} was not better than "
    assert re.match(pattern + r"\d\.\d{4} for 8 epochs\.$", said)
    assert errors.count(said) == 1
    for name in ("train.log", "report.md"):
        assert said in (tmp_path / "run" / name).read_text(encoding="utf-8")


def test_a_run_that_has_all_its_epochs_did_not_stop_early(trained, tmp_path):
    found, errors = trained("callbacks.early_stopping.patience=3")
    assert len(found["history"]) == 3
    assert "stopped" not in found
    assert "stopped" not in errors
    assert "stopped" not in (tmp_path / "run" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("steps", [5, STEPS, STEPS + 1])
def test_max_steps_ends_with_a_validation_and_a_whole_schedule(trained, tmp_path, steps):
    found, _ = trained(f"+trainer.max_steps={steps}")
    assert found["steps"] == steps
    assert len(found["history"]) == -(-steps // STEPS)
    assert all("val_loss" in epoch for epoch in found["history"])
    assert "stopped" not in found
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    [schedule] = last["lr_schedulers"]
    assert schedule["total_steps"] == schedule["last_epoch"] == steps


@pytest.mark.slow
def test_a_killed_run_with_max_steps_resumes_to_the_weights_of_one_that_was_not(options, tmp_path):
    limited = [*options[:-1], f"+trainer.max_steps={2 * STEPS + 2}", "trainer.max_epochs=9"]
    call("train", *limited, f"hydra.run.dir={tmp_path}/whole")
    train_and_kill(tmp_path / "killed", *limited)
    call("train", f"resume={tmp_path}/killed")
    found = [record(tmp_path / name) for name in ("whole", "killed")]
    assert found[0]["steps"] == found[1]["steps"] == 2 * STEPS + 2
    assert [len(run["history"]) for run in found] == [3, 3]
    whole, resumed = weights(tmp_path / "whole", "last"), weights(tmp_path / "killed", "last")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)

    (tmp_path / "killed" / "metrics.json").unlink()  # as if killed while writing its results
    call("train", f"resume={tmp_path}/killed")
    assert record(tmp_path / "killed")["steps"] == 2 * STEPS + 2


def test_a_run_that_ended_with_an_epoch_goes_on(trained, tmp_path):
    trained(f"+trainer.max_steps={STEPS}", "optimizer.schedule=constant")
    longer = ["trainer.max_epochs=9", f"trainer.max_steps={3 * STEPS}"]
    call("train", f"resume={tmp_path}/run", *longer)
    found = record(tmp_path / "run")
    assert [epoch["epoch"] for epoch in found["history"]] == [1, 2, 3]
    assert found["steps"] == 3 * STEPS


def test_max_steps_alone_says_how_long_a_run_is(trained):
    found, _ = trained(f"+trainer.max_steps={2 * STEPS}", "trainer.max_epochs=null")
    assert (found["steps"], len(found["history"])) == (2 * STEPS, 2)


def test_fewer_batches_make_shorter_epochs_with_a_whole_schedule(trained, tmp_path):
    found, errors = trained("+trainer.limit_train_batches=0.5")
    assert found["steps"] == 3 * STEPS // 2
    assert "Warning" not in errors
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["lr_schedulers"][0]["total_steps"] == 3 * STEPS // 2


def test_a_time_that_is_over_ends_the_run_with_what_it_has(trained):
    found, errors = trained("+trainer.max_time={milliseconds:1}", "trainer.max_epochs=500")
    assert found["steps"] == 1
    said = "Training stopped early, after epoch 1 of 500: the time of trainer.max_time was over."
    assert found["stopped"] == said
    assert said in errors


def test_a_run_that_ended_inside_an_epoch_does_not_go_on(trained, tmp_path):
    trained(f"+trainer.max_steps={STEPS + 1}", "optimizer.schedule=constant")
    longer = ["trainer.max_epochs=9", "trainer.max_steps=20"]
    _, errors = call("train", f"resume={tmp_path}/run", *longer, code=2)
    assert f"error: resume: {tmp_path}/run ended inside an epoch, by trainer.max_steps" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["+trainer.limit_train_batches=0.1"],
            "trainer.limit_train_batches=0.1 leaves no batch of the 6 of an epoch. Give a whole "
            "number of batches, or a share of at least 0.17.",
        ),
        (["+trainer.limit_train_batches=0"], "trainer.limit_train_batches=0 leaves no batch"),
        (
            ["+trainer.min_epochs=5"],
            "trainer.min_epochs=5 asks for 30 steps, and the run has 18: 3 epochs of 6",
        ),
        (["+trainer.min_steps=19"], "trainer.min_steps=19 asks for 19 steps, and the run has 18"),
        (
            ["+trainer.max_steps=8", "+trainer.min_epochs=2"],
            "trainer.min_epochs=2 asks for 12 steps, and the run has 8",
        ),
        (["+trainer.max_time=00:00:00:00"], "trainer: training ended before there was an epoch"),
    ],
)
def test_a_length_that_no_run_can_have_is_refused(options, more, message):
    _, errors = call("train", *options, *more, code=2)
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith(f"error: {message}")


@pytest.mark.parametrize(
    "more",
    [
        ["optimizer.lr=1e30"],
        ["optimizer.lr=1e30", "data.refit=true", "test=true"],
        ["optimizer.weight_decay=1e38"],
    ],
)
def test_a_loss_that_is_no_number_is_one_error_and_leaves_no_model(options, tmp_path, more):
    _, errors = call("train", *options, *more, code=2)
    assert "Traceback" not in errors
    assert errors.count("error: ") == 1
    assert re.search(
        r"^error: Training failed in step \d+ \(epoch 1\): the training loss is (nan|inf)\. The "
        r"learning rate was \S+ and the norm of the gradient \S+\. Give a smaller optimizer\.lr\.$",
        errors,
        flags=re.M,
    )
    left = {file.name for file in (tmp_path / "run").iterdir()}
    assert left == {events_folder(tmp_path / "run").name, "train.log"}


def test_the_last_good_checkpoint_stays(options, tmp_path):
    _, errors = call("train", *options, *SPOIL, "+trainer.log_every_n_steps=4", code=2)
    # Spoiled before step 8, whose loss is logged.
    assert "error: Training failed in step 8 (epoch 2): the training loss is nan. " in errors
    assert "The checkpoints are those of epoch 1 or later, and good." in errors
    for name in ("best", "last"):
        kept = weights(tmp_path / "run", name)
        assert all(tensor.isfinite().all() for tensor in kept.values())
    assert not (tmp_path / "run" / "model").exists()
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("losses", "scaler", "failed_at"),
    [
        ([1.0, torch.nan], None, 2),
        ([torch.inf], None, 1),
        ([torch.inf, 1.0, torch.nan, 1.0], "a scaler", None),  # steps that the scaler skips
        ([1.0, torch.inf, torch.nan], "a scaler", 3),
    ],
)
def test_a_gradient_scaler_may_skip_a_step_but_not_two_looks_in_a_row(losses, scaler, failed_at):
    callback, module = FiniteLoss("a smaller rate"), torch.nn.Linear(1, 1)
    for step, loss in enumerate(losses, start=1):
        trainer = Mock(current_epoch=0, global_step=step, log_every_n_steps=1, min_epochs=None)
        trainer.min_steps, trainer.is_last_batch, trainer.should_stop = None, False, False
        trainer.precision_plugin.scaler = scaler
        trainer.strategy.reduce_boolean_decision = lambda decision, all: decision
        with pytest.raises(InputError) if step == failed_at else nullcontext():
            callback.on_train_batch_end(trainer, module, {"loss": torch.tensor(loss)}, None, 0)


def test_a_language_model_that_fails_is_not_kept(options, tmp_path, monkeypatch):
    monkeypatch.setattr("textlstm.training.run.CACHE", tmp_path / "cache")
    _, errors = call(
        "train", *options, "pretrain=own_text", "pretrain.epochs=2", "pretrain.lr=1e30", code=2
    )
    assert re.search(
        r"^error: Training failed in step \d.*Give a smaller pretrain\.lr\.", errors, re.M
    )
    assert not list((tmp_path / "cache").glob("pretrained-*"))


def test_metrics_are_json_whatever_they_hold(trained, tmp_path):
    trained("+callbacks.early_stopping.divergence_threshold=inf")

    def refused(name):
        raise AssertionError(f"bare {name}")

    text = (tmp_path / "run" / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refused)["score"] > 0
