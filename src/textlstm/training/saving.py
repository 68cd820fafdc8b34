"""Saves a run inside an epoch, so that it loses little if it is killed, and nothing if stopped."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from textlstm import signals
from textlstm.training.interval import Interval
from textlstm.training.stopping import ends_epoch, finite_weights

# What Lightning's validation loop says while its first batch is computed. A run that is resumed
# from there computes the whole validation.
FIRST_BATCH = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
VALIDATION = "epoch_loop.val_loop.batch_progress"


class SaveInsideEpoch(pl.Callback):
    """Saves the last checkpoint inside an epoch: at an interval, and when a signal ends the run.

    A signal ends it after the step in hand, in validation after the batch in hand; a run that is
    resumed then repeats the validation. Several processes save and end after the same step,
    whichever of them got the signal.

    Args:
        checkpoint: the file that is overwritten, which the run is resumed from.
        interval: how often; None saves at a signal alone.
    """

    def __init__(self, checkpoint: Path, interval: Interval | None) -> None:
        self.checkpoint, self.interval = checkpoint, interval or Interval()
        self.in_validation = False
        self.stopping = 0  # the number of the signal that the run has been saved for

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        signals.keep_held()  # Lightning's handlers talk to other processes amid whatever these do
        self._begin_interval(trainer)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self.stopping:  # Lightning has logged the step that is saved only by now
            raise signals.Stopped(self.stopping)
        # Lightning counts the whole epoch as restarted, and a plateau schedule would not see it.
        trainer.fit_loop.restarting = False

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.fit_loop.restarting = False  # as above, if it is resumed here

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Saves or stops, unless gradients are gathered or the epoch is over."""
        if ends_epoch(trainer) or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        self.stopping, due = self._agreed(trainer, self._is_due(trainer))
        if self.stopping or due:
            self._save(trainer, pl_module)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Stops at a signal; an epoch that was cut short is not saved, which cannot be resumed."""
        if trainer.state.fn != "fit":
            return
        number, _ = self._agreed(trainer, due=False)
        if number:
            if trainer.is_last_batch:
                self.in_validation = True
                self._save(trainer, pl_module)
            raise signals.Stopped(number)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_interval(trainer)  # the epoch is saved now

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self.in_validation:
            progress = checkpoint["loops"]["fit_loop"][VALIDATION]
            progress |= {"total": dict(FIRST_BATCH), "current": dict(FIRST_BATCH)}

    def _begin_interval(self, trainer: pl.Trainer) -> None:
        self.saved_at, self.saved_step = time.monotonic(), trainer.global_step

    def _is_due(self, trainer: pl.Trainer) -> bool:
        seconds, steps = self.interval.seconds, self.interval.steps
        if steps is not None:
            return trainer.global_step - self.saved_step >= steps
        return seconds is not None and time.monotonic() - self.saved_at >= seconds

    def _agreed(self, trainer: pl.Trainer, due: bool) -> tuple[int, bool]:
        """The signal that any process has received (0: none), and whether any is to save."""
        number = signals.received() or 0
        if trainer.world_size == 1:
            return number, due
        asked = torch.tensor([number, due], device=trainer.strategy.root_device)
        highest = trainer.strategy.reduce(asked, reduce_op="max").tolist()
        return highest[0], bool(highest[1])

    def _save(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Saves the step, unless weights are no numbers any more, which are never worth keeping."""
        if finite_weights(module):
            trainer.save_checkpoint(self.checkpoint)
        self._begin_interval(trainer)
