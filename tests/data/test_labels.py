"""Labels as tools write them: lists of one, marks for each class, one column for each class."""

import json

import pytest

from helpers.reading import in_csv, in_json_lines
from helpers.sources import rows_of
from textlstm.checks import InputError

TEXTS = ["one goal", "shares fall", "two goals"]
EXPECTED = list(zip(TEXTS, ["sports", "money", "sports"], strict=True))


def json_rows(labels, key="label"):
    rows = zip(TEXTS, labels, strict=True)
    return "".join(json.dumps({"text": text, key: label}) + "\n" for text, label in rows)


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        ("label", [["sports"], ["money"], ["sports"]]),
        ("labels", [["sports"], ["money "], ["sports", "sports"]]),
        ("cats", [{"sports": 1.0, "money": 0.0}, {"money": 1}, {"sports": True, "money": None}]),
    ],
)
def test_a_list_of_one_and_marks_are_a_label(write_file, load, key, labels):
    train = load(write_file("rows.jsonl", json_rows(labels, key)), label_column=None)["train"]
    assert rows_of(train) == EXPECTED


@pytest.mark.parametrize("one_a_line", [False, True])
def test_pairs_of_a_text_and_its_annotations_are_read_as_spacy_writes_them(
    write_file, load, one_a_line
):
    labels = [label for _, label in EXPECTED]
    pairs = [
        [text, {"cats": {"sports": label == "sports", "money": label == "money"}, "entities": []}]
        for text, label in zip(TEXTS, labels, strict=True)
    ]
    lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
    written = lines if one_a_line else json.dumps(pairs, indent=1)
    assert rows_of(load(write_file("rows.json", written), label_column=None)["train"]) == EXPECTED


def test_marks_and_lists_are_read_from_parquet(tmp_path, write_file, load):
    from helpers.reading import write_parquet_objects

    cats = [
        {"sports": 1.0, "money": 0.0},
        {"sports": 0.0, "money": 1.0},
        {"sports": 1.0, "money": 0.0},
    ]
    rows = [{"text": text, "cats": marks} for text, marks in zip(TEXTS, cats, strict=True)]
    train = load(write_file("rows.parquet", write_parquet_objects(rows)), label_column="cats")
    assert rows_of(train["train"]) == EXPECTED


@pytest.mark.parametrize(
    ("sports", "money"),
    [
        ([1, 0, 1], [0, 1, 0]),
        ([1.0, 0.0, 1.0], [0.0, 1.0, 0.0]),
        (["TRUE", "FALSE", "true"], ["FALSE", "TRUE", ""]),
        (["x", "", "X"], ["", "x", " "]),
    ],
)
@pytest.mark.parametrize("written", [in_csv, in_json_lines])
def test_one_column_for_each_class(write_file, load, sports, money, written):
    columns = {"text": TEXTS, "sports": sports, "money": money}
    suffix = "csv" if written is in_csv else "jsonl"
    file = write_file(f"rows.{suffix}", written(columns))
    source = load(file, label_column=["sports", "money"])["train"]
    assert rows_of(source) == EXPECTED
    assert source.columns == {"text": ["text"], "label": ["sports", "money"]}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            [["a"], ["a", "b", "c", "d", "e", "f"], ["b"]],
            r"row 2 has 6 labels in the column 'label' \('a', 'b', 'c', 'd', 'e', …\); a text has "
            r"one label here\. Keep one of them, or leave the row out\.$",
        ),
        (
            [{"a": 1, "b": 0}, {"a": 0, "b": 1}, {"a": 1, "b": 1}],
            r"row 3 has 2 labels in the column 'label' \('a', 'b'\); a text has one label here",
        ),
        (
            [{"a": 1, "b": 0}, {"a": 0.3, "b": 0.7}, {"a": 1}],
            r"row 2 holds 0\.3 for the class 'a'; 1 for the class of the row and 0 for the others",
        ),
        ([["a"], [], ["b"]], r"no label in 1 of 3 rows \(column 'label', the first is row 2\)"),
        ([{"a": 1}, {"a": 0}, {"b": 1}], r"no label in 1 of 3 rows \(column 'label', the first is"),
        ([["a"], [{"b": 1}], ["b"]], r"row 2 holds \[\{'b': 1\}\] in the column 'label'"),
    ],
)
def test_a_row_without_exactly_one_label_is_named(write_file, load, labels, message):
    with pytest.raises(InputError, match=message):
        load(write_file("rows.jsonl", json_rows(labels)))


def test_several_columns_that_are_set_are_named(write_file, load):
    file = write_file("rows.csv", "text,a,b\none,1,0\ntwo,1,1\n")
    message = r"row 2 has 2 labels in the columns a, b \('a', 'b'\); a text has one label here"
    with pytest.raises(InputError, match=message):
        load(file, label_column=["a", "b"])


def test_several_labels_of_fasttext_are_named(write_file, load):
    file = write_file("rows.txt", "__label__a one\n__label__a __label__b two\n__label__b three\n")
    with pytest.raises(InputError, match=r"row 2 has 2 labels in the column 'label' \('a', 'b'\)"):
        load(file)


def test_rows_without_a_label_may_be_dropped(write_file, load):
    file = write_file("rows.txt", "__label__a one\nno label\n__label__b two\n")
    source = load(file, drop_empty=True)["train"]
    assert rows_of(source) == [("one", "a"), ("two", "b")]
    assert source.empty == {"text": 0, "label": 1}


def test_labels_inside_of_objects_are_found_by_their_dotted_name(write_file, load):
    rows = [
        {"data": {"text": text}, "annotations": [{"result": [{"value": {"choices": [label]}}]}]}
        for text, label in EXPECTED
    ]
    columns = {"text_column": "data.text", "label_column": "annotations.result.value.choices"}
    train = load(write_file("rows.json", json.dumps(rows, indent=2)), **columns)["train"]
    assert rows_of(train) == EXPECTED

    rows[1]["annotations"] *= 2
    rows[1]["annotations"][1] = {"result": [{"value": {"choices": ["sports"]}}]}
    with pytest.raises(InputError, match=r"row 2 has 2 labels .* \('money', 'sports'\)"):
        load(write_file("rows.json", json.dumps(rows)), **columns)


def test_a_name_inside_that_is_not_there_is_refused_with_those_that_are(write_file, load):
    file = write_file("rows.jsonl", '{"data": {"text": "a"}, "label": "b"}\n' * 2)
    message = (
        r"no column 'data\.txt'\. Did you mean 'data\.text'\? .* data, label, data\.text; name"
    )
    with pytest.raises(InputError, match=message):
        load(file, text_column="data.txt")


def test_damaged_rows_are_counted_and_listed(write_file, load, caplog):
    content = b"text,label\none \xff,a\ntwo,b\nthree,b\xff\nfour,a\n"
    source = load(write_file("rows.csv", content), encoding_errors="replace")["train"]
    assert source.damaged == {"rows": 2, "places": ["row 1", "row 3"]}
    assert (
        "data.train: 2 rows have bytes that are no text, which are read as � (row 1; row 3)."
        in (caplog.text)
    )
    caplog.clear()  # from the cache it is said again
    load(write_file("rows.csv", content), encoding_errors="replace")
    assert "2 rows have bytes that are no text" in caplog.text
