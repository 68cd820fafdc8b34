"""Sources: every format, labels in order, texts left as they are, and one clear error for each bad input."""

import gzip
import json
from collections import Counter

import datasets
import huggingface_hub.constants
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from textlstm.checks import InputError
from textlstm.sources import checksum, load_file, load_labelled, load_source

OPTIONS = {
    "source": "files",
    "train": None,
    "validation": None,
    "test": None,
    "name": None,
    "config": None,
    "text_column": "text",
    "label_column": "label",
}
ROWS = [("Shares fell, again", "business"), ('She said "goal"', "sports"), ("Zwölf Tore", "sports")]
CSV = 'text,label\n"Shares fell, again",business\n"She said ""goal""",sports\nZwölf Tore,sports\n'


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf_cache")


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        file = tmp_path / name
        file.write_text(content, encoding="utf-8")
        return str(file)

    return write


def load(train=None, **options):
    return load_source(**{**OPTIONS, "train": train, **options})


def rows_of(split):
    names = split.features["label"].names
    return list(zip(split["text"], [names[label] for label in split["label"]], strict=True))


def json_lines(rows):
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def write_parquet(file, rows):
    Dataset.from_dict({"text": [text for text, _ in rows], "label": [label for _, label in rows]}).to_parquet(file)


@pytest.mark.parametrize("name", ["rows.csv", "ROWS.CSV", "rows [1]*?.csv", "with space & ü.csv"])
def test_csv(write, name):
    assert rows_of(load(write(name, CSV))["train"]) == ROWS


def test_csv_as_excel_saves_it(write):
    assert rows_of(load(write("rows.csv", "\ufeff" + CSV.replace("\n", "\r\n")))["train"]) == ROWS


def test_tsv(write):
    content = "label\ttext\nbusiness\tShares fell, again\nsports\tone goal\n"
    expected = [("Shares fell, again", "business"), ("one goal", "sports")]
    assert rows_of(load(write("rows.tsv", content))["train"]) == expected


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_json_lines(write, name):
    assert rows_of(load(write(name, json_lines(ROWS)))["train"]) == ROWS


def test_parquet(tmp_path):
    write_parquet(tmp_path / "rows.parquet", ROWS)
    assert rows_of(load(str(tmp_path / "rows.parquet"))["train"]) == ROWS


@pytest.mark.parametrize(("name", "content"), [("rows.csv.gz", CSV), ("rows.jsonl.gz", json_lines(ROWS))])
def test_gzipped_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(gzip.compress(content.encode()))
    assert rows_of(load(str(tmp_path / name))["train"]) == ROWS


def test_columns_of_other_names_beside_others(write):
    file = write("rows.csv", "id,headline,topic\n1,one,b\n2,two,a\n")
    train = load(file, text_column="headline", label_column="topic")["train"]
    assert rows_of(train) == [("one", "b"), ("two", "a")]
    assert train.column_names == ["text", "label"]


def test_columns_named_the_other_way_round(write):
    file = write("rows.csv", "label,text\none goal,sports\nshares fell,business\n")
    train = load(file, text_column="label", label_column="text")["train"]
    assert rows_of(train) == [("one goal", "sports"), ("shares fell", "business")]


def test_texts_that_look_like_other_values_stay_texts(write):
    texts = ["NA", "null", "None", "nan", "12", "007", "1.50", "true"]
    file = write("rows.csv", "text,label\n" + "".join(f"{text},{text}\n" for text in texts))
    assert rows_of(load(file)["train"]) == [(text, text) for text in texts]


def test_string_labels_are_in_alphabetical_order(write):
    train = load(write("rows.csv", CSV))["train"]
    assert train.features["label"].names == ["business", "sports"]
    assert train["label"][:] == [0, 1, 1]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_whole_number_labels_are_in_numeric_order(tmp_path, write, name):
    rows = [("ten", 10), ("two", 2), ("one", 1), ("ten again", 10)]
    if name == "rows.parquet":
        write_parquet(tmp_path / name, rows)
    else:
        csv = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
        write(name, csv if name == "rows.csv" else json_lines(rows))
    train = load(str(tmp_path / name))["train"]
    assert train.features["label"].names == ["1", "2", "10"]
    assert train["label"][:] == [2, 1, 0, 2]


