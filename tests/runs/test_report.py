"""report.md: every number of the record in its place."""

import numpy as np
import pytest
import torch

from helpers.records import small_record, small_scores
from textlstm.data.rows import Places
from textlstm.model.metrics import Predictions
from textlstm.runs.report import write_report
from textlstm.runs.results import LINEAR, notes

LABELS = ["money", "sports"]
TEXTS = ["bank falls", "a | bar", "goal", "match"]
PLACES = Places(["/data/test.csv"], np.zeros(4, int), np.arange(1, 5))


@pytest.fixture
def predictions():
    """Four texts of which the second is predicted wrong."""
    probabilities_NC = torch.tensor([[0.75, 0.25], [0.125, 0.875], [0.25, 0.75], [0.5, 0.5001]])
    return Predictions(probabilities_NC.log(), torch.tensor([0, 0, 1, 1]))


@pytest.fixture
def written(tmp_path, predictions):
    """Writes a report of a record, and gives its text."""

    def written(record, split="test"):
        write_report(tmp_path / "run", record, split, TEXTS, predictions, PLACES)
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


def test_a_report_says_how_words_are_read_that_the_vocabulary_does_not_have(written):
    sentence = (
        "1,050 of the tokens are the first or the last letters of training words. A word that the "
        "vocabulary does not have is read as one of them, if one fits, and counts as unknown if "
        "none does."
    )
    plain = small_record()["data"]["tokenizer"]
    for affixes, said in (({}, False), ({"affixes": 0}, False), ({"affixes": 1050}, True)):
        text = written(small_record(data=facts(tokenizer={**plain, **affixes})))
        assert (sentence in text.splitlines()) == said


def test_intervals_stand_beside_the_scores_that_have_them(written):
    intervals = {"accuracy": (0.7011, 0.8), "macro_f1": (0.65, 0.75)}
    lines = written(small_record(test=small_scores(intervals=intervals))).splitlines()
    header = "| model | accuracy | 95 % | macro F1 | 95 % | log loss | calibration error | AUROC |"
    assert header in lines
    own = "| LSTM | 0.7500 | 0.701 to 0.800 | 0.7333 | 0.650 to 0.750 | 0.5000 | 0.1250 | 1.0000 |"
    assert own in lines
    assert "| majority class | 0.5000 | – | 0.7333 | – | 0.5000 | 0.1250 | 1.0000 |" in lines


def test_a_report_explains_each_of_its_words_once(written):
    intervals = {"accuracy": (0.7, 0.8), "macro_f1": (0.65, 0.75)}
    model = {"dropout": 0.3, "word_dropout": 0.111497, "label_smoothing": 0.05}
    config = {"data": {"encoding": None}, "model": {**model, "embedding_dropout": 0.0}}
    text = written(small_record(test=small_scores(intervals=intervals), config=config))
    for explained in (
        "Accuracy is the share",
        "Macro F1 is the mean",
        "Log loss is the mean",
        "Calibration error is how far",
        "AUROC is how often",
        "95 %: the range in which",
        "Precision is the share",
        "Gold is the class that the data give a text",
        "`T × 128` means 128 numbers for each token",
        "Training loss is the mean over an epoch, while the weights change, and is measured with "
        "dropout (0.3), word dropout (0.111) and label smoothing (0.05), which make training "
        "harder and are off on validation. So validation loss can lie far below training loss.",
    ):
        assert text.count(explained) == 1

    assert "95 %" not in written(small_record())
    refit = small_record(refit=True, best_epoch=None, data=facts(refit=True))
    assert "validation loss can lie" not in written(refit)


def test_without_dropout_the_losses_are_explained_by_when_they_are_measured(written):
    model = {"dropout": 0.0, "word_dropout": 0.0, "embedding_dropout": 0.0, "label_smoothing": 0.0}
    config = {"data": {"encoding": None, "class_weights": None}, "model": model}
    text = written(small_record(config=config))
    assert "Training loss is the mean over an epoch, while the weights change;" in text
    config["data"]["class_weights"] = "balanced"
    text = written(small_record(config=config))
    assert "and is measured with class weights, which make training harder" in text


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
    assert "Kept: the last of 1 epoch. There was no validation: chosen before." in text
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


def test_classes_that_training_has_no_row_of_are_said_and_listed(written):
    record = small_record(test=small_scores(unseen={"odd": 2, "a | b": 1}))
    assert notes(record, "test")[0] == (
        "Rows of test with a class that no training row has: 3 (odd 2, a | b 1). They count as "
        "wrong, such a class as 0 in macro F1; log loss leaves them out."
    )
    table = "| class | rows |\n| --- | --- |\n| odd | 2 |\n| a \\| b | 1 |\n"
    assert f"## Classes that training has no row of\n\n{table}" in written(record)
    assert "Classes that training has no row of" not in written(small_record())


def test_a_split_without_mistakes_says_so(tmp_path):
    predictions = Predictions(torch.tensor([[0.75, 0.25]] * 4).log(), torch.zeros(4).long())
    write_report(tmp_path, small_record(), "test", TEXTS, predictions, PLACES)
    assert "## Mistakes\n\nNone." in (tmp_path / "report.md").read_text(encoding="utf-8")


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


def test_the_macro_f1_of_the_kept_epoch_is_that_of_the_lstm_alone(written):
    both = {"lstm": small_scores(macro_f1=0.6111), "wide": small_scores()}
    wide = {
        "weight": 0.5,
        "terms": 9,
        "settings": {"unit": "word", "longest": 1, "sublinear": True, "C": 1.0},
        "alone": {"validation": both, "test": both},
    }
    assert "(macro F1 there 0.6111)." in written(small_record(wide=wide))
