"""JSON documents of every shape in which tools write tables, and fields inside of objects."""

import json

import pandas as pd
import pytest

from helpers.reading import assert_refused, objects, read, write_parquet_objects
from textlstm.data.reading.files import open_table

COLUMNS = {"text": ["one\ngoal", "shares {fall}", "Zwölf"], "label": ["sports", "money", None]}
ROWS = list(zip(*COLUMNS.values(), strict=True))
FRAME = pd.DataFrame(COLUMNS)


@pytest.mark.parametrize("orientation", ["columns", "index", "records", "split", "table"])
@pytest.mark.parametrize("indent", [None, 2])
def test_every_orientation_that_pandas_writes(tmp_path, orientation, indent):
    FRAME.to_json(tmp_path / "rows.json", orient=orientation, indent=indent)
    assert read(tmp_path / "rows.json", ["text", "label"]) == ROWS


def test_pandas_columns_with_an_index_of_names(tmp_path):
    frame = FRAME.set_index(pd.Index(["a", "b", "c"]))
    for orientation in ("columns", "index"):
        frame.to_json(tmp_path / "rows.json", orient=orientation)
        assert read(tmp_path / "rows.json", ["text", "label"]) == ROWS


@pytest.mark.parametrize(
    "document",
    [
        {"data": objects(COLUMNS)},
        {"version": "1.0", "meta": {"by": "us"}, "rows": objects(COLUMNS)},
        {"export": {"tool": "x", "examples": objects(COLUMNS)}},
        COLUMNS,
    ],
    ids=["one key", "beside others", "deeper", "lists"],
)
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_document_that_holds_the_rows(write_file, document, indent, suffix):
    content = json.dumps(document, indent=indent, ensure_ascii=False)
    assert read(write_file(f"rows{suffix}", content), ["text", "label"]) == ROWS


def test_indented_objects_behind_each_other(write_file):
    content = "\n".join(json.dumps(row, indent=2) for row in objects(COLUMNS))
    assert read(write_file("rows.json", content)) == ROWS


def test_one_object_is_one_row_whatever_it_holds(write_file):
    row = {"text": "one", "tags": [{"name": "x"}], "label": "a"}
    assert read(write_file("rows.jsonl", json.dumps(row)), ["text", "label"]) == [("one", "a")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            json.dumps({"train": objects(COLUMNS), "test": objects(COLUMNS)}),
            r"rows\.json holds several arrays of objects \(train, test\): one was expected\. Write",
        ),
        (
            json.dumps({"text": ["a", "b"], "label": ["c"]}),
            r"rows\.json holds columns of different lengths \(text 2, label 1\); a value for each",
        ),
        ('\n{\n"text": "a",\n"label"\n}', r"rows\.json, line 5 is no JSON \(Expecting ':' delim"),
        ('{"data": []}', r"rows\.json holds no object with keys; objects such as"),
    ],
)
def test_a_document_without_one_table_is_refused(write_file, content, message):
    assert_refused(write_file("rows.json", content), message)


NESTED = [
    {
        "id": n,
        "data": {"text": text, "meta": {"lang": "en"}},
        "annotations": [{"result": [{"value": {"choices": [label]}}]}],
    }
    for n, (text, label) in enumerate([("one goal", "sports"), ("shares fall", "money")])
]
NAMES = ["data.text", "annotations.result.value.choices", "data.meta.lang"]


@pytest.mark.parametrize("kind", ["rows.json", "rows.jsonl", "rows.parquet"])
def test_what_lies_inside_objects_has_a_dotted_name(write_file, kind):
    written = {
        "rows.json": lambda: json.dumps(NESTED, indent=1).encode(),
        "rows.jsonl": lambda: "\n".join(map(json.dumps, NESTED)).encode(),
        "rows.parquet": lambda: write_parquet_objects(NESTED),
    }
    file = write_file(kind, written[kind]())
    assert read(file, NAMES) == [("one goal", ["sports"], "en"), ("shares fall", ["money"], "en")]
    table = open_table(file, "data.train")
    assert table.columns == ["id", "data", "annotations"]
    assert set(NAMES) < set(table.names())


def test_a_key_with_a_dot_is_found_before_what_lies_inside(write_file):
    row = {"data.text": "outer", "data": {"text": "inner", "a.b": "dotted"}}
    file = write_file("rows.jsonl", json.dumps(row) + "\n" + json.dumps(row))
    assert read(file, ["data.text", "data.a.b"]) == [("outer", "dotted")] * 2


def test_what_an_object_lacks_inside_is_none(write_file):
    file = write_file("rows.jsonl", '{"a": {"b": 1}}\n{"a": {}}\n{"a": null}\n{}\n')
    assert read(file, ["a.b"]) == [(1,), (None,), (None,), (None,)]
