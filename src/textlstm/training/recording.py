"""What a run leaves in its folder: the model, the report, TensorBoard's pages, and metrics.json,
which holds it all.
"""

import logging
import shutil
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from textlstm.data.datamodule import TextDataModule
from textlstm.model.bundle import save_bundle
from textlstm.model.metrics import Predictions
from textlstm.model.network import layer_table, trainable
from textlstm.runs import tensorboard as dashboards
from textlstm.runs.environment import environment
from textlstm.runs.folder import RunFolder
from textlstm.runs.report import write_report
from textlstm.training.module import TextClassificationModule
from textlstm.training.progress import EpochHistory
from textlstm.training.settings import RunSettings
from textlstm.writing import write_json

log = logging.getLogger(__name__)

BY_VALIDATION = "validation cross-entropy (the epoch); nothing by test"
BEFORE = "the number of epochs was chosen before, by validation in other runs; nothing by test"


class ScoredSplit(NamedTuple):
    """A split with its texts, what was predicted for them, and how good that is."""

    texts: list[str]
    predictions: Predictions
    scores: dict[str, Any]


def describe_run(
    run: RunFolder,
    settings: RunSettings,
    overrides: list[str],
    scored: dict[str, ScoredSplit],
    baselines: dict[str, Any],
    history: EpochHistory,
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
) -> dict[str, Any]:
    """The record of a finished run, as metrics.json holds it: plain values alone."""
    refit = settings.data.refit
    return {
        "title": f"LSTM text classifier, run {run.path.name}",
        "refit": refit,
        "score": None if refit else scored["validation"].scores["macro_f1"],
        "best_epoch": None
        if refit
        else min(history.epochs, key=lambda epoch: epoch["val_loss"])["epoch"],
        "chosen_by": BEFORE if refit else BY_VALIDATION,
        "labels": data.class_names,
        **{name: split.scores for name, split in scored.items()},
        "baselines": baselines,
        "seconds": history.seconds(),
        "parameters": trainable(module.network),
        "layers": layer_table(module.network, settings.data.pad_to),
        "steps": trainer.global_step,
        "history": history.epochs,
        "data": data.facts,
        "seed": settings.seed,
        "threads": torch.get_num_threads(),
        "device": str(trainer.strategy.root_device),
        "devices": trainer.world_size,
        "environment": environment(),
        "overrides": overrides,
        "config": {**settings.plain(), "resume": None},
    }


def write_run(
    run: RunFolder,
    record: dict[str, Any],
    scored: dict[str, ScoredSplit],
    module: TextClassificationModule,
    data: TextDataModule,
    logger: Logger,
) -> None:
    """Writes all that a finished run leaves; metrics.json, the last, says that it is finished."""
    save_bundle(
        run.model,
        network=module.network,
        max_length=data.settings.max_length,
        truncate=data.settings.truncate,
        tokenizer_json=module.hparams["tokenizer_json"],
        labels=data.class_names,
    )
    last, split = list(scored.items())[-1]
    write_report(run.path, record, last, split.texts, split.predictions)
    if isinstance(logger, TensorBoardLogger):
        for name, split in scored.items():
            dashboards.show_predictions(
                logger, name, split.scores, split.texts, split.predictions, record["steps"]
            )
        dashboards.finish(logger, record, module.network, data.tokenizer, data.encoded["train"])
        logger.finalize("success")
    write_json(run.path / "metrics.json", record)


def record_pruned(
    run: RunFolder, logger: Logger, history: EpochHistory, steps: int, overrides: list[str]
) -> None:
    """What is left of a trial that others were better than: its score, and no model."""
    best = max(history.epochs, key=lambda epoch: epoch["val_macro_f1"])
    if isinstance(logger, TensorBoardLogger):
        dashboards.score(logger, best["val_macro_f1"], best["val_loss"], steps)
        logger.finalize("success")
    shutil.rmtree(run.checkpoints)
    write_json(
        run.pruned,
        {"score": best["val_macro_f1"], "overrides": overrides, "history": history.epochs},
    )
    log.info(
        "Pruned after epoch %d, with macro F1 %.4f on validation.",
        len(history.epochs),
        best["val_macro_f1"],
    )
