"""How long a run is: the batches and steps of an epoch, the epochs, and the steps in all."""

from typing import Any

import pytorch_lightning as pl

from textlstm.checks import InputError
from textlstm.data.datamodule import TextDataModule
from textlstm.data.duration import epochs_for

NO_LIMIT = -1  # Lightning's trainer.max_steps where there is none


class StopAfterSteps(pl.Callback):
    """Ends training after trainer.max_steps of the config, with a validation.

    Lightning's own limit leaves the validation out, and with it a resumed run does not start at a
    whole epoch (its issue 18645): its trainer is not told of the limit.

    Args:
        steps: the limit; None or `NO_LIMIT` for none.
    """

    def __init__(self, steps: int | None) -> None:
        self.steps = None if steps == NO_LIMIT else steps

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._look(trainer)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._look(trainer)

    def _look(self, trainer: pl.Trainer) -> None:
        if self.steps is not None and trainer.global_step >= self.steps:
            trainer.should_stop = True


def max_steps(trainer: pl.Trainer) -> int | None:
    """Finds the limit of the optimizer's steps; None if there is none."""
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    found = [callback.steps for callback in callbacks if isinstance(callback, StopAfterSteps)]
    return found[0] if found else None


def batches_per_epoch(trainer: pl.Trainer, data: TextDataModule) -> int:
    """Counts the batches of an epoch that this process trains on.

    Raises:
        InputError: trainer.limit_train_batches leaves none.
    """
    every = data.steps_per_epoch()
    limit: Any = trainer.limit_train_batches
    batches = min(every, limit) if isinstance(limit, int) else int(every * limit)
    if batches < 1:
        raise InputError(
            f"trainer.limit_train_batches={limit} leaves no batch of the {every} of an epoch. Give "
            f"a whole number of batches, or a share of at least {1 / every:.2g}."
        )
    return batches


def steps_per_epoch(trainer: pl.Trainer, data: TextDataModule) -> int:
    """Counts the optimizer's steps, each of which may take the gradients of several batches."""
    return -(-batches_per_epoch(trainer, data) // trainer.accumulate_grad_batches)


def epochs_of(trainer: pl.Trainer, data: TextDataModule, max_epochs: int | None) -> int:
    """Finds the number of epochs, the last of which trainer.max_steps may cut short.

    Args:
        max_epochs: what was given; None leaves it to trainer.max_steps or else to the rows.

    Raises:
        InputError: trainer.min_epochs or trainer.min_steps asks for more than the run has.
    """
    steps = steps_per_epoch(trainer, data)
    epochs = max_epochs or epochs_for(steps)
    limit = max_steps(trainer)
    if limit is not None:
        needed = -(-limit // steps)
        epochs = needed if max_epochs is None else min(needed, max_epochs)
    elif max_epochs is None:
        epochs = max(epochs, trainer.min_epochs or 0)

    total = _within(trainer, steps * epochs)
    for key, least in (
        ("min_epochs", (trainer.min_epochs or 0) * steps),
        ("min_steps", trainer.min_steps or 0),
    ):
        if least > total:
            raise InputError(
                f"trainer.{key}={getattr(trainer, key)} asks for {least} steps, and the run has "
                f"{total}: {epochs} epochs of {steps}, as trainer.max_epochs or trainer.max_steps "
                f"has it. Give a smaller {key}, or more of these."
            )
    return epochs


def total_steps(trainer: pl.Trainer, data: TextDataModule) -> int:
    """Counts the optimizer's steps of the whole run."""
    assert trainer.max_epochs is not None
    return _within(trainer, steps_per_epoch(trainer, data) * trainer.max_epochs)


def _within(trainer: pl.Trainer, steps: int) -> int:
    limit = max_steps(trainer)
    return steps if limit is None else min(steps, limit)