def test_true_and_false_are_labels(write):
    rows = [("one", True), ("two", False), ("three", True)]
    assert rows_of(load(write("rows.jsonl", json_lines(rows)))["train"]) == [
        ("one", "True"),
        ("two", "False"),
        ("three", "True"),
    ]


def test_class_names_of_a_parquet_file_are_kept_in_their_order(tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant"])})
    rows = Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    rows.to_parquet(tmp_path / "rows.parquet")
    train = load(str(tmp_path / "rows.parquet"))["train"]
    assert train.features["label"].names == ["zebra", "ant"]
    assert rows_of(train) == [("a", "ant"), ("b", "zebra")]


def test_given_splits_share_the_classes_of_train(write):
    splits = load(
        write("train.csv", "text,label\none,a\ntwo,b\nthree,c\n"),
        validation=write("validation.jsonl", json_lines([("four", "c")])),
        test=write("test.csv", "text,label\nfive,b\n"),
    )
    assert list(splits) == ["train", "validation", "test"]
    assert rows_of(splits["validation"]) == [("four", "c")]
    assert rows_of(splits["test"]) == [("five", "b")]
    assert all(split.features["label"].names == ["a", "b", "c"] for split in splits.values())


def test_the_embedded_corpus_has_11000_headlines_of_four_even_classes():
    splits = load()
    assert list(splits) == ["train"]
    assert splits["train"].features["label"].names == ["business", "scitech", "sports", "world"]
    assert Counter(splits["train"]["label"]) == {0: 2750, 1: 2750, 2: 2750, 3: 2750}


def test_one_labelled_file_with_the_classes_of_a_run(write):
    rows = load_labelled(write("rows.csv", "t,l\none,b\n"), "t", "l", ["a", "b"])
    assert rows["label"][:] == [1]
    with pytest.raises(InputError, match=r"row 1 has the label 'b', which no training row has.*classes are a, c"):
        load_labelled(write("rows.csv", "t,l\none,b\n"), "t", "l", ["a", "c"])


def test_any_file_with_all_its_columns(write):
    rows = load_file(write("rows.csv", "id,text\n1,one\n2,two\n"), "input")
    assert rows[:] == {"id": ["1", "2"], "text": ["one", "two"]}


def test_a_changed_file_is_read_anew(write):
    load(write("rows.csv", "text,label\none,a\ntwo,b\n"))
    assert rows_of(load(write("rows.csv", "text,label\nnew,a\nold,b\n"))["train"]) == [("new", "a"), ("old", "b")]


def test_checksum_is_sha256(write):
    file = write("a.csv", "abc")
    assert checksum(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.xlsx", CSV, r"data.train: cannot tell the format of .*rows.xlsx.*\.csv, \.tsv, \.jsonl"),
        ("rows", CSV, "data.train: cannot tell the format of .*rows"),
        (
            "rows.csv",
            "texts,label\none,a\n",
            "data.train=.*no column 'text'. Did you mean 'texts'.*columns are texts, label",
        ),
        ("rows.csv", "text,topic\none,a\n", "no column 'label'.*columns are text, topic.*data.label_column="),
        ("rows.csv", "text,label\none,a\n,b\n", "1 of 2 rows have an empty 'text', the first is row 2"),
        ("rows.csv", "text,label\none,a\n  ,b\n \t,b\n", "2 of 3 rows have an empty 'text', the first is row 2"),
        ("rows.csv", "text,label\none,a\ntwo,b\nthree,\n", "1 of 3 rows have an empty 'label', the first is row 3"),
        ("rows.jsonl", json_lines([("one", "a"), ("two", None)]), "rows have an empty 'label', the first is row 2"),
        ("rows.jsonl", json_lines([("one", "a"), (None, "b")]), "rows have an empty 'text', the first is row 2"),
        ("rows.csv", "text,label\n", "rows.csv has a header but no rows"),
        ("rows.csv", "", "rows.csv is empty; a header line"),
        ("rows.jsonl", "", "rows.jsonl"),
        ("rows.jsonl", "no json\n", "data.train: .*rows.jsonl could not be read as json"),
        ("rows.parquet", "no parquet", "data.train: .*rows.parquet could not be read as parquet"),
        ("rows.csv", 'text,label\n"one,a\ntwo,b\n', "data.train: .*rows.csv could not be read as csv"),
        ("rows.csv", "text,label\none,a\ntwo,b,c,d\n", "data.train: .*rows.csv could not be read as csv.*line 3"),
        ("rows.csv", "text,label\none,a\ntwo,a\n", "All training rows have the label 'a'"),
        ("rows.jsonl", json_lines([("one", 0.5), ("two", 1.25)]), r"labels are fractions \(such as 0.5\)"),
        ("rows.jsonl", json_lines([("one", ["a"]), ("two", ["b"])]), "rows.jsonl"),
        ("rows.jsonl", json_lines([("one", 1), ("two", "b")]), "rows.jsonl"),
        ("rows.jsonl", json_lines([(1, "a"), (2, "b")]), "column 'text' holds int64, text was expected"),
    ],
)
def test_bad_files_get_one_clear_error(write, name, content, message):
    with pytest.raises(InputError, match=message):
        load(write(name, content))


