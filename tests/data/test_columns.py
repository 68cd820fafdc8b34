"""Columns: those that are named, and those that are guessed by their usual names."""

import csv
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


ODD_NAMES = [
    "What could we improve? (please be specific)",
    "Overall, how satisfied are you?",
    "[title,words]",
    'it\'s "quoted" {x} ${y}',
    "1",
    "null",
    " spaced ",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_that_stands_in_the_header_is_that_column(tmp_path, load, name):
    with open(tmp_path / "rows.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[name, "title", "words"], ["a", "x", "one"], ["b", "y", "two"]])
    path = str(tmp_path / "rows.csv")
    train = load(
        path, text_column="[title,words]" if name[0] != "[" else "words", label_column=name
    )
    assert train["train"].columns["label"] == name
    assert train["train"].class_names == ["a", "b"]
    train = load(path, text_column=name, label_column="words")["train"]
    assert list(train.texts()) == ["a", "b"]


@pytest.mark.parametrize(
    ("typed", "columns"),
    [
        ("[title,body]", ["title", "body"]),
        ("[ title , 'body' ]", ["title", "body"]),
        ('["so, what?",title]', ["so, what?", "title"]),
        ("[body]", ["body"]),
        (["so, what?", "body"], ["so, what?", "body"]),
    ],
)
def test_a_list_in_brackets_names_several_columns(read, typed, columns):
    rows = read('title,body,"so, what?",label\nA,b,c,x\nB,e,f,y\n', text=typed)
    assert rows.columns["text"] == columns


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("[title,boddy]", r"has no column 'boddy'\. Did you mean 'body'\?"),
        (
            "so, what",
            r"has no column 'so, what'.*Its columns are title, body, 'so, what\?', label;",
        ),
        ("[]", r"^data\.text_column=\[\] names no column"),
        (
            "2",
            r"has no column '2'\. .*=… If the file has no header, data\.header=false",
        ),  # positions are for files without a header
    ],
)
def test_what_is_no_column_is_named(read, typed, message):
    with pytest.raises(InputError, match=message):
        read('title,body,"so, what?",label\nA,b,c,x\n', text=typed)


def test_a_column_without_a_name_of_its_own_is_refused_where_it_is_read(read):
    content = "label,text,note,note,,\na,one,1,2,3,4\nb,two,1,2,3,4\n"
    assert pairs(read(content)) == [("one", "a"), ("two", "b")]
    with pytest.raises(
        InputError, match=r"has two columns 'note': each needs a name of its own\.$"
    ):
        read(content, text="note")
    with pytest.raises(
        InputError, match=r"no column 'x'\. Its columns are .* and 2 without a name;"
    ):
        read(content, text="x")


HEADERLESS = "ham,see you\nspam,free\nham,ok\n"


@pytest.mark.parametrize(
    ("settings", "columns"),
    [
        ({"text_column": "2", "label_column": "1"}, {"text": ["2"], "label": "1"}),
        ({"text_column": 2, "label_column": 1}, {"text": ["2"], "label": "1"}),
        ({"columns": "[label,text]"}, {"text": ["text"], "label": "label"}),
        (
            {"columns": ["x", "y"], "text_column": "2", "label_column": "x"},
            {"text": ["y"], "label": "x"},
        ),
        (
            {"columns": "[2,1]", "text_column": "1", "label_column": "2"},
            {"text": ["1"], "label": "2"},
        ),
    ],
)
def test_columns_without_a_header_are_positions_or_names_of_data_columns(
    write_file, load, settings, columns
):
    file = write_file("rows.csv", HEADERLESS)
    settings = {"text_column": None, "label_column": None, "header": False, **settings}
    train = load(file, **settings)["train"]
    assert list(train.texts()) == ["see you", "free", "ok"]
    assert train.class_names == ["ham", "spam"]
    assert train.columns == columns


@pytest.mark.parametrize(
    "settings",
    [
        {"text_column": None, "label_column": None},
        {"text_column": "text", "label_column": "label"},
        {"text_column": "2", "label_column": "1"},
    ],
)
def test_a_file_without_a_header_is_told_how_to_be_read(write_file, load, settings):
    with pytest.raises(InputError) as raised:
        load(write_file("rows.csv", HEADERLESS), **settings)
    assert str(raised.value).partition("rows.csv")[2] == (
        " seems to have no header: its first row holds 'ham', 'see you', like the rows below. Give "
        "data.header=false with positions from 1, such as data.text_column=2 data.label_column=1, "
        "or with a name for each of the 2 columns, data.columns=[…]; or data.header=true if these "
        "are the names."
    )


def test_a_number_in_the_first_row_of_data_is_no_name(write_file, load):
    file = write_file("rows.csv", "3,one\n1,two\n3,three\n")
    with pytest.raises(InputError, match="seems to have no header"):
        load(file, text_column="one", label_column="3")
    assert load(file, text_column="one", label_column="3", header=True)["train"].class_names == [
        "1",
        "3",
    ]


def test_without_header_and_names_the_first_row_shows_the_positions(write_file, load):
    with pytest.raises(
        InputError,
        match=r"Its columns are 1, 2; name one with data\.text_column=… "
        r"Row 1 holds 'ham', 'see you'\.$",
    ):
        load(write_file("rows.csv", HEADERLESS), text_column=None, header=False)
    with pytest.raises(InputError, match=r"has no column '3'\."):
        load(write_file("rows.csv", HEADERLESS), text_column="3", label_column="1", header=False)
