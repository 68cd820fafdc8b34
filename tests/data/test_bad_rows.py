"""Rows that cannot be read or lack a text or a label: the error names the first of them."""

from helpers.mistakes import CSV, MANY, ONE, TEST, TRAIN, each_case, json_lines

CASES = [
    (
        "a row with too few fields",
        {"rows.csv": CSV + "three goals\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 has 1 field, the header has 2 (text, label). A "
            'text that holds the separator, a quote or a line break stands in "double quotes".'
        ),
    ),
    (
        "a row with too many fields",
        {"rows.csv": CSV + "goals, three,sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 has 3 fields, the header has 2 (text, label). A "
            'text that holds the separator, a quote or a line break stands in "double quotes".'
        ),
    ),
    (
        "a quote that is not closed",
        {"rows.csv": CSV + '"three goals,sports\nfour,sports\n'},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 cannot be read: a quote is opened there and "
            "never closed. A text that holds the separator, a quote or a line break stands in "
            '"double quotes", with quotes inside it doubled; where a quote is a character of the '
            "text, give data.quoting=none."
        ),
    ),
    (
        "text after a closing quote",
        {"rows.csv": CSV + '"three" goals,sports\n'},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 cannot be read: text follows a closing quote. A "
            'text that holds the separator, a quote or a line break stands in "double quotes", '
            "with quotes inside it doubled; where a quote is a character of the text, give "
            "data.quoting=none."
        ),
    ),
    (
        "a label that is missing",
        {"rows.csv": CSV + "three goals,\nfour goals, \n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has no label in 2 of 6 rows (column 'label', the first "
            "is row 5); rows are counted from 1 without the header. Fill or remove them, or drop "
            "them with data.drop_empty=true."
        ),
    ),
    (
        "a label that is null",
        {"rows.jsonl": json_lines(ONE, ONE | {"label": None})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl has no label in 1 of 2 rows (column 'label', the "
            "first is row 2); rows are counted from 1 without the header. Fill or remove them, or "
            "drop them with data.drop_empty=true."
        ),
    ),
    (
        "a text that is empty",
        {"rows.csv": CSV + ",sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has no text in 1 of 5 rows (column 'text', the first is "
            "row 5); rows are counted from 1 without the header. Fill or remove them, or drop them "
            "with data.drop_empty=true."
        ),
    ),
    (
        "a test text that is empty",
        {"train.csv": MANY, "test.csv": "text,label\n \t,sports\n"},
        [TRAIN + "train.csv", TEST],
        (
            "data.test: {folder}/test.csv has no text in 1 of 1 rows (column 'text', the first is "
            "row 1); rows are counted from 1 without the header. Fill or remove them, or drop them "
            "with data.drop_empty=true."
        ),
    ),
    (
        "rows that are all empty",
        {"rows.csv": "text,label\n,sports\nshares fall,\n"},
        [TRAIN + "rows.csv", "data.drop_empty=true"],
        (
            "data.train: {folder}/rows.csv has 2 rows, none with a text (column 'text') and a "
            "label (column 'label')."
        ),
    ),
    (
        "a text that is a number",
        {"rows.jsonl": json_lines(ONE, ONE | {"text": 3})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, row 2 holds 3 in the column 'text', text was "
            "expected; name another column."
        ),
    ),
    (
        "several labels on a row",
        {"rows.jsonl": json_lines(ONE, ONE | {"label": ["a", "b"]})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, row 2 has 2 labels in the column 'label' ('a', 'b'); "
            "a text has one label here. Keep one of them, or leave the row out."
        ),
    ),
    (
        "a label that is no label",
        {"rows.jsonl": json_lines(ONE, ONE | {"label": [[0, 4, "a"]]})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, row 2 holds [[0, 4, 'a']] in the column 'label'; "
            "names, whole numbers or booleans were expected as classes. Name another column with "
            "data.label_column=…"
        ),
    ),
]


@each_case(CASES)
def test_a_bad_row_is_named_with_what_to_do(assert_refused, files, overrides, message):
    assert_refused(files, overrides, message)
