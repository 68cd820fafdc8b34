"""Runs from before the modules moved are scored, predicted from, exported, compared and resumed.

tests/old_run holds what commit 95c01b5 made of the headlines beside it (models of format 2):

    python src/train.py data.train=old_run/headlines.csv model.embedding_dim=8 model.hidden=8 \
        model.dropout=0.2 model.embedding_dropout=0.1 model.word_dropout=0.1 \
        model.label_smoothing=0 data.vocab_size=200 data.tokenizer=word data.batch_size=8 \
        optimizer.schedule=constant optimizer.lr=0.1 trainer.max_epochs=2 trainer.accelerator=cpu \
        threads=1 hydra.run.dir=old_run/finished

`killed` is the same run, killed in its second epoch. Left out are the pictures, the report,
TensorBoard's events and the killed run's best.ckpt, which its second epoch replaces.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from helpers.commands import call, record, table, weights
from textlstm.runs.folder import RunFolder
from textlstm.training.run import train
from textlstm.training.settings import RunSettings

OLD_RUN = Path(__file__).parent / "old_run"
MADE_IN = "/tmp/textlstm/old_run"  # the folder as the runs have recorded it
OWN_STOPPING = "textlstm.resuming.EarlyStopping"
STOPPING = "pytorch_lightning.callbacks.EarlyStopping"

# What the old code recorded when it resumed the finished run with trainer.max_epochs=3.
THIRD_EPOCH = {
    "epoch": 3,
    "train_loss": 0.5531485080718994,
    "train_accuracy": 0.78125,
    "val_loss": 0.7139668464660645,
    "val_accuracy": 0.6666666865348816,
    "val_macro_f1": 0.6296296119689941,
}
TEST_AFTER_THREE = {"accuracy": 0.5833333333333334, "log_loss": 1.0012527007299166}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with copies of the data and of both runs, as if they had been made in it."""
    folder = tmp_path / "old_run"
    shutil.copytree(OLD_RUN, folder)
    for file in folder.rglob("*"):
        if file.suffix in (".yaml", ".json", ".log"):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(MADE_IN, str(folder)), encoding="utf-8")
    return folder


def resume(run: Path, *overrides: str) -> dict:
    """Resumes a run; its record, after a look that nothing of its checkpoint went unused."""
    recorded = (run / ".hydra" / "config.yaml").read_bytes()
    _, errors = call("train", f"resume={run}", *overrides)
    assert "Please add the following callbacks" not in errors  # Lightning, of a state without owner
    assert "error" not in errors
    assert (run / ".hydra" / "config.yaml").read_bytes() == recorded
    return record(run)


def without_seconds(history: list[dict]) -> list[dict]:
    return [{key: epoch[key] for key in epoch if key != "seconds"} for epoch in history]


def test_the_old_runs_name_what_has_gone():
    """Else the tests below would show nothing."""
    for run in ("finished", "killed"):
        assert OWN_STOPPING in (OLD_RUN / run / ".hydra/config.yaml").read_text(encoding="utf-8")
    assert OWN_STOPPING in (OLD_RUN / "finished/metrics.json").read_text(encoding="utf-8")
    logging = (OLD_RUN / "finished/.hydra/hydra.yaml").read_text(encoding="utf-8")
    assert "textlstm.command_line.ConsoleFormatter" in logging


@pytest.mark.parametrize(
    ("split", "source"),
    [("validation", "checkpoint"), ("test", "checkpoint"), ("test", "saved model")],
)
def test_an_old_run_is_evaluated_to_the_scores_that_it_recorded(old, split, source):
    run = old / "finished"
    if source == "saved model":
        shutil.rmtree(run / "checkpoints")
    call("evaluate", f"run={run}", f"split={split}", "accelerator=cpu", "threads=1")
    again = record(run / "evaluation" / split)
    recorded, scored = record(run)[split], again[split]
    for name in ("accuracy", "macro_f1", "log_loss", "calibration_error", "auroc"):
        assert scored[name] == pytest.approx(recorded[name], abs=1e-6)
    assert scored["confusion_matrix"] == recorded["confusion_matrix"]
    assert scored["classes"].keys() == recorded["classes"].keys()
    for label, scores in recorded["classes"].items():
        assert scored["classes"][label] == pytest.approx(scores, abs=1e-6)
    assert OWN_STOPPING not in json.dumps(again)


