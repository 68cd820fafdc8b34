"""What a person gives wrongly ends the command with code 2 and one message: what, where, expected, and what to do."""

import gzip
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import datasets
import huggingface_hub.constants
import pyarrow
import pyarrow.parquet
import pytest
from commands import SRC, as_before, environment

from textlstm import command_line, training

SMALL = ["model.hidden=4", "model.embedding_dim=4", "trainer.max_epochs=1", "baselines=false"]

CSV = "text,label\none goal,sports\nshares fall,money\ntwo goals,sports\nshares rise,money\n"
PAIRS = [(f"goal {n}", "sports") for n in range(20)] + [(f"shares {n}", "money") for n in range(20)]
MANY = "text,label\n" + "".join(f"{text},{label}\n" for text, label in PAIRS)


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def parquet(rows: int, names: list[str] | None = None) -> bytes:
    """A file of PAIRS, with class names of its own or without."""
    stream = io.BytesIO()
    texts, labels = zip(*PAIRS, strict=True)
    table = pyarrow.table({"text": texts[:rows], "label": labels[:rows]})
    if names is not None:
        features = {"label": {"_type": "ClassLabel", "names": names}}
        table = table.set_column(1, "label", [[names.index(label) for label in labels[:rows]]])
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, stream)
    return stream.getvalue()


def each_its_own(label: str) -> str:
    """A table in which the label of each row is another."""
    return "text,label\n" + "".join(f"headline {n},{label.format(n)}\n" for n in range(120))


TRAIN = "data.train={folder}/"
TEST = "data.test={folder}/test.csv"
HUB = ("data=hub", "data.name={folder}/set")
ONE = {"text": "one goal", "label": "sports"}

