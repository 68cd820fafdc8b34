"""How long a run is: the batches and steps of an epoch, the epochs, and the steps in all."""

from typing import Any

import pytorch_lightning as pl

from textlstm.checks import InputError
from textlstm.data.datamodule import TextDataModule
from textlstm.data.duration import epochs_for

NO_LIMIT = -1  # Lightning's trainer.max_steps where there is none


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
    if trainer.max_steps != NO_LIMIT:
        needed = -(-trainer.max_steps // steps)
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
    return steps if trainer.max_steps == NO_LIMIT else min(steps, trainer.max_steps)
