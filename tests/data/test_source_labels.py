"""Sources: which classes labels are, in which order, and one error for labels that are none."""

import os
from collections import Counter

import pytest
from datasets import ClassLabel, Features, Value

from helpers.sources import CSV, json_lines, names_of, rows_of, write_parquet
from textlstm.checks import InputError

pytestmark = pytest.mark.usefixtures("own_hub_cache")


def test_a_folder_of_classes_is_one_source(write_file, load, tmp_path):
    write_file("neg/1.txt", "bad film")
    write_file("pos/1.txt", "good film")
    write_file("pos/2.txt", "fine\nfilm")
    train = load(str(tmp_path), text_column=None, label_column=None)["train"]
    assert rows_of(train) == [("bad film", "neg"), ("good film", "pos"), ("fine\nfilm", "pos")]
    assert names_of(train) == ["neg", "pos"]


def test_a_class_whose_name_is_no_utf_8_is_refused(write_file, load, tmp_path):
    write_file("pos/1.txt", "good film")
    (tmp_path / os.fsdecode(b"n\xe9g")).mkdir()
    write_file(os.fsdecode(b"n\xe9g/1.txt"), "bad film")
    message = (
        r"^data\.train: .*/n\udce9g/1\.txt holds half of a surrogate pair .* in the column "
        r"'label': write the whole"
    )
    with pytest.raises(InputError, match=message):
        load(str(tmp_path))


def test_string_labels_are_in_alphabetical_order(write_file, load):
    train = load(write_file("rows.csv", CSV))["train"]
    assert names_of(train) == ["business", "sports"]
    assert train.labels_N.tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
@pytest.mark.parametrize("kind", [int, float])
def test_whole_number_labels_are_in_numeric_order(write_file, load, tmp_path, name, kind):
    rows = [("ten", kind(10)), ("two", kind(2)), ("one", kind(1)), ("ten again", kind(10))]
    if name == "rows.parquet":
        write_parquet(tmp_path / name, rows)
    else:
        csv = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
        write_file(name, csv if name == "rows.csv" else json_lines(rows))
    train = load(str(tmp_path / name))["train"]
    assert names_of(train) == ["1", "2", "10"]
    assert train.labels_N.tolist() == [2, 1, 0, 2]


def test_labels_of_which_only_some_are_written_as_fractions_are_the_same_classes(write_file, load):
    splits = load(
        write_file("a.csv", "text,label\none,1.0\ntwo,2.0\n"),
        test=write_file("b.csv", "text,label\nthree,2\n"),
    )
    assert names_of(splits["train"]) == ["1", "2"]
    assert rows_of(splits["test"]) == [("three", "2")]


@pytest.mark.parametrize(
    ("train", "test", "names", "tested"),
    [
        (["1.0", "2.0"], "2", ["1", "2"], "2"),
        (["1", "2"], "2.0", ["1", "2"], "2"),
        (["10.0", "9"], "10.00", ["9", "10"], "10"),
        (["1.0", "low"], "1.0", ["1.0", "low"], "1.0"),
        (["02", "01"], "02", ["01", "02"], "02"),
        (["-1", "+1"], "+1.0", ["-1", "+1"], "+1"),
        (["9007199254740993", "9007199254740992"], "9007199254740992", None, "9007199254740992"),
    ],
)
def test_whole_numbers_are_classes_as_the_training_file_writes_them(
    write_file, load, train, test, names, tested
):
    rows = "".join(f"text,{label}\n" for label in train)
    splits = load(
        write_file("a.csv", "text,label\n" + rows),
        test=write_file("b.csv", f"text,label\nthree,{test}\n"),
    )
    assert names_of(splits["train"]) == (names or train)
    assert rows_of(splits["test"]) == [("three", tested)]


def test_one_class_in_two_spellings_is_one_class(write_file, load):
    with pytest.raises(
        InputError,
        match=r"rows\.csv has the label '1' in each row; at least two classes were expected",
    ):
        load(write_file("rows.csv", "text,label\none,1\ntwo,1.0\n"))


