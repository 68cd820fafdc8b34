"""Searches as a person starts them: they prune, outlive failures and go on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time

import optuna
import pytest
from optuna.trial import TrialState

from helpers.commands import COLUMNS, KILL, QUICK, SRC, call, claim_cores, run, table
from textlstm.sweeps.pruning import PARTS
from textlstm.sweeps.storage import open_storage


def test_a_search_goes_on_to_its_total(tmp_path):
    overrides = [
        "experiment=smoke",
        "data.max_rows=200",
        "sweep=search",
        "sweep.workers=1",
        "model.hidden=choice(8,9)",
        "trainer.max_epochs=choice(1,2)",
        f"hydra.sweep.dir={tmp_path}",
    ]
    for total in (1, 3):
        _, errors = call("train", *overrides, f"sweep.trials={total}")
        assert f"{total} of {total} runs done" in errors or "pruned" in errors
        assert "Traceback" not in errors
    kept = optuna.load_study(study_name="search", storage=open_storage(None, tmp_path))
    assert len(kept.trials) == 3
    assert {"model.hidden", "optimizer.lr", "trainer.max_epochs"} <= set(kept.trials[0].params)
    assert len(kept.trials[0].intermediate_values) == 10  # tenths of the run, for the pruner


def test_of_one_search_a_trial_fails_one_is_pruned_and_one_killed_and_it_goes_on(tmp_path):
    words = {"sports": "goal", "money": "shares", "world": "vote", "technology": "chip"}
    rows = [f"{word} of day {n},{label}\n" for n in range(40) for label, word in words.items()]
    (tmp_path / "rows.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")

    sweep = tmp_path / "sweep"
    sweep.mkdir()
    study = optuna.create_study(
        study_name="search", storage=open_storage(None, sweep), direction="maximize"
    )
    for rate in ("0.05", "-1", "0", "0.04"):
        study.enqueue_trial({"optimizer.lr": rate})
    earlier = {"value": 0.8, "intermediate_values": dict.fromkeys(range(1, PARTS + 1), 0.8)}
    # The pruner compares with these.
    study.add_trials([optuna.trial.create_trial(**earlier) for _ in range(5)])

    overrides = [
        "sweep=search",
        "sweep.trials=9",
        "sweep.workers=1",
        f"hydra.sweep.dir={sweep}",
        f"data.train={tmp_path}/rows.csv",
        "data.tokenizer=word",
        "data.batch_size=4",
        "trainer.max_epochs=2",
        "model.hidden=16",
        "model.layers=1",
        "model.dropout=0",
        "optimizer.schedule=constant",
        "optimizer.lr=choice(0.05,-1,0,0.04)",
    ]
    run("train", *overrides, *KILL, code=-signal.SIGKILL)
    assert [trial.state.name for trial in study.trials[:4]] == [
        "RUNNING",
        "WAITING",
        "WAITING",
        "WAITING",
    ]

    _, errors = call("train", *overrides, code=1)
    states = [
        (trial.params.get("optimizer.lr"), trial.state.name)
        for trial in study.trials
        if trial.params
    ]
    assert states == [
        ("0.05", "FAIL"),
        ("-1", "FAIL"),
        ("0", "PRUNED"),
        ("0.04", "COMPLETE"),
        ("0.05", "COMPLETE"),
    ]
    assert study.trials[-1].user_attrs["attempt"] == 2
    assert "7 of 9 runs done, 1 pruned, 1 failed, best macro F1 " in errors

    logs = {file.parent: file.read_text(encoding="utf-8") for file in sweep.glob("*/train.log")}
    [failed] = [
        folder for folder, log in logs.items() if "optimizer.lr must be at least 0, got -1." in log
    ]
    why = "optimizer.lr must be at least 0, got -1."
    assert "error: 1 of the sweep's runs failed; train.log says more:\n" in errors
    assert f"  run 1 failed: {why}  optimizer.lr=-1\n    {failed}/train.log\n" in errors
    assert "Traceback" not in errors

    out, _ = call("leaderboard", sweep)
    said = " ".join(out.split())
    assert "5 runs: 2 finished, 1 pruned, 1 failed, 1 unfinished; 2 configurations." in said
    assert f"{failed.name}/train.log says why" in said
    assert {row["optimizer.lr"] for row in table(sweep / "leaderboard.csv")} == {"0.05", "0.04"}


@pytest.mark.scale
@pytest.mark.parametrize("storage", [None, "journal.log"])
def test_two_workers_search_prune_and_go_on_after_a_kill(monkeypatch, tmp_path, my_csv, storage):
    claim_cores(monkeypatch, 4)
    searched = ("model.hidden=16", "trainer.max_epochs=3", "optimizer.lr=0.02")
    overrides = [
        *(override for override in QUICK[:-1] if override not in searched),
        *COLUMNS,
        f"data.train={my_csv}",
        "sweep=search",
        f"hydra.sweep.dir={tmp_path}",
        "sweep.workers=2",
        "model.hidden=choice(8,16)",
        "optimizer.lr=tag(log,interval(1e-5,1e-1))",
        "trainer.max_epochs=2,4",
    ]
    overrides += [] if storage is None else [f"sweep.storage={tmp_path}/{storage}"]

    command = [sys.executable, SRC / "train.py", *overrides, "sweep.trials=40"]
    killed = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(tmp_path.glob("*/metrics.json")):
        assert killed.poll() is None
        time.sleep(0.1)
    kept = open_storage(None if storage is None else str(tmp_path / storage), tmp_path)
    study = optuna.load_study(study_name="search", storage=kept)
    while TrialState.RUNNING not in {trial.state for trial in study.trials}:
        assert killed.poll() is None
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert TrialState.RUNNING in {trial.state for trial in study.trials}
    total = sum("attempt" not in trial.user_attrs for trial in study.trials) + 5

    _, errors = run("train", *overrides, f"sweep.trials={total}")
    assert "2 workers, each with 2 CPU threads" in errors

    trials = study.trials
    begun = [trial for trial in trials if "attempt" not in trial.user_attrs]
    assert total <= len(begun) <= total + 1
    assert {trial.state for trial in trials} <= {
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
    }
    killed_trials = len(trials) - len(begun)
    assert sum(trial.state == TrialState.FAIL for trial in trials) == killed_trials

    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    records = [
        json.loads(file.read_text(encoding="utf-8")) for file in tmp_path.glob("*/metrics.json")
    ]
    scores = {round(recorded["score"], 6) for recorded in records}
    assert sorted(scores) == sorted({round(trial.value, 6) for trial in done})
    assert "Traceback" not in errors + (tmp_path / "worker-1.log").read_text(encoding="utf-8")
