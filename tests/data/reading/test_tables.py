"""Chunks of rows: their texts, and how a value that is not a text is named."""

import pytest

from textlstm.checks import InputError
from textlstm.data.reading.files import open_table


def test_texts_of_several_columns_are_joined_by_a_space(write_file):
    file = write_file("rows.csv", "title,body\nGoal!,Porto win\n,Only a body\nOnly a title,  \n,\n")
    [chunk] = open_table(str(file), "data.train").chunks(None)
    assert chunk.texts(["title", "body"], "data.train") == [
        "Goal! Porto win",
        "Only a body",
        "Only a title",
        "",
    ]
    assert chunk.texts(["body"], "data.train") == ["Porto win", "Only a body", "  ", ""]


def test_a_value_that_is_no_text_is_named_with_its_row(write_file):
    file = write_file("rows.jsonl", '{"text": "one"}\n{"text": 12}\n')
    [chunk] = open_table(str(file), "data.train").chunks(None)
    with pytest.raises(
        InputError,
        match=r"data\.train: .*rows\.jsonl, row 2 holds 12 in the column 'text', text was",
    ):
        chunk.texts(["text"], "data.train")


def test_a_nul_byte_is_named_with_its_row_and_a_way_out(write_file):
    file = write_file("rows.csv", b"text\none\nt\x00w\x00o\x00\n")
    [chunk] = open_table(str(file), "data.train").chunks(None)
    with pytest.raises(
        InputError, match=r"row 2 holds a NUL byte in the column 'text'.*data\.encoding=utf-16"
    ):
        chunk.texts(["text"], "data.train")
