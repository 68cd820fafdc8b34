"""Sources: files read into rows, in order, counted, checked for changes and kept."""

import gzip
import hashlib
import logging

import numpy as np
import pytest

from helpers.reading import COMPRESS, WRITTEN_AS
from helpers.sources import CSV, ROWS, rows_of
from textlstm.checks import InputError
from textlstm.data.reading.checksums import changed_sources, checksum
from textlstm.data.reading.formats import FORMATS

pytestmark = pytest.mark.usefixtures("own_hub_cache")


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


@pytest.mark.parametrize("key", ["train", "validation", "test"])
def test_a_missing_file_is_named_with_its_key_and_whole_path(
    write_file, load, tmp_path, monkeypatch, key
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"data.{key}: {tmp_path}/gone.csv does not exist"):
        load(**{"train": write_file("rows.csv", CSV), key: "gone.csv"})


@pytest.mark.parametrize("compression", ["", ".gz", ".zip"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_rows_of_every_format_keep_their_numbers_where_others_are_dropped(
    write_file, load, suffix, compression
):
    texts = ["text 1", " ", "text 3", "text 4", " ", "text 6"]
    columns = {"text": texts, "label": ["a", "a", "b", "a", "b", "b"]}
    content = COMPRESS[compression](WRITTEN_AS[suffix](columns))
    file = write_file(f"rows{suffix}{compression}", content)
    source = load(file, drop_empty=True)["train"]
    assert list(source.places.shown()) == [(file, 1), (file, 3), (file, 4), (file, 6)]
    assert list(source.texts()) == ["text 1", "text 3", "text 4", "text 6"]
