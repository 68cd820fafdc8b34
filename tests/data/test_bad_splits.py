"""Splits that leave nothing to train, validate or test on: the error names the split."""

from helpers.mistakes import CSV, MANY, TEST, TRAIN, each_case

CASES = [
    (
        "a training file that is the test file",
        {"train.csv": CSV, "test.csv": MANY + CSV.partition("\n")[2]},
        [TRAIN + "train.csv", TEST],
        (
            "data.train: each text of {folder}/train.csv also stands in {folder}/test.csv, so none "
            "is left to train on. Give files that do not overlap."
        ),
    ),
    (
        "a validation file that is the test file",
        {"train.csv": MANY, "test.csv": CSV},
        [TRAIN + "train.csv", "data.validation={folder}/test.csv", TEST],
        (
            "data.validation: each text of {folder}/test.csv also stands in {folder}/test.csv, so "
            "none is left to validate on. Give files that do not overlap."
        ),
    ),
    (
        "too few rows to split",
        {"rows.csv": "text,label\none goal,a\ntwo goals,b\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train has 2 different texts in 2 rows, too few to split: give at least 3 of a "
            "class, or files of your own with data.validation and data.test."
        ),
    ),
    (
        "fractions that leave nothing",
        {},
        ["data.val_fraction=0.5", "data.test_fraction=0.6"],
        (
            "data.val_fraction + data.test_fraction must be below 1 so that rows are left to train "
            "on, got 0.5 + 0.6."
        ),
    ),
    (
        "no validation rows",
        {"rows.csv": MANY},
        [TRAIN + "rows.csv", "data.val_fraction=0"],
        "There is no validation set: give data.validation=FILE or data.val_fraction above 0.",
    ),
    (
        "no test rows for a run that scores them",
        {"rows.csv": MANY},
        [TRAIN + "rows.csv", "data.test_fraction=0", "test=true"],
        "There is no test set: give data.test=FILE or data.test_fraction above 0.",
    ),
]


@each_case(CASES)
def test_a_split_without_rows_is_named_with_what_to_do(assert_refused, files, overrides, message):
    assert_refused(files, overrides, message)


def test_a_validation_file_alone_asks_for_a_training_file(write_files, refused):
    assert refused(f"data.validation={write_files({'rows.csv': CSV})}/rows.csv") == (
        "error: data.train must be given; python src/train.py --help says what it is."
    )
