"""Two processes train one run: as one process would, each row once, one folder, and one end for
both.
"""

import csv
import json
import shutil
import time
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir

from helpers.commands import call, events_folder, record, run, train_and_kill, weights
from helpers.configs import composed
from textlstm import ranks
from textlstm.checks import InputError
from textlstm.commands.evaluate import evaluate
from textlstm.data.batching import IGNORED, NO_ROW, BucketSampler, EncodedTexts
from textlstm.data.sources import NEWSWIRE4
from textlstm.data.tokenizer import Encoded
from textlstm.places import CONF
from textlstm.sweeps.sweep import sweep
from textlstm.training.distributed import check_strategy

pytestmark = pytest.mark.cores

TWO = ["trainer=ddp", "trainer.devices=2"]
PLAIN = ["model.dropout=0", "model.embedding_dropout=0", "model.word_dropout=0"]
SETTINGS = [
    *(
        "model.hidden=16",
        "model.embedding_dim=16",
        "data.vocab_size=1000",
        "trainer.max_epochs=3",
        "optimizer.lr=0.03",
    ),
    *("data.batch_size=40", "data.class_weights=balanced", "model.label_smoothing=0.1"),
    "model.adversarial=0.5",
    *("trainer.accelerator=cpu", "threads=1", "wide=false", "baselines=false"),
]
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node=2")


def curve(folder: Path) -> list[float]:
    kinds = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_f1")
    return [epoch[kind] for epoch in record(folder)["history"] for kind in kinds]


def assert_alike(folder: Path, reference: Path) -> None:
    """The same rows, loss curve, scores and predictions."""
    assert curve(folder) == pytest.approx(curve(reference), abs=1e-4)
    for split in ("validation", "test"):
        found, expected = record(folder)[split], record(reference)[split]
        assert found["confusion_matrix"] == expected["confusion_matrix"]
        for name in ("accuracy", "macro_f1", "log_loss", "auroc"):
            assert found[name] == pytest.approx(expected[name], abs=1e-4)
    with (
        open(folder / "predictions.csv", encoding="utf-8") as lines,
        open(reference / "predictions.csv") as expected,
    ):
        assert [row[:2] for row in csv.reader(lines)] == [row[:2] for row in csv.reader(expected)]
    assert record(folder)["steps"] == record(reference)["steps"] == 3 * 6


