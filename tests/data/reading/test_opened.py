"""A file in any encoding, and one error with the place for what cannot be read of it."""

import gzip
import os

import pytest

from helpers.reading import COLUMNS, CSV, ROWS, WRITTEN_AS, assert_refused, read
from textlstm.checks import InputError
from textlstm.data.reading.opened import OpenedFile
from textlstm.data.reading.settings import AS_NAMED


@pytest.mark.parametrize(
    "codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_byte_order_mark_says_the_encoding(write_file, suffix, codec):
    text = WRITTEN_AS[suffix](COLUMNS).decode()
    marked = text if codec in ("utf-8-sig", "utf-16") else "\ufeff" + text
    assert read(write_file("rows" + suffix, marked.encode(codec))) == ROWS


@pytest.mark.parametrize(
    ("encoding", "codec"), [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("utf-16", "utf-16")]
)
def test_another_encoding_is_read_when_it_is_named(write_file, encoding, codec):
    file = write_file("rows.csv", "text,label\nZwölf,a\n".encode(codec))
    assert read(file, encoding=encoding) == [("Zwölf", "a")]


def test_utf_8_may_begin_with_a_byte_order_mark_where_it_is_named(write_file):
    assert read(write_file("rows.csv", "\ufeff" + CSV), encoding="utf-8") == ROWS
    assert read(write_file("rows.csv", "\ufeff" + CSV), encoding="UTF_8") == ROWS


def test_a_file_in_another_encoding_than_the_named_one_is_refused(write_file):
    message = (
        r"rows\.csv, byte 0 is no UTF-16 text, which data\.encoding=utf-16 says it is\. Name "
        r"another, leave it out for UTF-8, or read such bytes as � with "
        r"data\.encoding_errors=replace\.$"
    )
    with pytest.raises(InputError, match=message):
        read(write_file("rows.csv", CSV), encoding="utf-16")


def test_a_file_that_may_not_be_read_is_refused(write_file, monkeypatch):
    def denied(*arguments):
        raise PermissionError(13, "Permission denied")

    file = write_file("rows.csv", CSV)
    monkeypatch.setattr("os.open", denied)
    assert_refused(file, r"rows\.csv cannot be read: Permission denied\.$")


def test_a_file_that_has_nothing_to_read_yet_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "rows.csv")
    writer = os.open(tmp_path / "rows.csv", os.O_RDWR)  # so that a reader would wait for it
    try:
        file = OpenedFile(tmp_path / "rows.csv", "data.train", AS_NAMED)
        with pytest.raises(InputError, match=r"rows\.csv cannot be read: it has nothing to read"):
            file.whole_text()
    finally:
        os.close(writer)


def test_a_pipe_is_not_said_to_be_missing(tmp_path):
    os.mkfifo(tmp_path / "rows.csv")
    assert_refused(
        tmp_path / "rows.csv", r"rows\.csv is a pipe, a device or a socket, which cannot"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "rows.csv.gz",
            CSV,
            r"rows\.csv\.gz is no whole \.gz file: .* or something else under that name\. Fetch or",
        ),
        (
            "rows.csv.gz",
            gzip.compress(CSV.encode(), mtime=0)[:-9],
            r"rows\.csv\.gz is no whole \.gz file: it is damaged",
        ),
        ("rows.csv.bz2", CSV, r"rows\.csv\.bz2 is no whole \.bz2 file: "),
        ("rows.csv.xz", CSV, r"rows\.csv\.xz is no whole \.xz file: "),
        ("rows.csv.zst", CSV, r"rows\.csv\.zst is no whole \.zst file: "),
        (
            "rows.csv.gz",
            gzip.compress(b"text,label\n" + b"\xe9,a\n" * 99, mtime=0)[:-9],
            r"rows\.csv\.gz is no whole \.gz file: it is damaged",
        ),
        (
            "rows.csv",
            "\ufefft,l\none,".encode("utf-16-le") + b"\x00\xd8\x00\x00",
            r"byte 18 is no UTF-16 text",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(write_file, name, content, message):
    assert_refused(write_file(name, content), message)


def test_a_byte_that_is_no_text_is_found_beyond_the_first_megabyte(write_file):
    content = ("é" * 10 + ",a\n").encode() * 100_000
    file = write_file("rows.csv", b"text,label\n" + content + b"\xe9,b\n")
    with pytest.raises(InputError, match=r"row 100001, byte 2300011 is no UTF-8 text"):
        read(file)