@pytest.mark.parametrize("content", [CSV.encode("latin-1"), "téxt,label\n".encode("latin-1"), b"\xff\xfe\x00"])
def test_a_file_that_is_not_utf8_is_refused(tmp_path, content):
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"data.train: .*rows.csv could not be read.*(utf-8|UTF-8)"):
        load(str(tmp_path / "rows.csv"))


def test_a_file_that_is_not_gzip_is_refused(write):
    with pytest.raises(InputError, match=r"data.train: .*rows.csv.gz could not be read.*gzip"):
        load(write("rows.csv.gz", CSV))


@pytest.mark.parametrize("key", ["train", "validation", "test"])
def test_a_missing_file_is_named_with_its_key_and_whole_path(write, tmp_path, monkeypatch, key):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"data.{key}: {tmp_path}/gone.csv does not exist"):
        load(**{"train": write("rows.csv", CSV), key: "gone.csv"})


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"data.train: .* is a folder; a CSV, TSV, JSON Lines or Parquet file"):
        load(str(tmp_path))


def test_one_column_for_both_is_refused(write):
    with pytest.raises(InputError, match="are both 'text'; two columns were expected"):
        load(write("rows.csv", CSV), label_column="text")


def test_a_class_that_train_lacks_is_named_with_file_and_row(write):
    test = write("test.csv", "text,label\none,sports\ntwo,sport\n")
    message = "test.*row 2 has the label 'sport', which no training row has. Did you mean 'sports'.*business, sports"
    with pytest.raises(InputError, match=message):
        load(write("train.csv", CSV), test=test)


def test_an_unknown_source_is_refused():
    with pytest.raises(InputError, match=r"data.source must be one of files, hub, got 'hubb'.*'hub'"):
        load(source="hubb")


@pytest.fixture
def data_set_folder(tmp_path):
    folder = tmp_path / "my_data_set"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\none,a\ntwo,b\nthree,a\n", encoding="utf-8")
    (folder / "test.csv").write_text("text,label\nfour,b\n", encoding="utf-8")
    return folder


def test_a_local_data_set_of_the_hub(data_set_folder):
    splits = load(source="hub", name=str(data_set_folder))
    assert list(splits) == ["train", "test"]
    assert rows_of(splits["train"]) == [("one", "a"), ("two", "b"), ("three", "a")]
    assert rows_of(splits["test"]) == [("four", "b")]


def test_a_hub_data_sets_dev_split_is_its_validation_split(data_set_folder):
    (data_set_folder / "dev.csv").write_text("text,label\nfive,a\n", encoding="utf-8")
    assert rows_of(load(source="hub", name=str(data_set_folder))["validation"]) == [("five", "a")]


def test_a_hub_data_set_without_train_is_refused(data_set_folder):
    (data_set_folder / "train.csv").unlink()
    with pytest.raises(InputError, match=r"my_data_set: it has no split 'train', only test"):
        load(source="hub", name=str(data_set_folder))


def test_a_hub_data_set_needs_a_name():
    with pytest.raises(InputError, match=r"data=hub needs data.name="):
        load(source="hub")


def test_a_hub_out_of_reach_names_the_embedded_corpus(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    message = "data.name=nobody/nothing: the Hugging Face hub cannot be reached.*data=newswire4"
    with pytest.raises(InputError, match=message):
        load(source="hub", name="nobody/nothing")