def assert_scored_as_by_one(folder: Path) -> None:
    """Checks that the run's scores and those it logged are what one process finds."""
    recorded = record(folder)
    for split in ("validation", "test"):
        evaluate(composed("evaluate", run=folder, split=split, accelerator="cpu", threads=1))
        found = json.loads(
            (folder / "evaluation" / split / "metrics.json").read_text(encoding="utf-8")
        )[split]
        assert recorded[split]["confusion_matrix"] == found["confusion_matrix"]
        for name in ("accuracy", "macro_f1", "auroc", "calibration_error", "log_loss"):
            assert recorded[split][name] == pytest.approx(found[name], abs=1e-6)
    best = recorded["history"][recorded["best_epoch"] - 1]
    logged = [best["val_loss"], best["val_accuracy"], best["val_macro_f1"]]
    as_trained = recorded["calibration"]["before"]["validation"]["log_loss"]
    scores = [as_trained, *(recorded["validation"][of] for of in ("accuracy", "macro_f1"))]
    assert logged == pytest.approx(scores, abs=1e-6)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """201 training rows, whose last batch has one row; 101 test rows; a path that Hydra's grammar
    would break on.
    """
    with open(NEWSWIRE4, encoding="utf-8", newline="") as lines:
        rows = [[row["text"], row["label"]] for row in csv.DictReader(lines)]
    folder = tmp_path_factory.mktemp("it's my data (1), final")
    for split, part in {
        "train": rows[:201],
        "validation": rows[201:252],
        "test": rows[252:353],
    }.items():
        with open(folder / f"{split}.csv", "w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([["text", "label"], *part])
    return [f"data.{split}={folder / split}.csv" for split in ("train", "validation", "test")]


@pytest.fixture(scope="module")
def single(data: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one process's run."""
    folder = tmp_path_factory.mktemp("runs") / "single"
    call("train", *SETTINGS, *PLAIN, *data, f"hydra.run.dir={folder}")
    return folder


@pytest.fixture(scope="module")
def killed(data: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two processes, the second of which is killed in the second epoch."""
    runs = tmp_path_factory.mktemp("runs")
    folder = runs / "two"
    out, errors = train_and_kill(folder, *SETTINGS, *PLAIN, *data, *TWO, rank="1", code=1)
    said = errors.splitlines()
    assert [
        line for line in said if "rror" in line or "Traceback" in line or "Warning" in line
    ] == [said[-1]]
    assert said[-1].startswith("error: [rank: 1] Child process with PID ")
    assert said[-1].endswith(
        f"terminated with code -9. python src/train.py resume={folder} goes on after step 6."
    )
    assert len([line for line in said if line.startswith("epoch 1/3")]) == 1  # not once a process
    assert "2 processes; CPU threads of each: 1." in said
    assert out == ""
    assert {file.name for file in folder.iterdir()} == {
        ".hydra",
        ".lock",  # which the system has let go
        ".running",
        "checkpoints",
        events_folder(folder).name,
        "train.log",
    }
    shutil.copytree(folder, runs / "copy")
    return folder


def test_a_killed_process_ends_the_run_and_resumed_it_is_the_run_of_one_process(killed, single):
    out, errors = run("train", f"resume={killed}")
    assert "Warning" not in errors
    assert "processes and goes on in" not in errors
    assert [line[:9] for line in errors.splitlines() if line.startswith("epoch")] == [
        "epoch 2/3",
        "epoch 3/3",
    ]
    assert out.count("Scores on test") == 1
    assert not {".lock", ".running"} & {file.name for file in killed.iterdir()}
    assert_alike(killed, single)
    assert (record(killed)["devices"], record(single)["devices"]) == (2, 1)
    for name, tensor in weights(killed, "last").items():
        torch.testing.assert_close(
            tensor, weights(single, "last")[name], atol=1e-4, rtol=0, msg=name
        )
    assert (events_folder(killed) / "projector_config.pbtxt").is_file()
    checkpoint = torch.load(killed / "checkpoints" / "last.ckpt", weights_only=True)
    states = [state["torch"] for state in checkpoint["callbacks"]["RandomState"]["ranks"]]
    assert len(states) == 2
    assert not states[0].equal(states[1])  # each drops other places
    left = {path.name for path in killed.parent.iterdir()}
    assert left == {"two", "copy"}  # no folder of the other rank


@pytest.mark.slow
def test_a_run_of_two_goes_on_with_one_and_says_that_dropout_differs(killed, single):
    folder = killed.parent / "copy"
    _, errors = run("train", f"resume={folder}", "trainer.devices=1")
    assert (
        errors.count("The run was trained in 2 processes and goes on in 1: dropout draws anew") == 1
    )
    assert_alike(folder, single)


@pytest.mark.scale
def test_under_torchrun(data, single, tmp_path):
    """Each process prepares its own arguments, and only the first makes a folder."""
    folder = tmp_path / "run"
    out, errors = run(
        "train", *SETTINGS, *PLAIN, *data, *TWO, f"hydra.run.dir={folder}", launcher=TORCHRUN
    )
    assert out.count("Scores on test") == 1
    assert len([line for line in errors.splitlines() if line.startswith("epoch 1/3")]) == 1
    assert_alike(folder, single)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]
    assert_scored_as_by_one(folder)


@pytest.mark.parametrize("world", [2, 3, 4])
def test_the_processes_share_each_batch_of_a_single_one(world):
    lengths = torch.randint(1, 40, (101,), generator=torch.Generator().manual_seed(0))
    for shuffle in (True, False):
        single = BucketSampler(lengths, 20, shuffle=shuffle, max_tokens=400)
        several = [
            BucketSampler(lengths, 20, shuffle=shuffle, max_tokens=400, rank=n, world=world)
            for n in range(world)
        ]
        orders = []
        for epoch in range(2):
            for sampler in (single, *several):
                sampler.sampler.set_epoch(epoch)
            steps = list(zip(*several, strict=True))  # as many on each
            assert len(steps) == len(single) == len(several[0])
            shared = [
                sorted(row for part in step for row in part if row != NO_ROW) for step in steps
            ]
            assert shared == [sorted(batch) for batch in single]
            assert sorted(chain(*shared)) == list(range(101))  # each row once
            assert all(NO_ROW not in part or part == [NO_ROW] for step in steps for part in step)
            orders.append(shared)
        assert (orders[0] != orders[1]) == shuffle


def test_a_process_without_a_row_gets_one_that_does_not_count():
    tokens, lengths = torch.tensor([5, 6, 7, 8], dtype=torch.int32), torch.tensor([1, 3])
    texts = EncodedTexts(Encoded(tokens, lengths, torch.zeros(2)), torch.tensor([1, 0]))
    assert list(BucketSampler(texts.lengths, 1, shuffle=False, rank=1, world=2)) == [
        [NO_ROW],
        [NO_ROW],
    ]
    batch = texts.__getitems__([NO_ROW])
    assert batch.labels_B.tolist() == [IGNORED]
    assert batch.rows_B.tolist() == [NO_ROW]
    assert batch.tokens_BT.shape == (1, 3)


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),  # torchrun
        ({"RANK": "2", "LOCAL_RANK": "0", "GROUP_RANK": "1"}, False),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, False),  # Lightning
        ({"NODE_RANK": "1"}, False),  # Lightning, started by hand on the second of two machines
        ({"SLURM_PROCID": "0"}, True),
        ({"SLURM_PROCID": "3"}, False),
        ({"SLURM_PROCID": "3", "LOCAL_RANK": "0"}, True),  # started by hand within a job
    ],
)
def test_one_process_speaks_and_writes(monkeypatch, variables, first):
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ranks.is_rank_zero() == first


def test_torchrun_with_another_number_of_processes_is_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "any")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        InputError,
        match=r"torchrun started 2 processes, and trainer.devices × trainer.num_nodes is 1\.",
    ):
        check_strategy(SimpleNamespace(world_size=1), "auto")


def test_a_sweep_of_runs_on_several_devices_is_refused(tmp_path):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "train",
            [*TWO, "sweep.name=any", f"hydra.sweep.dir={tmp_path}"],
            return_hydra_config=True,
        )
    with pytest.raises(
        InputError, match=r"^trainer.devices=2: each trial of a sweep trains on one device"
    ):
        sweep(config, None, ["model.hidden=8,16"])


@pytest.mark.scale
def test_a_resumed_run_of_two_with_dropout_ends_with_the_weights_of_one_never_stopped(
    data, tmp_path
):
    arguments = [*SETTINGS, *data, *TWO, "optimizer.schedule=constant"]
    run("train", *arguments, f"hydra.run.dir={tmp_path / 'whole'}")
    run("train", *arguments, "trainer.max_epochs=2", f"hydra.run.dir={tmp_path / 'resumed'}")
    run("train", f"resume={tmp_path / 'resumed'}", "trainer.max_epochs=3")
    for name, tensor in weights(tmp_path / "resumed", "last").items():
        assert tensor.equal(weights(tmp_path / "whole", "last")[name]), name


@pytest.mark.scale
@pytest.mark.parametrize(
    ("rank", "how", "code", "error"),
    [
        ("null", "mistake", 2, "error: a mistake."),
        ("1", "mistake", 1, "error: a mistake."),
        ("null", "bug", 1, "[rank0]: KeyError: 'a bug'"),
        ("1", "bug", 1, "[rank1]: KeyError: 'a bug'"),
        ("0", "kill", -9, None),
        ("0", "terminate", 143, "Stopped by SIGTERM. "),
        ("1", "terminate", 143, "Stopped by SIGTERM. "),
    ],
)
def test_one_process_that_ends_ends_both_with_one_error(data, tmp_path, rank, how, code, error):
    fail = [
        "+callbacks.fail._target_=helpers.failing.Fail",
        f"+callbacks.fail.rank={rank}",
        f"+callbacks.fail.how={how}",
    ]
    began = time.monotonic()
    _, errors = run(
        "train", *SETTINGS, *data, *TWO, *fail, f"hydra.run.dir={tmp_path / 'run'}", code=code
    )
    assert time.monotonic() - began < 60
    said = [
        line
        for line in errors.splitlines()
        if line.startswith(("error:", "Stopped by ")) or line.endswith("a bug'")
    ]
    if error is None:
        assert said == []
    else:
        assert said[0].startswith(error)
        assert errors.count("Traceback") == (how == "bug")
        errors_said = [line for line in said if not line.startswith("Stopped by ")]
        assert len(errors_said) == (how in ("bug", "mistake"))
