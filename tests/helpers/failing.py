"""Callbacks that end a run, or one process of several, or spoil its weights."""

import errno
import os
import signal
from pathlib import Path
from typing import Any

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


class SignalAt(pl.Callback):
    """Sends a signal to rank `rank` (None: all ranks) after a step, or in the validation after it.

    Args:
        place: `step`, `validation` or, after a whole epoch was saved, `next`.
    """

    def __init__(
        self, step: int, number: int, place: str = "step", rank: int | None = None
    ) -> None:
        self.step, self.number, self.place, self.rank = step, number, place, rank

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: object
    ) -> None:
        self._send(trainer, "step")

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: object
    ) -> None:
        self._send(trainer, "validation")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._send(trainer, "next")

    def _send(self, trainer: pl.Trainer, place: str) -> None:
        here = self.rank in (None, trainer.global_rank)
        if place == self.place and trainer.global_step == self.step and here:
            os.kill(os.getpid(), self.number)


class FailWriting(pl.Callback):
    """Fails where files are flushed to the disk or renamed: at the call number `at`, from 1.

    There the process is killed (`kill`), or the disk is full, from then on (`full`).
    """

    def __init__(self, at: int, how: str) -> None:
        self.left, self.how = at, how

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        flush, rename = os.fsync, Path.replace

        def failing_flush(file: int) -> None:
            self._count()
            flush(file)

        def failing_rename(path: Path, target: Any) -> Path:
            self._count()
            return rename(path, target)

        os.fsync = failing_flush
        Path.replace = failing_rename  # type: ignore[method-assign, assignment]

    def _count(self) -> None:
        self.left -= 1
        if self.left <= 0 and self.how == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
