"""Files that are not there or hold no rows: the error names them and what was expected."""

import gzip
import os

from helpers.mistakes import CSV, MANY, TEST, TRAIN, each_case, parquet_file

CASES = [
    (
        "a file that is missing",
        {},
        [TRAIN + "gone.csv"],
        (
            "data.train: {folder}/gone.csv does not exist; a CSV, TSV, JSON Lines, Parquet, Arrow, "
            "Excel or fastText file, a glob, or a folder with one sub-folder per class was "
            "expected."
        ),
    ),
    (
        "a test file that is missing",
        {"train.csv": MANY},
        [TRAIN + "train.csv", TEST],
        (
            "data.test: {folder}/test.csv does not exist; a CSV, TSV, JSON Lines, Parquet, Arrow, "
            "Excel or fastText file, a glob, or a folder with one sub-folder per class was "
            "expected."
        ),
    ),
    (
        "a glob that matches nothing",
        {"rows.tsv": MANY},
        [TRAIN + "*.csv"],
        (
            "data.train: no file matches {folder}/*.csv; a CSV, TSV, JSON Lines, Parquet, Arrow, "
            "Excel or fastText file, a glob, or a folder with one sub-folder per class was "
            "expected."
        ),
    ),
    (
        "a folder without sub-folders",
        {"one.txt": "goal"},
        [TRAIN],
        (
            "data.train: {folder} is a folder without sub-folders of text files; one sub-folder "
            "per class was expected, each with a text per file."
        ),
    ),
    (
        "a folder of tables",
        {"rows.csv": CSV},
        [TRAIN],
        (
            "data.train: {folder} is a folder without sub-folders of text files; one sub-folder "
            "per class was expected, each with a text per file. For the files in it, give "
            "data.train='{folder}/*.csv'."
        ),
    ),
    (
        "a folder of one class",
        {"sports/1.txt": "one goal", "sports/2.txt": "two goals"},
        [TRAIN],
        (
            "data.train: {folder} has the label 'sports' in each row; at least two classes were "
            "expected: name another column with data.label_column=…, or, of a folder, give one "
            "sub-folder per class."
        ),
    ),
    (
        "a format that is unknown",
        {"rows.docx": CSV},
        [TRAIN + "rows.docx"],
        (
            "data.train: cannot tell the format of {folder}/rows.docx from its name; expected one "
            "of .csv, .tsv, .jsonl, .json, .parquet, .pq, .arrow, .feather, .xlsx, .xls, "
            ".fasttext, .ft, or these with .gz, .bz2, .xz, .zst, .zip after. For "
            "another name say what it is, such as data.format=tsv."
        ),
    ),
    (
        "a format that is mistyped",
        {"rows.txt": CSV},
        [TRAIN + "rows.txt", "data.format=cvs"],
        (
            "data.format must be one of csv, tsv, jsonl, json, parquet, pq, arrow, feather, xlsx, "
            "xls, fasttext, ft, lines or null, got 'cvs'. Did you mean 'csv'?"
        ),
    ),
    (
        "an empty file",
        {"rows.csv": ""},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv is empty; at least one row was expected.",
    ),
    (
        "an empty file in gzip",
        {"rows.csv.gz": gzip.compress(b"")},
        [TRAIN + "rows.csv.gz"],
        "data.train: {folder}/rows.csv.gz is empty; at least one row was expected.",
    ),
    (
        "a file of blank lines",
        {"rows.csv": "\n\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has no header: a first line with the column names was "
            "expected."
        ),
    ),
    (
        "a header without rows",
        {"rows.csv": "text,label\n"},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv has a header but no rows; at least one row was expected.",
    ),
    (
        "Parquet without rows",
        {"rows.parquet": parquet_file(0)},
        [TRAIN + "rows.parquet"],
        (
            "data.train: {folder}/rows.parquet has columns but no rows; at least one row was "
            "expected."
        ),
    ),
    (
        "an empty JSON array",
        {"rows.json": "[]"},
        [TRAIN + "rows.json"],
        (
            'data.train: {folder}/rows.json holds no object with keys; objects such as {"text": '
            '"…", "label": "…"} were expected.'
        ),
    ),
    (
        "a path that is empty",
        {},
        ["data.train="],
        (
            "data.train is empty; a CSV, TSV, JSON Lines, Parquet, Arrow, Excel or fastText file, "
            "a glob, or a folder with one sub-folder per class was expected."
        ),
    ),
]


@each_case(CASES)
def test_a_path_without_rows_is_named_with_what_to_do(assert_refused, files, overrides, message):
    assert_refused(files, overrides, message)


def test_a_file_that_may_not_be_read_is_named(write_files, refused):
    folder = write_files({})
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
