"""The language model in training: loss, optimizer and schedule, and what is kept of each epoch."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from textlstm.data.batching import Batch
from textlstm.model.language_model import LanguageModel, drawing_chances
from textlstm.model.settings import NetworkSettings
from textlstm.runs.record import PretrainingEpoch
from textlstm.training.settings import PretrainSettings

log = logging.getLogger(__name__)

WEIGHT_DECAY = 0.01
LOG_EVERY = 20  # steps between losses that are read


class PretrainingModule(pl.LightningModule):
    """The language model in training.

    Args:
        sizes: the settings of the classifier's network, of which the sizes are taken.
        settings: the keys of `pretrain`.
        counts_V: how often each of the V tokens of the vocabulary stands in the texts.
        steps: the steps of all epochs.
        affixes_KV: as `WordDropout` takes them.

    `SUMS` names what is added up over an epoch, which a checkpoint inside it has to hold.
    """

    SUMS = ("sums",)

    def __init__(
        self,
        sizes: NetworkSettings,
        settings: PretrainSettings,
        counts_V: Tensor,
        steps: int,
        affixes_KV: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model = LanguageModel(
            sizes,
            vocab_size=len(counts_V),
            dropout=settings.dropout,
            weight_drop=settings.weight_drop,
            word_dropout=settings.word_dropout,
            affixes_KV=affixes_KV,
            absent_V=counts_V == 0,
        )
        self.settings, self.steps = settings, steps
        self.chances_V: Tensor
        chances_V = drawing_chances(counts_V, settings.candidates)
        self.register_buffer("chances_V", chances_V, persistent=False)

    def on_train_epoch_start(self) -> None:
        self.sums = torch.zeros(2, device=self.device)  # the loss, and the targets that it is of

    def on_validation_epoch_start(self) -> None:
        self.measured = torch.zeros(2, device=self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        losses = self.model.losses(batch.tokens_BT, batch.lengths_B, self.chances_V)
        directions = [loss_N.sum() / max(1, len(loss_N)) for loss_N in losses]
        loss = torch.stack(directions).mean()
        for loss_N in losses:
            self.sums += torch.stack([loss_N.detach().sum(), self.sums.new_tensor(len(loss_N))])
        if batch_idx % LOG_EVERY == 0:
            self.log("pretrain/loss_step", loss, prog_bar=True, batch_size=1)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        for loss_N in self.model.losses(batch.tokens_BT, batch.lengths_B):
            self.measured += torch.stack([loss_N.sum(), self.measured.new_tensor(len(loss_N))])

    def on_validation_epoch_end(self) -> None:
        self.log("pretrain/perplexity", perplexity(self.measured), prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Makes AdamW, whose rate goes up and comes down once over the whole stage."""
        optimizer = torch.optim.AdamW(
            [parameter for parameter in self.parameters() if parameter.requires_grad],
            lr=self.settings.lr,
            weight_decay=WEIGHT_DECAY,
            fused=True,
        )
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.settings.lr, total_steps=self.steps
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


def perplexity(sums: Tensor) -> float:
    """The perplexity of a summed loss and the number of its targets."""
    loss, targets = sums.tolist()
    return float(torch.tensor(loss / max(1, targets)).exp())


class PretrainingHistory(pl.Callback):
    """Keeps an epoch's perplexities, also in the checkpoint, logs them and reports them.

    Args:
        report: is called with each epoch, those before a resume included.
        level: of `logging`.
    """

    def __init__(self, report: Callable[[PretrainingEpoch], None], level: int) -> None:
        self.report, self.level = report, level
        self.epochs: list[PretrainingEpoch] = []
        self.started: float | None = None  # the epoch; None between two of them

    def state_dict(self) -> dict[str, Any]:
        inside = 0.0 if self.started is None else time.monotonic() - self.started
        return {"epochs": self.epochs, "inside": inside}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.started = time.monotonic() - state_dict.get("inside", 0.0)
        self.epochs = list(state_dict["epochs"])
        for epoch in self.epochs:
            self.report(epoch)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, PretrainingModule)
        assert self.started is not None
        epoch: PretrainingEpoch = {
            "epoch": trainer.current_epoch + 1,
            "train_perplexity": perplexity(pl_module.sums),
            "perplexity": perplexity(pl_module.measured),
            "seconds": round(time.monotonic() - self.started, 2),
        }
        self.epochs.append(epoch)
        self.started = None
        self.report(epoch)
        log.log(
            self.level,
            "language model, epoch %d/%s  perplexity %.1f (in training %.1f)  %.1f s",
            epoch["epoch"],
            trainer.max_epochs,
            epoch["perplexity"],
            epoch["train_perplexity"],
            epoch["seconds"],
        )
