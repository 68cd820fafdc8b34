"""Shows a run while it trains: first what is trained, then each epoch, and how far it is.

Every epoch is a line of the log, on the screen as well; a terminal has one more line below them.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from textlstm.beginning import take_beginning
from textlstm.data.datamodule import TextDataModule
from textlstm.data.facts import SplitFacts
from textlstm.model.ensemble import Network
from textlstm.model.network import layer_table, trainable
from textlstm.model.settings import FROM_TEXTS
from textlstm.plurals import in_words, number_of
from textlstm.runs.charts import KEPT
from textlstm.runs.record import Epoch, EpochValidation, Pretraining, Seconds
from textlstm.terminal import LEFT, SHARE, Bar
from textlstm.training.length import max_steps, steps_per_epoch
from textlstm.training.module import TextClassificationModule
from textlstm.training.settings import RunSettings

log = logging.getLogger(__name__)

SHOWN = {"train/loss_step": "loss {:.4f}", "val/macro_f1": "macro F1 {:.4f}"}


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
            "%-10s %6d texts, %5.1f tokens each, longest %d, %.1f%% cut, %.1f%% unknown",
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


def announce_duration(
    settings: RunSettings,
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    level: int,
) -> None:
    """Logs the batch size, the epochs and the model's numbers that follow from the texts."""
    given = {
        "data.batch_size": settings.data.batch_size,
        "trainer.max_epochs": settings.trainer["max_epochs"],
        **{f"model.{key}": getattr(settings.model, key) for key in FROM_TEXTS},
    }
    assert trainer.max_epochs is not None
    derived = [key for key, value in given.items() if value is None]
    if not derived:
        return
    others = "take other numbers" if len(derived) > 1 else "takes another number"
    more = ""
    if settings.model.hidden is None:
        more += f", {number_of(module.network.members[0].settings.sizes[1], 'unit')}"
    if settings.model.word_dropout is None:
        more += f", {module.word_dropout:.0%} of the tokens read as unknown"
    if settings.model.adversarial is None:
        more += f", adversarial shifts of {module.adversarial:.2g}"
    log.log(
        level,
        "%s: batches of %d, %s of %s%s; %s %s.",
        number_of(data.facts["splits"]["train"]["rows"], "training text"),
        data.batch_size,
        number_of(trainer.max_epochs, "epoch"),
        number_of(steps_per_epoch(trainer, data), "step"),
        more,
        in_words(derived),
        others,
    )


def epoch_line(epoch: Epoch, epochs: int | None) -> str:
    """Writes an epoch in one line for a terminal of 80 columns: training, then validation.

    F1 is macro F1 on validation. A refit has no validation.

    Args:
        epochs: how many there are in all.
    """
    loss, accuracy = f"loss {epoch['train_loss']:.4f}", f"acc {epoch['train_accuracy']:.4f}"
    if "val_loss" in epoch:
        loss += f" val {epoch['val_loss']:.4f}"
        accuracy += f" val {epoch['val_accuracy']:.4f}  F1 {epoch['val_macro_f1']:.4f}"
    seconds = f"{epoch['seconds']:.{0 if epoch['seconds'] >= 100 else 1}f} s"
    return f"epoch {epoch['epoch']}/{epochs}  {loss}  {accuracy}  {seconds}"


