"""The scores of a run on the screen: beside the baselines', with every sentence."""

import pytest

from helpers.records import small_record, small_scores
from textlstm.runs.results import LINEAR, against_line, notes, print_results


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
    assert notes(record, "test")[0] == f"{LINEAR} chosen on validation: {said}."
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


INTERVALS = {"accuracy": (0.701, 0.802), "macro_f1": (0.65, 0.8)}
PAIRED = {"right_alone": 12, "wrong_alone": 2, "p": 0.0129}


def against(paired=None, **linear):
    """The last note on a model with accuracy 0.7500 and macro F1 0.7333 beside this baseline."""
    record = small_record()
    record["baselines"] = {LINEAR: {**record["baselines"][LINEAR], **small_scores(**linear)}}
    if paired is not None:
        record["paired"] = paired
    return notes(record, "test")[-1]


@pytest.mark.parametrize("width", [80, 120])
def test_scores_with_their_intervals_fit_the_screen(capsys, tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    scores = small_scores(intervals=INTERVALS)
    linear = {**small_record()["baselines"][LINEAR], "intervals": INTERVALS}
    wide = {
        "weight": 0.5,
        "terms": 9,
        "settings": linear["settings"],
        "alone": {"test": {"lstm": scores, "wide": scores}},
    }
    record = small_record(test=scores, wide=wide)
    record["baselines"][LINEAR] = linear
    print_results(record, "test", tmp_path)
    lines = capsys.readouterr().out.split("Wide channel:")[0].splitlines()
    assert max(map(len, lines)) <= width
    row = next(n for n, line in enumerate(lines) if "LSTM and wide channel" in line)
    assert lines[row].split()[-4:] == ["0.7500", "0.7333", "0.5000", "0.1250"]
    assert lines[row + 1].split() == ["0.701", "to", "0.802", "0.650", "to", "0.800"]
    assert lines[row + 2].split()[:2] == ["LSTM", "alone"]
    assert "…" not in "".join(lines)
    majority = next(n for n, line in enumerate(lines) if "majority class" in line)
    assert lines[majority + 1].split() == ["–", "–"]


def test_a_model_ahead_of_the_linear_baseline_is_said_to_be_and_by_more_than_chance_or_less():
    assert against(PAIRED, accuracy=0.7, macro_f1=0.7) == (
        "Ahead of the linear baseline on test, by more than chance would give (McNemar's test of "
        "accuracy, p = 0.013): accuracy 0.7500 against 0.7000 and macro F1 0.7333 against 0.7000."
    )
    assert ", but by less than chance would give (McNemar's test of accuracy, p = 0.42): " in (
        against({**PAIRED, "p": 0.4239}, accuracy=0.7)
    )
    assert "(McNemar's test of accuracy, p < 0.001)" in against({**PAIRED, "p": 1e-9}, accuracy=0.7)
    assert against(accuracy=0.7) == (
        "Ahead of the linear baseline on test: accuracy 0.7500 against 0.7000."
    )
    assert against(PAIRED) == (
        "Level with the linear baseline on test: accuracy 0.7500 against 0.7500 and macro F1 "
        "0.7333 against 0.7333."
    )


def test_a_model_behind_the_linear_baseline_is_said_to_be_and_what_would_help():
    assert against(PAIRED, accuracy=0.8, macro_f1=0.8) == (
        "Behind the linear baseline on test, by more than chance would give (McNemar's test of "
        "accuracy, p = 0.013): accuracy 0.7500 against 0.8000 and macro F1 0.7333 against 0.8000. "
        "More training rows would help the LSTM most, and sweep=learning_curve tells how much; "
        "until then, take TF-IDF + logistic regression, or try wide=true, which mixes such a model "
        "with the LSTM."
    )
    assert against(PAIRED, accuracy=0.7, macro_f1=0.8).startswith(
        "Behind the linear baseline on test: macro F1 0.7333 against 0.8000; ahead, by more than "
        "chance would give (McNemar's test of accuracy, p = 0.013): accuracy 0.7500 against "
        "0.7000. More training rows "
    )


def test_the_wide_channel_is_advised_where_there_is_none():
    linear = small_scores(accuracy=1.0)
    assert "try wide=true" in against_line(small_record(), linear)
    assert "wide=true" not in against_line(small_record(wide={}), linear)


def test_without_the_baseline_nothing_is_claimed():
    assert notes(small_record(baselines={}), "test") == []
