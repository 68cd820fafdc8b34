"""Sources: files and data sets of the hub with the same classes, in order, and one clear error for
each bad input.
"""

import gzip
import hashlib
import json
import logging
import os
from collections import Counter

import datasets
import huggingface_hub.constants
import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from helpers.small import data_settings
from textlstm.checks import InputError
from textlstm.data.reading.checksums import changed_sources, checksum
from textlstm.data.sources import load_labelled, load_source

ROWS = [("Shares fell, again", "business"), ('She said "goal"', "sports"), ("Zwölf Tore", "sports")]
CSV = 'text,label\n"Shares fell, again",business\n"She said ""goal""",sports\nZwölf Tore,sports\n'


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf_cache")


@pytest.fixture
def load(tmp_path):
    def load(train=None, **options):
        return load_source(data_settings(train=train, **options), cache=tmp_path / "cache")

    return load


@pytest.fixture
def labelled(tmp_path):
    """The classes of the rows of one file, as `file=` reads them."""

    def labelled(path, labels, **options):
        first_number = options.pop("first_number", 0)
        source = load_labelled(
            path,
            data_settings(**options),
            class_names=labels,
            first_number=first_number,
            cache=tmp_path / "cache",
        )
        return [labels[label] for label in source.labels_N]

    return labelled


def names_of(source):
    return source.rows.features["label"].names


def rows_of(source):
    return list(
        zip(source.texts(), [names_of(source)[label] for label in source.labels_N], strict=True)
    )


def json_lines(rows):
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def write_parquet(file, rows, **options):
    columns = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    Dataset.from_dict(columns, **options).to_parquet(file)


def test_a_file_is_the_training_source(write_file, load):
    sources = load(write_file("rows.csv", CSV))
    assert list(sources) == ["train"]
    assert rows_of(sources["train"]) == ROWS
    assert sources["train"].rows.column_names == ["text", "label"]
    assert sources["train"].rows["label"][:] == sources["train"].labels_N.tolist() == [0, 1, 1]
    assert sources["train"].columns == {"text": ["text"], "label": "label"}
    assert sources["train"].empty == {"text": 0, "label": 0}


@pytest.mark.parametrize("chosen", [None, [2, 0]])
def test_texts_are_drawn_in_the_order_of_the_rows(write_file, load, chosen):
    train = load(write_file("rows.csv", CSV))["train"]
    texts = train.texts(None if chosen is None else np.array(chosen))
    assert list(texts) == [ROWS[row][0] for row in chosen or range(3)]


def test_a_glob_is_one_source(write_file, load, tmp_path):
    write_file("part-2.csv", "label,text\nb,two\n")
    write_file("part-1.csv.gz", gzip.compress(b"text,label\none,a\n"))
    train = load(f"{tmp_path}/part-*")["train"]
    assert rows_of(train) == [("one", "a"), ("two", "b")]
    assert train.origin["path"] == f"{tmp_path}/part-*"


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


def test_another_encoding_and_other_columns(write_file, load):
    file = write_file(
        "rows.csv", "Titel;Text;Klasse\nZwölf;Tore;Spörts\nAktien;;Geld\n".encode("latin-1")
    )
    train = load(file, text_column=["Titel", "Text"], label_column="Klasse", encoding="latin-1")[
        "train"
    ]
    assert rows_of(train) == [("Zwölf Tore", "Spörts"), ("Aktien", "Geld")]
    assert train.columns == {"text": ["Titel", "Text"], "label": "Klasse"}


def test_the_same_bytes_in_another_encoding_are_read_anew(write_file, load):
    file = write_file("rows.csv", "text,label\nZwölf,a\nzwei,b\n".encode("latin-1"))
    assert load(file, encoding="latin-1")["train"].rows["text"][0] == "Zwölf"
    assert load(file, encoding="cp1250")["train"].rows["text"][0] == "Zwölf"
    assert load(file, encoding="cp1251")["train"].rows["text"][0] == "Zwцlf"


def test_the_same_bytes_under_another_suffix_are_read_anew(write_file, load):
    content = "text,label\tlabel,x\none,a\t1,2\n"
    assert load(
        write_file("rows.tsv", content + "b\tc\n"), text_column="text,label", label_column="label,x"
    )
    with pytest.raises(InputError, match="has no column 'text,label'"):
        load(
            write_file("rows.csv", content + "b\tc\n"),
            text_column="text,label",
            label_column="label,x",
        )


