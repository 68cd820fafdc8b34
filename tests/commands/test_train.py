"""A training run as a person starts it: its folder, its seed, and going on after a kill."""

import json

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.commands import (
    COLUMNS,
    QUICK,
    call,
    events_folder,
    record,
    table,
    train_and_kill,
    weights,
)
from textlstm import TextClassifier

pytestmark = pytest.mark.cores


def test_the_run_folder_is_complete(trained, my_csv):
    files = {str(file.relative_to(trained)) for file in trained.rglob("*") if file.is_file()}
    assert {
        ".hydra/config.yaml",
        "train.log",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "model/model.safetensors",
        "model/config.json",
        "model/tokenizer.json",
        "model/labels.json",
        "model/README.md",
        "metrics.json",
        "predictions.csv",
        "report.md",
        "confusion_matrix.png",
        "curves.png",
    } <= files
    assert any(file.startswith("model.hidden-16_") and "tfevents" in file for file in files)

    recorded = record(trained)
    assert recorded["data"]["sources"]["train"]["path"] == str(my_csv)
    assert [
        recorded["data"]["splits"][split]["rows"] for split in ("train", "validation", "test")
    ] == [480, 60, 60]
    assert recorded["score"] == recorded["validation"]["macro_f1"]
    assert [epoch["epoch"] for epoch in recorded["history"]] == [1, 2, 3]
    assert {
        "accuracy",
        "macro_f1",
        "log_loss",
        "calibration_error",
        "auroc",
        "classes",
    } <= recorded["test"].keys()
    assert set(recorded["baselines"]) == {"majority class", "TF-IDF + logistic regression"}
    assert {
        "seconds",
        "seed",
        "environment",
        "config",
        "parameters",
        "best_epoch",
    } <= recorded.keys()

    report = (trained / "report.md").read_text(encoding="utf-8")
    for heading in (
        "Scores on test",
        "Classes",
        "Confusion matrix",
        "confident mistakes",
        "Data",
        "Model",
        "Training",
    ):
        assert heading in report


def test_predictions_are_the_test_rows_and_agree_with_the_scores(trained):
    rows = table(trained / "predictions.csv")
    labels = json.loads((trained / "model" / "labels.json").read_text(encoding="utf-8"))
    assert list(rows[0]) == [
        "text",
        "gold",
        "predicted",
        *(f"probability_{label}" for label in labels),
        "file",
        "row",
    ]
    assert len(rows) == 60
    accuracy = sum(row["gold"] == row["predicted"] for row in rows) / len(rows)
    assert accuracy == pytest.approx(record(trained)["test"]["accuracy"], abs=1e-9)
    bundle = TextClassifier.load(trained).predict([row["text"] for row in rows])
    assert [prediction.label for prediction in bundle] == [row["predicted"] for row in rows]


def test_each_prediction_can_be_joined_to_its_row_in_the_file(trained, my_csv):
    source = table(my_csv)
    for name in ("predictions.csv", "baseline_predictions.csv"):
        rows = table(trained / name)
        assert len({row["row"] for row in rows}) == len(rows) == 60
        for row in rows:
            assert row["file"] == str(my_csv)
            joined = source[int(row["row"]) - 1]
            assert (joined["headline"], joined["desk"]) == (row["text"], row["gold"])


def test_the_scores_on_test_have_intervals_and_a_test_against_the_linear_baseline(trained):
    recorded = record(trained)
    wide = recorded["wide"]["alone"] if "wide" in recorded else {}
    everything = [recorded["test"], *recorded["baselines"].values(), *wide.get("test", {}).values()]
    for scores in everything:
        for name in ("accuracy", "macro_f1"):
            low, high = scores["intervals"][name]
            assert low <= scores[name] <= high

    rows, others = table(trained / "predictions.csv"), table(trained / "baseline_predictions.csv")
    pairs = [
        (row["predicted"] == row["gold"], other["predicted"] == other["gold"])
        for row, other in zip(rows, others, strict=True)
    ]
    assert recorded["paired"]["right_alone"] == pairs.count((True, False))
    assert recorded["paired"]["wrong_alone"] == pairs.count((False, True))
    report = (trained / "report.md").read_text(encoding="utf-8")
    assert "the linear baseline on test" in report