def test_true_and_false_are_labels(write_file, load):
    rows = [("one", True), ("two", False), ("three", True)]
    expected = [("one", "True"), ("two", "False"), ("three", "True")]
    assert rows_of(load(write_file("rows.jsonl", json_lines(rows)))["train"]) == expected


def test_class_names_of_a_parquet_file_are_kept_in_their_order(load, tmp_path):
    features = Features(
        {"text": Value("string"), "label": ClassLabel(names=["zebra", "nobody", "ant"])}
    )
    write_parquet(tmp_path / "rows.parquet", [("a", 2), ("b", 0)], features=features)
    train = load(str(tmp_path / "rows.parquet"))["train"]
    assert names_of(train) == ["zebra", "nobody", "ant"]
    assert rows_of(train) == [("a", "ant"), ("b", "zebra")]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 1, 0], ["neg", "pos", "neg"]),
        ([1, 2, 1], ["neg", "pos", "neg"]),
        ([1.0, 2.0, 1.0], ["neg", "pos", "neg"]),
        ([False, True, False], ["neg", "pos", "neg"]),
        ([True, False, True], ["pos", "neg", "pos"]),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_label_names_name_numbers_from_0_or_1_and_booleans(
    write_file, load, name, labels, expected
):
    rows = [(f"text {n}", label) for n, label in enumerate(labels)]
    csv = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
    train = load(
        write_file(name, csv if name == "rows.csv" else json_lines(rows)),
        label_names=["neg", "pos"],
    )["train"]
    assert names_of(train) == ["neg", "pos"]
    assert [label for _, label in rows_of(train)] == expected


def test_label_names_name_true_and_false_however_they_are_written(write_file, load):
    file = write_file("rows.csv", "text,label\none,true\ntwo,FALSE\nthree,True\n")
    assert rows_of(load(file, label_names=["no", "yes"])["train"]) == [
        ("one", "yes"),
        ("two", "no"),
        ("three", "yes"),
    ]


def test_label_names_beside_names_in_the_file_are_refused(load, tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant"])})
    write_parquet(tmp_path / "rows.parquet", [("a", 0), ("b", 1)], features=features)
    message = r"rows\.parquet brings names for its labels; leave data\.label_names out\.$"
    with pytest.raises(InputError, match=message):
        load(str(tmp_path / "rows.parquet"), label_names=["no", "yes"])


def test_names_in_another_file_are_the_classes_of_label_names(write_file, load):
    train = write_file("train.csv", "text,label\none,0\ntwo,1\n")
    splits = load(
        train, test=write_file("test.csv", "text,label\nthree,yes\n"), label_names=["no", "yes"]
    )
    assert rows_of(splits["test"]) == [("three", "yes")]


def test_label_names_keep_their_order_and_their_classes_without_rows(write_file, load):
    train = load(write_file("rows.csv", "text,label\none,0\ntwo,2\n"), label_names=["z", "y", "x"])[
        "train"
    ]
    assert names_of(train) == ["z", "y", "x"]
    assert rows_of(train) == [("one", "z"), ("two", "x")]


def test_label_names_count_from_where_training_counts(write_file, load):
    splits = load(
        write_file("train.csv", "text,label\none,1\ntwo,2\n"),
        test=write_file("test.csv", "text,label\nthree,1\n"),
        label_names=["neg", "pos"],
    )
    assert rows_of(splits["test"]) == [("three", "neg")]


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (
            ["0", "3"],
            ["a", "b"],
            r"has labels from 0 to 3; data\.label_names gives 2 names, for 0 to 1 or 1 to 2\.",
        ),
        (["0", "1", "2"], ["a", "b"], r"has labels from 0 to 2; data\.label_names gives 2 names"),
        (["-1", "1"], ["a", "b"], r"has labels from -1 to 1; data\.label_names gives 2 names"),
        (
            ["0", "x"],
            ["a", "b"],
            r"has the label 'x'; data\.label_names names whole numbers and booleans\. Leave it "
            r"out: these",
        ),
        (
            ["0", "1"],
            ["a", "a"],
            r"data\.label_names must be a list of two or more different names, got \['a', 'a'\]\.",
        ),
        (
            ["0", "1"],
            "ab",
            r"data\.label_names must be a list of two or more different names, got 'ab'\.",
        ),
        (
            ["0", "1"],
            ["a"],
            r"data\.label_names must be a list of two or more different names, got \['a'\]\.",
        ),
        (
            ["0", "1"],
            ["a", ""],
            r"data\.label_names must be a list of two or more different names, got \['a', ''\]\.",
        ),
        (
            ["0", "1"],
            [0, 1],
            r"data\.label_names must be a list of two or more different names, got \[0, 1\]\.",
        ),
        (["0", "1"], ["a", None], r"two or more different names, got \['a', None\]\."),
        (["0", "1"], [["a"], "b"], r"two or more different names, got \[\['a'\], 'b'\]\."),
        (["0", "1"], {"a": 0}, r"two or more different classes, .* got \{'a': 0\}\."),
    ],
)
def test_label_names_that_do_not_fit_are_refused(write_file, load, labels, names, message):
    file = write_file("rows.csv", "text,label\n" + "".join(f"text,{label}\n" for label in labels))
    with pytest.raises(InputError, match=message):
        load(file, label_names=names)


