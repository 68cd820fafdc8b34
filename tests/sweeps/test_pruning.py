"""Pruning: what a run reports to its trial, and when it is ended."""

from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from textlstm.sweeps.pruning import PARTS, Pruning


@pytest.mark.parametrize(
    ("epochs", "expected"), [(3, [3, 6, 10]), (20, [0, 1, 1, 2]), (10, [1, 2, 3])]
)
def test_scores_are_reported_at_tenths_of_a_run(epochs, expected):
    reported = {}
    trial = SimpleNamespace(
        report=lambda value, step: reported.update({step: value}), should_prune=lambda: False
    )
    pruning = Pruning(trial)
    metrics = {"val/macro_f1": SimpleNamespace(item=lambda: 0.5)}
    trainer = SimpleNamespace(
        max_epochs=epochs, callback_metrics=metrics, state=SimpleNamespace(fn="fit")
    )
    for epoch, part in enumerate(expected):
        trainer.current_epoch = epoch
        pruning.on_validation_end(trainer, None)
        assert max(reported, default=0) == part == len(reported)
    assert PARTS == 10


def test_a_run_below_the_median_of_others_is_ended(tmp_path):
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(5, 2))
    for _ in range(5):
        study.add_trial(
            optuna.trial.create_trial(
                value=0.8,
                state=TrialState.COMPLETE,
                intermediate_values=dict.fromkeys(range(1, 11), 0.8),
            )
        )
    for score, ended in ((0.7, True), (0.9, False)):
        pruning = Pruning(study.ask())
        metrics = {"val/macro_f1": SimpleNamespace(item=lambda score=score: score)}
        trainer = SimpleNamespace(
            max_epochs=10,
            current_epoch=4,
            callback_metrics=metrics,
            state=SimpleNamespace(fn="fit"),
            should_stop=False,
        )
        pruning.on_validation_end(trainer, None)
        assert pruning.pruned is trainer.should_stop is ended


def test_a_run_that_goes_on_reports_its_epochs_to_another_trial_and_none_twice_to_its_own():
    study = optuna.create_study(direction="maximize")
    trainer = SimpleNamespace(max_epochs=5, state=SimpleNamespace(fn="fit"))
    epochs = [{"epoch": 1, "val_macro_f1": 0.4}, {"epoch": 2, "val_macro_f1": 0.3}]
    saved = {"callbacks": {"EpochHistory": {"epochs": epochs}}}
    first = study.ask()
    for trial in (first, first, study.ask()):
        pruning = Pruning(trial)
        pruning.on_load_checkpoint(trainer, None, saved)
        trainer.current_epoch = 2
        trainer.callback_metrics = {"val/macro_f1": SimpleNamespace(item=lambda: 0.6)}
        pruning.on_validation_end(trainer, None)
    for trial in study.get_trials():
        assert trial.intermediate_values == dict(enumerate([0.4] * 4 + [0.6] * 2, start=1))
