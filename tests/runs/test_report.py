"""What a person reads after a run: every number of the record in its place, and every warning."""

import csv

import pytest
import torch

from helpers.records import small_record, small_scores
from textlstm.model.metrics import Predictions
from textlstm.runs.report import (
    LINEAR,
    MISTAKES,
    behind_line,
    confident_mistakes,
    data_warnings,
    notes,
    print_results,
    write_predictions,
    write_report,
)

LABELS = ["money", "sports"]
TEXTS = ["bank falls", "a | bar", "goal", "match"]


@pytest.fixture
def predictions():
    """Four texts of which the second is predicted wrong."""
    probabilities_NC = torch.tensor([[0.75, 0.25], [0.125, 0.875], [0.25, 0.75], [0.5, 0.5001]])
    return Predictions(probabilities_NC.log(), torch.tensor([0, 0, 1, 1]))


@pytest.fixture
def written(tmp_path, predictions):
    """Writes a report of a record, and gives its text."""

    def written(record, split="test"):
        write_report(tmp_path / "run", record, split, TEXTS, predictions)
        return (tmp_path / "run" / "report.md").read_text(encoding="utf-8")

    return written


def facts(**changes):
    return {**small_record()["data"], **changes}


def test_a_report_has_every_section_with_its_numbers(written, tmp_path):
    text = written(small_record())
    for line in (
        "# LSTM text classifier, run small",
        "| model | accuracy | macro F1 | log loss | calibration error | AUROC |",
        "| LSTM | 0.7500 | 0.7333 | 0.5000 | 0.1250 | 1.0000 |",
        "| majority class | 0.5000 | 0.7333 | 0.5000 | 0.1250 | 1.0000 |",
        "| money | 1.0000 | 0.5000 | 0.6667 | 2 |",
        "## The 1 most confident mistakes",
        "| 0.875 | money | sports | a \\| bar |",
        "| train | 32 | 5.5 | 9 | 25.00% | 0.00% | 16 | 16 |",
        "- train: `/data/train.csv` (SHA-256 `0123456789abcdef…`)",
        "Texts are the column title + body, classes the column desk.",
        "Tokenizer: word, 1,300 tokens, learned from the training split alone.",
        "| LSTM 1 | 4 | 224 |",
        "| total |  | 1,234 |",
        "Kept: epoch 2 of 2, which has the lowest cross-entropy on validation "
        "(macro F1 there 0.7333).",
        "- overrides: `model.hidden=4`",
        "- seed: 7",
        "- git commit: abc+",
        "- Python 3.11.9, torch 2.9.0",
        "- x86_64, 2 CPUs; 2 threads; device cpu",
        "- 3 s of training, 12 s in all",
    ):
        assert line in text.splitlines()
    names = {file.name for file in (tmp_path / "run").iterdir()}
    pictures = {"confusion_matrix.png", "curves.png"}
    assert names == {"report.md", "predictions.csv", *pictures}
    assert all(f"]({name})" in text for name in pictures)


def test_a_calibrated_run_s_report_has_temperature_threshold_and_a_picture(written, tmp_path):
    before = {"log_loss": 0.7, "calibration_error": 0.25}
    answered = {
        "validation": {"right": 0.951, "share": 0.87},
        "test": {"right": 0.9381, "share": 0.86},
    }
    calibration = {
        "temperature": 1.5,
        "chosen_on": "validation",
        "before": {"validation": before, "test": before},
        "threshold": {"target": 0.95, "min_probability": 0.83, "answered": answered},
    }
    text = written(small_record(calibration=calibration))
    assert (
        "Temperature 1.500, chosen on validation: calibration error on test 0.2500 before, 0.1250 "
        "after." in text
    )
    assert (
        "Right in 95 of 100 above p = 0.830, which answers 87% of the texts (chosen on "
        "validation); on test right in 93 of 100, 86% of the texts. `predict "
        "min_probability=0.830` marks them." in text
    )
    assert "](reliability.png)" in text
    assert (tmp_path / "run" / "reliability.png").is_file()

    without = {**calibration, "threshold": None}
    assert "No probability has 95 of 100" in written(small_record(calibration=without))


def test_the_baselines_stand_beside_test_alone(written):
    text = written(small_record(), split="validation")
    assert "## Scores on validation" in text
    assert "majority class" not in text
    assert LINEAR not in text


def test_an_undefined_auroc_is_a_dash(written):
    record = small_record(test=small_scores(auroc=None), baselines={})
    assert "| LSTM | 0.7500 | 0.7333 | 0.5000 | 0.1250 | – |" in written(record)


def test_a_run_without_overrides_says_so(written):
    assert "- overrides: none\n" in written(small_record(overrides=[]))


