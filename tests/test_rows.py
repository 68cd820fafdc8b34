"""Rows: which columns are read, what a label is, what is dropped, what counts as a duplicate, and what is kept."""

import json
import logging
from functools import partial

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from textlstm.checks import InputError
from textlstm.files import open_table
from textlstm.rows import Columns, Origin, duplicate_numbers, place_of, read_rows


@pytest.fixture
def origin(tmp_path):
    """The origin of a new file, whose content is known by its bytes."""

    def origin(content, name="rows.csv"):
        file = tmp_path / name
        if content is not None:
            file.write_text(content, encoding="utf-8")
        opened = partial(open_table, str(file), "data.train")
        return Origin("data.train", str(file), opened, file.read_bytes().hex(), {})

    return origin


@pytest.fixture
def read(origin, tmp_path):
    def read(content, name="rows.csv", *, text="text", label="label", drop_empty=False):
        return read_rows(origin(content, name), Columns(text, label, drop_empty), tmp_path / "cache")

    return read


def pairs(rows):
    return list(zip(rows.rows["text"], [rows.labels[code] for code in rows.codes()], strict=True))


def json_lines(rows):
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def test_texts_and_labels_as_they_stand(read):
    rows = read("text,label\n One  GOAL ,sports\ntwo,money\nthree, sports \n")
    assert pairs(rows) == [(" One  GOAL ", "sports"), ("two", "money"), ("three", "sports")]
    assert rows.labels == ["sports", "money"]
    assert rows.columns == {"text": ["text"], "label": "label"}


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
        ("body,title,stars,topic", "title", "topic"),  # title and topic come first among the usual names
    ],
)
def test_the_usual_columns_are_found_and_named(read, caplog, header, text, label):
    with caplog.at_level(logging.INFO):
        rows = read(f"{header}\n{','.join('abcdef'[: header.count(',') + 1])}\n", text=None, label=None)
    assert rows.columns == {"text": [text], "label": label}
    assert caplog.messages == [f"data.train: texts are read from the column {text!r}, classes from {label!r}."]


def test_the_guess_is_named_each_time_and_a_given_column_never(read, caplog):
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            read("body,label\none,a\n", text=None)
        read("body,label\none,a\n", text="body")
    assert caplog.messages == ["data.train: texts are read from the column 'body', classes from 'label'."] * 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"text": None},
            r"has none of the usual names for the column of the text \(text, texts.*are words, topics;.*text",
        ),
        ({"text": "words", "label": None}, r"usual names for the column of the label.*data\.label_column=…"),
        (
            {"text": "word", "label": "topics"},
            r"no column 'word'\. Did you mean 'words'\? Its columns are words, topics",
        ),
        (
            {"text": "words", "label": "topic"},
            r"no column 'topic'\. Did you mean 'topics'\?.*with data\.label_column=…",
        ),
        ({"text": ["words", "gone"], "label": "topics"}, r"has no column 'gone'\."),
        ({"text": "words", "label": "words"}, r"data\.text_column=words and data\.label_column=words must name diff"),
        (
            {"text": ["topics", "words"], "label": "words"},
            r"data\.text_column=\['topics', 'words'\] and .* must name diff",
        ),
        (
            {"text": [], "label": "words"},
            r"data\.text_column=\[\] and .* must name different columns, at least one each",
        ),
    ],
)
def test_columns_that_cannot_be_read_are_refused(read, columns, message):
    with pytest.raises(InputError, match=message):
        read("words,topics\none,a\n", **columns)


def test_texts_that_look_like_other_values_stay_texts(read):
    texts = ["NA", "null", "None", "nan", "12", "007", "1.50", "true"]
    rows = read("text,label\n" + "".join(f"{text},{text}\n" for text in texts))
    assert pairs(rows) == [(text, text) for text in texts]


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ([1, 2, 1], ["1", "2"]),
        ([1.0, 2.0, 1.0], ["1", "2"]),
        (["1.0", "2", "1"], ["1", "2", "1"]),  # two spellings of one class
        (["-1", "+1"], ["-1", "1"]),
        ([True, False], ["True", "False"]),
        ([0.5, 1.0], ["0.5", "1.0"]),
        (["1.0", "low"], ["1.0", "low"]),
    ],
)
def test_numbers_that_are_whole_are_read_as_whole(read, written, labels):
    assert read(json_lines([("one", label) for label in written]), "rows.jsonl").labels == labels


def test_rows_without_text_or_label_are_dropped_and_counted(read, caplog):
    content = json_lines(
        [("one", "a"), ("", "a"), (None, "b"), (" \t", "b"), ("two", None), ("three", " "), (None, "")]
    )
    with caplog.at_level(logging.INFO):
        rows = read(content, "rows.jsonl", drop_empty=True)
        again = read(content, "rows.jsonl", drop_empty=True)
    assert pairs(rows) == pairs(again) == [("one", "a")]
    assert rows.empty == again.empty == {"text": 4, "label": 3}
    assert caplog.messages == ["data.train: dropped rows: 4 without a text and 3 without a label."] * 2