class EpochHistory(pl.Callback):
    """Keeps an `Epoch` for each one, in the checkpoint too: a resumed run has all of them."""

    def __init__(self) -> None:
        self.begun = take_beginning()
        self.epochs: list[Epoch] = []
        self.pretraining: Pretraining | None = None  # the language model before them
        self.earlier = 0.0  # seconds of the epochs before this start
        self.started: float | None = None  # the epoch; None between two of them
        self.kept: float | None = None  # macro F1 on validation of the epoch that is kept so far

    def state_dict(self) -> dict[str, Any]:
        """Gives the epochs to the checkpoint, and the seconds of an epoch that is under way."""
        inside = 0.0 if self.started is None else time.monotonic() - self.started
        return {
            "epochs": self.epochs,
            "pretraining": self.pretraining,
            "inside": inside,
            "kept": self.kept,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes the epochs from a checkpoint; an older one has fewer of the keys."""
        inside = state_dict.get("inside", 0.0)
        self.started = time.monotonic() - inside
        self.epochs = list(state_dict["epochs"])
        self.pretraining = state_dict.get("pretraining")
        self.kept = state_dict.get("kept")
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
        if validation and _is_best(trainer):
            self.kept = validation["val_macro_f1"]
        self._log_epoch(trainer, epoch)

        log.info("%s", epoch_line(epoch, trainer.max_epochs))

    def _log_epoch(self, trainer: pl.Trainer, epoch: Epoch) -> None:
        """Logs the epoch's scores of training, and the score of the epoch that is kept so far.

        Lightning would log them after the checkpoint, and a run that was killed in between would go
        on without them.
        """
        scores = {
            "train/loss_epoch": epoch["train_loss"],
            "train/accuracy": epoch["train_accuracy"],
            "epoch": trainer.current_epoch,
        }
        if self.kept is not None:
            scores[KEPT] = self.kept
        for logger in trainer.loggers:
            logger.log_metrics(scores, trainer.global_step - 1)


def _is_best(trainer: pl.Trainer) -> bool:
    """Tells whether best.ckpt, which is written after this, will hold the epoch that ends."""
    scores = trainer.callback_metrics
    return any(
        checkpoint.check_monitor_top_k(trainer, scores[checkpoint.monitor])
        for checkpoint in trainer.checkpoint_callbacks
        if isinstance(checkpoint, ModelCheckpoint)
        and checkpoint.filename == "best"
        and checkpoint.monitor is not None
    )


class ProgressBar(pl.Callback):
    """Shows on a terminal how far a training is, in one line below those of its epochs.

    The line has the epoch, the share of the whole training that is done, the scores and the time
    that is left, if no epoch is saved by an early end. Scoring has a line of its own.

    Args:
        stage: the word before the number of the epoch.
        shown: scores by the names under which the module logs them, and how they are written.
    """

    def __init__(self, stage: str = "epoch", shown: Mapping[str, str] = SHOWN) -> None:
        self.stage, self.shown = stage, shown
        self.bar: Bar | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins the line; that of a resumed run begins where the run was."""
        assert trainer.max_epochs is not None
        total = trainer.max_epochs * int(trainer.num_training_batches)
        limit = max_steps(trainer)
        if limit is not None:
            total = min(total, limit * trainer.accumulate_grad_batches)
        done = trainer.fit_loop.epoch_loop.total_batch_idx + 1
        self._begin(f"{{desc}}{SHARE}  {LEFT}", total, done, self._epoch_and_scores(trainer))

    def on_train_batch_end(self, trainer: pl.Trainer, *others: Any) -> None:
        self._advance(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn == "validate":  # not the validation of an epoch
            self._begin_scoring("validation", trainer.num_val_batches)

    def on_validation_batch_end(self, trainer: pl.Trainer, *others: Any) -> None:
        if trainer.state.fn == "validate":
            self._advance(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn == "validate":
            self._end()

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_scoring("test", trainer.num_test_batches)

    def on_test_batch_end(self, trainer: pl.Trainer, *others: Any) -> None:
        self._advance(trainer)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._end()

    def _begin_scoring(self, split: str, batches: Sequence[float]) -> None:
        total = int(sum(batches))
        self._begin(f"{{n:,}} of {{total:,}} batches of {split}  {SHARE}  {LEFT}", total)

    def _begin(self, layout: str, total: int, done: int = 0, told: str = "") -> None:
        self._end()
        self.bar = Bar(layout, total=total, done=done, told=told)

    def _advance(self, trainer: pl.Trainer) -> None:
        if self.bar is not None:
            self.bar.advance(tell=lambda: self._epoch_and_scores(trainer))

    def _end(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _epoch_and_scores(self, trainer: pl.Trainer) -> str:
        """Describes what is trained at present, such as `epoch 3/20  loss 0.4000  `."""
        found = trainer.callback_metrics
        parts = [f"{self.stage} {trainer.current_epoch + 1}/{trainer.max_epochs}"]
        parts += [text.format(found[key]) for key, text in self.shown.items() if key in found]
        return "".join(f"{part}  " for part in parts)
