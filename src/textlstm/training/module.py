"""The network in training: loss, optimizer and schedule, and what is logged."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional

from textlstm.checks import check_choice, parse_settings
from textlstm.data.batching import IGNORED, Batch
from textlstm.data.vocabulary import PAD
from textlstm.model.calibration import at_temperature
from textlstm.model.ensemble import make_network, mean_log_probabilities
from textlstm.model.metrics import PredictionCollector, Predictions, scores
from textlstm.model.scores import Scores
from textlstm.model.settings import ModelSettings
from textlstm.runs.checkpoint_schema import module_values, strange_states_refused
from textlstm.training.checkpoints import read_checkpoint
from textlstm.training.length import total_steps
from textlstm.training.settings import OptimizerSettings
from textlstm.training.stopping import ends_epoch

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "one_cycle", "plateau")
LOGGED: tuple[Literal["accuracy", "macro_f1", "auroc", "calibration_error"], ...] = (
    "accuracy",
    "macro_f1",
    "auroc",
    "calibration_error",
)


class TextClassificationModule(pl.LightningModule):
    """A network, or an ensemble of several, with its training.

    Args:
        model: the network's settings, how much the targets are smoothed (Szegedy et al. 2016), and
            how far texts are shifted to their worst (`worst_shift`). With such a shift, the loss
            that is trained and logged is the mean of that of the texts and of the shifted ones.
        optimizer: the optimizer and its schedule: constant, one_cycle (up to `lr` and down to zero
            over the whole run, Smith & Topin 2018) or plateau (a tenth after two epochs without a
            better validation loss).
        labels: the class names in the order of the network's outputs.
        tokenizer_json: the tokenizer that made the ids, so that a checkpoint can be used on its
            own.
        vocab_size: the number of ids that this tokenizer has.
        ensemble: the number of networks that are trained side by side, on the same batches.
        class_weights: a weight per class in the loss, or None.
        affixes_KV: as `WordDropout` takes them; training alone needs them, and none is saved.

    `SUMS` names what is added up over an epoch, which a checkpoint inside it has to hold.

    Validation and test losses are plain cross-entropy, without smoothing or weights.
    Hyperparameters are plain values: a checkpoint loads with `weights_only=True`.

    Raises:
        InputError: an optimizer, schedule or pooling that does not exist.
    """

    SUMS = ("loss_sum", "right", "rows")

    def __init__(
        self,
        *,
        model: ModelSettings,
        optimizer: OptimizerSettings,
        labels: list[str],
        tokenizer_json: str,
        vocab_size: int,
        ensemble: int = 1,
        class_weights: list[float] | None = None,
        affixes_KV: Tensor | None = None,
    ) -> None:
        super().__init__()
        check_choice("optimizer.name", optimizer.name, OPTIMIZERS)
        check_choice("optimizer.schedule", optimizer.schedule, SCHEDULES)
        hyperparameters = {
            "model": asdict(model),
            "optimizer": asdict(optimizer),
            "labels": labels,
            "tokenizer_json": tokenizer_json,
            "vocab_size": vocab_size,
            "ensemble": ensemble,
            "class_weights": class_weights,
        }
        self.save_hyperparameters(hyperparameters, logger=False)
        self.optimizer_settings, self.word_dropout = optimizer, model.word_dropout
        self.adversarial = model.adversarial
        self.labels = labels

        self.network = make_network(
            model,
            vocab_size=vocab_size,
            classes=len(labels),
            ensemble=ensemble,
            affixes_KV=affixes_KV,
        )
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.loss = nn.CrossEntropyLoss(weight=weights, label_smoothing=model.label_smoothing)
        self.collector = PredictionCollector()
        self.temperature = 1.0  # that predictions are made at, once it is fitted
        self.began = False  # whether a step was trained since this was made
        self.predictions: Predictions  # for the split that was scored last, with their scores
        self.scores: Scores

    @classmethod
    def restored(cls, checkpoint: Path) -> "TextClassificationModule":
        """Builds the module that a checkpoint was saved from, on the CPU. It runs no code of it.

        Raises:
            InputError: the file is damaged, or training cannot have saved it.
        """
        content = read_checkpoint(checkpoint)
        with strange_states_refused(checkpoint):
            module = cls(**saved_arguments(content))
            module.load_state_dict(content["state_dict"])
        return module

    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Gives class scores before the softmax (B, C)."""
        return self.network(tokens_BT, lengths_B)

    def on_train_start(self) -> None:
        self.began = True

    def on_train_epoch_start(self) -> None:
        # Sums over this epoch. Calling self.log in each step instead would cost a millisecond, a
        # tenth of the whole step of a small model.
        self.loss_sum = torch.zeros((), device=self.device)
        self.right = torch.zeros((), device=self.device).long()
        self.rows: int | Tensor = 0
        self.means_logged = False

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        losses, scores = [], []
        for member in self.network.members:
            embedded_BTE = member.embed(batch.tokens_BT, batch.lengths_B)
            logits_BC = member.classify(embedded_BTE, batch.lengths_B)
            loss, rows = self._loss(logits_BC, batch.labels_B)
            if self.adversarial:
                vectors_VE = member.embedding.weight
                shift_BTE = worst_shift(loss, embedded_BTE, vectors_VE, self.adversarial)
                shifted_BC = member.classify(embedded_BTE + shift_BTE, batch.lengths_B)
                loss = (loss + self._loss(shifted_BC, batch.labels_B)[0]) / 2
            losses.append(loss)
            scores.append(logits_BC.detach())
        loss = torch.stack(losses).mean()
        self.loss_sum += loss.detach() * rows
        together_BC = mean_log_probabilities(scores)
        self.right += (together_BC.argmax(dim=1) == batch.labels_B).sum()
        self.rows += rows
        if (self.trainer.global_step + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self.log(
                "train/loss_step",
                loss,
                prog_bar=True,
                batch_size=len(batch.labels_B),
                sync_dist=True,
            )
        return loss

    def _loss(self, logits_BC: Tensor, labels_B: Tensor) -> tuple[Tensor, int | Tensor]:
        """Computes this process's part of the loss, and counts the batch's rows in all processes.

        DDP averages gradients over processes, as if all had equally many rows of equal weight. So
        each process divides the sum over its rows by the weight of all rows, and the mean of what
        the processes return is the loss of the whole batch.
        """
        if self.trainer.world_size == 1:
            return self.loss(logits_BC, labels_B), len(labels_B)

        inside_B = labels_B != IGNORED
        weights_C = self.loss.weight
        weights_B = inside_B if weights_C is None else inside_B * weights_C[labels_B.clamp(min=0)]
        totals = torch.stack([weights_B.sum().to(logits_BC), inside_B.sum().to(logits_BC)])
        weight, rows = self.trainer.strategy.reduce(totals, reduce_op="sum")
        smoothing = self.loss.label_smoothing
        loss = functional.cross_entropy(
            logits_BC, labels_B, weights_C, reduction="sum", label_smoothing=smoothing
        )
        return loss / weight * self.trainer.world_size, rows

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.collector.update(self(batch.tokens_BT, batch.lengths_B), batch.labels_B, batch.rows_B)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.validation_step(batch, batch_idx)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if ends_epoch(self.trainer):  # not at the end of validation, which a refit has none of
            self._log_means()

    def _log_means(self) -> None:
        sums = torch.stack([self.loss_sum / self.trainer.world_size, self.right.to(self.loss_sum)])
        loss, accuracy = self.trainer.strategy.reduce(sums, reduce_op="sum") / self.rows
        means = {"train/loss_epoch": loss, "train/accuracy": accuracy}
        # EpochHistory gives them to the logger, before the epoch's checkpoint.
        self.log_dict(
            means, logger=False, on_step=False, on_epoch=True, batch_size=1, sync_dist=True
        )
        self.means_logged = True

    def on_validation_epoch_start(self) -> None:
        if self.trainer.state.fn == "fit" and not self.means_logged:  # resumed in validation
            self._log_means()

    def on_validation_epoch_end(self) -> None:
        self._score(self.trainer.val_dataloaders)

    def on_test_epoch_end(self) -> None:
        self._score(self.trainer.test_dataloaders)

    def _score(self, loader: Any) -> None:
        predictions = self.collector.compute()
        predictions.unseen = loader.texts.unseen
        self.predictions = at_temperature(predictions, self.temperature)
        self.collector.reset()
        self.scores = scores(self.predictions, self.labels)
        if self.trainer.state.fn != "fit":
            return  # the kept epoch is in the curves already; the saved model is logged at the end
        # sync_dist: all processes have the same scores, but Lightning does not know it.
        self.log("val/loss", self.scores["log_loss"], prog_bar=True, sync_dist=True)
        for name in LOGGED:
            score = self.scores[name]
            if score is not None:
                shown = name in ("accuracy", "macro_f1")
                self.log(f"val/{name}", score, prog_bar=shown, sync_dist=True)

    def calibrate(self, temperature: float) -> None:
        """Predicts at a temperature from now on; so are the predictions made last."""
        self.predictions = at_temperature(self.predictions, temperature / self.temperature)
        self.scores = scores(self.predictions, self.labels)
        self.temperature = temperature

    def configure_optimizers(self) -> Any:
        """Makes the optimizer, and the schedule of its rate if it does not stay constant."""
        settings = self.optimizer_settings
        optimizer = OPTIMIZERS[settings.name](
            self._parameter_groups(),
            lr=settings.lr,
            weight_decay=settings.weight_decay,
            fused=True,  # one pass over the embedding in place of ten
        )
        # Else, in mixed precision, it would undo the scaling of gradients itself, and Lightning
        # refuse to clip them.
        optimizer._step_supports_amp_scaling = False

        if settings.schedule == "constant":
            return optimizer
        if settings.schedule == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=1)
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": plateau, "monitor": "val/loss"},
            }

        # Not trainer.estimated_stepping_batches: it sets the loaders up before a checkpoint's state
        # reaches them.
        steps = total_steps(self.trainer, self.trainer.datamodule)  # type: ignore[attr-defined]
        peaks = [group["lr"] for group in optimizer.param_groups]
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peaks, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """All trainable parameters, those of embedding and LSTM apart if they have another rate."""
        settings = self.optimizer_settings
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if settings.body_rate == 1:
            return [{"params": trained}]
        body = {
            parameter
            for member in self.network.members
            for layer in (member.embedding, member.lstm)
            for parameter in layer.parameters()
        }
        return [
            {"params": [parameter for parameter in trained if parameter not in body]},
            {
                "params": [parameter for parameter in trained if parameter in body],
                "lr": settings.lr * settings.body_rate,
            },
        ]


