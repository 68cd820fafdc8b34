"""Files: every format, plain and compressed, in chunks of rows; what cannot be read is one error
with the place.
"""

import bz2
import gzip
import json
import lzma
from itertools import chain
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from textlstm.checks import InputError
from textlstm.data.reading.files import find_files, open_table, text_lines
from textlstm.data.reading.readers import is_table

ROWS = [
    ("Shares fell, again", "business"),
    ('She said "goal"', "sports"),
    ("Zwölf\nTore\t😀", "sports"),
]
COLUMNS = {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}
CSV = (
    'text,label\n"Shares fell, again",business\n"She said ""goal""",sports\n'
    '"Zwölf\nTore\t😀",sports\n'
)
OBJECTS = [{"text": text, "label": label} for text, label in ROWS]


def zstandard(content):
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


COMPRESS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard,
}


def content_of(suffix, tmp_path):
    if suffix in (".parquet", ".pq"):
        Dataset.from_dict(COLUMNS).to_parquet(tmp_path / "plain")
        return (tmp_path / "plain").read_bytes()
    return {
        ".csv": CSV,
        ".tsv": CSV.replace(",business", "\tbusiness")
        .replace(",sports", "\tsports")
        .replace("text,", "text\t"),
        ".jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in OBJECTS),
        ".json": "\n" + json.dumps(OBJECTS, indent=2),
    }[suffix].encode()


def read(path, columns=None, encoding=None):
    chunks = open_table(str(path), "data.train", encoding).chunks(columns)
    return list(chain.from_iterable(zip(*chunk.columns.values(), strict=True) for chunk in chunks))


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".pq"])
def test_every_format_plain_and_compressed(write_file, tmp_path, suffix, compression):
    file = write_file(
        "rows" + suffix + compression, COMPRESS[compression](content_of(suffix, tmp_path))
    )
    table = open_table(str(file), "data.train")
    assert table.columns == ["text", "label"]
    assert read(file) == ROWS
    assert read(file, ["label"]) == [("business",), ("sports",), ("sports",)]


