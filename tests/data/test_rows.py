"""Rows: what a label is, what is dropped, what is refused, and what the cache keeps."""

import logging
from functools import partial

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from helpers.rows import pairs
from helpers.small import data_settings
from helpers.sources import json_lines
from textlstm.checks import InputError
from textlstm.data.reading.files import open_table
from textlstm.data.rows import SCHEMA, Origin, place_of, read_rows


def test_texts_and_labels_as_they_stand(read):
    rows = read("text,label\n One  GOAL ,sports\ntwo,money\nthree, sports \n")
    assert pairs(rows) == [(" One  GOAL ", "sports"), ("two", "money"), ("three", "sports")]
    assert rows.labels == ["sports", "money"]
    assert rows.columns == {"text": ["text"], "label": "label"}


def test_texts_that_look_like_other_values_stay_texts(read):
    texts = ["NA", "null", "None", "nan", "12", "007", "1.50", "true"]
    rows = read("text,label\n" + "".join(f"{text},{text}\n" for text in texts))
    assert pairs(rows) == [(text, text) for text in texts]


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ([1, 2, 1], ["1", "2"]),
        ([1.0, 2.0, 1.0], ["1.0", "2.0"]),
        (["1.0", "2", "1"], ["1.0", "2", "1"]),
        (["01", "02", "+1"], ["01", "02", "+1"]),
        ([True, False], ["True", "False"]),
        ([2**53, 2**53 + 1], ["9007199254740992", "9007199254740993"]),
        ([" low ", 0.5], ["low", "0.5"]),
    ],
)
def test_labels_are_kept_as_they_are_written(read, written, labels):
    assert read(json_lines([("one", label) for label in written]), "rows.jsonl").labels == labels


def test_a_column_that_is_named_as_usual_goes_before_one_with_a_space(read):
    for header in ("text,text ,label", "text ,text,label"):
        rows = read(f"{header}\nyes,yes,a\n", text=None)
        assert rows.columns == {"text": ["text"], "label": "label"}


def test_rows_without_text_or_label_are_dropped_and_counted(read, caplog):
    content = json_lines(
        [
            ("one", "a"),
            ("", "a"),
            (None, "b"),
            (" \t", "b"),
            ("two", None),
            ("three", " "),
            (None, ""),
        ]
    )
    with caplog.at_level(logging.INFO):
        rows = read(content, "rows.jsonl", drop_empty=True)
        again = read(content, "rows.jsonl", drop_empty=True)
    assert pairs(rows) == pairs(again) == [("one", "a")]
    assert rows.empty == again.empty == {"text": 4, "label": 3}
    assert (
        caplog.messages == ["data.train: dropped rows: 4 without a text and 3 without a label."] * 2
    )


def test_classes_that_only_dropped_rows_have_are_no_classes(read):
    assert read("text,label\none,a\n,b\n", drop_empty=True).labels == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "text,label\none,a\n,b\n",
            r"has no text in 1 of 2 rows \(column 'text', the first is row 2\); rows are counted",
        ),
        (
            "text,label\none,a\n  ,b\n \t,b\n",
            r"has no text in 2 of 3 rows \(.*, the first is row 2\); rows",
        ),
        (
            "text,label\none,a\ntwo,b\nthree,\n",
            r"has no label in 1 of 3 rows \(column 'label', the first is row 3\)",
        ),
        (
            "text,label\none,a\ntwo,b\n,\n",
            r"the first is row 3\).* drop them with data\.drop_empty=true\.",
        ),
        (
            "text,label\none,\ntwo,b\n,\n",
            r"has no text in 1 of 3 rows \(column 'text', the first is row 3\) and no label in 2 "
            r"of 3 rows \("
            r"column 'label', the first is row 1\); rows are counted from 1 without the header\.",
        ),
        (
            "text,label\n" + "one,a\n" * 1200 + ",a\n",
            r"no text in 1 of 1,201 rows .*, the first is row 1201\)",
        ),
    ],
)
def test_rows_without_text_or_label_are_refused_unless_they_may_be_dropped(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content)


def test_of_many_files_the_one_with_the_first_empty_row_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\none,a\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("text,label\ntwo,b\nthree,\n", encoding="utf-8")
    path = f"{tmp_path}/*.csv"
    files = [f"{tmp_path}/{name}.csv" for name in "ab"]
    opened = partial(open_table, path, "data.train")
    origin = Origin("data.train", path, opened, "content", {}, files)
    message = (
        r"\*\.csv has no label in 1 of 3 rows \(column 'label', the first is .*/b\.csv, row 2\); "
        r"rows"
    )
    with pytest.raises(InputError, match=message):
        read_rows(
            origin, data_settings(text_column="text", label_column="label"), tmp_path / "cache"
        )


