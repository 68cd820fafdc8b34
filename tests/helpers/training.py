"""Modules and trainers that tests of the training share."""

import pytorch_lightning as pl
import torch

from helpers.small import SETTINGS
from textlstm.model.settings import ModelSettings
from textlstm.training.module import TextClassificationModule
from textlstm.training.settings import OptimizerSettings

MODEL = {key: value for key, value in SETTINGS.items() if key not in ("vocab_size", "classes")}
OPTIMIZER = {"name": "adamw", "lr": 0.01, "weight_decay": 0.0, "schedule": "constant"}


def make_module(*, class_weights=None, optimizer=None, vocab_size=30, **model):
    torch.manual_seed(0)
    return TextClassificationModule(
        model=ModelSettings(**{**MODEL, "label_smoothing": 0.0, **model}),
        optimizer=OptimizerSettings(**{**OPTIMIZER, **(optimizer or {})}),
        labels=["a", "b", "c"],
        tokenizer_json="{}",
        vocab_size=vocab_size,
        class_weights=class_weights,
    )


def make_trainer(epochs=2, **options):
    options = {"callbacks": [], "logger": False, **options}
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )


class LearningRates(pl.Callback):
    """The learning rate of each optimizer step."""

    def __init__(self):
        self.used = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.used.append(optimizer.param_groups[0]["lr"])
