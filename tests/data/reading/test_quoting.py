"""Quotes: whether they stand around fields or are characters, and rows that a quote swallows."""

import csv
import io
import logging

import pytest

from helpers.reading import assert_refused, read
from textlstm.data.reading.files import open_table
from textlstm.data.reading.settings import AS_NAMED, FileSettings

DOUBLE, NONE = FileSettings(quoting="double"), FileSettings(quoting="none")
AS_CHARACTERS = [
    ("ham", '"hello there my friend'),
    ("spam", "win a prize now"),
    ("ham", 'see you soon"'),
    ("ham", '"yes" he said'),
    ("spam", '5" pipes, "cheap"'),
    ("ham", '"quoted from end to end"'),
    ("spam", '"'),
]
IN_QUOTES = [("ham", 'she said "hi"'), ("spam", "one\ttwo"), ("ham", "two\nlines"), ("ham", "x")]


def lines(rows, separator="\t", header=("label", "text")):
    """Rows written as they are, without quoting."""
    return "".join(separator.join(row) + "\n" for row in (header, *rows))


def quoted(rows, separator="\t", quoting=csv.QUOTE_MINIMAL):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator="\n")
    writer.writerows([("label", "text"), *rows])
    return stream.getvalue()


def said(file):
    return open_table(file, "data.train").said


def swallowing(file, settings=AS_NAMED):
    """The rows that seem to hold whole rows, counted from 1."""
    chunks = open_table(file, "data.train", settings).chunks(None)
    return [chunk.first + row for chunk in chunks for row in chunk.swallowing]


@pytest.mark.parametrize("name", ["rows.tsv", "rows.csv"])
@pytest.mark.parametrize("count", [3, len(AS_CHARACTERS)])
def test_a_quote_in_a_tab_separated_file_is_a_character(write_file, name, count):
    file = write_file(name, lines(AS_CHARACTERS[:count]))
    assert read(file) == AS_CHARACTERS[:count]
    assert said(file) == (
        "a quote is a character of the text, as the first rows show; data.quoting=double reads "
        "fields in double quotes."
    )


def test_no_row_vanishes_between_two_quotes(write_file):
    rows = [
        (label, text.format(n))
        for n in range(500)
        for label, text in [
            ("ham", '"see you at {} oclock'),
            ("spam", "win prize {} now"),
            ("ham", 'ok then {}"'),
            ("spam", "free money {}"),
        ]
    ]
    assert read(write_file("rows.tsv", lines(rows))) == rows
    turned = [(text, label) for label, text in rows]
    assert read(write_file("rows.tsv", lines(turned, header=("text", "label")))) == turned


@pytest.mark.parametrize("name", ["rows.tsv", "rows.csv"])
@pytest.mark.parametrize(
    ("rows", "quoting"),
    [
        (IN_QUOTES, csv.QUOTE_MINIMAL),
        (IN_QUOTES[:1], csv.QUOTE_MINIMAL),  # quotes inside are doubled
        (IN_QUOTES[1:2], csv.QUOTE_MINIMAL),  # a tab in quotes
        (IN_QUOTES[2:3], csv.QUOTE_MINIMAL),  # a line break in quotes
        ([("ham", "x"), ("spam", "y")], csv.QUOTE_ALL),
        (IN_QUOTES, csv.QUOTE_ALL),
    ],
)
def test_a_tab_separated_file_may_show_that_fields_stand_in_quotes(write_file, name, rows, quoting):
    file = write_file(name, quoted(rows, quoting=quoting))
    assert read(file) == rows
    assert said(file) == (
        "fields stand in double quotes, as the first rows show; data.quoting=none takes a quote as "
        "a character."
    )


def test_a_wrong_row_between_two_quotes_is_named_and_not_taken_for_a_text(write_file):
    content = lines([AS_CHARACTERS[0], ("spam", "win\ta prize"), *AS_CHARACTERS[1:3]])
    assert_refused(write_file("rows.tsv", content), r"row 2 has 3 fields, the header has 2")


def test_a_spreadsheet_quotes_the_fields_with_a_comma(write_file):
    content = 'label\ttext\nham\t"one, two"\nspam\tthree\nham\t"four, five"\n'
    assert read(write_file("rows.tsv", content)) == [
        ("ham", "one, two"),
        ("spam", "three"),
        ("ham", "four, five"),
    ]
    content += "ham\tsix, seven\n"
    assert read(write_file("rows.tsv", content))[0] == ("ham", '"one, two"')


