"""When a run has a wide channel that nobody asked for, and what is kept of it for other runs."""

import shutil
import time
from pathlib import Path

import pytest

from helpers.commands import call, record
from textlstm.model.wide import WideChannel
from textlstm.places import CACHE
from textlstm.training import channel

QUICK = [
    *("model.hidden=8", "model.embedding_dim=8", "optimizer.lr=0.05", "trainer.max_epochs=2"),
    *("trainer.accelerator=cpu", "threads=1", "data.tokenizer=word", "baselines=false"),
    *("test=false", "logger=csv"),
]
FITTING = "Fitting the wide channel"


@pytest.fixture
def data(tmp_path):
    """A file of texts that no cache has seen, since the time is in each."""
    new = time.time_ns()
    rows = [
        f"{new} {word} and goal {n},sports\n{new} {word} and bank {n},money\n"
        for n in range(40)
        for word in ("late", "early")
    ]
    file = tmp_path / "rows.csv"
    file.write_text("text,label\n" + "".join(rows), encoding="utf-8")
    return f"data.train={file}"


def train(folder: Path, *options: str) -> str:
    return call("train", *QUICK, *options, f"hydra.run.dir={folder}")[1]


def test_small_data_have_one_and_other_seeds_find_it_in_the_cache(data, tmp_path):
    output = train(tmp_path / "first", data)
    assert FITTING in output
    assert "Fitting the baseline" not in output
    assert FITTING not in train(tmp_path / "second", data, "seed=7")
    first, second = (record(tmp_path / name)["wide"] for name in ("first", "second"))
    assert first["settings"] == second["settings"]
    assert first["alone"]["validation"]["wide"] == second["alone"]["validation"]["wide"]
    assert record(tmp_path / "first")["config"]["wide"] is None
    channels = [
        WideChannel.load(tmp_path / name / "model").weights_VC for name in ("first", "second")
    ]
    assert channels[0].equal(channels[1])
    assert FITTING in train(tmp_path / "third", data, "data.split_seed=7")  # other training rows


def test_a_damaged_channel_in_the_cache_is_fitted_anew(data, tmp_path):
    train(tmp_path / "first", data)
    terms = (tmp_path / "first" / "model" / "wide.json").read_bytes()  # as no other test has them
    [entry] = [file.parent for file in CACHE.glob("wide-*/wide.json") if file.read_bytes() == terms]
    (entry / "wide.safetensors").write_bytes(b"")
    assert FITTING in train(tmp_path / "second", data)
    assert record(tmp_path / "first")["wide"] == record(tmp_path / "second")["wide"]


def test_large_data_have_none_unless_somebody_asks(data, tmp_path, monkeypatch):
    monkeypatch.setattr(channel, "MOST_WORK", 1000)
    train(tmp_path / "large", data)
    assert "wide" not in record(tmp_path / "large")
    train(tmp_path / "asked", data, "wide=true")
    assert "wide" in record(tmp_path / "asked")


def test_it_can_be_left_out_and_the_articles_network_has_none(data, tmp_path):
    train(tmp_path / "plain", data, "wide=false")
    train(tmp_path / "article", data, "experiment=article", "trainer.max_epochs=1")
    for name in ("plain", "article"):
        assert "wide" not in record(tmp_path / name)
        assert not (tmp_path / name / "model" / "wide.json").exists()


def test_a_refit_has_one_where_it_takes_the_mixture_of_a_run(data, tmp_path):
    train(tmp_path / "chosen", data)
    refit = [data, "data.refit=true", "test=true"]
    train(tmp_path / "alone", *refit)
    assert "wide" not in record(tmp_path / "alone")
    train(tmp_path / "mixed", *refit, f"calibration_from={tmp_path / 'chosen'}")
    found, before = (record(tmp_path / name)["wide"] for name in ("mixed", "chosen"))
    assert (found["weight"], found["settings"]) == (before["weight"], before["settings"])
    shutil.rmtree(tmp_path / "mixed")


def test_a_stream_has_one_of_the_rows_that_stand_in_for_it(data, tmp_path):
    stream = ["data.streaming=true", "data.streaming_rows=60"]
    for name in ("validation", "test"):
        other = tmp_path / f"{name}.csv"
        rows = [f"{name} goal {n},sports\n{name} bank {n},money\n" for n in range(10)]
        other.write_text("text,label\n" + "".join(rows), encoding="utf-8")
        stream.append(f"data.{name}={other}")
    train(tmp_path / "run", data, *stream)
    assert record(tmp_path / "run")["wide"]["terms"] > 0
