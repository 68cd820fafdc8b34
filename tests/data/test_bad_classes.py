"""Labels that are not classes: the error names them and what to do."""

from helpers.mistakes import CSV, MANY, TEST, TRAIN, each_case, parquet_file


def each_its_own(label: str) -> str:
    """A table in which the label of each row is another."""
    return "text,label\n" + "".join(f"headline {n},{label.format(n)}\n" for n in range(120))


CASES = [
    (
        "one class only",
        {"rows.csv": "text,label\none goal,sports\ntwo goals,sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has the label 'sports' in each row; at least two "
            "classes were expected: name another column with data.label_column=…, or, of a folder, "
            "give one sub-folder per class."
        ),
    ),
    (
        "classes in each row of test that no training row has",
        {"train.csv": MANY, "test.csv": "text,label\none goal,sport\nshares,cash\n"},
        [TRAIN + "train.csv", TEST],
        (
            "data.test: {folder}/test.csv, row 1 has the label 'sport', which no training row has. "
            "Did you mean 'sports'? The classes are money, sports."
        ),
    ),
    (
        "labels that are fractions",
        {"rows.csv": "text,label\na,1\nb,0.5\nc,0.75\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has fractions as labels (such as 0.5): they look like a "
            "quantity to regress, classes were expected. Name another column with "
            "data.label_column=…, or write classes as names, such as low and high."
        ),
    ),
    (
        "labels that are many numbers",
        {"rows.csv": each_its_own("7{}")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has 120 different labels in 120 rows (such as '70'): "
            "they look like a quantity to regress, classes were expected. Name another column with "
            "data.label_column=…"
        ),
    ),
    (
        "labels that are free text",
        {"rows.csv": each_its_own("opinion number {}")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has 120 different labels in 120 rows (such as 'opinion "
            "number 0'): they look like free text or identifiers, classes were expected. Name "
            "another column with data.label_column=…"
        ),
    ),
    (
        "too few names for the labels",
        {"rows.csv": "text,label\na,0\nb,1\nc,2\n"},
        [TRAIN + "rows.csv", "data.label_names=[no,yes]"],
        (
            "data.train: {folder}/rows.csv has labels from 0 to 2; data.label_names gives 2 names, "
            "for 0 to 1 or 1 to 2. For other numbers give a mapping: data.label_names='{0: no, 2: "
            "yes}'."
        ),
    ),
    (
        "names for labels that are names",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.label_names=[no,yes]"],
        (
            "data.train: {folder}/rows.csv has the label 'sports'; data.label_names names whole "
            "numbers and booleans. Leave it out: these labels are names already."
        ),
    ),
    (
        "a name that two labels have",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.label_names=[no,no]"],
        "data.label_names must be a list of two or more different names, got ['no', 'no'].",
    ),
    (
        "names for the labels of a file that has its own",
        {"rows.parquet": parquet_file(40, names=["money", "sports"])},
        [TRAIN + "rows.parquet", "data.label_names=[no,yes]"],
        (
            "data.train: {folder}/rows.parquet brings names for its labels; leave data.label_names "
            "out."
        ),
    ),
]


@each_case(CASES)
def test_labels_that_are_not_classes_are_named_with_what_to_do(
    assert_refused, files, overrides, message
):
    assert_refused(files, overrides, message)