@pytest.mark.parametrize(
    "name", ["ROWS.CSV", "rows [1]*?.csv", "with space & ü.csv", "rows.CSV.GZ", "a.b.csv"]
)
def test_file_names_of_all_sorts(write_file, name):
    content = CSV.encode()
    assert (
        read(write_file(name, gzip.compress(content) if name.endswith("GZ") else content)) == ROWS
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_of_a_csv_file_is_seen_in_its_header(write_file, separator):
    file = write_file(
        "rows.csv", f'text{separator}label\n"one, two; three|four"{separator}a\nfive{separator}b\n'
    )
    assert read(file) == [("one, two; three|four", "a"), ("five", "b")]


def test_a_tsv_file_is_separated_by_tabs_whatever_its_header_holds(write_file):
    assert read(write_file("rows.tsv", "text,a,b\tlabel\none\ta\n")) == [("one", "a")]


@pytest.mark.parametrize(
    "codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_byte_order_mark_says_the_encoding(write_file, tmp_path, suffix, codec):
    text = content_of(suffix, tmp_path).decode()
    marked = text if codec in ("utf-8-sig", "utf-16") else "\ufeff" + text
    assert read(write_file("rows" + suffix, marked.encode(codec))) == ROWS


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


@pytest.mark.parametrize(
    ("encoding", "codec"), [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("utf-16", "utf-16")]
)
def test_another_encoding_is_read_when_it_is_named(write_file, encoding, codec):
    file = write_file("rows.csv", "text,label\nZwölf,a\n".encode(codec))
    assert read(file, encoding=encoding) == [("Zwölf", "a")]


@pytest.mark.parametrize(
    "encoding", ["latin-99", "hex", "rot13", "unicode_escape", "idna", 8, "utf-8\0"]
)
def test_an_encoding_that_is_of_no_text_is_refused(write_file, encoding):
    message = (
        rf"^data\.encoding={encoding} is no text encoding; "
        r"one such as utf-8, latin-1 or cp1252 was expected\.$"
    )
    with pytest.raises(InputError, match=message):
        read(write_file("rows.csv", CSV), encoding=encoding)


def test_utf_8_may_begin_with_a_byte_order_mark_where_it_is_named(write_file):
    assert read(write_file("rows.csv", "\ufeff" + CSV), encoding="utf-8") == ROWS
    assert read(write_file("rows.csv", "\ufeff" + CSV), encoding="UTF_8") == ROWS


def test_a_file_in_another_encoding_than_the_named_one_is_refused(write_file):
    message = (
        r"rows\.csv, byte 0 is no UTF-16 text, which data\.encoding=utf-16 says it is\. Name "
        r"another, or leave it out "
        r"for UTF-8\.$"
    )
    with pytest.raises(InputError, match=message):
        read(write_file("rows.csv", CSV), encoding="utf-16")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_rows_come_a_thousand_at_a_time_with_their_numbers(write_file, tmp_path, suffix):
    texts = [f"text {n}" for n in range(2500)]
    if suffix == ".parquet":
        Dataset.from_dict({"text": texts}).to_parquet(tmp_path / "rows.parquet")
    elif suffix == ".csv":
        write_file("rows.csv", "text\n" + "\n".join(texts))
    else:
        write_file("rows.jsonl", "\n".join(json.dumps({"text": text}) for text in texts))
    chunks = list(open_table(str(tmp_path / f"rows{suffix}"), "data.train").chunks(None))
    assert [(chunk.first, chunk.rows()) for chunk in chunks] == [
        (1, 1000),
        (1001, 1000),
        (2001, 500),
    ]
    assert [text for chunk in chunks for text in chunk.columns["text"]] == texts


def test_the_rows_are_read_again_each_time_they_are_asked_for(write_file):
    table = open_table(str(write_file("rows.csv", CSV)), "data.train")
    assert (
        [chunk.rows() for chunk in table.chunks(None)]
        == [chunk.rows() for chunk in table.chunks(None)]
        == [3]
    )


def test_what_a_json_object_lacks_is_none(write_file):
    file = write_file("rows.jsonl", '{"text": "one"}\n\n{"label": "b", "text": "two"}\n')
    assert read(file, ["text", "label"]) == [("one", None), ("two", "b")]


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
        r"b\.csv has no column 'label', which .*a\.csv has\. "
        r"Its columns are text, topic; all files of a glob"
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
        r"is a folder without sub-folders of text files.* "
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
            r"^data\.train is empty; a CSV, TSV, JSON Lines or Parquet file, a glob, or a folder "
            r"with",
        ),
        (
            "x" * 5000,
            r"^data\.train: x{80} is no path \(.*File name too long.*\); a CSV, TSV, JSON Lines or",
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


def test_class_names_come_from_a_parquet_file_alone(write_file, tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant"])})
    Dataset.from_dict({"text": ["a"], "label": [1]}, features=features).to_parquet(
        tmp_path / "rows.parquet"
    )
    assert open_table(str(tmp_path / "rows.parquet"), "data.train").class_names == {
        "label": ["zebra", "ant"]
    }
    assert open_table(str(write_file("rows.csv", CSV)), "data.train").class_names == {}


def write_parquet(file, columns, metadata=None):
    table = pyarrow.table(list(columns.values()), names=list(columns))
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), file)
    return file


@pytest.mark.parametrize(
    "metadata",
    [
        "{",
        b"\xff",
        "[]",
        '{"info": null}',
        '{"info": {"features": []}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel", "names": [0, 1]}}}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["a", "a"]}}}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel", "names": "ab"}}}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel"}}}}',
    ],
)
def test_class_names_that_are_none_are_ignored(tmp_path, metadata):
    file = write_parquet(
        tmp_path / "rows.parquet", {"text": ["one"], "label": [0]}, {"huggingface": metadata}
    )
    assert open_table(str(file), "data.train").class_names == {}
    assert read(file) == [("one", 0)]


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path):
    table = pyarrow.table([["one"], ["a"], ["two"]], names=["text", "label", "text"])
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(
        InputError, match=r"rows\.parquet has two columns 'text': each needs a name of its own\."
    ):
        read(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    "kind", [pyarrow.timestamp("ms"), pyarrow.duration("s"), pyarrow.timestamp("s", tz="No/Where")]
)
def test_times_that_python_has_no_value_for_are_refused(tmp_path, kind):
    file = write_parquet(tmp_path / "rows.parquet", {"text": pyarrow.array([2**53], kind)})
    with pytest.raises(
        InputError, match=r"^data\.train: .*rows\.parquet (cannot be read|is no whole)"
    ):
        read(file)


