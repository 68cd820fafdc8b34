"""Runs that begin with a language model: record, curves, report, other seeds, and a killed one."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.commands import SRC, call, environment, record, weights
from textlstm.model.bundle import TextClassifier
from textlstm.places import CACHE

pytestmark = pytest.mark.cores

QUICK = [
    "pretrain=own_text",
    "pretrain.epochs=2",
    "pretrain.candidates=50",
    "data.max_rows=120",
    "data.vocab_size=400",
    "data.tokenizer=word",
    "model.hidden=8",
    "model.embedding_dim=6",
    "model.bidirectional=true",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "baselines=false",
    "wide=false",
    "threads=1",
]


# A seed that no test before has had, so that no cache has its stage.
NEW = f"pretrain.seed={time.time_ns() % 10**9}"


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("more") / "more.txt"
    file.write_text("".join(f"storm {n} comes\n" for n in range(30)), "utf-8")
    return file


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, unlabelled) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    _, errors = call(
        "train", *QUICK, NEW, f"data.unlabelled={unlabelled}", f"hydra.run.dir={folder}"
    )
    return folder, errors


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(next(folder.rglob("events.out.tfevents.*")).parent))
    events.Reload()
    return [(point.step, point.value) for point in events.Scalars(tag)]


def test_the_stage_is_said_recorded_and_drawn(pretrained, unlabelled):
    folder, errors = pretrained
    assert "language model, epoch 1/2  perplexity " in errors
    stage = record(folder)["pretraining"]
    assert (stage["texts"], stage["from_cache"]) == (96 + 30, False)
    assert [epoch["epoch"] for epoch in stage["history"]] == [1, 2]
    curve = dict(scalars(folder, "pretrain/perplexity"))
    expected = {epoch["epoch"]: epoch["perplexity"] for epoch in stage["history"]}
    assert curve == pytest.approx(expected, rel=1e-5)
    assert len(scalars(folder, "pretrain/train_perplexity")) == 2

    facts = record(folder)["data"]
    assert (facts["unlabelled"], facts["dropped"]["unlabelled"]) == (30, 0)
    assert facts["sources"]["unlabelled"]["path"] == str(unlabelled)
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "## Pretraining" in report
    assert "language model of 126 texts" in report
    assert "30 of them from data.unlabelled" in report
    assert "storm" in TextClassifier.load(folder).tokenizer.get_vocab()


def test_another_seed_pays_nothing_and_starts_from_the_same_language_model(
    pretrained, unlabelled, tmp_path
):
    folder = tmp_path / "run"
    _, errors = call(
        "train", *QUICK, NEW, f"data.unlabelled={unlabelled}", "seed=7", f"hydra.run.dir={folder}"
    )
    assert "Pretraining: 2 epochs found in the cache." in errors
    stage = record(folder)["pretraining"]
    assert stage == {**record(pretrained[0])["pretraining"], "from_cache": True}
    assert len(scalars(folder, "pretrain/perplexity")) == 2
    assert "An earlier run trained it" in (folder / "report.md").read_text(encoding="utf-8")


def test_the_same_seed_with_the_stage_from_the_cache_gives_the_same_weights(
    pretrained, unlabelled, tmp_path
):
    folder = tmp_path / "run"
    call("train", *QUICK, NEW, f"data.unlabelled={unlabelled}", f"hydra.run.dir={folder}")
    for name, tensor in weights(pretrained[0], "last").items():
        assert torch.equal(tensor, weights(folder, "last")[name])


@pytest.mark.slow
def test_a_run_killed_in_the_stage_goes_on_with_resume_to_the_same_weights(tmp_path):
    new = f"pretrain.seed={time.time_ns() % 10**9}"
    options = [*QUICK, new, "pretrain.epochs=40"]
    before = set(CACHE.glob(".pretrained-*.unfinished"))
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, SRC / "train.py", *options, f"hydra.run.dir={folder}"],
        env=environment(),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    stopped: list[Path] = []
    while not stopped and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
        begun = set(CACHE.glob(".pretrained-*.unfinished")) - before
        stopped = [one for one in begun if (one / "last.ckpt").is_file()]
    process.kill()
    process.wait()
    assert stopped
    assert not (folder / "checkpoints").exists()
    at = torch.load(stopped[0] / "last.ckpt", weights_only=True)["epoch"]

    _, errors = call("train", f"resume={folder}")
    assert f"language model, epoch {at + 1}/40" not in errors
    assert "language model, epoch 40/40" in errors
    stage = CACHE / stopped[0].name.removeprefix(".").removesuffix(".unfinished")
    assert not list(CACHE.glob(f".{stage.name}.*/"))
    assert [epoch["epoch"] for epoch in record(folder)["pretraining"]["history"]] == [*range(1, 41)]
    resumed = load_file(stage / "weights.safetensors")
    shutil.rmtree(stage)
    call("train", *options, f"hydra.run.dir={tmp_path / 'whole'}")
    whole = load_file(stage / "weights.safetensors")
    assert all(torch.equal(tensor, whole[name]) for name, tensor in resumed.items())


def test_a_stage_that_few_texts_leave_out_is_said_in_the_report(tmp_path):
    folder = tmp_path / "run"
    _, errors = call("train", *QUICK, "pretrain.epochs=null", f"hydra.run.dir={folder}")
    assert "Pretraining is left out" in errors
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "## Pretraining\n\nThe language model was left out" in report