def test_nothing_is_said_where_nothing_was_decided(write_file):
    assert said(write_file("rows.tsv", 'label\ttext\nham\tone "x" two\n')) == ""
    assert said(write_file("rows.csv", quoted(IN_QUOTES, ","))) == ""


@pytest.mark.parametrize("separator", list(",;\t|"))
@pytest.mark.parametrize("rows", [AS_CHARACTERS[:2], IN_QUOTES[:1]])
def test_the_key_decides_otherwise(write_file, separator, rows):
    rows = [(label, text.replace(",", "").replace(";", "")) for label, text in rows]
    file = write_file("rows.csv", lines(rows, separator))
    assert read(file, settings=NONE) == rows
    file = write_file("rows.csv", quoted(rows, separator))
    assert read(file, settings=DOUBLE) == rows
    assert read(file, settings=NONE)[0][1].startswith('"')


MANY = [("ham", f"see you at {n} o clock in the usual place") for n in range(30_000)]  # > 1 MB


def test_a_later_row_in_quotes_contradicts_what_the_first_rows_have_shown(write_file):
    content = lines([AS_CHARACTERS[0], *MANY, ("ham", '"she said ""hi"""')])
    file = write_file("rows.tsv", content)
    assert_refused(
        file,
        r'''rows\.tsv, row 30002 holds '"she said ""hi"""', which stands in double quotes with '''
        r"those inside doubled, but the first rows of this tab-separated file do not show that "
        r"fields stand in quotes\. Give data\.quoting=double if they do, or data\.quoting=none if "
        r"a quote is a character of the text\.$",
    )
    assert read(file, settings=NONE)[-1] == ("ham", '"she said ""hi"""')
    assert_refused(
        write_file("rows.tsv", lines([*MANY, ("ham", '"one\ttwo"')])),
        r"row 30001 has 3 fields, the header has 2 \(label, text\)\. A quote is a character in "
        r'this file.*where such texts stand in "double quotes", give data\.quoting=double\.$',
    )


def test_a_later_row_that_swallows_others_contradicts_what_the_first_rows_have_shown(write_file):
    content = quoted([*IN_QUOTES, *MANY]) + lines(AS_CHARACTERS[:3]).partition("\n")[2]
    file = write_file("rows.tsv", content)
    assert_refused(
        file,
        r"rows\.tsv, row 30005 holds a line break and then what looks like a whole row, from a "
        r"quote on that may be a character, though the first rows show fields in double quotes\. "
        r"Give data\.quoting=none if a quote is a character of the text, or data\.quoting=double "
        r"if these lines are one text\.$",
    )
    assert len(read(file, settings=DOUBLE)) == 30_005
    assert_refused(
        write_file("rows.tsv", quoted([*IN_QUOTES, *MANY]) + 'ham\t"hi" he said\n'),
        r"row 30005 cannot be read: text follows a closing quote\..*data\.quoting=none",
    )


@pytest.mark.parametrize("separator", list(",;\t|"))
@pytest.mark.parametrize("text_first", [True, False])
def test_a_row_that_seems_to_hold_whole_rows_is_reported(write_file, separator, text_first):
    rows = [("ham", "one"), *AS_CHARACTERS[:3], ("spam", "two")]
    rows = [row[::-1] for row in rows] if text_first else rows
    file = write_file("rows.csv", lines(rows, separator))
    assert len(read(file, settings=DOUBLE)) == 3
    assert swallowing(file, settings=DOUBLE) == [2]
    assert swallowing(file, settings=NONE) == []


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("separator", list(",;|"))
def test_a_text_of_several_lines_is_not_taken_for_rows(write_file, separator, line_break):
    text = f"Dear all{separator} hello{line_break}I hoped{separator} in vain{line_break}for more"
    rows = [("ham", text), ("spam", "x"), ("ham", f"a{line_break}b"), ("spam", text)]
    file = write_file("rows.csv", quoted(rows, separator, csv.QUOTE_ALL))
    assert swallowing(file) == []
    assert read(file) == rows
    turned = [row[::-1] for row in rows]
    assert swallowing(write_file("rows.csv", quoted(turned, separator, csv.QUOTE_ALL))) == []


def test_files_of_a_glob_are_each_read_as_their_rows_show(write_file, tmp_path, caplog):
    write_file("1.tsv", lines(AS_CHARACTERS))
    write_file("2.tsv", quoted(IN_QUOTES))
    with caplog.at_level(logging.INFO):
        assert read(f"{tmp_path}/*.tsv") == AS_CHARACTERS + IN_QUOTES
    [message] = caplog.messages
    assert message.startswith(f"data.train: {tmp_path}/2.tsv: fields stand in double quotes")
