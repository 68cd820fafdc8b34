"""Every format of the table, plain and with each compression, and what lists the formats."""

import re
from pathlib import Path

import pytest

from helpers.reading import COLUMNS, COMPRESS, CSV, ROWS, WRITTEN_AS, assert_refused, read
from textlstm.commandline.help import key_lines
from textlstm.data.reading.files import EXPECTED, open_table
from textlstm.data.reading.formats import FORMATS, Format, format_names, is_table
from textlstm.data.reading.opened import COMPRESSED
from textlstm.data.reading.tables import Chunk, Table

every_format = pytest.mark.parametrize("suffix", FORMATS)
every_table = pytest.mark.parametrize(  # fastText has two columns, and no line breaks in a text
    "suffix", [suffix for suffix in FORMATS if FORMATS[suffix].name != "fastText"]
)
every_compression = pytest.mark.parametrize("compression", COMPRESS)


def test_each_format_and_each_compression_is_written_by_these_tests():
    assert len(FORMATS) == 12
    assert list(WRITTEN_AS) == list(FORMATS)
    assert len(COMPRESSED) == 5
    assert list(COMPRESS) == ["", *COMPRESSED]


@every_compression
@every_table
def test_every_format_plain_and_compressed(write_file, suffix, compression):
    content = COMPRESS[compression](WRITTEN_AS[suffix](COLUMNS))
    file = write_file(f"rows{suffix}{compression}", content)
    assert is_table(Path(file))
    table = open_table(file, "data.train")
    assert table.columns == ["text", "label"]
    assert table.class_names == {}
    assert read(file) == ROWS
    assert read(file, ["label"]) == [("business",), ("sports",), ("sports",)]


@every_compression
@every_table
def test_columns_come_in_the_order_of_the_file_or_as_they_are_named(
    write_file, suffix, compression
):
    columns = {"z": ["one"], "label": ["a"], "text": ["two"], "a": ["three"]}
    content = COMPRESS[compression](WRITTEN_AS[suffix](columns))
    file = write_file(f"rows{suffix}{compression}", content)
    assert open_table(file, "data.train").columns == ["z", "label", "text", "a"]
    assert read(file) == [("one", "a", "two", "three")]
    [chunk] = open_table(file, "data.train").chunks(["text", "label"])
    assert {name: list(values) for name, values in chunk.columns.items()} == {
        "text": ["two"],
        "label": ["a"],
    }


@every_format
def test_rows_come_a_thousand_at_a_time_with_their_numbers(write_file, suffix):
    texts = [f"text {n}" for n in range(2500)]
    table = open_table(write_file(f"rows{suffix}", WRITTEN_AS[suffix]({"text": texts})), "file")
    for _ in range(2):  # they are read anew each time that they are asked for
        chunks = list(table.chunks(None))
        assert [(chunk.first, chunk.rows()) for chunk in chunks] == [
            (1, 1000),
            (1001, 1000),
            (2001, 500),
        ]
        assert [text for chunk in chunks for text in chunk.columns["text"]] == texts


@every_compression
@every_format
def test_an_empty_file_is_refused(write_file, suffix, compression):
    file = write_file(f"rows{suffix}{compression}", COMPRESS[compression](b""))
    message = f"{file} is empty; at least one row was expected."
    assert_refused(file, f"{re.escape(message)}$")


@every_format
def test_a_damaged_file_is_refused(write_file, suffix):
    content = WRITTEN_AS[suffix](COLUMNS)
    file = write_file(f"rows{suffix}", content[:-1] + b"\xff")
    bad_byte = (
        rf", (row|line) \d+, byte {len(content) - 1} is no UTF-8 text[.:] (It looks|the file is)"
    )
    assert_refused(file, rf"rows\{suffix}({bad_byte}| is no whole \{suffix} file: it is damaged)")


@pytest.mark.parametrize("compression", COMPRESSED)
@every_format
def test_a_compressed_file_that_is_cut_short_is_refused(write_file, suffix, compression):
    content = COMPRESS[compression](WRITTEN_AS[suffix](COLUMNS))
    file = write_file(f"rows{suffix}{compression}", content[: len(content) // 2])
    assert_refused(file, rf"rows\{suffix}\{compression} is no whole \{compression} file: it is")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "rows.docx",
            r"cannot tell the format of .*rows\.docx from its name; expected one of \.csv, \.tsv, "
            r"\.jsonl, \.json, \.parquet, \.pq, \.arrow, \.feather, \.xlsx, \.xls, \.fasttext, "
            r"\.ft, or these with \.gz, \.bz2, \.xz, \.zst, \.zip after\. For another name "
            r"say what it is, such as data\.format=tsv\.$",
        ),
        ("rows", "cannot tell the format of .*rows from its name"),
        ("rows.gz", r"cannot tell the format of .*rows\.gz from its name"),
    ],
)
def test_a_name_of_no_format_is_refused_with_those_that_there_are(write_file, name, message):
    file = write_file(name, CSV)
    assert not is_table(Path(file))
    assert_refused(file, message)


def test_formats_are_named_once_each():
    assert format_names() == "CSV, TSV, JSON Lines, Parquet, Arrow, Excel or fastText"
    assert EXPECTED == (
        "a CSV, TSV, JSON Lines, Parquet, Arrow, Excel or fastText file, a glob, or a folder with "
        "one sub-folder per class"
    )


@pytest.mark.parametrize("command", ["train", "predict"])
def test_the_help_names_every_format(command):
    explained = key_lines(command)
    assert [known.name for known in FORMATS.values() if known.name not in explained] == []


def test_a_format_is_known_by_a_line_of_the_table_alone(write_file, monkeypatch):
    def read_shouts(file):
        texts = file.whole_text().upper().split("!")
        chunk = Chunk(str(file.path), 1, {"text": texts})
        return Table(["text"], {}, lambda columns: iter([chunk]))

    monkeypatch.setitem(FORMATS, ".shout", Format("Shouts", read_shouts))
    file = write_file("rows.shout.gz", COMPRESS[".gz"](b"one!two"))
    assert is_table(Path(file))
    assert read(file) == [("ONE",), ("TWO",)]
    assert format_names().endswith("fastText or Shouts")
    assert_refused(write_file("rows.docx", CSV), r"expected one of \.csv, .*, \.ft, \.shout, or")
