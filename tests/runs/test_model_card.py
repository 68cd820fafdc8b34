"""The card of a saved model: what the hub reads of it, and what a reader has to know."""

import pytest
from huggingface_hub import ModelCard

from helpers.records import small_record, small_scores
from textlstm.runs.model_card import TO_FILL_IN, write_model_card


@pytest.fixture
def card(tmp_path):
    """Writes the card of a record, and gives its text."""

    def card(record, split="test"):
        write_model_card(tmp_path, record, split)
        return (tmp_path / "README.md").read_text(encoding="utf-8")

    return card


def config(**data):
    return {"config": {"data": {"encoding": None, **data}}}


def test_the_hub_reads_task_data_and_scores(card):
    found = ModelCard(card(small_record())).data
    assert (found.pipeline_tag, found.library_name) == ("text-classification", "textlstm")
    results = [(result.metric_name, result.metric_value) for result in found.eval_results]
    assert results == [("accuracy", 0.75), ("macro F1", 0.7333)]
    assert {result.dataset_name for result in found.eval_results} == {"train.csv"}
    assert {result.dataset_split for result in found.eval_results} == {"test"}
    assert found.datasets is None


def test_a_data_set_of_the_hub_is_named_there_and_a_local_copy_is_not(card, tmp_path):
    record = small_record(**config(source="hub", name="someone/news"))
    assert ModelCard(card(record)).data.datasets == ["someone/news"]
    record = small_record(**config(source="hub", name=str(tmp_path)))
    text = card(record)
    assert ModelCard(text).data.datasets is None
    assert str(tmp_path) not in text


def test_the_card_has_data_split_scores_with_intervals_baseline_and_lines_to_fill_in(card):
    calibration = {
        "temperature": 1.5,
        "chosen_on": "validation",
        "before": {"test": {"log_loss": 0.7, "calibration_error": 0.25}},
        "threshold": None,
    }
    changes = config(split_seed=42, max_length=256, max_rows=3000)
    test = small_scores(intervals={"accuracy": (0.3006, 0.9544), "macro_f1": (0.29, 0.94)})
    text = card(small_record(calibration=calibration, test=test, **changes))
    for line in (
        "Cut from the training rows with seed 42: validation and test. No text stands in two "
        "splits. Chosen by validation cross-entropy (the epoch); nothing by test.",
        "- train: train.csv, SHA-256 `" + "0123456789abcdef" * 4 + "`",
        "| train | 32 | 5.5 | 9 | 25.00% | 0.00% | 16 | 16 |",
        "At most 3,000 rows were read.",
        "| LSTM | 0.7500 | 0.301 to 0.954 | 0.7333 | 0.290 to 0.940 | 0.5000 | 0.1250 |",
        "| majority class | 0.5000 | – | 0.7333 | – | 0.5000 | 0.1250 |",
        "Temperature 1.500, chosen on validation: calibration error on test 0.2500 before, 0.1250 "
        "after.",
        "## What it must not be used for",
        "- seed 7; Python 3.11.9, torch 2.9.0",
    ):
        assert line in text.splitlines()
    assert text.count(TO_FILL_IN) == 2
    assert "money, sports. It is an LSTM with 1,234 parameters. It reads at most 256 tok" in text


def test_the_card_says_where_the_model_is_behind_and_what_is_not_calibrated(card):
    text = card(small_record(test=small_scores(accuracy=0.5)))
    assert "Behind the linear baseline on test: accuracy 0.5000 against 0.6250." in text
    assert "None: a probability is not how often such an answer is right." in text


def test_a_card_of_a_run_without_test_and_of_a_refit(card):
    text = card(small_record(baselines={}), split="validation")
    assert "## Scores on validation" in text
    assert "majority class" not in text
    data = {**small_record()["data"], "refit": True}
    text = card(small_record(refit=True, best_epoch=None, data=data))
    assert "Validation rows train, too." in text
    assert "kept: the last" in text


def test_names_from_data_are_text_alone_and_folders_stay_at_home(card):
    odd = 'x: y\n---\n[click](javascript:alert(1)) <b> "#'
    record = small_record(labels=["money", odd], title=f"run {odd}")
    record["data"]["sources"]["train"]["path"] = f"/home/alice/secret/{odd.replace('/', '')}.csv"
    for split in record["data"]["splits"].values():
        split["classes"] = {"money": 1, odd: 1}
    text = card(record)
    assert "/home/alice" not in text
    found = ModelCard(text)
    assert found.data.model_name == f"run {odd}"
    assert "<b>" not in found.text
    assert "](javascript" not in found.text.replace("\\]", "")