def test_a_report_of_a_refit_says_what_trained_and_what_chose(written):
    epochs = [{"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "seconds": 1.0}]
    changes = {"refit": True, "score": None, "best_epoch": None, "history": epochs}
    text = written(small_record(**changes, chosen_by="chosen before", data=facts(refit=True)))
    assert "Kept: the last of 1 epochs. There was no validation: chosen before." in text
    assert "A refit: validation rows train, too." in text
    assert "learned from training and validation texts." in text
    assert f"{LINEAR} chosen on validation, then fitted on training and validation rows: " in text


def test_a_report_says_which_fold_validates_and_what_a_stream_leaves_unknown(written):
    data = facts(fold={"fold": 1, "folds": 5}, streaming={"sample": 2000})
    text = written(small_record(data=data))
    assert "Validation is fold 1 (from 0) of 5." in text
    assert (
        "Training rows were streamed: lengths, unknown tokens and the tokenizer are of the first "
        "2,000, and duplicates among them were not looked for." in text
    )
    assert "The baselines learned from the first 2,000 rows alone." in text


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


def test_classes_that_training_has_no_row_of_are_said_and_listed(written):
    record = small_record(test=small_scores(unseen={"odd": 2, "a | b": 1}))
    assert notes(record, "test")[0] == (
        "Rows of test with a class that no training row has: 3 (odd 2, a | b 1). They count as "
        "wrong, such a class as 0 in macro F1; log loss leaves them out."
    )
    table = "| class | rows |\n| --- | --- |\n| odd | 2 |\n| a \\| b | 1 |\n"
    assert f"## Classes that training has no row of\n\n{table}" in written(record)
    assert "Classes that training has no row of" not in written(small_record())


def test_the_gold_class_of_a_row_may_be_one_that_training_has_no_row_of(tmp_path):
    probabilities_NC = torch.tensor([[0.75, 0.25], [0.125, 0.875]])
    predictions = Predictions(probabilities_NC.log(), torch.tensor([2, 0]), ["odd"])
    write_predictions(tmp_path / "predictions.csv", LABELS, ["one", "two"], predictions)
    lines = (tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == ["one,odd,money,0.75,0.25", "two,money,sports,0.125,0.875"]
    assert confident_mistakes(LABELS, ["one", "two"], predictions) == [
        ("0.875", "money", "sports", "two"),
        ("0.750", "odd", "money", "one"),
    ]


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


def test_the_screen_shows_scores_notes_and_the_folder(capsys, tmp_path):
    print_results(small_record(), "test", tmp_path)
    out = capsys.readouterr().out
    assert "Scores on test" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["LSTM", "0.7500", "0.7333", "0.5000", "0.1250"] in rows
    assert ["majority", "class", "0.5000", "0.7333", "0.5000", "0.1250"] in rows
    assert f"{LINEAR} chosen on validation: 1- to 2-grams of words, sublinear counts, C = 5." in out
    assert out.endswith(f"folder: {tmp_path}\n")


def test_predictions_have_a_row_per_text_with_every_probability(tmp_path, predictions):
    write_predictions(tmp_path / "predictions.csv", LABELS, TEXTS, predictions)
    with open(tmp_path / "predictions.csv", encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[0] == ["text", "gold", "predicted", "probability_money", "probability_sports"]
    assert rows[1] == ["bank falls", "money", "money", "0.75", "0.25"]
    assert rows[2] == ["a | bar", "money", "sports", "0.125", "0.875"]
    assert len(rows) == 5


def test_mistakes_come_most_confident_first_and_only_so_many():
    confidence = [0.6 + n / 1000 for n in range(MISTAKES + 5)]
    probabilities_NC = torch.tensor([[1 - share, share] for share in confidence])
    predictions = Predictions(probabilities_NC.log(), torch.zeros(len(confidence)).long())
    texts = [f"text {n}" for n in range(len(confidence))]
    mistakes = confident_mistakes(LABELS, texts, predictions)
    assert mistakes[0] == ("0.624", "money", "sports", "text 24")
    assert [text for *_, text in mistakes] == [f"text {n}" for n in range(24, 4, -1)]


def test_a_split_without_mistakes_says_so(tmp_path):
    predictions = Predictions(torch.tensor([[0.75, 0.25]] * 4).log(), torch.zeros(4).long())
    write_report(tmp_path, small_record(), "test", TEXTS, predictions)
    assert "## Mistakes\n\nNone." in (tmp_path / "report.md").read_text(encoding="utf-8")


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


def test_the_report_says_what_chose_the_epoch_and_that_training_stopped_early(written):
    stopped = "Training stopped early, after epoch 2 of 9: val/macro_f1 was not better than 0.7333."
    text = written(small_record(watched="val/macro_f1", stopped=stopped, best_epoch=1))
    assert (
        "Kept: epoch 1 of 2, which has the highest macro F1 on validation (macro F1 there 0.7333)."
        in text
    )
    assert stopped in text
    text = written(small_record(watched="val/calibration_error"))
    assert "which has the lowest calibration error on validation (" in text
    assert "stopped" not in text
