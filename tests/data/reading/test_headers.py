"""The names of columns: in a header, from data.columns, by position, or none where none is read."""

import pytest

from helpers.reading import COMPRESS, assert_refused, read
from textlstm.checks import InputError
from textlstm.data.reading.files import open_table
from textlstm.data.reading.settings import AS_NAMED, FileSettings

NO_HEADER = FileSettings(header=False)
HEADERLESS = '"3","Genetic test","A test, again"\n"1","Draft board","A draft"\n"3","Home","Costs"\n'
ROWS = [
    ("3", "Genetic test", "A test, again"),
    ("1", "Draft board", "A draft"),
    ("3", "Home", "Costs"),
]


def table(file, settings=AS_NAMED):
    return open_table(file, "data.train", settings)


def test_columns_that_are_not_read_need_no_name_of_their_own(write_file):
    file = write_file("rows.csv", "v1,v2,,,note,note\nham,one,x,,1,2\n")
    assert table(file).columns == ["v1", "v2", "", "", "note", "note"]
    assert read(file, ["v2", "v1"]) == [("one", "ham")]
    [chunk] = table(file).chunks(None)
    assert {name: values[0] for name, values in chunk.columns.items()} == {
        "v1": "ham",
        "v2": "one",
        "column 3": "x",
        "column 4": "",
        "note": "1",
        "note (6)": "2",
    }


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.csv.gz"])
@pytest.mark.parametrize("encoding", [None, "utf-16-le"])
def test_without_a_header_the_first_row_is_a_row(write_file, name, encoding):
    content = HEADERLESS.replace('","', '"\t"') if ".tsv" in name else HEADERLESS
    content = ("\ufeff" + content).encode(encoding or "utf-8")
    file = write_file(name, COMPRESS[".gz"](content) if name.endswith(".gz") else content)
    assert read(file, encoding=encoding, settings=NO_HEADER) == ROWS
    assert read(file, ["3", "1"], encoding=encoding, settings=NO_HEADER) == [
        (row[2], row[0]) for row in ROWS
    ]
    named = FileSettings(header=False, columns="[label,title,text]")
    assert read(file, ["label"], encoding=encoding, settings=named) == [("3",), ("1",), ("3",)]


def test_rows_without_a_header_are_counted_from_the_first(write_file):
    file = write_file("rows.csv", HEADERLESS + "1,two\n")
    assert_refused(
        file,
        r"row 4 has 2 fields, row 1 has 3\.",
        NO_HEADER,
    )
    assert_refused(
        file,
        r"row 1 has 3 fields, data\.columns names 2 \(label, text\)\.",
        FileSettings(header=False, columns=["label", "text"]),
    )
    assert_refused(
        write_file("rows.csv", "1,one\n2,né\n".encode("latin-1")),
        r"row 2, byte 9 is no UTF-8 text",
        NO_HEADER,
    )
    assert_refused(
        write_file("rows.csv", '1,one\n2,"two" x\n'), r"row 2 cannot be read: text", NO_HEADER
    )
    assert_refused(
        write_file("rows.csv", "\n\n"), r"rows\.csv has no rows; at least one row was", NO_HEADER
    )


def test_a_header_that_is_said_not_to_be_there_is_refused_if_it_is(write_file):
    assert_refused(
        write_file("rows.csv", "label,text\na,one\n"),
        r"rows\.csv has a header: its first row holds the names that data\.columns gives\. Leave "
        r"them and data\.header=false out\.$",
        FileSettings(header=False, columns="[label,text]"),
    )


@pytest.mark.parametrize(
    "content",
    [
        HEADERLESS,
        "ham\tsee you\nspam\tfree\nham\tok\n",  # a label that comes again
        "gj04\t1\t\tOur friends\ngj05\t0\t*\tThe more\n",  # a number above numbers
        "a gripping film\t1\na bore\t0\n",
    ],
)
def test_a_first_row_that_looks_like_the_others_is_said_to_be_no_header(write_file, content):
    file = write_file("rows.csv", content)
    assert "seems to have no header: its first row holds" in table(file).without_names()
    assert table(file, FileSettings(header=True)).without_names() == ""


@pytest.mark.parametrize(
    "content",
    [
        "v1,v2\nham,one\nspam,two\nham,three\n",
        "headline,stars\none,1\ntwo,2\n",
        'Timestamp,"How was it, overall?"\n2024/01/01,good\n2024/01/02,bad\n',
        "0,1\na text,1\nanother,0\n",  # as pandas numbers columns
        ",0,1\n0,a text,1\n1,another,0\n",
        "words,topics\n",
    ],
)
def test_a_header_is_not_taken_for_a_row(write_file, content):
    assert table(write_file("rows.csv", content)).without_names() == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"header": "no"}, r"^data\.header must be true, false or null, got 'no'\.$"),
        (
            {"quoting": "nune"},
            r"^data\.quoting must be one of double, none or null, got 'nune'\. Did you",
        ),
        (
            {"columns": "[a,b]"},
            r"^data\.columns=\[a,b\] names the columns of a file without a header: give "
            r"data\.header=false, too, or leave it out\.$",
        ),
        ({"columns": ["a"], "header": True}, r"^data\.columns=\[a\] names the columns of a file"),
        ({"columns": "[]", "header": False}, r"^data\.columns names no column; a list such as"),
    ],
)
def test_a_value_of_the_keys_that_has_no_meaning_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        FileSettings(**settings)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("[label,title,text]", ["label", "title", "text"]),
        (" label , text ", ["label", "text"]),
        ("['one, two',\"it's\"]", ["one, two", "it's"]),
        ("[what's new,(a) [b],c?]", ["what's new", "(a) [b]", "c?"]),
        ("[a,,b]", ["a", "", "b"]),
        ("null", None),
        ([1, "b"], ["1", "b"]),
    ],
)
def test_names_may_be_typed_as_a_list(typed, names):
    assert FileSettings(header=False, columns=typed).column_names() == names
