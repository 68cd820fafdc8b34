"""Which epoch is kept: of a whole one-cycle schedule one of the last fifth, else any."""

import pytest

from helpers.commands import QUICK, call, record, weights
from textlstm.training.callbacks import first_cooled


@pytest.mark.parametrize(
    ("epochs", "first"), [(1, 1), (2, 2), (5, 5), (9, 9), (10, 9), (19, 17), (100, 81)]
)
def test_the_last_fifth_of_the_epochs(epochs, first):
    assert first_cooled(epochs) == first


@pytest.fixture
def overfitting(write_rows):
    """Options of a run whose labels are noise: after its first epochs validation gets worse."""
    rows = [(f"word {n % 7} of {n}", "ab"[n * n % 11 % 2]) for n in range(120)]
    given = [option for option in QUICK if "max_epochs" not in option]
    return [*given, f"data.train={write_rows('rows.csv', rows)}", "data.batch_size=8",
            "trainer.max_epochs=10", "model.word_dropout=0", "model.dropout=0"]  # fmt: skip


@pytest.mark.parametrize(
    ("option", "first"),
    [
        ("optimizer.schedule=one_cycle", 9),
        ("callbacks.early_stopping.patience=10", 1),
        ("optimizer.schedule=constant", 1),
    ],
)
def test_the_epoch_that_is_kept_has_the_lowest_loss_of_those_it_is_chosen_from(
    overfitting, tmp_path, option, first
):
    run = tmp_path / "run"
    patience = ["callbacks.early_stopping.patience=10"] if "constant" in option else []
    call("train", *overfitting, option, *patience, f"hydra.run.dir={run}")
    found = record(run)
    losses = [epoch["val_loss"] for epoch in found["history"]]
    assert losses.index(min(losses)) < 8  # else this shows nothing
    assert found["best_epoch"] == first + losses[first - 1 :].index(min(losses[first - 1 :]))
    assert found["score"] == found["history"][found["best_epoch"] - 1]["val_macro_f1"]
    assert weights(run, "best").keys() == weights(run, "last").keys()
    report = (run / "report.md").read_text(encoding="utf-8")
    assert ("of the last fifth of the epochs" in report) == (first == 9)