def test_tensorboard_has_the_scores_of_the_run(trained):
    events = events_folder(trained)
    assert events.parent == trained
    assert events.name.startswith("model.hidden-16_")
    seen = EventAccumulator(str(events), size_guidance={"images": 0, "tensors": 0}).Reload()
    tags = seen.Tags()
    groups = [tag.partition("/")[0] for tag in sorted([*tags["scalars"], *tags["images"]])]
    assert list(dict.fromkeys(groups)) == [
        *("curves", "learning_rate", "other_scores", "steps", "test", "test_predictions")
    ]
    assert [tag for tag in sorted(tags["scalars"]) if tag.startswith("curves/")] == [
        *("curves/accuracy/train", "curves/accuracy/val", "curves/loss/train", "curves/loss/val"),
        *("curves/macro_f1/val", "curves/macro_f1/val_kept"),
    ]
    kept = seen.Scalars("curves/macro_f1/val_kept")
    assert len(kept) == 3 + 1
    assert kept[-1].value == pytest.approx(record(trained)["score"], abs=1e-6)
    assert tags["images"] == ["test_predictions/confusion_matrix"]
    assert {"test/sports", "hardest/test/text_summary"} <= set(tags["tensors"])
    assert len(seen.Scalars("curves/loss/val")) == 3
    assert (events / "projector_config.pbtxt").is_file()


def test_the_same_seed_gives_the_same_weights_and_another_does_not(trained, my_csv, tmp_path):
    overrides = [*QUICK, *COLUMNS, f"data.train={my_csv}"]
    call("train", *overrides, f"hydra.run.dir={tmp_path}/same")
    call("train", *overrides, "seed=7", f"hydra.run.dir={tmp_path}/other")

    first, same, other = (
        weights(folder, "best") for folder in (trained, tmp_path / "same", tmp_path / "other")
    )
    assert all(torch.equal(same[key], first[key]) for key in first)
    assert not torch.equal(other["network.output.weight"], first["network.output.weight"])
    tests = [
        {row["text"] for row in table(folder / "predictions.csv")}
        for folder in (trained, tmp_path / "other")
    ]
    assert tests[0] == tests[1]


def test_a_killed_run_resumes_to_the_weights_of_one_that_was_not(trained, my_csv, tmp_path):
    overrides = [*QUICK, *COLUMNS, f"data.train={my_csv}", "data.batch_size=16"]
    call("train", *overrides, f"hydra.run.dir={tmp_path}/whole")
    killed = tmp_path / "killed"
    train_and_kill(killed, *overrides)
    assert not (killed / "metrics.json").exists()

    before = (killed / ".hydra" / "config.yaml").read_text(encoding="utf-8")
    rows = my_csv.read_bytes()
    my_csv.write_bytes(rows + b"601,One more headline,world\n")
    _, errors = call("train", f"resume={killed}", code=2)
    assert "has changed since the run began, and a resumed run goes on with the same rows" in errors
    my_csv.write_bytes(rows)

    call("train", f"resume={killed}", cwd=tmp_path)
    for name in ("best", "last"):
        whole, resumed = weights(tmp_path / "whole", name), weights(killed, name)
        assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert record(killed)["test"] == record(tmp_path / "whole")["test"]
    assert [epoch["epoch"] for epoch in record(killed)["history"]] == [1, 2, 3]
    assert (killed / ".hydra" / "config.yaml").read_text(encoding="utf-8") == before

    (killed / "metrics.json").unlink()  # as if it had been killed while writing its results
    _, errors = call("train", f"resume={killed}")
    assert "warning" not in errors.lower()
    assert record(killed)["test"] == record(tmp_path / "whole")["test"]

    _, errors = call("train", f"resume={killed}", code=2)
    assert "is finished, after 3 of at most 3 epochs" in errors


@pytest.mark.slow
def test_a_killed_run_goes_on_with_data_that_have_moved(tmp_path, write_rows):
    rows = [(f"word {n % 7} of {n}", "ab"[n % 2]) for n in range(80)]
    old = write_rows("old.csv", rows)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    options = [*QUICK, f"data.train={old}", "data.batch_size=16"]
    call("train", *options, f"hydra.run.dir={whole}")
    train_and_kill(killed, *options)
    other, new = write_rows("other.csv", rows[1:]), tmp_path / "new.csv"
    (tmp_path / "old.csv").rename(new)

    _, errors = call("train", f"resume={killed}", code=2)
    assert (
        f"error: data.train: {old} is gone. If it has moved, resume={killed} data.train=NEW goes on"
        in errors
    )
    _, errors = call("train", f"resume={killed}", f"data.train={other}", code=2)
    assert f"error: data.train: {other} does not hold what {old} held when the run began" in errors

    call("train", f"resume={killed}", f"data.train={new}")
    assert record(killed)["data"]["sources"]["train"]["path"] == str(new)
    for name in ("best", "last"):
        first, second = weights(whole, name), weights(killed, name)
        assert all(torch.equal(first[key], second[key]) for key in first)
