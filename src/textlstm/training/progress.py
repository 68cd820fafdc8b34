"""What is seen of a run: what is trained, then one bar on a terminal, one line an epoch elsewhere
and in the log.
"""

import logging
import sys
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar

from textlstm.model.network import LSTMClassifier, layer_table, trainable

log = logging.getLogger(__name__)

VALIDATION = {
    "val_loss": "val/loss",
    "val_accuracy": "val/accuracy",
    "val_macro_f1": "val/macro_f1",
}


def announce(
    splits: dict[str, dict[str, Any]], network: LSTMClassifier, length: int | None, level: int
) -> None:
    """Logs what is about to be trained, on what: the facts of each split, and the layers for texts
    of `length`.
    """
    for split, facts in splits.items():
        log.log(
            level,
            "%-10s %6d texts, %5.1f tokens each, longest %d, %.1f%% cut, %.1f%% of tokens unknown",
            *(split, facts["rows"], facts["mean_length"], facts["longest"]),
            *(100 * facts["cut_share"], 100 * facts["unknown_share"]),
        )
    log.log(level, "  %-22s %10s %12s", "layer", "output", "parameters")
    for name, shape, count in [
        *layer_table(network, length),
        ("trainable in all", "", trainable(network)),
    ]:
        log.log(level, "  %-22s %10s %12s", name, shape, f"{count:,}")


class EpochHistory(pl.Callback):
    """One record an epoch, kept in the checkpoint so that a resumed run's curves are whole.

    A run without validation has the figures of training alone.
    """

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.epochs: list[dict[str, float]] = []
        self.earlier = 0.0  # seconds of the epochs before this start

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = list(state_dict["epochs"])
        self.earlier = sum(epoch["seconds"] for epoch in self.epochs)

    def seconds(self) -> dict[str, float]:
        """Those of training, and all since this was made, with what was trained before a resumed
        run's start.
        """
        trained = sum(epoch["seconds"] for epoch in self.epochs)
        return {
            "train": round(trained, 2),
            "total": round(time.monotonic() - self.begun + self.earlier, 2),
        }

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        scores = trainer.callback_metrics
        epoch = {
            "epoch": trainer.current_epoch + 1,
            "train_loss": scores["train/loss_epoch"].item(),
            "train_accuracy": scores["train/accuracy"].item(),
            **(
                {key: scores[name].item() for key, name in VALIDATION.items()}
                if trainer.enable_validation
                else {}
            ),
            "seconds": round(time.monotonic() - self.started, 2),
        }
        self.epochs.append(epoch)
        validation = (
            "  val loss %.4f accuracy %.4f macro F1 %.4f" if trainer.enable_validation else ""
        )
        log.log(
            logging.DEBUG
            if sys.stderr.isatty()
            else logging.INFO,  # a terminal has the bar; the log has both
            f"epoch %d/%s  train loss %.4f accuracy %.4f{validation}  %.1f s",
            epoch["epoch"],
            trainer.max_epochs,
            *(epoch[key] for key in list(epoch)[1:]),
        )


class ProgressBar(RichProgressBar):
    """Lightning's bar with the scores that fit in a line, and epochs counted from 1 as everywhere
    else.
    """

    shown = ("train/loss_step", "val/loss", "val/macro_f1")
    interval = 0.5  # seconds; drawing at each step costs a third of the time of a small network

    def __init__(self) -> None:
        super().__init__(refresh_rate=2)  # per second
        self.drawn = 0.0

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
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
        return f"Epoch {current_epoch + 1}/{self.trainer.max_epochs}"
