"""CSV and other separators: what divides the fields, quotes, line ends, and what is refused."""

import pytest

from helpers.reading import CSV, assert_refused, read
from textlstm.data.reading.files import open_table
from textlstm.data.reading.settings import FileSettings


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_of_a_csv_file_is_seen_in_its_header(write_file, separator):
    file = write_file(
        "rows.csv", f'text{separator}label\n"one, two; three|four"{separator}a\nfive{separator}b\n'
    )
    assert read(file) == [("one, two; three|four", "a"), ("five", "b")]


def test_a_tsv_file_is_separated_by_tabs_whatever_its_header_holds(write_file):
    assert read(write_file("rows.tsv", "text,a,b\tlabel\none\ta\n")) == [("one", "a")]


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ('"a, b or c";label\none;x\n', ";"),  # what stands in quotes divides nothing
        ("text, or more;label\none;x\ntwo;y\n", ";"),  # the comma would make rows of one field
        ("a, b, c, or d?;label\none, two;x\ntwo;y\none, two, three;x\n", ";"),
        ("\ntext|label\none|x\n", "|"),
        ('label,"one; two; three"\nx,"one; two"\n', ","),
    ],
)
def test_the_separator_is_the_one_that_divides_all_rows_alike(write_file, content, separator):
    table = open_table(write_file("rows.csv", content), "data.train")
    header = next(filter(None, content.splitlines()))
    assert len(table.columns) == 2
    assert {name.strip('"') for name in table.columns} == {
        name.strip('"') for name in header.split(separator)
    }


@pytest.mark.parametrize(
    "line", ["sep=;\r\n", "\ufeffsep=;\n", '"sep=;"\r\n', "SEP=;\r\n", "sep=; \n"]
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv"])
def test_a_first_line_may_name_the_separator_as_excel_writes_it(write_file, line, name):
    file = write_file(name, f"{line}text,or more;label\r\none, two;a\r\n")
    assert open_table(file, "data.train").columns == ["text,or more", "label"]
    assert read(file) == [("one, two", "a")]
    assert read(write_file(name, f"{line}one, two;a\r\n"), settings=FileSettings(header=False)) == [
        ("one, two", "a")
    ]


@pytest.mark.parametrize("separator", [":", "#", "\t", "^"])
def test_that_line_may_name_any_separator(write_file, separator):
    content = f"sep={separator}\ntext{separator}label\none, two; three{separator}a\n"
    assert read(write_file("rows.csv", content)) == [("one, two; three", "a")]


def test_rows_are_counted_without_that_line(write_file):
    assert_refused(
        write_file("rows.csv", "sep=;\ntext;label\none;a\ntwo\n"),
        "row 2 has 1 field, the header has 2",
    )


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
        ("", r"rows\.csv is empty; at least one row was expected\."),
        (
            "text,label\n",
            r"rows\.csv has a header but no rows; at least one row was",
        ),
        (
            "\n\n",
            r"rows\.csv has no header: a first line with the column names was expected\.",
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
        *(
            (
                f'text{separator}label\none{separator}a\n"two" x{separator}b\n',
                r"row 2 cannot be read: text follows a closing quote\. A text that holds the "
                r'separator, a quote or a line break stands in "double quotes", with quotes inside '
                r"it doubled; where a quote is a character of the text, give data\.quoting=none\.",
            )
            for separator in ",;|"
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
