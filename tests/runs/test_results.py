"""The scores of a run on the screen: beside the baselines', with every sentence."""

import pytest

from helpers.records import small_record, small_scores
from textlstm.runs.results import LINEAR, behind_line, notes, print_results


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"unit": "word", "longest": 1, "sublinear": False, "C": 10.0},
            "words, plain counts, C = 10",
        ),
        (
            {"unit": "character", "longest": 3, "sublinear": True, "C": 0.5},
            "1- to 3-grams of characters, sublinear counts, C = 0.5",
        ),
    ],
)
def test_the_settings_of_the_baseline_are_said(settings, said):
    record = small_record(baselines={LINEAR: {**small_scores(), "settings": settings}})
    assert notes(record, "test") == [f"{LINEAR} chosen on validation: {said}."]
    assert notes(record, "validation") == []


def test_classes_without_a_row_are_said():
    record = small_record(validation=small_scores(absent=["money", "odd"]))
    assert notes(record, "validation") == [
        "No row of validation has the class money, odd: left out of macro F1 and AUROC."
    ]


def test_the_screen_shows_scores_notes_and_the_folder(capsys, tmp_path):
    print_results(small_record(), "test", tmp_path)
    out = capsys.readouterr().out
    assert "Scores on test" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["LSTM", "0.7500", "0.7333", "0.5000", "0.1250"] in rows
    assert ["majority", "class", "0.5000", "0.7333", "0.5000", "0.1250"] in rows
    assert f"{LINEAR} chosen on validation: 1- to 2-grams of words, sublinear counts, C = 5." in out
    assert out.endswith(f"folder: {tmp_path}\n")


@pytest.mark.parametrize(
    ("accuracy", "macro_f1", "expected"),
    [
        (0.75, 0.7333, None),
        (0.5, 0.5, None),
        (0.8, 0.5, "Behind the linear baseline on test: accuracy 0.7500 against 0.8000. "),
        (0.5, 0.8, "Behind the linear baseline on test: macro F1 0.7333 against 0.8000. "),
        (
            0.7501,
            0.8,
            "Behind the linear baseline on test: accuracy 0.7500 against 0.7501 and macro F1 "
            "0.7333 against 0.8000. ",
        ),
    ],
)
def test_a_model_behind_the_linear_baseline_is_said_to_be(accuracy, macro_f1, expected):
    linear = small_scores(accuracy=accuracy, macro_f1=macro_f1)
    line = behind_line(small_record(baselines={LINEAR: linear}))
    if expected is None:
        assert line is None
    else:
        assert line is not None
        assert line.startswith(expected)


def test_the_wide_channel_is_advised_where_there_is_none():
    linear = small_scores(accuracy=1.0)
    assert "try wide=true" in behind_line(small_record(baselines={LINEAR: linear}))
    assert "wide=true" not in behind_line(small_record(baselines={LINEAR: linear}, wide={}))


def test_without_the_baseline_nothing_is_claimed():
    assert behind_line(small_record(baselines={})) is None
