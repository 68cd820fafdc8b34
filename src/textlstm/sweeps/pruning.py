"""Reports a run's validation scores to its trial, and ends the run if others did better."""

import warnings
from typing import Any

import pytorch_lightning as pl

from textlstm.training.callbacks import Pruner
from textlstm.training.progress import EpochHistory

PARTS = 10  # parts of a run after which trials are compared, whatever its number of epochs


class Pruning(Pruner):
    """Reports the best macro F1 so far after each validation, and stops runs below the median.

    Trials are compared at tenths of their epochs, not epoch by epoch: with a one-cycle schedule, a
    run of 3 epochs is as far after its first epoch as a run of 12 after its fourth.
    """

    def __init__(self, trial: Any) -> None:
        self.trial = trial
        self.best, self.part = 0.0, 0

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Reports the epochs of a run that goes on: its trial may be another than before."""
        for epoch in checkpoint["callbacks"][EpochHistory.__qualname__]["epochs"]:
            self._report(epoch["val_macro_f1"], epoch["epoch"], trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn != "fit":
            return
        score = trainer.callback_metrics["val/macro_f1"].item()
        self._report(score, trainer.current_epoch + 1, trainer)
        if self.part < PARTS and self.trial.should_prune():
            self.pruned = trainer.should_stop = True

    def _report(self, score: float, epoch: int, trainer: pl.Trainer) -> None:
        """Reports the best score up to an epoch, from 1, for each part that ends with it."""
        assert trainer.max_epochs is not None
        self.best = max(self.best, score)
        part = PARTS * epoch // trainer.max_epochs
        while self.part < part:
            self.part += 1
            with warnings.catch_warnings():
                # A trial that was stopped and goes on has reported this score before.
                warnings.filterwarnings("ignore", message="The reported value is ignored")
                self.trial.report(self.best, self.part)
