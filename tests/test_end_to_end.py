"""The real commands, as a person types them: train, resume, sweep, evaluate, predict, export, leaderboard."""

import csv
import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
import torch
from commands import KILL, SRC, TOLERANCE, call, record, run, table, train_and_kill, weights
from datasets import Dataset
from optuna.trial import TrialState
from sweeps import trials_of

from textlstm import TextClassifier
from textlstm.pruning import PARTS
from textlstm.sources import NEWSWIRE4
from textlstm.study import open_storage
from textlstm.threads import cores

pytestmark = pytest.mark.cores

QUICK = [
    *("model.hidden=16", "model.embedding_dim=16", "trainer.max_epochs=3", "optimizer.lr=0.02", "data.vocab_size=1000"),
    *("data.tokenizer=word", "baselines=false"),
]


@pytest.fixture(scope="session")
def my_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's own file: other column names, and a path that Hydra's grammar would break on."""
    with open(NEWSWIRE4, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))[:600]
    file = tmp_path_factory.mktemp("my data") / "it's my report (1), final.csv"
    with open(file, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerows([["id", "headline", "desk"], *([n, row["text"], row["label"]] for n, row in enumerate(rows))])
    return file


@pytest.fixture(scope="session")
def trained(my_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on that file, started from the file's own folder with its bare name."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    columns = ["data.text_column=headline", "data.label_column=desk"]
    overrides = [*QUICK[:-1], f"data.train={my_csv.name}", *columns, f"hydra.run.dir={folder}"]
    out, errors = run("train", *overrides, cwd=my_csv.parent)
    assert "Scores on test" in out
    assert "TF-IDF + logistic regression" in out
    assert str(folder) in out
    assert "Warning" not in errors
    assert len(re.findall(r"^epoch \d/3  train loss", errors, flags=re.M)) == 3
    return folder


def test_the_run_folder_is_complete(trained, my_csv):
    files = {str(file.relative_to(trained)) for file in trained.rglob("*") if file.is_file()}
    assert {
        *(".hydra/config.yaml", "train.log", "checkpoints/best.ckpt", "checkpoints/last.ckpt"),
        *("model/model.safetensors", "model/config.json", "model/tokenizer.json", "model/labels.json"),
        *("metrics.json", "predictions.csv", "report.md", "confusion_matrix.png", "curves.png"),
    } <= files
    assert any(file.startswith("tensorboard/") and "tfevents" in file for file in files)
    recorded = record(trained)
    assert recorded["data"]["sources"]["train"]["path"] == str(my_csv)
    assert [recorded["data"]["splits"][split]["rows"] for split in ("train", "validation", "test")] == [480, 60, 60]
    assert recorded["score"] == recorded["validation"]["macro_f1"]
    assert [epoch["epoch"] for epoch in recorded["history"]] == [1, 2, 3]
    assert {"accuracy", "macro_f1", "log_loss", "calibration_error", "auroc", "classes"} <= recorded["test"].keys()
    assert set(recorded["baselines"]) == {"majority class", "TF-IDF + logistic regression"}
    assert {"seconds", "seed", "environment", "config", "parameters", "best_epoch"} <= recorded.keys()
    report = (trained / "report.md").read_text(encoding="utf-8")
    for heading in ("Scores on test", "Classes", "Confusion matrix", "confident mistakes", "Data", "Model", "Training"):
        assert heading in report


def test_predictions_are_the_test_rows_and_agree_with_the_scores(trained):
    rows = table(trained / "predictions.csv")
    labels = json.loads((trained / "model" / "labels.json").read_text(encoding="utf-8"))
    assert list(rows[0]) == ["text", "gold", "predicted", *(f"probability_{label}" for label in labels)]
    assert len(rows) == 60
    accuracy = sum(row["gold"] == row["predicted"] for row in rows) / len(rows)
    assert accuracy == pytest.approx(record(trained)["test"]["accuracy"], abs=1e-9)
    bundle = TextClassifier.load(trained).predict([row["text"] for row in rows])
    assert [prediction.label for prediction in bundle] == [row["predicted"] for row in rows]


def test_evaluate_reproduces_the_test_from_elsewhere_with_another_batch_size(trained, tmp_path):
    out, errors = run("evaluate", f"run={trained}", "batch_size=7", cwd=tmp_path)
    assert "Scores on test" in out
    assert "Warning" not in errors
    again = trained / "evaluation" / "test"
    first, second = table(trained / "predictions.csv"), table(again / "predictions.csv")
    assert [list(row.values())[:3] for row in first] == [list(row.values())[:3] for row in second]
    for name in ("accuracy", "macro_f1", "log_loss", "calibration_error", "auroc"):
        expected = pytest.approx(record(trained)["test"][name], abs=TOLERANCE[record(trained)["device"]])
        assert record(again)["test"][name] == expected
    assert not list(tmp_path.iterdir())
    titles = [(folder / "report.md").read_text(encoding="utf-8").split("\n\n")[1:4] for folder in (trained, again)]
    assert titles[0][0] == titles[1][0] == "## Scores on test"


def test_evaluate_scores_another_file(trained, my_csv, tmp_path):
    other = tmp_path / "new.csv"
    lines = my_csv.read_text(encoding="utf-8").splitlines()
    other.write_text(
        "\n".join([lines[0], *[line for line in lines[1:] if not line.endswith(",world")]]), encoding="utf-8"
    )
    out, _ = call("evaluate", f"run={trained}", f"file={other}")
    scores = record(trained / "evaluation" / "new.csv")["file"]
    assert scores["absent"] == ["world"]
    assert "No row of file has the class world" in out


def test_evaluate_refuses_changed_data_unless_told_otherwise(trained, my_csv):
    before = my_csv.read_text(encoding="utf-8")
    try:
        my_csv.write_text(before + "999,One more headline,world\n", encoding="utf-8")
        _, errors = call("evaluate", f"run={trained}", code=2)
        assert "has changed since the run" in errors
        assert "changed_data=true" in errors
        out, _ = call("evaluate", f"run={trained}", "changed_data=true", "split=validation")
        assert "Scores on validation" in out
    finally:
        my_csv.write_text(before, encoding="utf-8")


def test_predict_one_text_in_a_real_shell(trained, tmp_path):
    text = 'Striker\'s "sign", for ${Porto} — 北京?'
    command = shlex.join([sys.executable, f"{SRC}/predict.py", f"run={trained}", f"text={text}"])
    shown = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True).stdout
    first, *shares = shown.splitlines()
    [expected] = TextClassifier.load(trained).predict([text])
    assert first == expected.label
    assert [line.split(maxsplit=1)[1] for line in shares] == list(expected.probabilities)
    assert sum(float(line.split()[0]) for line in shares) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("arguments", [["text=Goal!"], [f"input={NEWSWIRE4}"]])
def test_predict_ends_in_silence_when_its_reader_has_seen_enough(trained, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    arguments = [*arguments, f"run={trained}", "text_column=text"]
    done = subprocess.run([sys.executable, SRC / "predict.py", *arguments], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_predict_keeps_order_and_columns_of_a_file(trained, my_csv, tmp_path):
    call("predict", f"run={trained}", f"input={my_csv}", f"output={tmp_path}/out, 1.csv", "batch_size=13")
    rows = table(tmp_path / "out, 1.csv")
    assert [(row["id"], row["headline"]) for row in rows] == [(row["id"], row["headline"]) for row in table(my_csv)]
    labels = TextClassifier.load(trained).predict([row["headline"] for row in rows])
    assert [row["predicted"] for row in rows] == [prediction.label for prediction in labels]
    assert [file.name for file in tmp_path.iterdir()] == ["out, 1.csv"]


def test_predict_reads_pipes_lines_and_json(trained, tmp_path):
    texts = ["Shares fall in Vienna", "", "zzzz qqqq", "Goal!"]
    out, errors = run("predict", f"run={trained}", stdin="\n".join(texts) + "\n")
    piped = list(csv.DictReader(out.splitlines()))
    assert [row["headline"] for row in piped] == texts
    assert errors == ""
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"headline": t, "n": 1}) + "\n" for t in texts), encoding="utf-8"
    )
    call("predict", f"run={trained}", f"input={tmp_path}/in.jsonl", f"output={tmp_path}/out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["headline"] for row in rows] == texts
    assert [row["predicted"] for row in rows] == [row["predicted"] for row in piped]


def test_export_writes_a_checked_onnx_model(trained, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("HOME", str(trained / "report.md" / "home"))  # nothing can be kept of this machine there
    out, errors = run("export", f"run={trained}")
    assert (trained / "model" / "model.onnx").is_file()
    assert float(re.search(r"largest difference .*: (\S+) \(", out)[1]) <= 1e-5
    assert errors == ""


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("train", ["model.hiden=3"], "error: There is no key 'model.hiden'. Did you mean 'model.hidden'?"),
        ("train", ["data.train=missing.csv"], "missing.csv does not exist"),
        ("train", ["experiment=smoke", "model.hidden=0"], "error: model.hidden must be at least 1, got 0."),
        ("predict", ["run=/nowhere", "text=x"], "error: run: there is no folder /nowhere."),
        ("predict", ["text=x"], "error: run must be given"),
        ("evaluate", ["run=/tmp"], "holds no finished run (metrics.json is missing)"),
        ("leaderboard", ["/nowhere"], "error: There is no folder /nowhere."),
    ],
)
def test_a_mistake_is_one_error_with_code_2(command, arguments, message, tmp_path):
    extra = [f"hydra.run.dir={tmp_path}/run"] if command == "train" else []
    _, errors = call(command, *arguments, *extra, code=2)
    assert message in errors
    assert "Traceback" not in errors
    assert errors.count("error: ") == 1


def test_a_killed_run_resumes_to_the_weights_of_one_that_was_not(trained, my_csv, tmp_path):
    columns = ["data.text_column=headline", "data.label_column=desk", f"data.train={my_csv}"]
    overrides = [*QUICK, *columns, "data.batch_size=16"]
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


def test_the_same_seed_gives_the_same_weights_and_another_does_not(trained, my_csv, tmp_path):
    columns = ["data.text_column=headline", "data.label_column=desk", f"data.train={my_csv}"]
    call("train", *QUICK, *columns, f"hydra.run.dir={tmp_path}/same")
    call("train", *QUICK, *columns, "seed=7", f"hydra.run.dir={tmp_path}/other")
    first, same, other = (weights(folder, "best") for folder in (trained, tmp_path / "same", tmp_path / "other"))
    assert all(torch.equal(same[key], first[key]) for key in first)
    assert not torch.equal(other["network.output.weight"], first["network.output.weight"])
    tests = [{row["text"] for row in table(folder / "predictions.csv")} for folder in (trained, tmp_path / "other")]
    assert tests[0] == tests[1]


def test_a_sweep_outlives_a_failing_job_and_skips_what_is_finished(tmp_path):
    overrides = ["experiment=smoke", "data.max_rows=300", "model.hidden=8,0,16", f"hydra.sweep.dir={tmp_path}"]
    overrides.append("sweep.workers=1")
    _, errors = run("train", *overrides, code=1)
    jobs = {int(folder.name.rsplit("-", 1)[1]): folder for folder in tmp_path.iterdir() if folder.is_dir()}
    assert sorted(jobs) == [0, 8, 16]
    assert "1 of the sweep's jobs failed" in errors
    assert "Traceback" not in errors
    log = (jobs[0] / "train.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "model.hidden must be at least 1, got 0." in log
    for hidden in (8, 16):
        assert "test" not in record(jobs[hidden])
        assert {row["gold"] for row in table(jobs[hidden] / "predictions.csv")}  # of validation
    finished = {hidden: (jobs[hidden] / "metrics.json").stat().st_mtime_ns for hidden in (8, 16)}
    _, errors = call("train", *overrides, code=1)
    assert errors.count("skipped.") == 2
    assert finished == {hidden: (jobs[hidden] / "metrics.json").stat().st_mtime_ns for hidden in (8, 16)}

    out, _ = run("leaderboard", tmp_path)
    rows = table(tmp_path / "leaderboard.csv")
    assert [row["rank"] for row in rows] == ["1", "2"]
    assert {row["model.hidden"] for row in rows} == {"8", "16"}
    scores = [float(row["macro F1 on validation"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert "3 runs: 2 finished, 1 failed; 2 configurations." in out
    assert "paired bootstrap of macro F1 over 30 rows" in " ".join(out.split())
    assert f"python src/train.py experiment=smoke data.max_rows=300 model.hidden={rows[0]['model.hidden']}" in out
    for name in ("leaderboard.md", "history.png", "pareto.png", "parallel.png"):
        assert (tmp_path / name).is_file()


def test_two_workers_share_a_grid_and_a_bad_value_fails_alone(tmp_path):
    overrides = ["experiment=smoke", "data.max_rows=200", "model.hidden=0,8,9", f"hydra.sweep.dir={tmp_path}"]
    _, errors = run("train", *overrides, "sweep.workers=2", code=1)
    assert f"2 workers, each with {max(1, cores() // 2)} CPU threads" in errors
    assert len(re.findall(r"^trial \d: macro F1 0\.\d{4}  model.hidden=[89]$", errors, flags=re.M)) == 2
    assert "trial 0: failed  model.hidden=0" in errors
    assert "error: Jobs of the sweep failed; these say why: " in errors
    assert "Traceback" not in errors
    logs = [(tmp_path / f"worker-{number}.log").read_text(encoding="utf-8") for number in (1, 2)]
    assert sum("model.hidden must be at least 1, got 0." in log for log in logs) == 1


def test_a_mistake_in_the_data_is_one_error_however_many_workers(tmp_path):
    overrides = [f"data.train={tmp_path}/none.csv", "model.hidden=8,9", f"hydra.sweep.dir={tmp_path}/sweep"]
    _, errors = run("train", *overrides, "sweep.workers=2", code=2)
    assert errors.count("error: ") == 1
    assert f"error: data.train: {tmp_path}/none.csv does not exist" in errors
    logs = [(tmp_path / "sweep" / f"worker-{number}.log").read_text(encoding="utf-8") for number in (1, 2)]
    assert not any("Traceback" in log or "does not exist" in log for log in logs)
    trials = trials_of("model.hidden", tmp_path / "sweep")
    assert [trial.state for trial in trials] == [TrialState.WAITING] * 2


def test_a_search_goes_on_to_its_total(tmp_path):
    overrides = ["experiment=smoke", "data.max_rows=200", "sweep=search", "sweep.workers=1"]
    overrides += ["model.hidden=choice(8,9)", "trainer.max_epochs=choice(1,2)", f"hydra.sweep.dir={tmp_path}"]
    for total in (1, 3):
        _, errors = call("train", *overrides, f"sweep.trials={total}")
        assert f"{total} of {total} trials done" in errors or "pruned" in errors
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
    study = optuna.create_study(study_name="search", storage=open_storage(None, sweep), direction="maximize")
    for rate in ("0.05", "-1", "0", "0.04"):
        study.enqueue_trial({"optimizer.lr": rate})
    earlier = {"value": 0.8, "intermediate_values": dict.fromkeys(range(1, PARTS + 1), 0.8)}
    study.add_trials([optuna.trial.create_trial(**earlier) for _ in range(5)])  # that the pruner compares with
    overrides = [
        *("sweep=search", "sweep.trials=9", "sweep.workers=1", f"hydra.sweep.dir={sweep}"),
        *(f"data.train={tmp_path}/rows.csv", "data.tokenizer=word", "data.batch_size=4", "trainer.max_epochs=2"),
        *("model.hidden=16", "model.layers=1", "model.dropout=0", "optimizer.schedule=constant"),
        "optimizer.lr=choice(0.05,-1,0,0.04)",
    ]
    run("train", *overrides, *KILL, code=-signal.SIGKILL)
    assert [trial.state.name for trial in study.trials[:4]] == ["RUNNING", "WAITING", "WAITING", "WAITING"]

    _, errors = call("train", *overrides, code=1)
    states = [(trial.params.get("optimizer.lr"), trial.state.name) for trial in study.trials if trial.params]
    assert states == [("0.05", "FAIL"), ("-1", "FAIL"), ("0", "PRUNED"), ("0.04", "COMPLETE"), ("0.05", "COMPLETE")]
    assert study.trials[-1].user_attrs["attempt"] == 2
    assert "7 of 9 trials done, 1 pruned, 2 failed, best macro F1 " in errors
    logs = {file.parent: file.read_text(encoding="utf-8") for file in sweep.glob("*/train.log")}
    [failed] = [folder for folder, log in logs.items() if "optimizer.lr must be at least 0, got -1." in log]
    assert errors.endswith(f"error: 1 of the sweep's jobs failed; train.log in the folder says why:\n  {failed}\n")
    assert "Traceback" not in errors

    out, _ = call("leaderboard", sweep)
    said = " ".join(out.split())
    assert "5 runs: 2 finished, 1 pruned, 1 failed, 1 unfinished; 2 configurations." in said
    assert f"{failed.name}/train.log says why" in said
    assert {row["optimizer.lr"] for row in table(sweep / "leaderboard.csv")} == {"0.05", "0.04"}


@pytest.mark.scale
@pytest.mark.parametrize("storage", [None, "journal.log"])
def test_two_workers_search_prune_and_go_on_after_a_kill(tmp_path, my_csv, storage):
    columns = ["data.text_column=headline", "data.label_column=desk", f"data.train={my_csv}"]
    ranges = ["model.hidden=choice(8,16)", "optimizer.lr=tag(log,interval(1e-5,1e-1))", "trainer.max_epochs=2,4"]
    overrides = [*QUICK[:-1], *columns, "sweep=search", f"hydra.sweep.dir={tmp_path}", "sweep.workers=2", *ranges]
    overrides = [of for of in overrides if of not in ("model.hidden=16", "trainer.max_epochs=3", "optimizer.lr=0.02")]
    overrides += [] if storage is None else [f"sweep.storage={tmp_path}/{storage}"]
    command = [sys.executable, SRC / "train.py", *overrides, "sweep.trials=40"]
    killed = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(tmp_path.glob("*/metrics.json")):
        assert killed.poll() is None
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    kept = open_storage(None if storage is None else str(tmp_path / storage), tmp_path)
    study = optuna.load_study(study_name="search", storage=kept)
    assert TrialState.RUNNING in {trial.state for trial in study.trials}
    total = sum("attempt" not in trial.user_attrs for trial in study.trials) + 5

    _, errors = run("train", *overrides, f"sweep.trials={total}")
    assert f"2 workers, each with {max(1, cores() // 2)} CPU threads" in errors
    trials = study.trials
    begun = [trial for trial in trials if "attempt" not in trial.user_attrs]
    assert total <= len(begun) <= total + 1
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert sum(trial.state == TrialState.FAIL for trial in trials) == len(trials) - len(begun)  # those that were killed
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    records = [json.loads(file.read_text(encoding="utf-8")) for file in tmp_path.glob("*/metrics.json")]
    assert sorted({round(of["score"], 6) for of in records}) == sorted({round(trial.value, 6) for trial in done})
    assert "Traceback" not in errors + (tmp_path / "worker-1.log").read_text(encoding="utf-8")


def test_a_folder_of_classes_in_chinese_trains_and_the_run_reads_other_formats_too(tmp_path):
    for number in range(40):
        for label, word in (("体育", "足球比赛进球"), ("财经", "股市下跌银行")):
            file = tmp_path / "train" / label / f"{number}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{word}第{number}天{number % 7}次", encoding="utf-8")
    settings = ["data.tokenizer=bpe", "data.vocab_size=500", "model.hidden=8", "trainer.max_epochs=2"]
    out, errors = call("train", "data.train=train", *settings, f"hydra.run.dir={tmp_path}/run", cwd=tmp_path)
    assert "TF-IDF + logistic regression chosen on validation: 1- to 2-grams of characters" in out
    assert "Warning" not in errors
    recorded = record(tmp_path / "run")
    assert recorded["labels"] == ["体育", "财经"]
    assert recorded["data"]["splits"]["test"]["unknown_share"] == 0.0
    assert recorded["baselines"]["TF-IDF + logistic regression"]["accuracy"] == 1.0
    rows = [
        {"id": n, "text": text, "label": label} for n, (text, label) in enumerate([("足球", "体育"), ("股市", "财经")])
    ]
    Dataset.from_list(rows[:1]).to_parquet(tmp_path / "new-1.parquet")
    Dataset.from_list(rows[1:]).to_parquet(tmp_path / "new-2.parquet")
    call("predict", "run=run", "input=new-*.parquet", "output=out.jsonl", cwd=tmp_path)
    predicted = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["text"]) for row in predicted] == [(0, "足球"), (1, "股市")]
    out, _ = call("evaluate", "run=run", "file=new-*.parquet", cwd=tmp_path)
    assert "Scores on file" in out


def test_a_text_in_two_columns_with_numbers_as_labels_from_inspection_to_prediction(tmp_path):
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt", encoding="utf-8") as lines:
        for number in range(60):
            text = {"title": f"Goal {number}" if number % 3 else f"Shares {number}", "description": "in the match"}
            lines.write(json.dumps({**text, "class": int(number % 3 > 0)}) + "\n")
        lines.write(json.dumps({"title": "", "description": " ", "class": 0}) + "\n")
    data = ["data.train=rows.jsonl.gz", "data.text_column=[title,description]", "data.label_names=[money,sports]"]
    data += ["data.drop_empty=true", "data.oversample=true"]
    out, errors = run("inspect_data", *data, "output=look", cwd=tmp_path)
    assert "data.train: texts are read from the column 'title + description', classes from 'class'." in errors
    assert "data.train: 1 rows without text or label were dropped." in (tmp_path / "look" / "report.md").read_text(
        "utf-8"
    )
    assert (tmp_path / "look" / "data.png").stat().st_size > 10_000
    assert "| sports | 32 | 4 | 4 |" in (tmp_path / "look" / "report.md").read_text("utf-8")
    assert "Rows of each class" in out
    call("train", *data, *QUICK, f"hydra.run.dir={tmp_path}/run", cwd=tmp_path)
    recorded = record(tmp_path / "run")
    assert recorded["labels"] == ["money", "sports"]
    assert recorded["data"]["columns"] == {"text": ["title", "description"], "label": "class"}
    assert recorded["data"]["splits"]["train"]["classes"] == {"money": 16, "sports": 32}
    assert recorded["steps"] == 3  # an epoch each: 64 rows with the smaller class repeated
    call("predict", "run=run", "input=rows.jsonl.gz", "output=out.csv", cwd=tmp_path)
    predicted = table(tmp_path / "out.csv")
    assert [row["title"] for row in predicted[:2]] == ["Shares 0", "Goal 1"]
    [alone] = TextClassifier.load(tmp_path / "run").predict(["Shares 0 in the match"])
    assert predicted[0]["predicted"] == alone.label
    assert float(predicted[0]["probability_money"]) == pytest.approx(alone.probabilities["money"], abs=1e-6)


def test_tensorboard_has_the_run_s_scores(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    [events] = (trained / "tensorboard").iterdir()
    assert events.name.startswith("model.hidden-16_")
    seen = EventAccumulator(str(events), size_guidance={"images": 0, "tensors": 0}).Reload()
    tags = seen.Tags()
    assert {"train/loss_step", "train/loss_epoch", "val/loss", "val/macro_f1", "lr-AdamW"} <= set(tags["scalars"])
    assert seen.Scalars("hp/val_macro_f1")[-1].value == pytest.approx(record(trained)["score"], abs=1e-6)
    assert {"confusion_matrix/test", "confusion_matrix/validation"} <= set(tags["images"])
    assert {"test/sports", "hardest/test/text_summary"} <= set(tags["tensors"])
    assert len(seen.Scalars("val/loss")) == 3
    assert (events / "projector_config.pbtxt").is_file()