def test_columns_named_the_other_way_round(write_file, load):
    file = write_file("rows.csv", "label,text\none goal,sports\nshares fell,business\n")
    train = load(file, text_column="label", label_column="text")["train"]
    assert rows_of(train) == [("one goal", "sports"), ("shares fell", "business")]


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
        (["0", "1"], {"a": 0}, r"two or more different names, got \{'a': 0\}\."),
    ],
)
def test_label_names_that_do_not_fit_are_refused(write_file, load, labels, names, message):
    file = write_file("rows.csv", "text,label\n" + "".join(f"text,{label}\n" for label in labels))
    with pytest.raises(InputError, match=message):
        load(file, label_names=names)


def test_dropped_rows_are_counted_for_each_source(write_file, load, caplog):
    with caplog.at_level(logging.INFO):
        splits = load(
            write_file("train.csv", "text,label\none,a\n,b\ntwo,b\nthree,\n"),
            test=write_file("test.csv", "text,label\nfour,b\n"),
            drop_empty=True,
        )
    assert rows_of(splits["train"]) == [("one", "a"), ("two", "b")]
    assert splits["train"].empty == {"text": 1, "label": 1}
    assert splits["test"].empty == {"text": 0, "label": 0}
    assert caplog.messages == ["data.train: dropped rows: 1 without a text and 1 without a label."]


def test_duplicates_have_the_same_number_in_all_sources(write_file, load):
    splits = load(
        write_file("train.csv", "text,label\nA bank,a\na  BANK,b\nthe bank,a\n"),
        test=write_file("test.csv", "text,label\nａ bank,b\nbank,a\n"),
    )
    (one, two, three), (four, five) = splits["train"].duplicate_of, splits["test"].duplicate_of
    assert one == two == four
    assert len({one, three, five}) == 3


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


def test_a_changed_file_is_read_anew(write_file, load):
    first = load(write_file("rows.csv", "text,label\none,a\ntwo,b\n"))["train"]
    second = load(write_file("rows.csv", "text,label\nnew,a\nold,b\n"))["train"]
    assert rows_of(second) == [("new", "a"), ("old", "b")]
    assert rows_of(first) == [("one", "a"), ("two", "b")]
    assert first.key != second.key


def test_a_file_at_another_place_with_the_same_content_is_read_once(write_file, load, monkeypatch):
    first = load(write_file("a.csv", CSV))["train"]
    monkeypatch.setattr("textlstm.data.rows._write", lambda *arguments: pytest.fail("read again"))
    second = load(write_file("b.csv", CSV))["train"]
    assert second.key == first.key
    assert second.origin == {**first.origin, "path": first.origin["path"].replace("a.csv", "b.csv")}


def test_checksum_is_sha256(write_file):
    file = write_file("a.csv", "abc")
    assert checksum(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_checksum_of_many_files_is_that_of_what_sha256sum_says(write_file, tmp_path):
    write_file("a/1.txt", "abc")
    write_file("b/1.txt", "")
    listed = (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a/1.txt\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b/1.txt"
    )
    assert (
        checksum(tmp_path)
        == checksum(f"{tmp_path}/*/*.txt")
        == hashlib.sha256(listed.encode()).hexdigest()
    )


def test_a_source_has_changed_when_its_content_its_names_or_its_files_have(write_file, tmp_path):
    write_file("a/1.txt", "abc")
    write_file("b/1.txt", "")
    sources = {"train": {"path": str(tmp_path), "sha256": checksum(tmp_path)}}
    assert changed_sources(sources) == []
    (tmp_path / "b" / "1.txt").rename(tmp_path / "b" / "2.txt")
    assert changed_sources(sources) == ["train"]
    (tmp_path / "b" / "2.txt").rename(tmp_path / "b" / "1.txt")
    assert changed_sources(sources) == []
    write_file("b/1.txt", "new")
    assert changed_sources(sources) == ["train"]
    assert changed_sources({"test": {"path": f"{tmp_path}/gone.csv", "sha256": "0"}}) == ["test"]


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
            json_lines([("one", ["a"]), ("two", ["b"])]),
            r"rows\.jsonl, row 1 holds \['a'\] in the column 'label'",
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


@pytest.mark.parametrize("key", ["train", "validation", "test"])
def test_a_missing_file_is_named_with_its_key_and_whole_path(
    write_file, load, tmp_path, monkeypatch, key
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"data.{key}: {tmp_path}/gone.csv does not exist"):
        load(**{"train": write_file("rows.csv", CSV), key: "gone.csv"})


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "imdb"},
            r"^data\.name=imdb has no meaning with data\.source=files: leave it out\.$",
        ),
        (
            {"config": "plain"},
            r"^data\.config=plain has no meaning with data\.source=files: leave it out\.$",
        ),
        (
            {"source": "hub", "train": "a.csv"},
            r"^data\.train=a\.csv has no meaning with data\.source=hub: leave it out",
        ),
        (
            {"source": "hub", "test": "a.csv"},
            r"^data\.test=a\.csv has no meaning with data\.source=hub: leave it out\.$",
        ),
    ],
)
def test_a_key_of_the_other_source_is_refused(load, options, message):
    with pytest.raises(InputError, match=message):
        load(**options)