def saved_arguments(content: Any) -> dict[str, Any]:
    """Reads the arguments of a `TextClassificationModule` from the content of its checkpoint.

    Raises:
        InputError: arguments that training cannot have saved, or weights of another network.
    """
    values = module_values(content)
    values["optimizer"] = parse_settings(OptimizerSettings, values["optimizer"], "optimizer")
    check_choice("optimizer.name", values["optimizer"].name, OPTIMIZERS)
    check_choice("optimizer.schedule", values["optimizer"].schedule, SCHEDULES)
    return values


def worst_shift(loss: Tensor, embedded_BTE: Tensor, vectors_VE: Tensor, size: float) -> Tensor:
    """Computes the shift of embedded texts (B, T, E) that raises their loss fastest.

    The source is Miyato, Dai & Goodfellow 2017, "Adversarial Training Methods for Semi-Supervised
    Text Classification". They scale all vectors to the same spread; here the vectors stay as they
    are, and the size of the shift is measured in their mean length.

    Args:
        loss: that of the texts, which are embedded in its graph.
        vectors_VE: the vectors of the V tokens, padding first.
        size: the Euclidean length of a whole text's shift, as a multiple of the mean length of a
            vector.
    """
    (gradient_BTE,) = torch.autograd.grad(loss, embedded_BTE, retain_graph=True)
    lengths_B11 = gradient_BTE.flatten(1).norm(dim=1)[:, None, None]
    directions_BTE = gradient_BTE / lengths_B11.clamp(min=torch.finfo(lengths_B11.dtype).tiny)
    return directions_BTE * (size * vectors_VE.detach()[PAD + 1 :].norm(dim=1).mean())
