"""Streamed training rows: each once an epoch, in another order, none of validation and test, in
flat memory.
"""

import json
import logging
import os
import subprocess
import sys

import datasets
import pandas
import pytest
import torch
from datasets import Dataset

from helpers.commands import call, record
from helpers.configs import composed
from helpers.small import DATA, cut, data_module
from helpers.training import LearningRates, make_module, make_trainer
from textlstm.checks import InputError
from textlstm.commands.evaluate import evaluate
from textlstm.data.stream_loader import BUFFER, StreamLoader
from textlstm.data.tokenizer import train_tokenizer

pytestmark = pytest.mark.cores

WORDS = {
    "money": ["bank", "shares", "oil"],
    "odd": ["lint", "moss", "yarn"],
    "sports": ["goal", "match", "cup"],
}
# Of each class as many, mixed, of 2 to 11 words.
TRAIN = [
    (f"{WORDS[label][n % 3]} of day {n}" + f" {WORDS[label][n % 2]}" * (n % 9), label)
    for n in range(300)
    for label in WORDS
]
HELD_OUT = {
    "validation": [
        (f"{words[0]} again {n}", label) for n in range(5) for label, words in WORDS.items()
    ],
    "test": [
        (f"{words[1]} once more {n}", label) for n in range(5) for label, words in WORDS.items()
    ],
}


@pytest.fixture
def prepare(write_rows, tmp_path):
    """A streaming data module after setup, on TRAIN unless told otherwise."""

    def prepare(train=TRAIN, **options):
        held_out = {split: write_rows(f"{split}.csv", rows) for split, rows in HELD_OUT.items()}
        train = train if isinstance(train, str) else write_rows("train.csv", train)
        options = {"train": train, **held_out, "streaming": True, "streaming_rows": 200, **options}
        data = data_module(tmp_path / "cache", **options)
        data.setup()
        return data

    return prepare


def batches(loader, epoch=0):
    """The ids and the label of each text, batch for batch, of an epoch."""
    loader.sampler.set_epoch(epoch)
    return [
        [(tuple(tokens[:length]), label) for tokens, length, label in zip(*columns, strict=True)]
        for batch in loader
        for columns in [
            (batch.tokens_BT.tolist(), batch.lengths_B.tolist(), batch.labels_B.tolist())
        ]
    ]


def test_an_epoch_has_each_row_once_in_full_batches_of_like_length(prepare):
    data = prepare(batch_size=7)
    encoded = [tuple(data.tokenizer.encode(text).ids) for text, _ in TRAIN]
    expected = sorted(
        zip(encoded, (data.class_names.index(label) for _, label in TRAIN), strict=True)
    )
    loader = data.train_dataloader()
    found = batches(loader)
    assert sorted(row for batch in found for row in batch) == expected
    assert [len(batch) for batch in found].count(7) == len(found) - 1
    assert len(found) == len(loader) == data.steps_per_epoch() == -(-900 // 7)
    spread = [
        max(map(len, ids)) - min(map(len, ids))
        for ids in ([ids for ids, _ in batch] for batch in found)
    ]
    assert sum(spread) / len(spread) < 1  # of lengths that differ by 9


def test_the_seed_and_the_epoch_alone_decide_the_order(prepare):
    data, other = prepare(batch_size=4, seed=1), prepare(batch_size=4, seed=2)
    assert len(TRAIN) > BUFFER * 4  # several buffers
    first = batches(data.train_dataloader(), 0)
    torch.manual_seed(1)
    assert batches(data.train_dataloader(), 0) == first
    assert batches(data.train_dataloader(), 1) != first
    assert batches(other.train_dataloader(), 0) != first
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1) == drawn  # the global random numbers are left alone


def test_training_rows_that_stand_in_validation_or_test_are_left_out(prepare):
    leaked = [("BANK  again 0", "money"), HELD_OUT["test"][4], HELD_OUT["test"][4]]
    data = prepare([*TRAIN, *leaked])
    found = [row for batch in batches(data.train_dataloader()) for row in batch]
    assert len(found) == len(TRAIN) == data.facts["splits"]["train"]["rows"]
    assert data.facts["dropped"]["train"] == 3


def test_the_facts_are_of_all_rows_and_say_what_is_known_of_the_first_alone(prepare):
    rows = [*TRAIN, *[("late lint", "odd")] * 300]
    data = prepare(rows, class_weights="balanced")
    facts = data.facts
    assert facts["splits"]["train"]["rows"] == 1200
    assert facts["splits"]["train"]["classes"] == {"money": 300, "odd": 600, "sports": 300}
    assert data.class_weights == pytest.approx(
        [1200 / (3 * 300), 1200 / (3 * 600), 1200 / (3 * 300)]
    )
    assert facts["streaming"] == {"sample": 200}
    assert list(facts["duplicates"]) == list(facts["conflicts"]) == ["validation", "test"]
    assert (
        data.tokenizer.to_str()
        == train_tokenizer([t for t, _ in TRAIN[:200]], kind="word", vocab_size=300).to_str()
    )