# Name, files, overrides, message; {folder} is where the files are.
CASES = [
    # Nothing to read.
    (
        "a file that is missing",
        {},
        [TRAIN + "gone.csv"],
        (
            "data.train: {folder}/gone.csv does not exist; a CSV, TSV, JSON Lines or Parquet file, a glob, or"
            " a folder with one sub-folder per class was expected."
        ),
    ),
    (
        "a test file that is missing",
        {"train.csv": MANY},
        [TRAIN + "train.csv", TEST],
        (
            "data.test: {folder}/test.csv does not exist; a CSV, TSV, JSON Lines or Parquet file, a glob, or "
            "a folder with one sub-folder per class was expected."
        ),
    ),
    (
        "a glob that matches nothing",
        {"rows.tsv": MANY},
        [TRAIN + "*.csv"],
        (
            "data.train: no file matches {folder}/*.csv; a CSV, TSV, JSON Lines or Parquet file, a glob, or a"
            " folder with one sub-folder per class was expected."
        ),
    ),
    (
        "a folder without sub-folders",
        {"one.txt": "goal"},
        [TRAIN],
        (
            "data.train: {folder} is a folder without sub-folders of text files; one sub-folder per class was"
            " expected, each with a text per file."
        ),
    ),
    (
        "a folder of tables",
        {"rows.csv": CSV},
        [TRAIN],
        (
            "data.train: {folder} is a folder without sub-folders of text files; one sub-folder per class was"
            " expected, each with a text per file. For the files in it, give data.train='{folder}/*.csv'."
        ),
    ),
    (
        "a folder of one class",
        {"sports/1.txt": "one goal", "sports/2.txt": "two goals"},
        [TRAIN],
        (
            "data.train: {folder} has the label 'sports' in each row; at least two classes were expected: "
            "name another column with data.label_column=…, or, of a folder, give one sub-folder per class."
        ),
    ),
    (
        "a format that is unknown",
        {"rows.xlsx": CSV},
        [TRAIN + "rows.xlsx"],
        (
            "data.train: cannot tell the format of {folder}/rows.xlsx from its name; expected one of .csv, "
            ".tsv, .jsonl, .json, .parquet, .pq, or these with .gz, .bz2, .xz, .zst after."
        ),
    ),
    (
        "an empty file",
        {"rows.csv": ""},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv is empty; rows with a text and a label were expected.",
    ),
    (
        "an empty file in gzip",
        {"rows.csv.gz": gzip.compress(b"")},
        [TRAIN + "rows.csv.gz"],
        "data.train: {folder}/rows.csv.gz is empty; rows with a text and a label were expected.",
    ),
    (
        "a file of blank lines",
        {"rows.csv": "\n\n"},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv has no header: a first line with the column names was expected.",
    ),
    (
        "a header without rows",
        {"rows.csv": "text,label\n"},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv has a header but no rows; rows with a text and a label were expected.",
    ),
    (
        "Parquet without rows",
        {"rows.parquet": parquet(0)},
        [TRAIN + "rows.parquet"],
        "data.train: {folder}/rows.parquet has columns but no rows; rows with a text and a label were expected.",
    ),
    (
        "an empty JSON array",
        {"rows.json": "[]"},
        [TRAIN + "rows.json"],
        (
            'data.train: {folder}/rows.json holds no object with keys; objects such as {"text": "…", "label":'
            ' "…"} were expected.'
        ),
    ),
    (
        "a path that is empty",
        {},
        ["data.train="],
        (
            "data.train is empty; a CSV, TSV, JSON Lines or Parquet file, a glob, or a folder with one "
            "sub-folder per class was expected."
        ),
    ),
    (
        "a name of a hub data set beside files",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.name=stanfordnlp/imdb"],
        "data.name=stanfordnlp/imdb has no meaning with data.source=files: leave it out.",
    ),
    # Columns.
    (
        "a text column of a wrong name",
        {"rows.csv": "headline,desk\none goal,sports\n"},
        [TRAIN + "rows.csv", "data.text_column=headlines", "data.label_column=desk"],
        (
            "data.train: {folder}/rows.csv has no column 'headlines'. Did you mean 'headline'? Its columns "
            "are headline, desk; name one with data.text_column=…"
        ),
    ),
    (
        "a label column of a wrong name",
        {"rows.csv": "headline,desk\none goal,sports\n"},
        [TRAIN + "rows.csv", "data.text_column=headline", "data.label_column=dessk"],
        (
            "data.train: {folder}/rows.csv has no column 'dessk'. Did you mean 'desk'? Its columns are "
            "headline, desk; name one with data.label_column=…"
        ),
    ),
    (
        "one of several text columns of a wrong name",
        {"rows.csv": "title,body,desk\none goal,in Porto,sports\n"},
        [TRAIN + "rows.csv", "data.text_column=[title,boddy]", "data.label_column=desk"],
        (
            "data.train: {folder}/rows.csv has no column 'boddy'. Did you mean 'body'? Its columns are title,"
            " body, desk; name one with data.text_column=…"
        ),
    ),
    (
        "no column of a usual name for texts",
        {"rows.csv": "schlagzeile,label\nein Tor,sport\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has none of the usual names for the column of the text (text, "
            "texts, sentence, content, review, headline, title, body, message, comment, description, "
            "document, question, query, utterance, tweet, post, abstract). Its columns are schlagzeile, "
            "label; name one with data.text_column=…"
        ),
    ),
    (
        "no column of a usual name for labels",
        {"rows.csv": "text,ressort\nein Tor,sport\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has none of the usual names for the column of the label (label, "
            "labels, class, category, target, topic, intent, sentiment, emotion, tag, stars, rating). Its "
            "columns are text, ressort; name one with data.label_column=…"
        ),
    ),
    (
        "one column for both",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.text_column=text", "data.label_column=text"],
        "data.text_column and data.label_column are both 'text'; two columns were expected.",
    ),
    (
        "two columns of one name",
        {"rows.csv": "text,label,text\none,goal,sports\n"},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv has two columns 'text': each needs a name of its own.",
    ),
    (
        "a glob of files with other columns",
        {"1.csv": CSV, "2.csv": "title,label\none goal,sports\n"},
        [TRAIN + "*.csv"],
        (
            "data.train: {folder}/2.csv has no column 'text', which {folder}/1.csv has. Its columns are "
            "title, label; all files of a glob need the same."
        ),
    ),
    # Rows.
    (
        "a row with too few fields",
        {"rows.csv": CSV + "three goals\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 has 1 field, the header has 2 (text, label). A text that "
            'holds the separator, a quote or a line break stands in "double quotes".'
        ),
    ),
    (
        "a row with too many fields",
        {"rows.csv": CSV + "goals, three,sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 has 3 fields, the header has 2 (text, label). A text that "
            'holds the separator, a quote or a line break stands in "double quotes".'
        ),
    ),
    (
        "a quote that is not closed",
        {"rows.csv": CSV + '"three goals,sports\nfour,sports\n'},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 cannot be read: a quote is opened there and never closed. A"
            ' text that holds the separator, a quote or a line break stands in "double quotes", with quotes '
            "inside it doubled."
        ),
    ),
    (
        "text after a closing quote",
        {"rows.csv": CSV + '"three" goals,sports\n'},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 cannot be read: text follows a closing quote. A text that "
            'holds the separator, a quote or a line break stands in "double quotes", with quotes inside it '
            "doubled."
        ),
    ),
    (
        "a label that is missing",
        {"rows.csv": CSV + "three goals,\nfour goals, \n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has no label in 2 of 6 rows (column 'label', the first is row 5); "
            "rows are counted from 1 without the header. Fill or remove them, or drop them with "
            "data.drop_empty=true."
        ),
    ),
    (
        "a label that is null",
        {"rows.jsonl": lines(ONE, ONE | {"label": None})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl has no label in 1 of 2 rows (column 'label', the first is row "
            "2); rows are counted from 1 without the header. Fill or remove them, or drop them with "
            "data.drop_empty=true."
        ),
    ),
    (
        "a text that is empty",
        {"rows.csv": CSV + ",sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has no text in 1 of 5 rows (column 'text', the first is row 5); "
            "rows are counted from 1 without the header. Fill or remove them, or drop them with "
            "data.drop_empty=true."
        ),
    ),
    (
        "a test text that is empty",
        {"train.csv": MANY, "test.csv": "text,label\n \t,sports\n"},
        [TRAIN + "train.csv", TEST],
        (
            "data.test: {folder}/test.csv has no text in 1 of 1 rows (column 'text', the first is "
            "row 1); rows are counted from 1 without the header. Fill or remove them, or drop them with "
            "data.drop_empty=true."
        ),
    ),
    (
        "rows that are all empty",
        {"rows.csv": "text,label\n,sports\nshares fall,\n"},
        [TRAIN + "rows.csv", "data.drop_empty=true"],
        "data.train: {folder}/rows.csv has 2 rows, none with a text (column 'text') and a label (column 'label').",
    ),
    (
        "a text that is a number",
        {"rows.jsonl": lines(ONE, ONE | {"text": 3})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, row 2 holds 3 in the column 'text', text was expected; name "
            "another column."
        ),
    ),
    (
        "a label that is a list",
        {"rows.jsonl": lines(ONE, ONE | {"label": ["a"]})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, row 2 holds ['a'] in the column 'label'; names, whole numbers "
            "or booleans were expected as classes. Name another column with data.label_column=…"
        ),
    ),
    # Classes.
    (
        "one class only",
        {"rows.csv": "text,label\none goal,sports\ntwo goals,sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has the label 'sports' in each row; at least two classes were "
            "expected: name another column with data.label_column=…, or, of a folder, give one sub-folder per"
            " class."
        ),
    ),
    (
        "a class that no training row has",
        {"train.csv": MANY, "test.csv": "text,label\none goal,sports\ntwo goals,sport\n"},
        [TRAIN + "train.csv", TEST],
        (
            "data.test: {folder}/test.csv, row 2 has the label 'sport', which no training row has. Did you "
            "mean 'sports'? The classes are money, sports."
        ),
    ),
    (
        "labels that are fractions",
        {"rows.csv": "text,label\na,1\nb,0.5\nc,0.75\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has fractions as labels (such as 0.5): they look like a quantity "
            "to regress, classes were expected. Name another column with data.label_column=…, or write "
            "classes as names, such as low and high."
        ),
    ),
    (
        "labels that are many numbers",
        {"rows.csv": each_its_own("7{}")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has 120 different labels in 120 rows (such as '70'): they look "
            "like a quantity to regress, classes were expected. Name another column with data.label_column=…"
        ),
    ),
    (
        "labels that are free text",
        {"rows.csv": each_its_own("opinion number {}")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has 120 different labels in 120 rows (such as 'opinion number 0'):"
            " they look like free text or identifiers, classes were expected. Name another column with "
            "data.label_column=…"
        ),
    ),
    (
        "too few names for the labels",
        {"rows.csv": "text,label\na,0\nb,1\nc,2\n"},
        [TRAIN + "rows.csv", "data.label_names=[no,yes]"],
        "data.train: {folder}/rows.csv has labels from 0 to 2; data.label_names gives 2 names, for 0 to 1 or 1 to 2.",
    ),
    (
        "names for labels that are names",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.label_names=[no,yes]"],
        (
            "data.train: {folder}/rows.csv has the label 'sports'; data.label_names names whole numbers and "
            "booleans. Leave it out: these labels are names already."
        ),
    ),
    (
        "a name that two labels have",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.label_names=[no,no]"],
        "data.label_names must be a list of two or more different names, got ['no', 'no'].",
    ),
    # Splits.
    (
        "a training file that is the test file",
        {"train.csv": CSV, "test.csv": MANY + CSV.partition("\n")[2]},
        [TRAIN + "train.csv", TEST],
        (
            "data.train: each text of {folder}/train.csv also stands in {folder}/test.csv, so none is left to"
            " train on. Give files that do not overlap."
        ),
    ),
    (
        "a validation file that is the test file",
        {"train.csv": MANY, "test.csv": CSV},
        [TRAIN + "train.csv", "data.validation={folder}/test.csv", TEST],
        (
            "data.validation: each text of {folder}/test.csv also stands in {folder}/test.csv, so none is "
            "left to validate on. Give files that do not overlap."
        ),
    ),
    (
        "too few rows to split",
        {"rows.csv": "text,label\none goal,a\ntwo goals,b\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train has 2 different texts in 2 rows, too few to split: give at least 3 of a class, or "
            "files of your own with data.validation and data.test."
        ),
    ),
    (
        "fractions that leave nothing",
        {},
        ["data.val_fraction=0.5", "data.test_fraction=0.6"],
        "data.val_fraction + data.test_fraction must be below 1 so that rows are left to train on, got 0.5 + 0.6.",
    ),
    (
        "no validation rows",
        {"rows.csv": MANY},
        [TRAIN + "rows.csv", "data.val_fraction=0"],
        "There is no validation set: give data.validation=FILE or data.val_fraction above 0.",
    ),
    # Formats.
    (
        "a line that is no JSON",
        {"rows.jsonl": lines(ONE) + '{"text": "a" "label": "b"}\n'},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, line 2 is no JSON (Expecting ',' delimiter, column 14); a JSON "
            'object a line, such as {"text": "…", "label": "…"}, or one array of them, was expected.'
        ),
    ),
    (
        "a line that is no JSON object",
        {"rows.jsonl": lines(ONE, ["a", "b"])},
        [TRAIN + "rows.jsonl"],
        (
            'data.train: {folder}/rows.jsonl, line 2 is no JSON object; one such as {"text": "…", "label": '
            '"…"} was expected.'
        ),
    ),
    (
        "an array that is no JSON",
        {"rows.json": '[\n{"text": "a", "label": "b"},\n{"text": "c", "label"}\n]'},
        [TRAIN + "rows.json"],
        (
            "data.train: {folder}/rows.json, line 3 is no JSON (Expecting ':' delimiter, column 22); a JSON "
            'object a line, such as {"text": "…", "label": "…"}, or one array of them, was expected.'
        ),
    ),
    (
        "an item that is no JSON object",
        {"rows.json": '[\n{"text": "a", "label": "b"},\n"c"\n]'},
        [TRAIN + "rows.json"],
        (
            'data.train: {folder}/rows.json, item 2 is no JSON object; one such as {"text": "…", "label": '
            '"…"} was expected.'
        ),
    ),
    (
        "a Parquet file cut short",
        {"rows.parquet": parquet(40)[:-20]},
        [TRAIN + "rows.parquet"],
        (
            "data.train: {folder}/rows.parquet is no whole .parquet file: it is damaged, cut short, or "
            "something else under that name. Fetch or write it again."
        ),
    ),
    (
        "a gzip file cut short",
        {"rows.csv.gz": gzip.compress(MANY.encode(), mtime=0)[:-20]},
        [TRAIN + "rows.csv.gz"],
        (
            "data.train: {folder}/rows.csv.gz is no whole .gz file: it is damaged, cut short, or something "
            "else under that name. Fetch or write it again."
        ),
    ),
    (
        "a file that is no gzip",
        {"rows.csv.gz": CSV},
        [TRAIN + "rows.csv.gz"],
        (
            "data.train: {folder}/rows.csv.gz is no whole .gz file: it is damaged, cut short, or something "
            "else under that name. Fetch or write it again."
        ),
    ),
    (
        "a file that is no xz",
        {"rows.csv.xz": CSV},
        [TRAIN + "rows.csv.xz"],
        (
            "data.train: {folder}/rows.csv.xz is no whole .xz file: it is damaged, cut short, or something "
            "else under that name. Fetch or write it again."
        ),
    ),
    (
        "a file that is no bz2",
        {"rows.csv.bz2": CSV},
        [TRAIN + "rows.csv.bz2"],
        (
            "data.train: {folder}/rows.csv.bz2 is no whole .bz2 file: it is damaged, cut short, or something "
            "else under that name. Fetch or write it again."
        ),
    ),
    (
        "a file that is no zst",
        {"rows.csv.zst": CSV},
        [TRAIN + "rows.csv.zst"],
        (
            "data.train: {folder}/rows.csv.zst is no whole .zst file: it is damaged, cut short, or something "
            "else under that name. Fetch or write it again."
        ),
    ),
    # Bytes.
    (
        "a byte that is no text in CSV",
        {"rows.csv": CSV.encode() + "drei Zähler,sports\n".encode("latin-1")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5, byte 86 is no UTF-8 text. Save the file as UTF-8 (iconv -f"
            " LATIN1 -t UTF-8), or name its encoding, such as data.encoding=latin-1."
        ),
    ),
    (
        "a byte that is no text in a header",
        {"rows.csv": "téxt,label\none goal,sports\n".encode("latin-1")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, header, byte 1 is no UTF-8 text. Save the file as UTF-8 (iconv -f"
            " LATIN1 -t UTF-8), or name its encoding, such as data.encoding=latin-1."
        ),
    ),
    (
        "a byte that is no text in JSON Lines",
        {"rows.jsonl": lines(ONE).encode() + '{"text": "Zähler"}\n'.encode("latin-1")},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, line 2, byte 51 is no UTF-8 text. Save the file as UTF-8 (iconv"
            " -f LATIN1 -t UTF-8), or name its encoding, such as data.encoding=latin-1."
        ),
    ),
    (
        "a byte that is no text in a folder",
        {"money/1.txt": "shares fall", "sports/2.txt": "drei Zähler".encode("latin-1")},
        [TRAIN],
        (
            "data.train: {folder}/sports/2.txt, byte 6 is no UTF-8 text. Save the file as UTF-8 (iconv -f "
            "LATIN1 -t UTF-8), or name its encoding, such as data.encoding=latin-1."
        ),
    ),
    (
        "a byte that is no text in a given encoding",
        {"rows.csv": CSV + "drei Zähler,sports\n"},
        [TRAIN + "rows.csv", "data.encoding=ascii"],
        (
            "data.train: {folder}/rows.csv, row 5, byte 86 is no ASCII text, which data.encoding=ascii says "
            "it is. Name another, or leave it out for UTF-8."
        ),
    ),
    (
        "UTF-16 cut short",
        {"rows.csv": CSV.encode("utf-16")[:-1]},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, byte 160 is no UTF-16 text, which its byte order mark says it is:"
            " it is damaged or cut short."
        ),
    ),
    (
        "a NUL byte",
        {"rows.csv": CSV + "three\0goals,sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 holds a NUL byte in the column 'text', which no text has. "
            "Remove it, or name the encoding of the file, such as data.encoding=utf-16-le."
        ),
    ),
    (
        "half of a surrogate pair",
        {"rows.jsonl": lines(ONE, ONE | {"text": "goal \ud83d"})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, row 2 holds half of a surrogate pair (\\ud800 to \\udfff) in the "
            "column 'text': write the whole character, or remove it."
        ),
    ),
    (
        "an encoding that is none",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.encoding=uft-8"],
        "data.encoding=uft-8 is no text encoding; one such as utf-8, latin-1 or cp1252 was expected.",
    ),
    # Values.
    ("texts of no length", {}, ["data.max_length=0"], "data.max_length must be at least 1, got 0."),
    (
        "a vocabulary without words",
        {},
        ["data.tokenizer=word", "data.vocab_size=2"],
        "data.vocab_size must be at least 3, got 2.",
    ),
    (
        "a vocabulary without pieces",
        {"rows.csv": MANY},
        [TRAIN + "rows.csv", "data.tokenizer=bpe", "data.vocab_size=200"],
        "data.vocab_size must be above 258 for data.tokenizer=bpe, which keeps 258 ids for padding, "
        "unknowns and single bytes; got 200.",
    ),
    (
        "an unknown way to cut",
        {},
        ["data.truncate=tails"],
        "data.truncate must be one of head, tail, head_tail, got 'tails'. Did you mean 'tail'?",
    ),
    (
        "two ways to even out the classes",
        {},
        ["data.oversample=true", "data.class_weights=balanced"],
        "data.oversample=true and data.class_weights=balanced both even the classes out; give one.",
    ),
    (
        "too many class weights",
        {"rows.csv": MANY},
        [TRAIN + "rows.csv", "data.class_weights=[1,2,3]"],
        "data.class_weights must be null, balanced or a list of 2 numbers (for money, sports), got [1, 2, 3].",
    ),
    (
        "names for the labels of a file that has its own",
        {"rows.parquet": parquet(40, names=["money", "sports"])},
        [TRAIN + "rows.parquet", "data.label_names=[no,yes]"],
        "data.train: {folder}/rows.parquet brings names for its labels; leave data.label_names out.",
    ),
    # The hub.
    (
        "a hub data set without a name",
        {},
        ["data=hub"],
        "data=hub needs data.name=… (a data set of the hub such as stanfordnlp/imdb, or a local folder of one).",
    ),
    (
        "a hub data set beside a training file",
        {"rows.csv": CSV, "set/train.csv": MANY},
        [*HUB, TRAIN + "rows.csv"],
        "data.train={folder}/rows.csv has no meaning with data.source=hub: leave it out.",
    ),
    (
        "a hub data set without a file of data",
        {"set/readme.md": "# none"},
        HUB,
        (
            "data.name={folder}/set: there is no such data set on the hub and no such folder here, or none "
            "with data, or it is private. Check the spelling (owner/name); `hf auth login` opens private "
            "ones."
        ),
    ),
    (
        "a hub data set without the column",
        {"set/train.csv": MANY},
        [*HUB, "data.text_column=texts"],
        (
            "data.name: {folder}/set, split train has no column 'texts'. Did you mean 'text'? Its columns are"
            " text, label; name one with data.text_column=…"
        ),
    ),
    (
        "a hub data set without training rows",
        {"set/test.csv": MANY},
        HUB,
        "data.name={folder}/set: it has no split 'train', only test.",
    ),
    (
        "a hub data set without the configuration",
        {"set/train.csv": MANY},
        [*HUB, "data.config=english"],
        (
            "data.name={folder}/set data.config=english: it cannot be loaded: BuilderConfig 'english' not "
            "found. Available: ['default']."
        ),
    ),
    (
        "a hub data set with a class of its own in test",
        {"set/train.csv": MANY, "set/test.csv": "text,label\na,sport\n"},
        HUB,
        (
            "data.name: {folder}/set, split test, row 1 has the label 'sport', which no training row has. Did"
            " you mean 'sports'? The classes are money, sports."
        ),
    ),
]