def test_given_splits_share_the_classes_of_train(write_file, load):
    splits = load(
        write_file("train.csv", "text,label\none,a\ntwo,b\nthree,c\n"),
        validation=write_file("validation.jsonl", json_lines([("four", "c")])),
        test=write_file("test.csv", "text,label\nfive,b\n"),
    )
    assert list(splits) == ["train", "validation", "test"]
    assert rows_of(splits["validation"]) == [("four", "c")]
    assert rows_of(splits["test"]) == [("five", "b")]
    assert all(names_of(split) == ["a", "b", "c"] for split in splits.values())


def test_the_embedded_corpus_has_11000_headlines_of_four_even_classes(load):
    sources = load()
    assert list(sources) == ["train"]
    assert names_of(sources["train"]) == ["business", "scitech", "sports", "world"]
    assert Counter(sources["train"].labels_N.tolist()) == {0: 2750, 1: 2750, 2: 2750, 3: 2750}


def test_one_labelled_file_with_the_classes_of_a_run(write_file, labelled):
    file = write_file("rows.csv", "t,l\none,b\n")
    columns = {"text_column": ["t"], "label_column": "l"}
    assert labelled(file, ["a", "b"], **columns) == ["b"]
    with pytest.raises(
        InputError,
        match=r"file: .*row 1 has the label 'b', which no training row has.*classes are a, c",
    ):
        labelled(file, ["a", "c"], **columns)


def test_one_labelled_file_whose_numbers_a_run_has_named(write_file, labelled):
    file = write_file("rows.csv", "text,label\none,1\ntwo,0\n")
    assert labelled(file, ["neg", "pos"], label_names=["neg", "pos"]) == ["pos", "neg"]


def test_one_labelled_file_counts_from_where_the_run_counted(write_file, labelled):
    file = write_file("rows.csv", "text,label\none,1\ntwo,1\n")
    names = ["neg", "pos"]
    assert labelled(file, names, label_names=names, first_number=1) == ["neg", "neg"]
    assert labelled(file, names, label_names=names, first_number=0) == ["pos", "pos"]
    with pytest.raises(
        InputError, match=r"file: .*row 1 has the label '0', which no training row has\."
    ):
        labelled(
            write_file("rows.csv", "text,label\none,0\n"), names, label_names=names, first_number=1
        )


def test_one_labelled_file_may_have_an_encoding(write_file, labelled):
    file = write_file("rows.csv", "text,label\nzwölf,süß\n".encode("latin-1"))
    assert labelled(file, ["süß", "sauer"], encoding="latin-1") == ["süß"]


def test_one_labelled_file_in_the_home_folder_of_nobody_is_refused(labelled):
    with pytest.raises(InputError, match=r"^file: ~nobody-at-all/rows\.csv is no path "):
        labelled("~nobody-at-all/rows.csv", ["a", "b"])


