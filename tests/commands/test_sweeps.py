"""Sweeps over a grid as a person starts them: jobs that fail, workers, and the leaderboard."""

import re

import pytest
from optuna.trial import TrialState

from helpers.commands import call, claim_cores, record, run, table
from helpers.sweeps import trials_of
from textlstm.runs.results import LINEAR

pytestmark = pytest.mark.cores


def test_a_sweep_outlives_a_failing_job_and_skips_what_is_finished(tmp_path):
    overrides = [
        "experiment=smoke",
        "data.max_rows=300",
        "model.hidden=8,0,16",
        f"hydra.sweep.dir={tmp_path}",
        "sweep.workers=1",
    ]
    _, errors = run("train", *overrides, code=1)
    jobs = {
        int(folder.name.rsplit("-", 1)[1]): folder
        for folder in tmp_path.iterdir()
        if folder.is_dir()
    }
    assert sorted(jobs) == [0, 8, 16]
    assert "error: 1 of the sweep's runs failed; train.log says more:\n" in errors
    assert "run 1 failed: model.hidden must be at least 1, got 0.  model.hidden=0" in errors
    assert "2 of 3 runs done, 1 failed, best macro F1 " in errors
    assert "Traceback" not in errors
    kept, unit = re.search(r"^Disk: 3 runs keep up to (\d+) (MB), ", errors, flags=re.M).groups()
    taken = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    each = taken / 2  # one of the three failed
    assert each < int(kept) * 10**6 / 3 < 10 * each, unit

    log = (jobs[0] / "train.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "model.hidden must be at least 1, got 0." in log
    for hidden in (8, 16):
        assert not {"test", "baselines_on_validation"} & record(jobs[hidden]).keys()
        assert {row["gold"] for row in table(jobs[hidden] / "predictions.csv")}  # of validation
        assert (jobs[hidden] / "model" / "model.safetensors").is_file()
        assert not list(jobs[hidden].rglob("*.ckpt"))

    finished = {hidden: (jobs[hidden] / "metrics.json").stat().st_mtime_ns for hidden in (8, 16)}
    _, errors = call("train", *overrides, code=1)
    assert "2 of 3 runs done, 1 failed, best macro F1 " in errors
    assert len(trials_of("model.hidden", tmp_path)) == 4  # of the three only one was tried again
    assert finished == {
        hidden: (jobs[hidden] / "metrics.json").stat().st_mtime_ns for hidden in (8, 16)
    }

    out, _ = run("leaderboard", tmp_path)
    rows = table(tmp_path / "leaderboard.csv")
    assert [row["rank"] for row in rows] == ["1", "2"]
    assert {row["model.hidden"] for row in rows} == {"8", "16"}
    scores = [float(row["macro F1 on validation"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert "3 runs: 2 finished, 1 failed; 2 configurations." in out
    assert "paired bootstrap of macro F1 over 30 rows" in " ".join(out.split())
    assert (
        f"python src/train.py experiment=smoke data.max_rows=300 "
        f"model.hidden={rows[0]['model.hidden']}" in out
    )
    call("evaluate", "run=best", f"sweep={tmp_path}")
    best = record(jobs[int(rows[0]["model.hidden"])] / "evaluation" / "test")
    assert sum(map(sum, best["test"]["confusion_matrix"])) == 30  # rows that no trial has scored
    for name in ("leaderboard.md", "history.png", "pareto.png", "parallel.png"):
        assert (tmp_path / name).is_file()


@pytest.mark.slow
def test_two_workers_share_a_grid_and_a_bad_value_fails_alone(monkeypatch, tmp_path):
    claim_cores(monkeypatch, 4)
    overrides = [
        "experiment=smoke",
        "data.max_rows=200",
        "model.hidden=0,8,9",
        f"hydra.sweep.dir={tmp_path}",
    ]
    _, errors = run("train", *overrides, "sweep.workers=2", code=1)
    assert "2 workers, each with 2 CPU threads" in errors
    assert (
        len(re.findall(r"^run \d: macro F1 0\.\d{4}  model.hidden=[89]$", errors, flags=re.M)) == 2
    )
    failed = "run 0 failed: model.hidden must be at least 1, got 0.  model.hidden=0\n"
    assert errors.count(failed) == 2
    assert errors.endswith(
        f"error: 1 of the sweep's runs failed; train.log says more:\n"
        f"  {failed}    {tmp_path}/data.max_rows-200_experiment-smoke_model.hidden-0/train.log\n"
    )
    assert "Traceback" not in errors
    logs = [(tmp_path / f"worker-{number}.log").read_text(encoding="utf-8") for number in (1, 2)]
    assert sum("model.hidden must be at least 1, got 0." in log for log in logs) == 1


@pytest.mark.slow
def test_a_mistake_in_the_data_is_one_error_however_many_workers(tmp_path):
    (tmp_path / "bad.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    overrides = [
        f"data.train={tmp_path}/bad.csv",
        "model.hidden=8,9",
        f"hydra.sweep.dir={tmp_path}/sweep",
    ]
    _, errors = run("train", *overrides, "sweep.workers=2", code=2)
    assert errors.count("error: ") == 1
    assert "Its columns are x, y; name one with data.text_column=" in errors
    logs = [
        (tmp_path / "sweep" / f"worker-{number}.log").read_text(encoding="utf-8")
        for number in (1, 2)
    ]
    assert not any("Traceback" in log or "error: " in log for log in logs)
    trials = trials_of("model.hidden", tmp_path / "sweep")
    assert [trial.state for trial in trials] == [TrialState.WAITING] * 2


@pytest.mark.slow
def test_a_trial_whose_loss_is_no_number_has_failed(tmp_path):
    overrides = ["experiment=smoke", "data.max_rows=100", "optimizer.lr=0.01,1e30"]
    _, errors = run("train", *overrides, f"hydra.sweep.dir={tmp_path}", "sweep.workers=1", code=1)
    [failed] = [folder for folder in tmp_path.iterdir() if "1e" in folder.name]
    assert "1 of the sweep's runs failed" in errors
    assert "error: Training failed in step" in (failed / "train.log").read_text(encoding="utf-8")
    out, _ = call("leaderboard", tmp_path)
    assert "2 runs: 1 finished, 1 failed; 1 configuration." in out


@pytest.mark.slow
def test_a_learning_curve_trains_on_shares_of_the_rows_and_scores_the_baseline_beside(tmp_path):
    overrides = ["experiment=smoke", "data.max_rows=200", "wide=false", "sweep.workers=1"]
    overrides += ["sweep.repeats=1", "data.train_share=1,0.5", f"hydra.sweep.dir={tmp_path}"]
    call("train", "sweep=learning_curve", *overrides)
    whole, half = (
        record(next(tmp_path.glob(f"*train_share-{share}_*/metrics.json")).parent)
        for share in ("1", "0.5")
    )
    rows = whole["data"]["splits"]["train"]["rows"]
    assert half["data"]["splits"]["train"]["rows"] == rows - half["data"]["unused"] < rows
    for found in (whole, half):
        assert found["data"]["splits"]["validation"] == {
            **whole["data"]["splits"]["validation"],
            "unknown_share": found["data"]["splits"]["validation"]["unknown_share"],
        }
        assert "test" not in found
        assert found["baselines"] == {}
        assert set(found["baselines_on_validation"]) == {"majority class", LINEAR}

    out, _ = call("leaderboard", tmp_path)
    assert f"From {rows - half['data']['unused']} to {rows} training rows, macro F1" in out
    assert (tmp_path / "learning_curve.png").is_file()
