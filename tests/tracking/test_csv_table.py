"""metrics.csv keeps what a run had logged before it was resumed."""

import csv
from pathlib import Path

from textlstm.tracking.csv_table import TableLogger


def logger(folder: Path) -> TableLogger:
    return TableLogger(folder, name="csv", version="")


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "csv" / "metrics.csv", newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]


def log_until(folder: Path, steps: range) -> None:
    run = logger(folder)
    for step in steps:
        run.log_metrics({"train/loss": step / 8}, step)
    run.save()


def test_a_resumed_run_keeps_its_rows_and_what_it_repeats_is_there_once(tmp_path):
    log_until(tmp_path, range(6))
    resumed = logger(tmp_path)
    resumed.forget_after(4)
    for step in (4, 5, 6):
        resumed.log_metrics({"train/loss": step / 8}, step)
    resumed.log_metrics({"val/loss": 0.5}, 6)  # a column that was not there before
    resumed.finalize("success")
    assert rows(tmp_path) == [
        *({"step": str(step), "train/loss": str(step / 8)} for step in range(7)),
        {"step": "6", "val/loss": "0.5"},
    ]


def test_a_row_that_a_killed_process_left_unfinished_is_removed(tmp_path):
    log_until(tmp_path, range(3))
    file = tmp_path / "csv" / "metrics.csv"
    file.write_text(file.read_text().rstrip()[:-6], encoding="utf-8")
    logger(tmp_path).forget_after(9)
    assert [row["step"] for row in rows(tmp_path)] == ["0", "1"]


def test_the_steps_of_the_language_model_are_its_own(tmp_path):
    run = logger(tmp_path)
    run.log_metrics({"pretrain/perplexity": 20.0}, 7)
    run.log_metrics({"train/loss": 0.5}, 7)
    run.save()
    logger(tmp_path).forget_after(5)
    assert rows(tmp_path) == [{"step": "7", "pretrain/perplexity": "20.0"}]


def test_a_run_that_starts_from_the_beginning_has_no_rows_of_before(tmp_path):
    log_until(tmp_path, range(3))
    again = logger(tmp_path)
    again.forget_after(None)
    again.log_metrics({"train/loss": 1.0}, 0)
    again.save()
    assert rows(tmp_path) == [{"step": "0", "train/loss": "1.0"}]
