"""Files that are not what their names say: the error names the line or the file."""

import gzip
from pathlib import Path

from helpers.mistakes import CSV, MANY, ONE, TRAIN, each_case, json_lines, parquet_file


def damaged(name: str) -> str:
    """The error for a file whose content is not what the end of its name says."""
    return (
        f"data.train: {{folder}}/{name} is no whole {Path(name).suffix} file: it is damaged, cut "
        f"short, or something else under that name. Fetch or write it again."
    )


CASES = [
    (
        "a line that is no JSON",
        {"rows.jsonl": json_lines(ONE) + '{"text": "a" "label": "b"}\n'},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, line 2 is no JSON (Expecting ',' delimiter, column "
            '14); a JSON object a line, such as {"text": "…", "label": "…"}, or one array of them, '
            "was expected."
        ),
    ),
    (
        "a line that is no JSON object",
        {"rows.jsonl": json_lines(ONE, ["a", "b"])},
        [TRAIN + "rows.jsonl"],
        (
            'data.train: {folder}/rows.jsonl, line 2 is no JSON object; one such as {"text": "…", '
            '"label": "…"} was expected.'
        ),
    ),
    (
        "an array that is no JSON",
        {"rows.json": '[\n{"text": "a", "label": "b"},\n{"text": "c", "label"}\n]'},
        [TRAIN + "rows.json"],
        (
            "data.train: {folder}/rows.json, line 3 is no JSON (Expecting ':' delimiter, column "
            '22); a JSON object a line, such as {"text": "…", "label": "…"}, or one array of them, '
            "was expected."
        ),
    ),
    (
        "an item that is no JSON object",
        {"rows.json": '[\n{"text": "a", "label": "b"},\n"c"\n]'},
        [TRAIN + "rows.json"],
        (
            'data.train: {folder}/rows.json, item 2 is no JSON object; one such as {"text": "…", '
            '"label": "…"} was expected.'
        ),
    ),
    (
        "a Parquet file cut short",
        {"rows.parquet": parquet_file(40)[:-20]},
        [TRAIN + "rows.parquet"],
        damaged("rows.parquet"),
    ),
    (
        "a gzip file cut short",
        {"rows.csv.gz": gzip.compress(MANY.encode(), mtime=0)[:-20]},
        [TRAIN + "rows.csv.gz"],
        damaged("rows.csv.gz"),
    ),
    (
        "a file that is no gzip",
        {"rows.csv.gz": CSV},
        [TRAIN + "rows.csv.gz"],
        damaged("rows.csv.gz"),
    ),
    (
        "a file that is no xz",
        {"rows.csv.xz": CSV},
        [TRAIN + "rows.csv.xz"],
        damaged("rows.csv.xz"),
    ),
    (
        "a file that is no bz2",
        {"rows.csv.bz2": CSV},
        [TRAIN + "rows.csv.bz2"],
        damaged("rows.csv.bz2"),
    ),
    (
        "a file that is no zst",
        {"rows.csv.zst": CSV},
        [TRAIN + "rows.csv.zst"],
        damaged("rows.csv.zst"),
    ),
]


@each_case(CASES)
def test_a_broken_file_is_named_with_what_to_do(assert_refused, files, overrides, message):
    assert_refused(files, overrides, message)