def test_an_old_run_predicts_the_probabilities_that_it_recorded(old, tmp_path):
    recorded = table(old / "finished" / "predictions.csv")
    (tmp_path / "texts.txt").write_text(
        "".join(row["text"] + "\n" for row in recorded), encoding="utf-8"
    )
    output = tmp_path / "predicted.csv"
    call("predict", f"run={old}/finished", f"input={tmp_path}/texts.txt", f"output={output}")
    predicted = table(output)
    assert len(predicted) == len(recorded) == 12
    for row, before in zip(predicted, recorded, strict=True):
        assert (row["text"], row["predicted"]) == (before["text"], before["predicted"])
        for label in ("games", "science", "town"):
            name = f"probability_{label}"
            assert float(row[name]) == pytest.approx(float(before[name]), abs=1e-6)


def test_an_old_run_is_exported(old):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    out, _ = call("export", f"run={old}/finished")
    assert (old / "finished" / "model" / "model.onnx").is_file()
    assert float(re.search(r"largest difference .*: (\S+) \(", out)[1]) <= 1e-5


def test_an_old_run_is_resumed_for_the_epoch_that_the_old_code_would_have_trained(old):
    run = old / "finished"
    before = record(run)
    after = resume(run, "trainer.max_epochs=3")
    assert after["history"][:2] == before["history"]
    [third] = without_seconds(after["history"][2:])
    assert third == pytest.approx(THIRD_EPOCH, abs=1e-4)
    assert after["best_epoch"] == 3
    assert after["steps"] == before["steps"] // 2 * 3
    for name, score in TEST_AFTER_THREE.items():
        assert after["test"][name] == pytest.approx(score, abs=1e-4)
    assert after["overrides"] == before["overrides"]
    assert after["config"]["callbacks"]["early_stopping"] == {
        "_target_": STOPPING,
        "monitor": "val/loss",
        "patience": 3,
    }


def test_an_old_run_that_was_killed_ends_like_the_one_that_was_not(old):
    after = resume(old / "killed")
    finished = record(old / "finished")
    for epoch, expected in zip(
        *map(without_seconds, (after["history"], finished["history"])), strict=True
    ):
        assert epoch == pytest.approx(expected, abs=1e-4)
    for name in ("best", "last"):
        resumed, whole = weights(old / "killed", name), weights(old / "finished", name)
        assert resumed.keys() == whole.keys()
        assert all(torch.allclose(resumed[key], whole[key], atol=1e-3) for key in whole)


def test_an_old_run_that_had_stopped_early_does_not_train_on(old):
    run = old / "finished"
    (run / "metrics.json").unlink()  # as if it had been killed while it was being scored
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    [key] = [key for key in checkpoint["callbacks"] if key.startswith("EarlyStopping")]
    # Lightning's 1 says that the patience was exhausted.
    checkpoint["callbacks"][key] |= {"wait_count": 3, "stopped_epoch": 1, "stopping_reason": 1}
    torch.save(checkpoint, run / "checkpoints" / "last.ckpt")
    assert len(resume(run, "trainer.max_epochs=3")["history"]) == 2


def test_old_runs_are_compared(old):
    out, _ = call("leaderboard", old)
    assert "2 runs: 1 finished, 1 unfinished; 1 configuration." in out
    [row] = table(old / "leaderboard.csv")
    assert float(row["macro F1 on validation"]) == pytest.approx(
        record(old / "finished")["score"], abs=1e-4
    )


def test_an_old_run_of_a_sweep_is_not_trained_again_and_gives_up_its_checkpoints(old):
    run = old / "finished"
    recorded, written = record(run), (run / "metrics.json").stat().st_mtime_ns
    config = recorded["config"]
    config["callbacks"]["early_stopping"]["_target_"] = STOPPING
    settings = RunSettings.parse(config)
    assert train(settings, RunFolder(run), overrides=[], sweeping=True) == recorded["score"]
    assert (run / "metrics.json").stat().st_mtime_ns == written
    assert not (run / "checkpoints").exists()


def test_a_new_run_records_no_class_of_ours(tmp_path):
    run = tmp_path / "run"
    call("train", "experiment=smoke", "baselines=false", f"hydra.run.dir={run}")
    files = sorted((run / ".hydra").glob("*.yaml"))
    assert [file.name for file in files] == ["config.yaml", "hydra.yaml", "overrides.yaml"]
    # Nothing reads hydra.yaml back, whose classes are Hydra's plugin and the handler of the log.
    read_back = [files[0], files[2], run / "metrics.json", run / "model" / "config.json"]
    for file in read_back:
        text = file.read_text(encoding="utf-8")
        assert not re.findall(r"(?<![\w/.-])textlstm\.\w+", text), file.name