def test_a_class_that_comes_late_is_a_class(prepare):
    data = prepare([*TRAIN, ("the very last", "surprise")])
    assert data.class_names == ["money", "odd", "sports", "surprise"]
    assert data.facts["splits"]["train"]["classes"]["surprise"] == 1


def test_a_class_that_held_out_texts_alone_have_is_none_that_training_has_rows_of(
    prepare, write_rows
):
    (text, _), *_ = HELD_OUT["validation"]
    test = write_rows("own_test.csv", [*HELD_OUT["test"], ("an apparition", "ghost")])
    data = prepare([(text, "ghost"), *TRAIN], test=test)
    assert data.class_names == data.splits["train"].features["label"].names
    assert data.class_names == ["money", "odd", "sports"]
    assert data.facts["unseen"] == {"validation": {}, "test": {"ghost": 1}, "train": {}}
    assert data.encoded["test"].labels_N.tolist()[-1] == 3
    assert data.facts["dropped"]["train"] == 1


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_shards_of_other_formats_stream_too(prepare, tmp_path, suffix):
    for shard in range(3):
        rows = [
            {"text": text, "label": label} for text, label in TRAIN[300 * shard : 300 * (shard + 1)]
        ]
        if suffix == "parquet":
            Dataset.from_list(rows).to_parquet(tmp_path / f"shard-{shard}.parquet")
        else:
            (tmp_path / f"shard-{shard}.jsonl").write_text(
                "".join(json.dumps(row) + "\n" for row in rows)
            )
    shards = prepare(str(tmp_path / f"shard-*.{suffix}"))
    assert batches(shards.train_dataloader()) == batches(prepare().train_dataloader())


@pytest.fixture
def hub(tmp_path):
    """Sets up a streaming data module on a data set of the hub with these training rows."""

    def hub(train=TRAIN, suffix="csv", tail=""):
        folder = tmp_path / "hub"
        folder.mkdir(exist_ok=True)
        for split, rows in {"train": train, **HELD_OUT}.items():
            frame, file = (
                pandas.DataFrame(rows, columns=["text", "label"]),
                folder / f"{split}.{suffix}",
            )
            if suffix == "csv":
                frame.to_csv(file, index=False)
            elif suffix == "jsonl":
                frame.to_json(file, orient="records", lines=True)
                with open(file, "a", encoding="utf-8") as lines:
                    lines.write(tail if split == "train" else "")
            else:
                frame.to_parquet(file)
        options = {
            "source": "hub",
            "name": str(folder),
            "train": None,
            "streaming": True,
            "streaming_rows": 200,
        }
        data = data_module(tmp_path / "hub cache", **options)
        data.setup()
        return data

    return hub


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_hub_data_set_streams_without_a_download(prepare, hub, monkeypatch, suffix):
    monkeypatch.setattr(datasets, "load_dataset", None)
    monkeypatch.setattr(datasets.DatasetBuilder, "download_and_prepare", None)
    from_hub = hub(suffix=suffix)
    assert batches(from_hub.train_dataloader()) == batches(prepare().train_dataloader())
    assert from_hub.splits["test"]["text"][:] == [text for text, _ in HELD_OUT["test"]]


def test_a_hub_data_set_that_changes_is_read_anew(hub):
    assert len(hub(TRAIN[:600]).stream) == 600
    assert len(hub(TRAIN).stream) == len(TRAIN)


def test_a_hub_data_set_that_breaks_off_says_where(hub):
    with pytest.raises(
        InputError, match=r"^data\.name: .*hub, split train, after row 0: it cannot be read: "
    ):
        hub(suffix="jsonl", tail='{"text": "cut')
    with pytest.raises(
        InputError, match=r"^data\.name: .*hub, split train, after row \d+,000: it cannot be read: "
    ):
        hub(TRAIN * 300, suffix="jsonl", tail='{"text": "cut')


def test_a_streamed_hub_data_set_needs_splits_of_its_own(hub, monkeypatch):
    monkeypatch.delitem(HELD_OUT, "test")
    with pytest.raises(
        InputError,
        match=r"could be cut from, and the data have no test of their own: leave data.stre",
    ):
        hub()


