"""Doubtful rows of the data: a sentence for each kind."""

from helpers.records import small_record
from textlstm.runs.data_report import data_warnings


def facts(**changes):
    return {**small_record()["data"], **changes}


def test_clean_data_have_no_warnings():
    assert data_warnings(facts()) == []


def test_each_kind_of_doubtful_row_has_a_sentence():
    found = data_warnings(
        facts(
            empty={"train": 1000, "test": 0},
            duplicates={"train": 2, "test": 0},
            conflicts={"train": {"texts": 3, "rows": 7}, "test": {"texts": 0, "rows": 0}},
            dropped={"train": 4, "validation": 0},
            rare={"odd": 1, "few": 2},
            unseen={
                "train": {},
                "validation": {f"new {n}": 1 for n in range(12)},
                "test": {"sport": 1},
            },
        )
    )
    assert found == [
        "data.train: 1,000 rows without text or label were dropped.",
        "data.train: 2 rows repeat an earlier text; no text stands in two splits.",
        "data.train: 3 texts stand with more than one label, in 7 rows.",
        "data.train: 4 rows also stood in a split held out from it, and were dropped.",
        "Classes with too few texts for each split, which all train: odd (1), few (2).",
        "13 rows have a class that no training row has, so that it cannot be predicted, and will "
        "count as wrong (data.validation: new 0 1, new 1 1, new 2 1, new 3 1, new 4 1, new 5 1, "
        "new 6 1, new 7 1, new 8 1, new 9 1, 2 more; data.test: sport 1). Did you mean 'sports'?",
    ]