def test_classes_that_only_dropped_rows_have_are_no_classes(read):
    assert read("text,label\none,a\n,b\n", drop_empty=True).labels == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "text,label\none,a\n,b\n",
            r"1 of 2 rows without a text \(column 'text'\), the first is row 2 \(counted",
        ),
        ("text,label\none,a\n  ,b\n \t,b\n", "2 of 3 rows without a text .*, the first is row 2 "),
        (
            "text,label\none,a\ntwo,b\nthree,\n",
            r"1 of 3 rows without a label \(column 'label'\), the first is row 3 ",
        ),
        ("text,label\none,a\ntwo,b\n,\n", r"1 of 3 rows without a text .*drop them with data\.drop_empty=true\."),
        ("text,label\n" + "one,a\n" * 1200 + ",a\n", "1 of 1,201 rows without a text .*, the first is row 1201 "),
    ],
)
def test_rows_without_text_or_label_are_refused_unless_they_may_be_dropped(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content)


def test_of_many_files_the_one_with_the_first_empty_row_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\none,a\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("text,label\ntwo,b\nthree,\n", encoding="utf-8")
    path = f"{tmp_path}/*.csv"
    origin = Origin("data.train", path, partial(open_table, path, "data.train"), "content", {})
    message = r"\*\.csv has 1 of 3 rows without a label \(column 'label'\), the first is row 2 of .*/b\.csv \(counted"
    with pytest.raises(InputError, match=message):
        read_rows(origin, Columns("text", "label", drop_empty=False), tmp_path / "cache")


def test_nothing_is_left_where_each_row_is_dropped(read):
    with pytest.raises(InputError, match=r"rows\.csv has no row with a text and a label among its 2\."):
        read("text,label\n,a\none,\n", drop_empty=True)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"text": "two", "label": ["a"]}', r"row 2 holds \['a'\] in the column 'label'; names, whole numbers or bool"),
        ('{"text": ["two"], "label": "a"}', r"row 2 holds \['two'\] in the column 'text', text was expected"),
        ('{"text": "half a \\ud83d pair", "label": "a"}', r"row 2 holds half of a surrogate pair"),
    ],
)
def test_values_that_cannot_be_used_are_named_with_their_row(read, row, message):
    with pytest.raises(InputError, match=message):
        read('{"text": "one", "label": "a"}\n' + row, "rows.jsonl")


def test_class_names_of_a_parquet_file_name_its_numbers_and_hidden_labels_are_none(read, tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant", "bee"])})
    rows = Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    rows.to_parquet(tmp_path / "rows.parquet")
    rows = read(None, "rows.parquet", drop_empty=True)
    assert pairs(rows) == [("a", "ant"), ("b", "zebra")]
    assert rows.class_names == ["zebra", "ant", "bee"]
    assert rows.empty == {"text": 0, "label": 1}


@pytest.mark.parametrize(
    ("one", "other"),
    [("Café  win", "CAFE\u0301 win "), ("ﬁnal", "Final"), ("１２ goals", "12\u00a0 goals "), ("Straße", "STRASSE")],
)
def test_duplicates_differ_in_case_white_space_and_compatibility_forms_alone(one, other):
    first, second, third = duplicate_numbers([one, other, f"{one}!"])
    assert first == second
    assert first != third


def test_duplicate_numbers_are_the_same_in_each_process():
    assert duplicate_numbers(["a bank"]).tolist() == duplicate_numbers(["A  BANK "]).tolist() == [17850115218400004455]


def test_rows_are_read_once(read, monkeypatch):
    content = "text,label\none,a\nONE,b\n"
    first = read(content)
    monkeypatch.setattr("textlstm.rows._write", lambda *arguments: pytest.fail("read again"))
    again = read(content)
    assert pairs(again) == pairs(first) == [("one", "a"), ("ONE", "b")]
    assert again.key == first.key


@pytest.mark.parametrize(
    "change", [{"content": "text,label\none,b\n"}, {"text": None}, {"label": None}, {"drop_empty": True}]
)
def test_other_content_and_other_settings_are_read_anew(read, change):
    content = "text,label\none,a\n"
    assert read(**{"content": content, **change}).key != read(content).key


def test_the_place_of_a_label_is_its_first_row(origin, read, tmp_path):
    content = "text,label\n" + "one,a\n" * 1100 + "two,2.0\nthree,2\n"
    rows = read(content)
    for label in ("2.0", "2"):
        assert place_of(origin(content), rows, label) == f"{tmp_path}/rows.csv, row 1101"
