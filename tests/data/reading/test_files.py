"""Paths: a file of any name, a glob, a folder of classes, and what is none of these."""

import gzip
from pathlib import Path

import pytest

from helpers.reading import CSV, ROWS, read
from textlstm.checks import InputError
from textlstm.data.reading.files import find_files, open_table, text_lines
from textlstm.data.reading.formats import is_table
from textlstm.data.reading.settings import FileSettings


@pytest.mark.parametrize(
    "name", ["ROWS.CSV", "rows [1]*?.csv", "with space & ü.csv", "rows.CSV.GZ", "a.b.csv"]
)
def test_file_names_of_all_sorts(write_file, name):
    content = CSV.encode()
    assert (
        read(write_file(name, gzip.compress(content) if name.endswith("GZ") else content)) == ROWS
    )


@pytest.mark.parametrize(
    "encoding", ["latin-99", "hex", "rot13", "unicode_escape", "idna", 8, "utf-8\0"]
)
def test_an_encoding_that_is_of_no_text_is_refused(write_file, encoding):
    message = (
        rf"^data\.encoding={encoding} is no text encoding; one such as utf-8, latin-1 or cp1252 "
        rf"was expected\.$"
    )
    with pytest.raises(InputError, match=message):
        read(write_file("rows.csv", CSV), encoding=encoding)


def test_a_glob_is_all_its_files_in_the_order_of_their_names(write_file, tmp_path):
    write_file("b.csv", "label,text\nb,two\n")
    write_file("a.csv", "text,label\none,a\n")
    write_file("c.txt", "no table")
    (tmp_path / "d.csv").mkdir()
    table = open_table(f"{tmp_path}/*.csv", "data.train")
    assert table.columns == ["text", "label"]
    assert read(f"{tmp_path}/*.csv", ["text", "label"]) == [("one", "a"), ("two", "b")]
    chunks = list(table.chunks(["text"]))
    assert [(chunk.file, chunk.first) for chunk in chunks] == [
        (f"{tmp_path}/a.csv", 1),
        (f"{tmp_path}/b.csv", 1),
    ]


def test_a_glob_may_mix_formats_and_go_deep(write_file, tmp_path):
    write_file("a.csv", "text,label\none,a\n")
    write_file("deep/b.jsonl.gz", gzip.compress(b'{"text": "two", "label": "b"}'))
    assert read(f"{tmp_path}/**/*.*", ["text", "label"]) == [("one", "a"), ("two", "b")]


def test_a_glob_whose_files_have_other_columns_is_refused(write_file, tmp_path):
    write_file("a.csv", "text,label\none,a\n")
    write_file("b.csv", "text,topic\ntwo,b\n")
    message = (
        r"b\.csv has no column 'label', which .*a\.csv has\. Its columns are text, topic; all "
        r"files of a glob"
    )
    with pytest.raises(InputError, match=message):
        read(f"{tmp_path}/*.csv", ["text", "label"])


def test_a_folder_of_classes_gives_the_sub_folder_as_label(write_file, tmp_path):
    write_file("neg/2.txt", "bad\nfilm")
    write_file("neg/10.txt", "worse")
    write_file("pos/1.txt.gz", gzip.compress("schön".encode()))
    write_file("pos/.hidden", "not a text")
    write_file("readme.md", "not a text")
    write_file(".cache/1.txt", "not a text")
    assert read(tmp_path) == [("worse", "neg"), ("bad\nfilm", "neg"), ("schön", "pos")]


def test_a_folder_of_classes_is_read_in_the_named_encoding(write_file, tmp_path):
    write_file("neg/1.txt", "Zwölf".encode("latin-1"))
    assert read(tmp_path, encoding="latin-1") == [("Zwölf", "neg")]
    with pytest.raises(
        InputError, match=r"neg/1\.txt, byte 2 is no UTF-8 text.*data\.encoding=latin-1"
    ):
        read(tmp_path)


def test_a_folder_of_tables_is_refused_with_the_glob_that_reads_them(write_file, tmp_path):
    write_file("b.jsonl", "{}")
    write_file("a.parquet", "")
    message = (
        rf"is a folder without sub-folders of text files.* "
        rf"give data\.train='{tmp_path}/\*\.parquet'\."
    )
    with pytest.raises(InputError, match=message):
        find_files(f"{tmp_path}/", "data.train")


def test_a_glob_that_matches_nothing_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=rf"data\.train: no file matches {tmp_path}/\*\.csv; a CSV, "
    ):
        find_files(f"{tmp_path}/*.csv", "data.train")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "",
            r"^data\.train is empty; a CSV, TSV, JSON Lines, Parquet, Arrow, Excel or fastText "
            r"file, a glob, or a folder with",
        ),
        (
            "x" * 5000,
            r"^data\.train: x{80} is no path \(.*File name too long.*\); a CSV, TSV, JSON Lines, ",
        ),
        (
            "~nobody-at-all/rows.csv",
            r"^data\.train: ~nobody-at-all/rows\.csv is no path \(.*home directory",
        ),
        ("a\0b", r"^data\.train: .*a\0b does not exist; a CSV, "),
    ],
)
def test_what_cannot_be_a_path_is_refused(path, message):
    with pytest.raises(InputError, match=message):
        open_table(path, "data.train")


def test_a_home_folder_is_found(write_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_file("rows.csv", CSV)
    assert read("~/rows.csv") == ROWS


def test_files_of_any_other_name_are_a_text_a_line(write_file):
    file = Path(write_file("texts.txt.gz", gzip.compress("one\r\n\r\nzwölf\n".encode())))
    assert not is_table(file)
    [chunk] = text_lines(file, "input", FileSettings(), "text")
    assert (chunk.first, chunk.columns) == (1, {"text": ["one", "", "zwölf"]})
