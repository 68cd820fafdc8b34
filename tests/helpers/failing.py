"""A callback that ends a run, or one process of several, or spoils its weights."""

import os
import signal

import pytorch_lightning as pl
import torch

from textlstm.checks import InputError


class Fail(pl.Callback):
    """Ends rank `rank` (None: all ranks) in its second epoch, or in another (0 is the first), by a
    signal, a bug or a user's mistake; or makes a weight NaN there (`spoil`), from which no step
    comes back.
    """

    def __init__(self, rank: int | None, how: str, epoch: int = 1) -> None:
        self.rank, self.how, self.epoch = rank, how, epoch

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, at: int
    ) -> None:
        if (trainer.current_epoch, at) != (self.epoch, 1):
            return
        if self.rank not in (None, trainer.global_rank):
            return
        if self.how == "spoil":
            with torch.no_grad():
                next(pl_module.parameters())[:] = torch.nan
            return
        if self.how == "bug":
            raise KeyError("a bug")
        if self.how == "mistake":
            raise InputError("a mistake.")
        os.kill(os.getpid(), {"kill": signal.SIGKILL, "terminate": signal.SIGTERM}[self.how])