def test_parquet_texts_that_are_no_utf_8_are_named_with_their_column(tmp_path):
    ends = pyarrow.array([0, 1, 2], pyarrow.int32()).buffers()[1]
    texts = pyarrow.Array.from_buffers(
        pyarrow.string(), 2, [None, ends, pyarrow.py_buffer(b"a\xff")]
    )
    file = write_parquet(tmp_path / "rows.parquet", {"label": ["a", "b"], "text": texts})
    message = (
        r"rows\.parquet, column 'text' holds bytes that are no UTF-8 text, in a row from 1 on\. "
        r"Write it again\.$"
    )
    with pytest.raises(InputError, match=message):
        read(file)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", "", r"rows\.csv is empty; rows with a text and a label were expected\."),
        ("rows.csv.gz", gzip.compress(b"", mtime=0), r"rows\.csv\.gz is empty; rows with"),
        (
            "rows.csv",
            "text,label\n",
            r"rows\.csv has a header but no rows; rows with a text and a label were",
        ),
        (
            "rows.csv",
            "\n\n",
            r"rows\.csv has no header: a first line with the column names was expected\.",
        ),
        (
            "rows.csv",
            "text,label,text\na,b,c\n",
            r"rows\.csv has two columns 'text': each needs a name of its own\.",
        ),
        (
            "rows.csv",
            "text,label\none,a\ntwo,b,c\n",
            r'row 2 has 3 fields, the header has 2 \(text, label\).*"double quotes"',
        ),
        (
            "rows.csv",
            "text,label\n" + "one,a\n" * 1500 + "two\n",
            r"row 1501 has 1 field, the header has 2",
        ),
        (
            "rows.csv",
            'text,label\none,a\n"two,b\nthree,c\n',
            r"row 2 cannot be read: a quote is opened there and never",
        ),
        (
            "rows.csv",
            'text,label\none,a\n"two"x,b\n',
            r"row 2 cannot be read: .*with quotes inside it doubled",
        ),
        (
            "rows.jsonl",
            '{"text": "one"}\n{"text"\n',
            r"line 2 is no JSON \(Expecting ':' delimiter, .*a JSON object a line",
        ),
        ("rows.jsonl", '{"text": "one"}\n\n"two"\n', r"line 3 is no JSON object; one such as \{"),
        ("rows.json", "[]", r"rows\.json holds no object with keys; objects such as \{"),
        ("rows.jsonl", "{}\n", r"rows\.jsonl holds no object with keys; objects such as \{"),
        (
            "rows.json",
            '[{"text": "one"},\n]',
            r"line 2 is no JSON \(.*, or one array of them, was expected\.",
        ),
        ("rows.json", '[{"text": "one"},\n\n2]', r"item 2 is no JSON object; one such as \{"),
        (
            "rows.json",
            "[" * 100_000,
            r"rows\.json is no JSON \(.*recursion.*\); a JSON object a line, such as",
        ),
        (
            "rows.parquet",
            "no parquet",
            r"rows\.parquet is no whole \.parquet file: it is damaged, cut short, or",
        ),
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
            "rows.xlsx",
            CSV,
            r"cannot tell the format of .*rows\.xlsx.*\.csv, \.tsv, \.jsonl.* with \.gz, \.bz2, "
            r"\.xz, \.zst",
        ),
        ("rows", CSV, "cannot tell the format of .*rows from its name"),
        ("rows.gz", CSV, r"cannot tell the format of .*rows\.gz from its name"),
        (
            "rows.csv",
            "text,label\none,a\nné,b\n".encode("latin-1"),
            r"row 2, byte 18 is no UTF-8 text\..*data\.encoding=",
        ),
        (
            "rows.csv",
            "téxt,label\none,a\n".encode("latin-1"),
            r"rows\.csv, header, byte 1 is no UTF-8 text",
        ),
        (
            "rows.jsonl",
            '{"text": "a"}\n{"text": "é"}\n'.encode("latin-1"),
            r"line 2, byte 24 is no UTF-8 text",
        ),
        (
            "rows.csv",
            "id,téxt\n1,one\n".encode("latin-1"),
            r"rows\.csv, header, byte 4 is no UTF-8 text",
        ),
        (
            "rows.csv",
            '"text"x,label\none,a\n',
            r"rows\.csv, header cannot be read: text follows a closing quote\.",
        ),
        (
            "rows.csv",
            "te\0xt,label\none,a\n",
            r"rows\.csv, header holds a NUL byte in the column 'te\\x00xt'",
        ),
        ("rows.csv", b"text,label\none,a\ntwo,b\xc3", r"row 2, byte 22 is no UTF-8 text"),
        (
            "rows.csv",
            "\ufefft,l\none,".encode("utf-16-le") + b"\x00\xd8\x00\x00",
            r"byte 18 is no UTF-16 text",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(write_file, name, content, message):
    file = write_file(name, content)
    with pytest.raises(InputError, match=rf"^data\.train: .*{message}"):
        read(file)


def test_a_byte_that_is_no_text_is_found_beyond_the_first_megabyte(write_file):
    content = ("é" * 10 + ",a\n").encode() * 100_000
    file = write_file("rows.csv", b"text,label\n" + content + b"\xe9,b\n")
    with pytest.raises(InputError, match=r"row 100001, byte 2300011 is no UTF-8 text"):
        read(file)


def test_texts_of_several_columns_are_joined_by_a_space(write_file):
    file = write_file("rows.csv", "title,body\nGoal!,Porto win\n,Only a body\nOnly a title,  \n,\n")
    [chunk] = open_table(str(file), "data.train").chunks(None)
    assert chunk.texts(["title", "body"], "data.train") == [
        "Goal! Porto win",
        "Only a body",
        "Only a title",
        "",
    ]
    assert chunk.texts(["body"], "data.train") == ["Porto win", "Only a body", "  ", ""]


def test_a_value_that_is_no_text_is_named_with_its_row(write_file):
    file = write_file("rows.jsonl", '{"text": "one"}\n{"text": 12}\n')
    [chunk] = open_table(str(file), "data.train").chunks(None)
    with pytest.raises(
        InputError,
        match=r"data\.train: .*rows\.jsonl, row 2 holds 12 in the column 'text', text was",
    ):
        chunk.texts(["text"], "data.train")


def test_a_nul_byte_is_named_with_its_row_and_a_way_out(write_file):
    file = write_file("rows.csv", b"text\none\nt\x00w\x00o\x00\n")
    [chunk] = open_table(str(file), "data.train").chunks(None)
    with pytest.raises(
        InputError, match=r"row 2 holds a NUL byte in the column 'text'.*data\.encoding=utf-16"
    ):
        chunk.texts(["text"], "data.train")


def test_files_of_any_other_name_are_a_text_a_line(write_file):
    file = Path(write_file("texts.txt.gz", gzip.compress("one\r\n\r\nzwölf\n".encode())))
    assert not is_table(file)
    [chunk] = text_lines(file, "input", None, "text")
    assert (chunk.first, chunk.columns) == (1, {"text": ["one", "", "zwölf"]})