def test_empty_rows_are_refused_or_dropped_and_counted(prepare):
    rows = [*TRAIN, ("", "odd"), ("lint", "")]
    with pytest.raises(
        InputError, match=r"no text in 1 of 902 rows .* and no label in 1 of 902 rows"
    ):
        prepare(rows)
    data = prepare(rows, drop_empty=True)
    assert len(data.train_dataloader()) == -(-900 // 8)
    assert len(batches(data.train_dataloader())) == -(-900 // 8)
    assert data.facts["empty"]["train"] == 2


def test_a_stream_of_texts_that_are_all_held_out_is_refused(prepare):
    with pytest.raises(InputError, match=r"so none is left to train on\. Give files that do not"):
        prepare([*HELD_OUT["validation"], *HELD_OUT["test"]])


def test_sorted_rows_are_warned_of_or_refused(prepare, caplog):
    by_class = sorted(TRAIN, key=lambda row: row[1])
    with pytest.raises(
        InputError,
        match=r"has one class in its first 200 rows: rows sorted by class cannot be stre",
    ):
        prepare(by_class)
    with caplog.at_level(logging.WARNING):
        prepare(by_class, batch_size=2, streaming_rows=400)
    assert (
        "300 rows of one class follow each other, and streaming shuffles 200 rows at a time."
        in caplog.text
    )


def test_a_file_that_changes_under_way_ends_the_run():
    tokenizer = train_tokenizer(["a b"], kind="word", vocab_size=10)
    stream = [(["a", "b"], [0, 1])]
    loader = StreamLoader(
        stream, 9, tokenizer, batch_size=2, max_tokens=100, cut=cut(max_length=4), seed=0
    )
    with pytest.raises(
        InputError, match=r"data\.train has 2 rows now and had 9 when the run began"
    ):
        list(loader)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"validation": None},
            "data.streaming=true keeps no rows that validation could be cut from",
        ),
        (
            {"test": None},
            "keeps no rows that test could be cut from, .*: give data.test=FILE, or leave "
            "data.streaming",
        ),
        (
            {"oversample": True},
            "data.oversample=true needs all rows, and data.streaming=true keeps none: give one",
        ),
        ({"refit": True}, "data.refit=true needs all rows"),
        ({"max_rows": 10}, "data.max_rows=10 needs all rows"),
        ({"train_share": 0.5}, "data.train_share=0.5 needs all rows"),
        ({"max_length": None}, r"data.batch_size × data.max_length \(8 × None\) must be at most"),
        (
            {"batch_size": 300},
            r"\(300 × 256\) must be at most data.max_tokens_per_batch=65536. Lower one",
        ),
        ({"streaming_rows": 0}, "data.streaming_rows must be at least 1, got 0"),
        ({"streaming": 1}, "data.streaming must be true or false, got 1"),
    ],
)
def test_what_streaming_cannot_do_is_refused(prepare, options, message):
    with pytest.raises(InputError, match=message):
        prepare(**options)


def test_a_streamed_model_learns_with_a_one_cycle_of_the_right_length(prepare):
    data = prepare(batch_size=30, streaming_rows=900)
    module = make_module(vocab_size=300, hidden=16, optimizer={"lr": 0.05, "schedule": "one_cycle"})
    rates = LearningRates()
    trainer = make_trainer(3, callbacks=[rates])
    trainer.fit(module, data)
    assert trainer.global_step == 3 * 30
    assert rates.used[-1] < 1e-5
    assert trainer.callback_metrics["val/accuracy"] == 1.0


MEMORY = """
import resource, sys
from pathlib import Path
from textlstm.data.datamodule import TextDataModule
from textlstm.data.settings import DataSettings

def peak(train):
    settings = DataSettings(**{**eval(sys.argv[1]), "train": train})
    data = TextDataModule(settings, cache=Path(sys.argv[2]))
    data.setup()
    rows = sum(len(batch.labels_B) for batch in data.train_dataloader())
    return rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

print(*peak(sys.argv[3]), *peak(sys.argv[4]))
"""


@pytest.mark.scale
def test_memory_does_not_grow_with_the_rows(write_rows, tmp_path):
    """Ten times the rows, 25 MB more text, need less than 30 MB more (kept in one buffer, 70)."""

    def texts(rows):
        return [
            (f"{n} " + "the bank lends its money to the match " * 35, "ab"[n % 2])
            for n in range(rows)
        ]

    small, large = write_rows("small.csv", texts(2_000)), write_rows("large.csv", texts(20_000))
    held_out = {
        split: write_rows(f"{split}.csv", rows)
        for split, rows in (("validation", texts(3)), ("test", texts(9)[3:]))
    }
    options = {**DATA, **held_out, "streaming": True, "streaming_rows": 500, "batch_size": 4}
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, repr(options), tmp_path / "cache", small, large],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
    )
    assert done.returncode == 0, done.stderr
    few, before, many, after = map(float, done.stdout.split())
    assert (few, many) == (2_000 - 9, 20_000 - 9)
    assert after - before < 30, f"{before:.0f} MB, then {after:.0f} MB"


def test_a_streamed_run_says_so_and_is_scored_again(write_rows, tmp_path):
    files = {
        split: write_rows(f"{split}.csv", rows)
        for split, rows in {"train": TRAIN, **HELD_OUT}.items()
    }
    options = [
        "data.streaming=true",
        "data.streaming_rows=200",
        "trainer.max_epochs=2",
        "model.hidden=8",
        "threads=1",
    ]
    command = [
        *options,
        *(f"data.{split}={file}" for split, file in files.items()),
        f"hydra.run.dir={tmp_path}/run",
    ]
    out, _ = call("train", *command)
    assert "The baselines learned from the first 200 rows alone." in out
    report = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert (
        "Training rows were streamed: lengths, unknown tokens and the tokenizer are of the first "
        "200" in report
    )
    found = record(tmp_path / "run")
    assert found["steps"] == 2 * -(-900 // found["resolved"]["batch_size"])
    assert found["data"]["splits"]["train"]["rows"] == 900
    with pytest.raises(
        InputError, match=r"was streamed .* and keeps no training rows\. Give file="
    ):
        evaluate(composed("evaluate", run=tmp_path / "run", split="train"))
