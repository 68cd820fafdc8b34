"""Rows that seem to hold whole rows: counted, warned of and recorded, kept by the cache or not."""

import logging

import pytest

from helpers.small import data_module
from textlstm.runs.data_report import data_warnings

TEXTS = [f"{word} {n}" for n in range(60) for word in ("goal", "shares")]
ROWS = [f"{text},{text.partition(' ')[0]}\n" for text in TEXTS]
SWALLOWING = ['"goal a,goal\n', "shares b,shares\n", 'goal c",goal\n']


@pytest.fixture
def prepare(write_file, tmp_path):
    """A data module after setup, on these lines below a header."""

    def prepare(lines, **options):
        train = write_file("train.csv", "text,label\n" + "".join(lines))
        data = data_module(tmp_path / "cache", train=train, **options)
        data.setup()
        return data

    return prepare


def test_they_are_warned_of_each_time_and_recorded(prepare, tmp_path, caplog):
    first = f"{tmp_path}/train.csv, row 121"
    sentence = (
        f"data.train: 2 rows hold a line break and then what looks like a whole row, the first is "
        f"{first}. If a quote is a character there, so that rows have become part of a text, give "
        f"data.quoting=none, or double the quotes inside fields."
    )
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            data = prepare([*ROWS, *SWALLOWING, *SWALLOWING[:2], *SWALLOWING[2:]])
        assert data.facts["swallowing"] == {"train": {"rows": 2, "first": first}}
        assert sentence in caplog.messages
        assert sentence in data_warnings(data.facts)


def test_nothing_is_said_of_a_file_without_them(prepare, caplog):
    data = prepare([*ROWS, '"goal in\nthe match",goal\n'])
    assert data.facts["swallowing"] == {"train": {"rows": 0, "first": ""}}
    assert "whole row" not in caplog.text + str(data_warnings(data.facts))


def test_those_of_a_stream_are_counted_past_its_sample(prepare, write_file, tmp_path):
    held_out = {
        split: write_file(f"{split}.csv", f"text,label\n{split} goal,goal\n{split} share,shares\n")
        for split in ("validation", "test")
    }
    lines = [*SWALLOWING, *ROWS, *SWALLOWING]
    data = prepare(lines, streaming=True, streaming_rows=50, max_length=20, **held_out)
    assert data.facts["swallowing"]["train"] == {"rows": 2, "first": f"{tmp_path}/train.csv, row 1"}
    assert data.facts["swallowing"]["test"] == {"rows": 0, "first": ""}


def test_the_same_file_with_another_key_is_read_anew(prepare):
    lines = [*ROWS, *SWALLOWING]
    splits = [
        sum(map(len, prepare(lines, **options).splits.values()))
        for options in ({}, {"quoting": "none"}, {"quoting": "double"})
    ]
    assert splits == [len(ROWS) + 1, len(ROWS) + 3, len(ROWS) + 1]
