"""Shows a run while it trains: first what is trained, then how far it is.

A terminal shows one bar; any other output, and the log in any case, gets one line for each epoch.
"""

import logging
import sys
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar

from textlstm.data.facts import SplitFacts
from textlstm.model.ensemble import Network
from textlstm.model.network import layer_table, trainable
from textlstm.runs.record import Epoch, EpochValidation, Pretraining, Seconds

log = logging.getLogger(__name__)


def announce(
    splits: dict[str, SplitFacts], network: Network, length: int | None, level: int
) -> None:
    """Logs the splits and the layers of a run that is about to begin.

    Args:
        length: the tokens that every text is padded to; None where each batch has its own.
        level: the level of the messages, such as logging.INFO.
    """
    for split, facts in splits.items():
        log.log(
            level,
            "%-10s %6d texts, %5.1f tokens each, longest %d, %.1f%% cut, %.1f%% of tokens unknown",
            split,
            facts["rows"],
            facts["mean_length"],
            facts["longest"],
            100 * facts["cut_share"],
            100 * facts["unknown_share"],
        )

    log.log(level, "  %-22s %10s %12s", "layer", "output", "parameters")
    for name, shape, count in [
        *layer_table(network.members, length),
        ("trainable in all", "", trainable(network)),
    ]:
        log.log(level, "  %-22s %10s %12s", name, shape, f"{count:,}")


class EpochHistory(pl.Callback):
    """Keeps an `Epoch` for each one, in the checkpoint too: a resumed run has all of them."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.epochs: list[Epoch] = []
        self.pretraining: Pretraining | None = None  # the language model before them
        self.earlier = 0.0  # seconds of the epochs before this start
        self.started: float | None = None  # the epoch; None between two of them

    def state_dict(self) -> dict[str, Any]:
        """Gives the epochs to the checkpoint, and the seconds of an epoch that is under way."""
        inside = 0.0 if self.started is None else time.monotonic() - self.started
        return {"epochs": self.epochs, "pretraining": self.pretraining, "inside": inside}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes the epochs from a checkpoint; an older one has fewer of the keys."""
        inside = state_dict.get("inside", 0.0)
        self.started = time.monotonic() - inside
        self.epochs = list(state_dict["epochs"])
        self.pretraining = state_dict.get("pretraining")
        self.earlier = inside + sum(epoch["seconds"] for epoch in self.epochs)
        if self.pretraining is not None and not self.pretraining["from_cache"]:
            self.earlier += sum(epoch["seconds"] for epoch in self.pretraining["history"])

    def seconds(self) -> Seconds:
        """Seconds spent training, and in all, including the epochs before a resume."""
        trained = sum(epoch["seconds"] for epoch in self.epochs)
        return {
            "train": round(trained, 2),
            "total": round(time.monotonic() - self.begun + self.earlier, 2),
        }

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keeps the epoch and logs it in one line."""
        assert self.started is not None
        scores = trainer.callback_metrics
        validation: EpochValidation = {}
        if trainer.enable_validation:
            validation = {
                "val_loss": scores["val/loss"].item(),
                "val_accuracy": scores["val/accuracy"].item(),
                "val_macro_f1": scores["val/macro_f1"].item(),
            }
        epoch: Epoch = {
            "epoch": trainer.current_epoch + 1,
            "train_loss": scores["train/loss_epoch"].item(),
            "train_accuracy": scores["train/accuracy"].item(),
            **validation,
            "seconds": round(time.monotonic() - self.started, 2),
        }
        self.epochs.append(epoch)
        self.started = None
        self._log_training(trainer, epoch)

        validated = "  val loss %.4f accuracy %.4f macro F1 %.4f" if validation else ""
        level = logging.DEBUG if sys.stderr.isatty() else logging.INFO  # a terminal has the bar
        log.log(
            level,
            f"epoch %d/%s  train loss %.4f accuracy %.4f{validated}  %.1f s",
            epoch["epoch"],
            trainer.max_epochs,
            epoch["train_loss"],
            epoch["train_accuracy"],
            *validation.values(),
            epoch["seconds"],
        )

    @staticmethod
    def _log_training(trainer: pl.Trainer, epoch: Epoch) -> None:
        """Logs the epoch's scores of training, which Lightning would log after the checkpoint.

        A run that was killed in between would go on without them.
        """
        scores = {
            "train/loss_epoch": epoch["train_loss"],
            "train/accuracy": epoch["train_accuracy"],
            "epoch": trainer.current_epoch,
        }
        for logger in trainer.loggers:
            logger.log_metrics(scores, trainer.global_step - 1)


class ProgressBar(RichProgressBar):
    """Lightning's bar with the scores that fit in a line, and epochs counted from 1.

    Args:
        stage: the word before the number of the epoch.
        shown: the names of the scores.
    """

    interval = 0.5  # seconds; drawing at each step costs a third of the time of a small network

    def __init__(
        self,
        stage: str = "Epoch",
        shown: tuple[str, ...] = ("train/loss_step", "val/loss", "val/macro_f1"),
    ) -> None:
        super().__init__(refresh_rate=2)  # per second
        self.stage, self.shown = stage, shown
        self.drawn = 0.0

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Draws the bar, at most twice a second and after the last batch."""
        if (
            time.monotonic() - self.drawn > self.interval
            or batch_idx + 1 == trainer.num_training_batches
        ):
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
            self.drawn = time.monotonic()

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        metrics = super().get_metrics(trainer, pl_module)
        return {name: metrics[name] for name in self.shown if name in metrics}

    def _get_train_description(self, current_epoch: int) -> str:
        return f"{self.stage} {current_epoch + 1}/{self.trainer.max_epochs}"
