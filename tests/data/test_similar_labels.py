"""Classes that differ only in case or spaces, and names for labels by a mapping."""

import json

import pytest

from helpers.small import data_settings
from helpers.sources import names_of, rows_of
from textlstm.checks import InputError
from textlstm.data.sources import load_labelled

ROWS = [
    *(("one goal", "sports"), ("two goals", "Sports "), ("three goals", "sports")),
    *(("shares fall", "MONEY"), ("shares rise", "money"), ("four goals", "SPORTS")),
]


def test_similar_classes_are_named_in_a_warning(write_rows, load, caplog):
    train = load(write_rows("train.csv", ROWS))["train"]
    assert train.class_names == ["MONEY", "SPORTS", "Sports", "money", "sports"]
    assert (
        "data.train: some classes differ only in case or spaces ('MONEY', 'money'; 'SPORTS', "
        "'Sports', 'sports'), and are learned apart: data.merge_labels=true joins them."
    ) in caplog.text


def test_different_classes_are_not_warned_of(write_rows, load, caplog):
    load(write_rows("train.csv", [("one", "sports"), ("two", "sport"), ("three", "s ports")]))
    assert caplog.text == ""


def test_similar_classes_are_joined_under_their_most_frequent_name(write_rows, load):
    sources = load(
        write_rows("train.csv", ROWS),
        validation=write_rows("validation.csv", [("five goals", "SpOrTs"), ("six", "Weather")]),
        merge_labels=True,
    )
    train, validation = sources["train"], sources["validation"]
    assert train.class_names == ["MONEY", "sports"]
    assert [label for _, label in rows_of(train)] == ["sports"] * 3 + ["MONEY"] * 2 + ["sports"]
    assert train.merged == [["MONEY", "money"], ["SPORTS", "Sports", "sports"]]
    assert rows_of(validation) == [("five goals", "sports"), ("six", "Weather")]
    assert validation.unseen == ["Weather"]


def test_spaces_inside_and_compatibility_forms_count_as_equal(write_rows, load):
    rows = [("one", "world  news"), ("two", "World news"), ("three", "ﬁlm"), ("four", "film")]
    train = load(write_rows("train.csv", rows), merge_labels=True)["train"]
    assert len(train.class_names) == 2


def test_one_class_that_is_left_is_refused(write_rows, load):
    file = write_rows("train.csv", [("one", "a"), ("two", "A")])
    message = r"has one class, 'A', since data\.merge_labels=true joins all its labels \(A, a\)"
    with pytest.raises(InputError, match=message):
        load(file, merge_labels=True)


def test_another_file_is_read_with_joined_labels(write_rows, tmp_path):
    file = write_rows("new.csv", [("one", "WORLD"), ("two", "sports"), ("three", "Sport")])

    def read(*, merge_labels):
        return load_labelled(
            file,
            data_settings(merge_labels=merge_labels),
            class_names=["Sports", "world"],
            first_number=0,
            cache=tmp_path / "cache",
        )

    assert read(merge_labels=True).labels_N.tolist() == [1, 0, 2]
    assert read(merge_labels=True).unseen == ["Sport"]


@pytest.mark.parametrize(
    ("labels", "names", "expected", "numbers"),
    [
        ([0, 4, 4, 0], {0: "negative", 4: "positive"}, ["negative", "positive"], [0, 1, 1, 0]),
        (
            [-1, 0, 1, "+1"],
            {-1: "bad", 0: "so-so", 1: "good"},
            ["bad", "so-so", "good"],
            [0, 1, 2, 2],
        ),
        (["4.0", "0", "0", "4"], {0: "low", 4: "high"}, ["low", "high"], [1, 0, 0, 1]),
        (
            [1, 2, 3, 5],
            {1: "bad", 2: "bad", 3: "so", 5: "good"},
            ["bad", "so", "good"],
            [0, 0, 1, 2],
        ),
        (["true", "False", "true", "0"], {True: "yes", False: "no"}, ["yes", "no"], [0, 1, 0, 1]),
        (
            ["ham", "S", "S", "ham"],
            {"ham": "wanted", "S": "spam"},
            ["wanted", "spam"],
            [0, 1, 1, 0],
        ),
    ],
)
def test_a_mapping_names_labels(write_rows, load, labels, names, expected, numbers):
    rows = [(f"text {n}", label) for n, label in enumerate(labels)]
    train = load(write_rows("train.csv", rows), label_names=names)["train"]
    assert train.class_names == expected
    assert [expected.index(name) for _, name in rows_of(train)] == numbers


def test_a_mapping_keeps_its_numbers_in_json(write_rows, load, tmp_path):
    given = data_settings(label_names={-1: "bad", 4: "good"})
    recorded = json.loads(json.dumps(given.label_names))
    assert recorded == [[-1, "bad"], [4, "good"]]
    assert data_settings(label_names=recorded) == given

    source = load_labelled(
        write_rows("new.csv", [("one", 4), ("two", -1), ("three", 2)]),
        data_settings(label_names=recorded),
        class_names=["bad", "good"],
        first_number=0,
        cache=tmp_path / "cache",
    )
    assert source.labels_N.tolist() == [1, 0, 2]
    assert names_of(source) == ["bad", "good", "2"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            {0: "a", 1: "b"},
            r"has the label '4', which data\.label_names does not name; it names 0, 1\. Name it, "
            r"too, such as \{4: name\}\.$",
        ),
        ({0: "a"}, r"data\.label_names must name two or more different classes, each with a text"),
        ({0: "a", 4: 5}, r"data\.label_names must name two or more .* got \{0: 'a', 4: 5\}\.$"),
        ({0: "a", "0": "b", 4: "c"}, r"data\.label_names names the label 0 twice; once was"),
        (["a", "b"], r"give a mapping: data\.label_names='\{0: a, 4: b\}'\.$"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(write_rows, load, names, message):
    with pytest.raises(InputError, match=message):
        load(write_rows("train.csv", [("one", 0), ("two", 4)]), label_names=names)
