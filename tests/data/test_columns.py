"""Columns: those that are named, and those that are guessed by their usual names."""

import logging

import pytest

from helpers.rows import pairs
from textlstm.checks import InputError


def test_columns_of_other_names_beside_others(read):
    rows = read("id,headline,topic\n1,one,b\n2,two,a\n", text="headline", label="topic")
    assert pairs(rows) == [("one", "b"), ("two", "a")]
    assert rows.columns == {"text": ["headline"], "label": "topic"}


def test_two_text_columns_are_joined(read):
    rows = read("title,body,label\nGoal!,Porto win,a\n,only a body,b\n", text=["title", "body"])
    assert pairs(rows) == [("Goal! Porto win", "a"), ("only a body", "b")]
    assert rows.columns == {"text": ["title", "body"], "label": "label"}


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("id,text,label", "text", "label"),
        ("label,text", "text", "label"),
        ("Review, Sentiment", "Review", " Sentiment"),
        ("TEXT,body,CLASS", "TEXT", "CLASS"),
        (
            "body,title,stars,topic",
            "title",
            "topic",
        ),  # title and topic come first among the usual names
    ],
)
def test_the_usual_columns_are_found_and_named(read, caplog, header, text, label):
    with caplog.at_level(logging.INFO):
        rows = read(
            f"{header}\n{','.join('abcdef'[: header.count(',') + 1])}\n", text=None, label=None
        )
    assert rows.columns == {"text": [text], "label": label}
    assert caplog.messages == [
        f"data.train: texts are read from the column {text!r}, classes from {label!r}."
    ]


def test_the_guess_is_named_each_time_and_a_given_column_never(read, caplog):
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            read("body,label\none,a\n", text=None)
        read("body,label\none,a\n", text="body")
    assert (
        caplog.messages
        == ["data.train: texts are read from the column 'body', classes from 'label'."] * 2
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"text": None},
            r"has none of the usual names for the column of the text \(text, texts.*are words, "
            r"topics;.*text",
        ),
        (
            {"text": "words", "label": None},
            r"usual names for the column of the label.*data\.label_column=…",
        ),
        (
            {"text": "word", "label": "topics"},
            r"no column 'word'\. Did you mean 'words'\? Its columns are words, topics",
        ),
        (
            {"text": "words", "label": "topic"},
            r"no column 'topic'\. Did you mean 'topics'\?.*with data\.label_column=…",
        ),
        ({"text": ["words", "gone"], "label": "topics"}, r"has no column 'gone'\."),
        (
            {"text": "words", "label": "words"},
            r"^data\.text_column and data\.label_column are both 'words'; two columns were "
            r"expected\.$",
        ),
        (
            {"text": ["topics", "words"], "label": "words"},
            r"^data\.text_column and data\.label_column are both 'words'",
        ),
        (
            {"text": [], "label": "words"},
            r"^data\.text_column=\[\] names no column; a name, or a list of names, was",
        ),
        (
            {"text": "words", "label": []},
            r"^data\.label_column must be one name, or a list with the column of each class, got",
        ),
    ],
)
def test_columns_that_cannot_be_read_are_refused(read, columns, message):
    with pytest.raises(InputError, match=message):
        read("words,topics\none,a\n", **columns)
