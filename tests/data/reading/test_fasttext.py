"""fastText's lines: labels with a prefix, and the text beside them."""

import pytest

from helpers.reading import COMPRESS, read
from textlstm.data.reading.files import open_table
from textlstm.data.reading.formats import opens_as_table
from textlstm.data.reading.settings import FileSettings

LINES = (
    "__label__sports one goal , two\n\n"
    '__label__non-fiction "quoted"\ttab\n'
    "shares __label__money fall\n"
)
ROWS = [
    ("one goal , two", ["sports"]),
    ('"quoted"\ttab', ["non-fiction"]),
    ("shares fall", ["money"]),
]


@pytest.mark.parametrize("name", ["rows.ft", "rows.fasttext", "rows.txt", "rows.train", "rows"])
def test_labels_are_taken_out_of_the_text(write_file, name):
    assert read(write_file(name, LINES)) == ROWS


@pytest.mark.parametrize("pack", COMPRESS)
def test_compressed_files_of_any_name_are_known_by_their_first_line(write_file, pack):
    name = "train.ft.txt" if pack != ".zip" else "train.txt"
    content = COMPRESS[pack](LINES.encode())
    assert read(write_file(name + pack, content)) == ROWS


def test_any_name_is_read_where_the_format_is_given(write_file):
    file = write_file("rows.csv", LINES)
    assert read(file, format="fasttext") == ROWS


def test_a_text_a_line_is_no_table_unless_a_format_is_given(tmp_path):
    (tmp_path / "lines.txt").write_text("one goal\n__label__ in a text\n", encoding="utf-8")
    assert not opens_as_table(tmp_path / "lines.txt", FileSettings())
    assert opens_as_table(tmp_path / "lines.txt", FileSettings(format="tsv"))
    (tmp_path / "lines.txt").write_text(LINES, encoding="utf-8")
    assert opens_as_table(tmp_path / "lines.txt", FileSettings())
    assert not opens_as_table(tmp_path / "lines.txt", FileSettings(format="lines"))


def test_several_labels_and_none_come_as_they_are(write_file):
    file = write_file("rows.ft", "__label__a __label__b both\nneither\n__label__c\n")
    assert read(file) == [("both", ["a", "b"]), ("neither", []), ("", ["c"])]


def test_an_encoding_counts_for_the_first_line_too(write_file):
    file = write_file("rows.txt", "__label__a Zwölf\n".encode("utf-16"))
    assert read(file) == [("Zwölf", ["a"])]
    assert open_table(file, "data.train").columns == ["text", "label"]
