"""What makes a resumed run end like one that was never stopped, beside Lightning's own checkpoints."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks

from textlstm.checks import whole


class RandomState(pl.Callback):
    """Keeps torch's random numbers and number of threads in the checkpoint: Lightning does not.

    Else dropout would differ, and the order in which sums are added.
    """

    def __init__(self) -> None:
        self.loaded: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"torch": torch.get_rng_state(), "cuda": cuda, "threads": torch.get_num_threads()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.loaded = state_dict
        torch.set_num_threads(state_dict["threads"])

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.loaded is not None:
            torch.set_rng_state(self.loaded["torch"].cpu())
            if torch.cuda.is_available():
                torch.cuda.set_rng_state_all([state.cpu() for state in self.loaded["cuda"]])
            self.loaded = None


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
