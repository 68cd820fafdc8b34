"""A benchmark as a person starts it: two data sets, two seeds, going on, and its mistakes."""

import csv
import os
import re

import pytest

from helpers.commands import QUICK, call, record, table
from textlstm.commandline.main import _register_resolvers
from textlstm.commandline.options import PARSERS
from textlstm.commands import benchmark as commands
from textlstm.data.reading.collections import find_data_sets
from textlstm.data.sources import NEWSWIRE4
from textlstm.runs.claim import claimed
from textlstm.runs.folder import folder_name
from textlstm.runs.results import LINEAR

pytestmark = pytest.mark.cores

SMALL = [*QUICK[:-1], "trainer.max_epochs=1", "threads=1", "logger=csv"]


@pytest.fixture
def data(tmp_path):
    """Two data sets: one with a file per split, one that is a single table."""
    with open(NEWSWIRE4, encoding="utf-8", newline="") as lines:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(lines)][:300]
    files = {"news/train.csv": rows[:150], "news/test.csv": rows[150:], "one/rows.csv": rows[:150]}
    for name, content in files.items():
        (tmp_path / "sets" / name).parent.mkdir(parents=True, exist_ok=True)
        with open(tmp_path / "sets" / name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *content])
    return tmp_path / "sets"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where the benchmark of these data sets is written: below the test's own folder."""
    monkeypatch.setattr("textlstm.commands.benchmark.OUTPUTS", tmp_path)
    return tmp_path / "benchmarks" / "sets"


@pytest.fixture
def trains_here(monkeypatch):
    """Runs are trained in this process, which has imported everything already."""

    def train(arguments):
        call("train", *arguments)
        return True

    monkeypatch.setattr("textlstm.commands.benchmark._train", train)


