"""CSV and other separators: what divides the fields, quotes, line ends, and what is refused."""

import pytest

from helpers.reading import CSV, assert_refused, read
from textlstm.data.reading.files import open_table


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_of_a_csv_file_is_seen_in_its_header(write_file, separator):
    file = write_file(
        "rows.csv", f'text{separator}label\n"one, two; three|four"{separator}a\nfive{separator}b\n'
    )
    assert read(file) == [("one, two; three|four", "a"), ("five", "b")]


def test_a_tsv_file_is_separated_by_tabs_whatever_its_header_holds(write_file):
    assert read(write_file("rows.tsv", "text,a,b\tlabel\none\ta\n")) == [("one", "a")]


def test_lines_may_end_as_excel_ends_them(write_file):
    assert read(
        write_file("rows.csv", '\ufefftext;label\r\n"two\r\nlines";a\r\n\r\none;b\r\n')
    ) == [
        ("two\r\nlines", "a"),
        ("one", "b"),
    ]


def test_a_field_of_a_million_characters_is_read(write_file):
    assert read(write_file("rows.csv", "text,label\n" + "goal " * 200_000 + ",a\n")) == [
        ("goal " * 200_000, "a")
    ]


def test_the_rows_are_read_again_each_time_they_are_asked_for(write_file):
    table = open_table(str(write_file("rows.csv", CSV)), "data.train")
    assert (
        [chunk.rows() for chunk in table.chunks(None)]
        == [chunk.rows() for chunk in table.chunks(None)]
        == [3]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"rows\.csv is empty; rows with a text and a label were expected\."),
        (
            "text,label\n",
            r"rows\.csv has a header but no rows; rows with a text and a label were",
        ),
        (
            "\n\n",
            r"rows\.csv has no header: a first line with the column names was expected\.",
        ),
        (
            "text,label,text\na,b,c\n",
            r"rows\.csv has two columns 'text': each needs a name of its own\.",
        ),
        (
            "text,label\none,a\ntwo,b,c\n",
            r'row 2 has 3 fields, the header has 2 \(text, label\).*"double quotes"',
        ),
        (
            "text,label\n" + "one,a\n" * 1500 + "two\n",
            r"row 1501 has 1 field, the header has 2",
        ),
        (
            'text,label\none,a\n"two,b\nthree,c\n',
            r"row 2 cannot be read: a quote is opened there and never",
        ),
        (
            'text,label\none,a\n"two"x,b\n',
            r"row 2 cannot be read: .*with quotes inside it doubled",
        ),
        (
            '"text"x,label\none,a\n',
            r"rows\.csv, header cannot be read: text follows a closing quote\.",
        ),
        (
            "te\0xt,label\none,a\n",
            r"rows\.csv, header holds a NUL byte in the column 'te\\x00xt'",
        ),
        (
            "text,label\none,a\nné,b\n".encode("latin-1"),
            r"row 2, byte 18 is no UTF-8 text\..*data\.encoding=",
        ),
        (
            "téxt,label\none,a\n".encode("latin-1"),
            r"rows\.csv, header, byte 1 is no UTF-8 text",
        ),
        (
            "id,téxt\n1,one\n".encode("latin-1"),
            r"rows\.csv, header, byte 4 is no UTF-8 text",
        ),
        (b"text,label\none,a\ntwo,b\xc3", r"row 2, byte 22 is no UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(write_file, content, message):
    assert_refused(write_file("rows.csv", content), message)