def test_one_labelled_file_may_have_one_class_and_rows_to_drop(write_file, labelled):
    file = write_file("rows.csv", "text,label\none,a\n,a\n")
    assert labelled(file, ["a", "b"], drop_empty=True) == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            json_lines([("one", "a"), ("two", "a")]),
            r"rows\.jsonl has the label 'a' in each row; at least two classes",
        ),
        (
            json_lines([("one", 0.5), ("two", 1.25)]),
            r"has fractions as labels \(such as 0\.5\): .* a quantity to regress",
        ),
        (
            json_lines([(f"text {n}", n) for n in range(60)]),
            r"has 60 different labels in 60 rows \(such as '0'\): they look like a quantity to "
            r"regress, classes were",
        ),
        (
            json_lines([(f"text {n}", f"name {n}") for n in range(51)]),
            r"has 51 different labels in 51 rows \(such as 'name 0'\): they look like free text or "
            r"identifiers",
        ),
        (
            json_lines([("one", [["a"]]), ("two", [["b"]])]),
            r"rows\.jsonl, row 1 holds \[\['a'\]\] in the column 'label'",
        ),
        (
            json_lines([(1, "a"), (2, "b")]),
            r"rows\.jsonl, row 1 holds 1 in the column 'text', text was expected",
        ),
        (
            '{"text": "one"}\n',
            r"data\.train: .*rows\.jsonl has no column 'label'\. Its columns are text; name one "
            r"with",
        ),
    ],
)
def test_labels_that_are_no_classes_are_refused(write_file, load, content, message):
    with pytest.raises(InputError, match=message):
        load(write_file("rows.jsonl", content))


def test_many_classes_are_classes_where_each_has_rows_or_a_name(write_file, load, tmp_path):
    rows = [(f"text {n}", f"name {n % 60:02d}") for n in range(240)]
    assert len(names_of(load(write_file("rows.jsonl", json_lines(rows)))["train"])) == 60
    names = [f"name {n}" for n in range(151)]
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    write_parquet(
        tmp_path / "rows.parquet", [(f"text {n}", n) for n in range(151)], features=features
    )
    assert names_of(load(str(tmp_path / "rows.parquet"))["train"]) == names


def test_one_label_that_differs_in_kind_is_a_class_of_its_own(write_file, load):
    train = load(write_file("rows.jsonl", json_lines([("one", 1), ("two", "b"), ("three", 1)])))[
        "train"
    ]
    assert rows_of(train) == [("one", "1"), ("two", "b"), ("three", "1")]


def test_a_test_file_of_classes_that_train_lacks_is_named_with_file_and_row(write_file, load):
    test = write_file("test.csv", "text,label\none,sport\ntwo,cash\n")
    message = (
        r"data\.test: .*test\.csv, row 1 has the label 'sport', which no training row has\. "
        r"Did you mean 'sports'"
    )
    with pytest.raises(InputError, match=message + r"\? The classes are business, sports\."):
        load(write_file("train.csv", CSV), test=test)


def test_classes_that_train_lacks_are_numbered_after_its_own_and_counted(write_file, load):
    rows = "text,label\none,odd\ntwo,sports\nthree,new\nfour,odd\n"
    sources = load(write_file("train.csv", CSV), test=write_file("test.csv", rows))
    test = sources["test"]
    assert test.class_names == sources["train"].class_names == ["business", "sports"]
    assert test.labels_N.tolist() == [2, 1, 3, 2]
    assert test.unseen_rows == {"odd": 2, "new": 1}
    assert names_of(test) == ["business", "sports", "odd", "new"]
    assert names_of(sources["train"]) == ["business", "sports"]
    assert sources["train"].unseen_rows == {}


def test_a_number_beyond_the_named_ones_is_a_class_that_train_lacks(write_file, load):
    train = write_file("train.csv", "text,label\na,0\nb,1\n")
    test = write_file("test.csv", "text,label\nc,1\nd,2\ne,2.0\nf,-1\n")
    source = load(train, test=test, label_names=["no", "yes"])["test"]
    assert source.labels_N.tolist() == [1, 2, 2, 3]
    assert source.unseen_rows == {"2": 2, "-1": 1}