def test_two_data_sets_and_two_seeds_are_compared_and_a_stopped_one_goes_on(
    data, folder, trains_here
):
    command = [*("--data", data, "--presets", "default", "--seeds", "1,2"), *SMALL]
    out, errors = call("benchmark", *command)
    assert "[4/4] one, default-2…" in errors
    runs = [folder / name / f"default-{seed}" for name in ("news", "one") for seed in (1, 2)]
    accuracies = [record(run)["test"]["accuracy"] for run in runs]
    linear = record(runs[0])["baselines"][LINEAR]["accuracy"]

    rows = table(folder / "benchmark.csv")
    assert [(row["data"], row["model"], row["runs"]) for row in rows] == [
        ("news", "default", "2"),
        ("news", LINEAR, "1"),
        ("one", "default", "2"),
        ("one", LINEAR, "1"),
    ]
    mean = (accuracies[0] + accuracies[1]) / 2
    assert float(rows[0]["accuracy"]) == pytest.approx(mean, abs=1e-5)
    assert float(rows[0]["accuracy low"]) < mean < float(rows[0]["accuracy high"])
    assert float(rows[0]["ahead of the baseline"]) == pytest.approx(mean - linear, abs=1e-5)
    assert 0 <= float(rows[0]["McNemar p"]) <= 1
    assert f"{linear:.4f}" in out
    assert {"benchmark.md", "benchmark.csv", "benchmark.png"} <= {
        file.name for file in folder.iterdir()
    }
    predicted = table(runs[0] / "baseline_predictions.csv")
    assert [row["text"] for row in predicted] == [
        row["text"] for row in table(runs[0] / "predictions.csv")
    ]
    right = sum(row["gold"] == row["predicted"] for row in predicted)
    assert right / len(predicted) == pytest.approx(linear)

    (runs[1] / "metrics.json").unlink()  # as if it had been killed while it was being scored
    again, errors = call("benchmark", *command)
    assert "[1/4] news, default-1: finished before" in errors
    assert "[2/4] news, default-2, from where it stopped…" in errors
    assert errors.count("finished before") == 3
    assert record(runs[1])["test"]["accuracy"] == accuracies[1]
    assert table(folder / "benchmark.csv")[0]["accuracy"] == rows[0]["accuracy"]
    assert again.split("folder: ")[0].splitlines()[0] == out.splitlines()[0]

    for name in ("metrics.json", "predictions.csv", "baseline_predictions.csv"):
        kept = (runs[0] / name).read_bytes()
        (runs[0] / name).write_bytes(kept[: len(kept) // 2])
        _, errors = call("benchmark", *command, code=2)
        assert re.match(rf"error: {re.escape(str(runs[0] / name))} (is damaged|does not)", errors)
        assert errors.endswith(f"To train it anew, delete {runs[0]}.\n")
        (runs[0] / name).write_bytes(kept)


@pytest.mark.parametrize("used", [".", "news/default-1"])
def test_what_another_process_works_in_is_left_as_it_is(data, folder, trains_here, used):
    (folder / used).mkdir(parents=True)
    (folder / used / "train.log").write_text("of the other process", encoding="utf-8")
    command = [*("--data", data, "--presets", "default", "--seeds", "1"), *SMALL]
    with claimed(folder / used):
        _, errors = call("benchmark", *command, code=2)
    assert errors.startswith(f"error: {folder / used} is in use: process {os.getpid()} on ")
    assert (folder / used / "train.log").read_text(encoding="utf-8") == "of the other process"
    assert not (folder / "one").exists()


def jobs(folder, *arguments):
    """The folder and the arguments of each run, without the files of its data."""
    _register_resolvers()
    chosen = PARSERS["benchmark"]().parse_intermixed_args([*map(str, arguments)])
    sets, _ = find_data_sets(folder)
    return [
        (
            str(job.run.path.relative_to(folder)),
            [argument for argument in job.arguments if str(folder) not in argument],
        )
        for job in commands._jobs(chosen, sets, folder)
    ]


def test_presets_take_keys_and_each_seed_may_have_its_split(data):
    all_settings = "baselines=thorough"  # of the baseline
    typed = [
        "--presets",
        "smoke,default+model.head=[8,4]+optimizer.lr=0.1",
        "--seeds",
        "1,2",
        "threads=1",
    ]
    assert jobs(data, *typed, "--split-seeds", "42,7") == [
        ("news/smoke-1", ["experiment=smoke", all_settings, "threads=1", "seed=1"]),
        (
            f"news/{folder_name('default+model.head=[8,4]+optimizer.lr=0.1-1')}",
            [all_settings, "threads=1", "model.head=[8,4]", "optimizer.lr=0.1", "seed=1"],
        ),
        ("news/smoke-2", ["experiment=smoke", all_settings, "threads=1", "seed=2"]),
        (
            f"news/{folder_name('default+model.head=[8,4]+optimizer.lr=0.1-2')}",
            [all_settings, "threads=1", "model.head=[8,4]", "optimizer.lr=0.1", "seed=2"],
        ),
        (
            "one/smoke-1",
            ["experiment=smoke", all_settings, "threads=1", "seed=1", "data.split_seed=42"],
        ),
        (
            f"one/{folder_name('default+model.head=[8,4]+optimizer.lr=0.1-1')}",
            [
                all_settings,
                "threads=1",
                "model.head=[8,4]",
                "optimizer.lr=0.1",
                "seed=1",
                "data.split_seed=42",
            ],
        ),
        (
            "one/smoke-2",
            ["experiment=smoke", all_settings, "threads=1", "seed=2", "data.split_seed=7"],
        ),
        (
            f"one/{folder_name('default+model.head=[8,4]+optimizer.lr=0.1-2')}",
            [
                all_settings,
                "threads=1",
                "model.head=[8,4]",
                "optimizer.lr=0.1",
                "seed=2",
                "data.split_seed=7",
            ],
        ),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/nowhere"], "error: --data: /nowhere is not there or no table; expected"),
        (["--presets", "smok"], "error: There is no experiment=smok. Did you mean 'smoke'?"),
        (["--seeds", "1,two"], "error: --seeds=1,two: whole numbers with commas between were exp"),
        (
            ["--presets", "default", "--seeds", "1,2", "--split-seeds", "1"],
            "error: --split-seeds gives 1 numbers and --seeds 2; one for each seed was expected.",
        ),
        (["--presets", "default+model.hidden=0"], "error: model.hidden must be at least 1, got 0."),
        (["--presets", "default", "model.hiden=3"], "error: There is no key 'model.hiden'."),
        (["--presets", "default", "model.hidden=3,4"], "error: A benchmark trains one run at a"),
        (["--presets", "default", "test=false"], "error: A benchmark compares scores on test"),
    ],
)
def test_a_mistake_is_one_error_before_anything_is_trained(folder, arguments, message):
    _, errors = call("benchmark", *arguments, code=2)
    assert errors.startswith(message)
    assert errors.count("error: ") == 1
    assert not folder.parent.exists()


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_others_are_compared(folder, tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "bad.csv").write_text("text,label\na,x\nb,x\n", encoding="utf-8")
    command = ["--data", tmp_path / "sets", "--presets", "default", "--seeds", "1", *SMALL]
    out, errors = call("benchmark", *command, code=1)
    assert "has the label 'x' in each row" in errors
    assert (
        f"error: 1 of 1 runs failed; their train.log says why:\n  {folder}/bad/default-1" in errors
    )
    assert out == ""