@pytest.fixture(autouse=True)
def _as_before(tmp_path, monkeypatch):
    """Nothing is written outside of the test's folder; what a command sets for its process is set back."""
    monkeypatch.setattr(training, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf_cache")
    with as_before():
        yield


@pytest.fixture
def written(tmp_path):
    """A folder with these files."""

    def written(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "data"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return written


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """The last line on standard error of a training command, which ends with code 2 and leaves nothing but its log."""
    monkeypatch.syspath_prepend(SRC)
    from train import train

    def refused(*overrides: str) -> str:
        monkeypatch.setattr(sys, "argv", ["train.py", *overrides, *SMALL, f"hydra.run.dir={tmp_path}/run"])
        with pytest.raises(SystemExit) as stop:
            command_line.main("train", train)
        errors = capsys.readouterr().err
        assert stop.value.code == 2, errors
        assert "Traceback" not in errors
        assert errors.count("error: ") == 1
        left = [str(file.relative_to(tmp_path)) for file in (tmp_path / "run").rglob("*")]
        assert left in ([], ["run/train.log"])  # what the command line says wrongly ends it before there is a folder
        assert half_written(tmp_path / "cache") == []
        return errors.splitlines()[-1]

    return refused


def half_written(cache: Path) -> list[str]:
    return [file.name for file in cache.rglob("*") if file.name.startswith(".")]


@pytest.mark.parametrize(
    ("files", "overrides", "message"), [pytest.param(*case, id=name.replace(" ", "-")) for name, *case in CASES]
)
def test_a_mistake_is_named_with_its_place_and_what_to_do(written, refused, files, overrides, message):
    folder = str(written(files))
    found = refused(*(override.replace("{folder}", folder) for override in overrides))
    assert found == "error: " + message.replace("{folder}", folder)


def test_a_validation_file_alone_asks_for_a_training_file(written, refused):
    assert refused(f"data.validation={written({'rows.csv': CSV})}/rows.csv") == (
        "error: data.train must be given; python src/train.py --help says what it is."
    )


def test_a_file_that_may_not_be_read_is_named(written, refused):
    folder = written({})
    if os.geteuid() == 0:  # whom no permission stops
        (folder / "rows.csv").symlink_to("/proc/self/mem")
        reason = "Input/output error"
    else:
        (folder / "rows.csv").write_text(CSV, encoding="utf-8")
        (folder / "rows.csv").chmod(0)
        reason = "Permission denied"
    assert refused(f"data.train={folder}/rows.csv") == (
        f"error: data.train: {folder}/rows.csv cannot be read: {reason}."
    )


def test_a_hub_out_of_reach_is_named_with_a_corpus_that_is_here(monkeypatch, refused):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    assert refused("data=hub", "data.name=nobody/nothing") == (
        "error: data.name=nobody/nothing: the Hugging Face hub cannot be reached. Without it, data=newswire4 trains on "
        "the embedded corpus."
    )


def test_a_hub_data_set_that_is_not_there_is_named(monkeypatch, refused):
    def missing(*_):
        raise datasets.exceptions.DatasetNotFoundError("Dataset 'nobody/nothing' doesn't exist on the Hub.")

    monkeypatch.setattr(datasets, "load_dataset", missing)
    assert refused("data=hub", "data.name=nobody/nothing") == (
        "error: data.name=nobody/nothing: there is no such data set on the hub and no such folder here, or none with "
        "data, or it is private. Check the spelling (owner/name); `hf auth login` opens private ones."
    )


def test_a_second_mistake_leaves_what_was_read_well_in_the_cache(tmp_path, written, refused):
    folder = written({"train.csv": MANY, "test.csv": "text,label\n"})
    error = f"error: data.test: {folder}/test.csv has a header but no rows; rows with a text and a label were expected."
    for run in (1, 2):
        assert refused(f"data.train={folder}/train.csv", f"data.test={folder}/test.csv") == error, run
        assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize(
    ("files", "overrides", "message"),
    [
        (
            {"my rows, 1.csv": CSV + "goals, three,sports\n"},
            ["data.train={folder}/my rows, 1.csv"],
            "data.train: {folder}/my rows, 1.csv, row 5 has 3 fields, the header has 2 (text, label). A text that "
            'holds the separator, a quote or a line break stands in "double quotes".',
        ),
        (
            {"rows.csv": CSV},
            ["data.train={folder}/rows.csv", "data.label_column=topic"],
            "data.train: {folder}/rows.csv has no column 'topic'. Its columns are text, label; name one with "
            "data.label_column=…",
        ),
    ],
)
def test_a_shell_gets_code_2(tmp_path, written, files, overrides, message):
    folder = str(written(files))
    arguments = [override.replace("{folder}", folder) for override in overrides]
    line = shlex.join([sys.executable, f"{SRC}/train.py", *arguments, *SMALL, f"hydra.run.dir={tmp_path}/run"])
    done = subprocess.run(f"{line}; echo code $?", shell=True, capture_output=True, encoding="utf-8")
    assert done.stdout == "code 2\n"
    assert done.stderr.splitlines()[-1] == "error: " + message.replace("{folder}", folder)
    assert "Traceback" not in done.stderr
    assert [file.name for file in (tmp_path / "run").rglob("*")] == ["train.log"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from textlstm import command_line, runs
runs.CACHE = Path(sys.argv.pop(1))
from train import train
import textlstm.training
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
command_line.main("train", train)
"""


def test_a_full_disk_leaves_nothing_half_written_in_the_cache(tmp_path):
    file, cache = tmp_path / "rows.csv", tmp_path / "cache"
    rows = "".join(f"headline number {n} about goals in Porto,{'ab'[n % 2]}\n" for n in range(10_000))
    file.write_text("text,label\n" + rows, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, cache, f"data.train={file}", *SMALL, f"hydra.run.dir={tmp_path}/run"],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
    )
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(
        rf"error: cache: {re.escape(str(cache))}/rows-[0-9a-f]{{24}} could not be written \(EFBIG\); nothing of it was "
        r"kept\. Free space on that disk, or give write access; `make clean` empties the cache\.",
        done.stderr.splitlines()[-1],
    )
    assert "Traceback" not in done.stderr
    assert list(cache.iterdir()) == []
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["train.log"]
