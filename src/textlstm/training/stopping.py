"""The ends of training other than the last epoch: early, after so many steps, or by a bad loss."""

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, Timer
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason
from torch import Tensor

from textlstm.checks import InputError
from textlstm.runs.checkpoint_schema import strange_states_refused
from textlstm.runs.folder import RunFolder
from textlstm.runs.watched import LOSS
from textlstm.training.checkpoints import read_checkpoint
from textlstm.typed import as_typed


def ends_epoch(trainer: pl.Trainer) -> bool:
    """Tells whether no batch of this epoch follows: it was the last, or training is to end now."""
    enough = trainer.current_epoch >= (trainer.min_epochs or 0)
    enough = enough and trainer.global_step >= (trainer.min_steps or 0)
    return trainer.is_last_batch or (trainer.should_stop and enough)


def ended_inside_epoch(checkpoint: Path) -> bool:
    """Tells whether the epoch of a checkpoint was cut short, which Lightning cannot go on with.

    Raises:
        InputError: the file is damaged, or training cannot have saved it.
    """
    saved = read_checkpoint(checkpoint, mmap=True)
    with strange_states_refused(checkpoint):
        progress: dict[str, Any] = saved["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        return not progress["is_last_batch"]


def going_on(run: RunFolder) -> str:
    """Says how to go on with a run that has ended before its time, and from where."""
    if not run.last_checkpoint.is_file():
        return "No step of the run was saved: the same command begins it anew."
    saved = read_checkpoint(run.last_checkpoint, mmap=True)
    return f"{as_typed('train')} resume={run.path} goes on after step {saved['global_step']}."


def early_end(trainer: pl.Trainer, epochs: int) -> str | None:
    """Says after which epoch training ended early, and why; None if it had all its epochs.

    Args:
        epochs: how many it had, those before a resume included.
    """
    assert trainer.max_epochs is not None
    if epochs >= trainer.max_epochs:
        return None
    return f"Training stopped early, after epoch {epochs} of {trainer.max_epochs}: {_why(trainer)}."


def _why(trainer: pl.Trainer) -> str:
    for stopper in trainer.early_stopping_callbacks:
        if not isinstance(stopper, EarlyStopping):
            continue
        if stopper.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED:
            return (
                f"{stopper.monitor} was not better than {float(stopper.best_score):.4f} for "
                f"{stopper.patience} epochs"
            )
        if stopper.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
            said = stopper.stopping_reason_message or stopper.stopping_reason.name
            return said.partition(" Signaling Trainer")[0].rstrip(".")

    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        remaining = callback.time_remaining() if isinstance(callback, Timer) else None
        if remaining is not None and remaining <= 0:
            return "the time of trainer.max_time was over"
    return "a callback ended it"


class FiniteLoss(pl.Callback):
    """Ends training with one error when the loss or the weights are NaN or infinite.

    It looks at the steps whose loss is logged and at the last of an epoch, where a GPU is asked for
    a number in any case. With a gradient scaler (16-bit precision) one such loss may be a step that
    the scaler skips; the second in a row is an error.

    Args:
        remedy: what to give instead, such as a smaller optimizer.lr.
    """

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy
        self.lr, self.norm = math.nan, torch.tensor(math.nan)
        self.bad_before = False

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Keeps the rate and, before it is clipped, the gradient's norm, without reading it yet."""
        if self._looks(trainer, trainer.global_step + 1):
            self.lr = optimizer.param_groups[0]["lr"]
            gradients = [
                weight.grad for weight in pl_module.parameters() if weight.grad is not None
            ]
            self.norm = torch.nn.utils.get_total_norm(gradients)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Looks at the loss of this step, and at the weights at the end of an epoch."""
        ends = ends_epoch(trainer)
        if not (ends or self._looks(trainer, trainer.global_step)):
            return
        loss: Tensor = outputs["loss"]
        bad = not loss.isfinite().item()
        scaled = getattr(trainer.precision_plugin, "scaler", None) is not None
        wrong = bad and (not scaled or self.bad_before)
        self.bad_before = bad
        if trainer.strategy.reduce_boolean_decision(wrong, all=False):
            raise self._error(trainer, f"the training loss is {loss.item():.4g}")
        # The step may have made weights infinite after a loss that was a number still.
        if (ends or bad) and not finite_weights(pl_module):
            raise self._error(trainer, "weights are no numbers any more")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Looks at the loss of validation, before the epoch can be kept."""
        loss = trainer.callback_metrics.get(LOSS)
        if trainer.state.fn == "fit" and loss is not None and not loss.isfinite().item():
            raise self._error(trainer, f"the loss on validation is {loss.item():.4g}")

    @staticmethod
    def _looks(trainer: pl.Trainer, step: int) -> bool:
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        return trainer.is_last_batch or step % every == 0

    def _error(self, trainer: pl.Trainer, what: str) -> InputError:
        epoch = trainer.current_epoch
        kept = f" The checkpoints are those of epoch {epoch} or later, and good." if epoch else ""
        return InputError(
            f"Training failed in step {trainer.global_step} (epoch {epoch + 1}): {what}. The "
            f"learning rate was {self.lr:.3g} and the norm of the gradient "
            f"{self.norm.item():.3g}. Give {self.remedy}.{kept}"
        )


def finite_weights(module: pl.LightningModule) -> bool:
    """Tells whether all weights are numbers, neither NaN nor infinite."""
    finite = [weight.detach().isfinite().all() for weight in module.parameters()]
    return bool(torch.stack(finite).all().item())
