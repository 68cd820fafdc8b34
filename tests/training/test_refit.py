"""A refit: trained on validation rows, too, it claims no validation score anywhere, and goes on
when it was stopped.
"""

import json
import re
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from helpers.commands import call, events_folder, record, table, train_and_kill, weights
from helpers.configs import composed
from textlstm.checks import InputError
from textlstm.commands.evaluate import evaluate
from textlstm.leaderboard.board import write_leaderboard
from textlstm.places import CONF
from textlstm.training.settings import RunSettings

pytestmark = pytest.mark.cores

QUICK = [
    "data.max_rows=300",
    "model.hidden=8",
    "model.embedding_dim=8",
    "data.vocab_size=500",
    "threads=1",
]


def leaves(node: object, path: str = "") -> list[str]:
    """The path of each value in a record."""
    if isinstance(node, list):
        return [leaf for child in node for leaf in leaves(child, path)]
    if not isinstance(node, dict):
        return [path]
    return [leaf for key, child in node.items() for leaf in leaves(child, f"{path}.{key}")]


@pytest.fixture(scope="module")
def refitted(tmp_path_factory) -> tuple[Path, str, str]:
    """A refit's folder and what it printed; patience is one epoch, and none at lr=1 is better."""
    folder = tmp_path_factory.mktemp("refit") / "run"
    options = ["trainer.max_epochs=4", "optimizer.lr=1", "callbacks.early_stopping.patience=1"]
    out, errors = call("train", "data.refit=true", *options, *QUICK, f"hydra.run.dir={folder}")
    return folder, out, errors


def test_a_refit_trains_all_epochs_and_keeps_the_last(refitted):
    folder, _, errors = refitted
    assert [epoch["epoch"] for epoch in record(folder)["history"]] == [1, 2, 3, 4]
    assert sorted(file.name for file in (folder / "checkpoints").iterdir()) == ["last.ckpt"]
    assert torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 3
    assert record(folder)["data"]["splits"].keys() == {"train", "test"}
    assert [of["rows"] for of in record(folder)["data"]["splits"].values()] == [270, 30]
    assert "Warning" not in errors


def test_a_refit_claims_no_validation_score(refitted):
    folder, out, errors = refitted
    found = record(folder)
    assert (found["refit"], found["score"], found["best_epoch"]) == (True, None, None)
    assert found["chosen_by"] == (
        "the number of epochs was chosen before, by validation in other runs; nothing by test"
    )
    assert set(found["history"][0]) == {"epoch", "train_loss", "train_accuracy", "seconds"}
    assert [
        leaf
        for leaf in leaves(found)
        if re.search(r"val(_|idation)", leaf) and not leaf.startswith((".config", ".overrides"))
    ] == []
    for said in (out, errors, (folder / "train.log").read_text(encoding="utf-8")):
        assert " val " not in said
        assert "validation   " not in said
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert (
        "Kept: the last of 4 epochs. There was no validation: the number of epochs was chosen "
        "before" in report
    )
    assert "learned from training and validation texts" in report
    assert "A refit: validation rows train, too." in report
    assert "Scores on test" in out
    assert "among 12 settings, then fitted on training and validation rows: " in out


def test_tensorboard_shows_a_refit_without_validation(refitted):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = events_folder(refitted[0])
    tags = EventAccumulator(str(events), size_guidance={"tensors": 0}).Reload().Tags()
    shown = tags["scalars"] + tags["images"] + tags["tensors"]
    assert {"curves/loss/train", "curves/accuracy/train", "test/macro_f1"} <= set(shown)
    assert "test_predictions/confusion_matrix" in shown
    assert [tag for tag in shown if "val" in tag] == []


def test_evaluate_scores_a_refit_s_last_epoch_and_refuses_validation(refitted):
    folder = refitted[0]
    call("evaluate", f"run={folder}")
    again = record(folder / "evaluation" / "test")
    assert again["test"]["log_loss"] == pytest.approx(record(folder)["test"]["log_loss"], abs=1e-6)
    told = (
        f"split=validation: {folder} is a refit (data.refit=true): it trained on the validation "
        f"rows, too, and has no"
    )
    with pytest.raises(InputError, match=re.escape(told)):
        evaluate(composed("evaluate", run=folder, split="validation"))


@pytest.mark.slow
def test_a_killed_refit_resumes_to_the_weights_of_one_that_was_not(tmp_path):
    options = [*QUICK, "data.refit=true", "trainer.max_epochs=3", "baselines=false"]
    options += ["data.batch_size=16", "optimizer.schedule=constant"]
    call("train", *options, f"hydra.run.dir={tmp_path}/whole")
    train_and_kill(tmp_path / "killed", *options)
    assert not (tmp_path / "killed" / "metrics.json").exists()
    call("train", f"resume={tmp_path}/killed")
    whole, resumed = weights(tmp_path / "whole", "last"), weights(tmp_path / "killed", "last")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert record(tmp_path / "killed")["test"] == record(tmp_path / "whole")["test"]
    assert len(record(tmp_path / "killed")["history"]) == 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["optimizer.schedule=plateau"],
            "optimizer.schedule=plateau lowers the rate by the validation loss, and",
        ),
        (["test=false"], "with test=false nothing is left to score"),
    ],
)
def test_what_a_refit_cannot_do_is_refused(overrides, message):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", ["data.refit=true", *overrides]))
    with pytest.raises(InputError, match=re.escape(message)):
        RunSettings.parse({key: value for key, value in config.items() if key != "sweep"})


def test_a_leaderboard_leaves_refits_out(tmp_path, refitted, capsys):
    for name in ("a", "b"):
        (tmp_path / name / ".hydra").mkdir(parents=True)
        scored = (
            {**record(refitted[0]), "refit": False, "score": 0.5, "best_epoch": 1}
            if name == "a"
            else record(refitted[0])
        )
        (tmp_path / name / "metrics.json").write_text(json.dumps(scored), encoding="utf-8")
    write_leaderboard(tmp_path)
    assert "not finished" not in capsys.readouterr().out
    assert [row["rank"] for row in table(tmp_path / "leaderboard.csv")] == ["1"]