def test_nothing_is_left_where_each_row_is_dropped(read):
    with pytest.raises(
        InputError, match=r"rows\.csv has 2 rows, none with a text \(column 'text'\) and a label \("
    ):
        read("text,label\n,a\none,\n", drop_empty=True)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            '{"text": "two", "label": [["a"]]}',
            r"row 2 holds \[\['a'\]\] in the column 'label'; names, whole numbers or bool",
        ),
        (
            '{"text": ["two"], "label": "a"}',
            r"row 2 holds \['two'\] in the column 'text', text was expected",
        ),
        (
            '{"text": "half a \\ud83d pair", "label": "a"}',
            r"row 2 holds half of a surrogate pair .* column 'text': write",
        ),
        (
            '{"text": "two", "label": "\\ud800"}',
            r"row 2 holds half of a surrogate pair .* in the column 'label': write",
        ),
        (
            '{"text": "two", "label": "a\\u0000"}',
            r"row 2 holds a NUL byte in the column 'label', which no text has\.",
        ),
        (
            '{"text": "two\\u0000", "label": "a"}',
            r"row 2 holds a NUL byte in the column 'text', which no text has\.",
        ),
    ],
)
def test_values_that_cannot_be_used_are_named_with_their_row(read, row, message):
    with pytest.raises(InputError, match=message):
        read('{"text": "one", "label": "a"}\n' + row, "rows.jsonl")


def test_class_names_of_a_parquet_file_name_its_numbers_and_hidden_labels_are_none(read, tmp_path):
    features = Features(
        {"text": Value("string"), "label": ClassLabel(names=["zebra", "ant", "bee"])}
    )
    rows = Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    rows.to_parquet(tmp_path / "rows.parquet")
    rows = read(None, "rows.parquet", drop_empty=True)
    assert pairs(rows) == [("a", "ant"), ("b", "zebra")]
    assert rows.class_names == ["zebra", "ant", "bee"]
    assert rows.empty == {"text": 0, "label": 1}


def test_rows_are_read_once(read, monkeypatch):
    content = "text,label\none,a\nONE,b\n"
    first = read(content)
    monkeypatch.setattr("textlstm.data.rows._write", lambda *arguments: pytest.fail("read again"))
    again = read(content)
    assert pairs(again) == pairs(first) == [("one", "a"), ("ONE", "b")]
    assert again.key == first.key


@pytest.mark.parametrize(
    "change",
    [{"content": "text,label\none,b\n"}, {"text": None}, {"label": None}, {"drop_empty": True}],
)
def test_other_content_and_other_settings_are_read_anew(read, change):
    content = "text,label\none,a\n"
    assert read(**{"content": content, **change}).key != read(content).key


def test_the_place_of_a_label_is_its_first_row(origin, read, tmp_path):
    content = "text,label\n" + "one,a\n" * 1100 + "two,2.0\nthree,2\nfour,2.0\n"
    rows = read(content)
    for label, row in (("a", 1), ("2.0", 1101), ("2", 1102)):
        assert place_of(origin(content), rows, label) == f"{tmp_path}/rows.csv, row {row}"


def damage_rows(entry):
    content = (entry / "rows.arrow").read_bytes()
    (entry / "rows.arrow").unlink()  # and not changed in place, where it may still be in memory
    (entry / "rows.arrow").write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "damage",
    [
        damage_rows,
        lambda entry: (entry / "rows.arrow").unlink(),
        lambda entry: (entry / "facts.json").unlink(),
        lambda entry: (entry / "facts.json").write_text("", encoding="utf-8"),
    ],
)
def test_a_damaged_entry_of_the_cache_is_made_anew(read, tmp_path, damage):
    content = "text,label\none,a\ntwo,b\n"
    read(content)
    [entry] = (tmp_path / "cache").iterdir()
    before = {file.name: file.read_bytes() for file in entry.iterdir()}
    damage(entry)
    assert pairs(read(content)) == [("one", "a"), ("two", "b")]
    assert {file.name: file.read_bytes() for file in entry.iterdir()} == before
    assert list((tmp_path / "cache").iterdir()) == [entry]


@pytest.mark.parametrize(
    ("name", "left"), [("facts.json", b"{}"), ("rows.arrow", SCHEMA.serialize().to_pybytes())]
)
def test_an_entry_of_the_cache_that_lacks_facts_or_rows_is_made_anew(read, tmp_path, name, left):
    content = "text,label\none,a\ntwo,b\n"
    read(content)
    [entry] = (tmp_path / "cache").iterdir()
    (entry / name).unlink()
    (entry / name).write_bytes(left)
    assert pairs(read(content)) == [("one", "a"), ("two", "b")]