def test_an_unknown_source_is_refused(load):
    with pytest.raises(
        InputError, match=r"data.source must be one of files, hub, got 'hubb'.*'hub'"
    ):
        load(source="hubb")


@pytest.fixture
def data_set_folder(tmp_path):
    folder = tmp_path / "my_data_set"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\none,a\ntwo,b\nthree,a\n", encoding="utf-8")
    (folder / "test.csv").write_text("text,label\nfour,b\n", encoding="utf-8")
    return folder


def test_a_local_data_set_of_the_hub(data_set_folder, load):
    splits = load(source="hub", name=str(data_set_folder))
    assert list(splits) == ["train", "test"]
    assert rows_of(splits["train"]) == [("one", "a"), ("two", "b"), ("three", "a")]
    assert rows_of(splits["test"]) == [("four", "b")]


def test_a_hub_data_sets_dev_split_is_its_validation_split(data_set_folder, load):
    (data_set_folder / "dev.csv").write_text("text,label\nfive,a\n", encoding="utf-8")
    assert rows_of(load(source="hub", name=str(data_set_folder))["validation"]) == [("five", "a")]


def test_a_hub_data_set_without_train_is_refused(data_set_folder, load):
    (data_set_folder / "train.csv").unlink()
    with pytest.raises(InputError, match=r"my_data_set: it has no split 'train', only test"):
        load(source="hub", name=str(data_set_folder))


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_a_hub_folder_without_data_is_refused(monkeypatch, load, tmp_path, name):
    def missing(path, _):
        raise datasets.exceptions.DatasetNotFoundError(
            f"Dataset '{path}' doesn't exist on the Hub."
        )

    (tmp_path / "empty").mkdir()
    if name == "gone":  # which the hub is asked for
        monkeypatch.setattr(datasets, "load_dataset", missing)
    with pytest.raises(
        InputError,
        match=rf"^data\.name={tmp_path}/{name}: there is no such data set .* or none with data",
    ):
        load(source="hub", name=str(tmp_path / name))


def test_a_hub_data_set_needs_a_name(load):
    with pytest.raises(InputError, match=r"data=hub needs data.name="):
        load(source="hub")


def test_a_hub_out_of_reach_names_the_embedded_corpus(monkeypatch, load):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    message = "data.name=nobody/nothing: the Hugging Face hub cannot be reached.*data=newswire4"
    with pytest.raises(InputError, match=message):
        load(source="hub", name="nobody/nothing")


def test_a_hub_data_sets_class_names_order_and_hidden_labels(load, tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant"])})
    (tmp_path / "hub" / "data").mkdir(parents=True)
    write_parquet(
        tmp_path / "hub" / "data" / "train-0.parquet",
        [("a", 1), ("b", 0), ("c", -1)],
        features=features,
    )
    with pytest.raises(
        InputError, match=r"data\.name: .*hub, split train has no label in 1 of 3 rows \(column"
    ):
        load(source="hub", name=str(tmp_path / "hub"))
    train = load(source="hub", name=str(tmp_path / "hub"), drop_empty=True)["train"]
    assert names_of(train) == ["zebra", "ant"]
    assert rows_of(train) == [("a", "ant"), ("b", "zebra")]
    assert train.origin is None


def test_a_hub_data_sets_rows_are_read_once(load, data_set_folder, monkeypatch):
    first = load(source="hub", name=str(data_set_folder))["train"]
    monkeypatch.setattr("textlstm.data.rows._write", lambda *arguments: pytest.fail("read again"))
    assert load(source="hub", name=str(data_set_folder))["train"].key == first.key
