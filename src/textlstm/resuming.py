"""What makes a resumed run end like one that was never stopped, beside Lightning's own checkpoints."""

import logging
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks
from torch import distributed

from textlstm.checks import whole

log = logging.getLogger(__name__)


class RandomState(pl.Callback):
    """Keeps torch's random numbers, of each process, and number of threads in the checkpoint: Lightning does not.

    Else dropout would differ, and the order in which sums are added. Processes draw from seeds of their own, or each
    would drop the same places of other texts.

    Args:
        seed: that of the weights, which are alike in all processes.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.loaded: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        # A run on the CPU leaves the GPUs of its machine alone: asking them would take memory on each.
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        own = {"torch": torch.get_rng_state(), "cuda": cuda, "threads": torch.get_num_threads()}
        ranks = [own] * _world()
        if len(ranks) > 1:  # Lightning calls this in all of them
            distributed.all_gather_object(ranks, own)
        return {"ranks": ranks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        ranks = state_dict["ranks"]
        if len(ranks) != _world():
            log.warning(
                "The run was trained in %d processes and goes on in %d: dropout draws anew, so it will not end with "
                "the very weights of a run that was never stopped.",
                *(len(ranks), _world()),
            )
            return
        self.loaded = ranks[distributed.get_rank() if len(ranks) > 1 else 0]
        torch.set_num_threads(self.loaded["threads"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size > 1:
            torch.manual_seed(self.seed + trainer.global_rank)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.loaded is not None:
            torch.set_rng_state(self.loaded["torch"].cpu())
            if torch.cuda.is_initialized():
                for device, state in zip(range(torch.cuda.device_count()), self.loaded["cuda"], strict=False):
                    torch.cuda.set_rng_state(state.cpu(), device)
            self.loaded = None


def _world() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


class EarlyStopping(callbacks.EarlyStopping):
    """Lightning's, but a run that had stopped early before it was killed does not train on when resumed.

    Raises:
        InputError: a patience below one epoch.
    """

    def __init__(self, monitor: str, patience: int) -> None:
        whole("callbacks.early_stopping.patience", patience, minimum=1)
        super().__init__(monitor=monitor, patience=patience)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True
