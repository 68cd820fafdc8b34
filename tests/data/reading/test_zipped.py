"""A .zip of one file is that file compressed; anything else in it is named."""

import pytest

from helpers.reading import COLUMNS, ROWS, WRITTEN_AS, assert_refused, read, zipped

CSV = WRITTEN_AS[".csv"](COLUMNS)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx"])
def test_the_file_in_it_says_the_format(write_file, suffix):
    content = zipped({f"folder/spam{suffix}": WRITTEN_AS[suffix](COLUMNS)})
    assert read(write_file("archive.zip", content)) == ROWS


def test_what_systems_add_does_not_count(write_file):
    added = {"__MACOSX/._a.csv": b"x", ".DS_Store": b"x", "a/": b"", "a/desktop.ini": b"x"}
    assert read(write_file("archive.zip", zipped({"a/a.csv": CSV, **added}))) == ROWS


def test_a_glob_of_archives_is_read_together(write_file, tmp_path):
    write_file("a.zip", zipped({"a.csv": CSV}))
    write_file("b.zip", zipped({"b.csv": CSV}))
    assert read(f"{tmp_path}/*.zip") == [*ROWS, *ROWS]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a.csv": CSV, "b.csv": CSV},
            r"rows\.zip holds 2 files \(a\.csv, b\.csv\); one file was expected\. Unpack it, and",
        ),
        ({}, r"rows\.zip holds no file; one file was expected\. Unpack it"),
        ({"a.csv": b""}, r"rows\.zip is empty; at least one row was expected\."),
        ({"a.doc": CSV}, r"cannot tell the format of .*rows\.zip from its name"),
    ],
)
def test_anything_but_one_table_is_refused(write_file, files, message):
    assert_refused(write_file("rows.zip", zipped(files)), message)


def test_what_is_no_archive_is_refused(write_file):
    assert_refused(write_file("rows.csv.zip", CSV), r"rows\.csv\.zip is no whole \.zip file: it is")


def test_an_archive_with_a_password_is_refused(write_file):
    content = bytearray(zipped({"a.csv": CSV}))
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(header) + flags] |= 1
    file = write_file("rows.zip", bytes(content))
    assert_refused(file, r"rows\.zip needs a password\. Unpack it, and name the file in it\.$")
