"""Writes what a run leaves in its folder: model, report, TensorBoard's pages, and its record."""

import logging
import shutil
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from textlstm.data.datamodule import TextDataModule
from textlstm.data.rows import Places
from textlstm.model.bundle import TextClassifier, save_bundle
from textlstm.model.metrics import Predictions
from textlstm.model.network import layer_table, trainable
from textlstm.model.scores import Baseline, Calibration, PairedTest, Scores, Wide
from textlstm.model.wide import WideChannel
from textlstm.runs import tensorboard as dashboards
from textlstm.runs.charts import KEPT
from textlstm.runs.environment import environment
from textlstm.runs.folder import RunFolder
from textlstm.runs.model_card import write_model_card
from textlstm.runs.record import (
    FORMAT,
    PrunedRecord,
    Record,
    Resolved,
    ScoredName,
    ScoredSplits,
    write_pruned,
    write_record,
)
from textlstm.runs.report import write_report
from textlstm.runs.watched import WATCHED
from textlstm.tracking.tracker import Tracker
from textlstm.training.checkpoints import read_checkpoint
from textlstm.training.module import LOGGED, TextClassificationModule
from textlstm.training.progress import EpochHistory
from textlstm.training.settings import RunSettings
from textlstm.training.stopping import early_end
from textlstm.training.trainer import best_by

log = logging.getLogger(__name__)

BY_VALIDATION = "validation {} (the epoch); nothing by test"
BY_ROWS = "the number of epochs follows from that of the rows; nothing by test"
BEFORE = "the number of epochs was chosen before, by validation in other runs; nothing by test"


class ScoredSplit(NamedTuple):
    """A split with its texts and their places, what was predicted, and how good that is."""

    texts: list[str]
    places: Places
    predictions: Predictions
    scores: Scores


class ScoredRun(NamedTuple):
    """The scores of a run, and the parts of its model beside the network."""

    splits: dict[ScoredName, ScoredSplit]
    """The scored splits, as predicted by the model that is saved."""
    baselines: dict[str, Baseline]
    """The simpler models on the last of these splits; empty if they were not asked for."""
    paired: PairedTest | None
    """The saved model against the linear baseline on test; None without one of the two."""
    calibration: Calibration | None
    """None if nothing was calibrated."""
    wide: Wide | None
    """What the record says of the wide channel, if there is one."""
    channel: WideChannel | None
    """The channel itself."""


def describe_run(
    run: RunFolder,
    settings: RunSettings,
    overrides: list[str],
    scored: ScoredRun,
    history: EpochHistory,
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
) -> Record:
    """Makes the record of a finished run: plain values alone."""
    scores: ScoredSplits = {}
    for name, split in scored.splits.items():
        scores[name] = split.scores
    assert trainer.max_epochs is not None
    refit = settings.data.refit

    record: Record = {
        "format": FORMAT,
        "title": f"LSTM text classifier, run {run.path.name}",
        "refit": refit,
        "score": None if refit else scores["validation"]["macro_f1"],
        "best_epoch": None if refit else _kept(run),
        "chosen_by": _chosen_by(settings, trainer, run),
        "labels": data.class_names,
        **scores,
        "baselines": scored.baselines if settings.test else {},
        "seconds": history.seconds(),
        "parameters": trainable(module.network),
        "layers": layer_table(module.network.members, settings.data.pad_to),
        "steps": trainer.global_step,
        "resolved": _resolved(trainer, module, data),
        "history": history.epochs,
        "pretraining": history.pretraining,
        "data": data.facts,
        "seed": settings.seed,
        "threads": torch.get_num_threads(),
        "device": str(trainer.strategy.root_device),
        "devices": trainer.world_size,
        "environment": environment(),
        "overrides": overrides,
        "config": {**settings.plain(), "resume": None},
    }
    if not refit:
        record["watched"] = best_by(trainer, run)
    if said := early_end(trainer, len(history.epochs)):
        record["stopped"] = said
    if scored.baselines and not settings.test:
        record["baselines_on_validation"] = scored.baselines
    _add_parts(record, scored)
    return record


def resolved_config(
    settings: RunSettings,
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
) -> dict[str, Any]:
    """Gives the whole configuration with the values that the run really has."""
    config, numbers = settings.plain(), _resolved(trainer, module, data)
    config["data"]["batch_size"] = numbers["batch_size"]
    config["trainer"]["max_epochs"] = numbers["max_epochs"]
    config["model"]["hidden"] = numbers["hidden"]
    config["model"]["embedding_dim"] = numbers["embedding_dim"]
    config["model"]["word_dropout"] = numbers["word_dropout"]
    config["model"]["adversarial"] = numbers["adversarial"]
    config["data"]["tokenizer"] = data.facts["tokenizer"]["kind"]
    return config


def _resolved(
    trainer: pl.Trainer, module: TextClassificationModule, data: TextDataModule
) -> Resolved:
    assert trainer.max_epochs is not None
    embedding_dim, hidden = module.network.members[0].settings.sizes
    return {
        "batch_size": data.batch_size,
        "max_epochs": trainer.max_epochs,
        "hidden": hidden,
        "embedding_dim": embedding_dim,
        "word_dropout": module.word_dropout,
        "adversarial": module.adversarial,
    }


def _chosen_by(settings: RunSettings, trainer: pl.Trainer, run: RunFolder) -> str:
    """Says what chose the epoch that is kept, or the number of epochs of a refit."""
    if settings.data.refit:
        return BEFORE if settings.trainer["max_epochs"] else BY_ROWS
    return BY_VALIDATION.format(WATCHED[best_by(trainer, run)].words)


def _add_parts(record: Record, scored: ScoredRun) -> None:
    """Adds to a record the parts that only some runs have."""
    if scored.paired is not None:
        record["paired"] = scored.paired
    if scored.calibration is not None:
        record["calibration"] = scored.calibration
    if scored.wide is not None:
        record["wide"] = scored.wide


def _kept(run: RunFolder) -> int:
    """Reads from its checkpoint which epoch, from 1, was kept."""
    saved = read_checkpoint(run.best_checkpoint, mmap=True)
    return int(saved["epoch"]) + 1


def write_run(
    run: RunFolder,
    record: Record,
    scored: ScoredRun,
    module: TextClassificationModule,
    data: TextDataModule,
    logger: Logger,
    *,
    trial: bool,
    report: bool,
) -> None:
    """Writes all that a finished run leaves; metrics.json, the last, says that it is finished.

    A trial of a sweep then gives up its checkpoints, which take most of a run's place on the disk.
    """
    _save_model(run, record, scored, module, data)
    last, split = list(scored.splits.items())[-1]
    if report:
        write_report(
            run.path,
            record,
            last,
            split.texts,
            split.predictions,
            split.places,
            spreadsheet=record["config"].get("spreadsheet", False),
            # The trials of a sweep, which score no test set, are compared and not read.
            classifier=TextClassifier.load(run.model) if last == "test" else None,
        )
    write_model_card(run.model, record, last)

    _log_scores(logger, record, scored)
    if not trial:  # dozens of trials would hide the scores that they are compared by
        _show_pictures(logger, record, scored, module, data)
    if isinstance(logger, TensorBoardLogger):
        logger.finalize("success")

    run.previous_checkpoint.unlink(missing_ok=True)
    write_record(run.path, record)
    if trial:
        shutil.rmtree(run.checkpoints, ignore_errors=True)


def _save_model(
    run: RunFolder,
    record: Record,
    scored: ScoredRun,
    module: TextClassificationModule,
    data: TextDataModule,
) -> None:
    """Saves the model with all that its probabilities need, such as the temperature."""
    save_bundle(
        run.model,
        network=module.network,
        max_length=data.settings.max_length,
        truncate=data.settings.truncate,
        tokenizer_json=module.hparams["tokenizer_json"],
        labels=data.class_names,
        temperature=record["calibration"]["temperature"] if "calibration" in record else 1.0,
        wide=scored.channel,
        weight=record["wide"]["weight"] if "wide" in record else 1.0,
    )


def _log_scores(logger: Logger, record: Record, scored: ScoredRun) -> None:
    """Logs the scores of the saved model: macro F1 on validation, and all of them on test."""
    step = record["steps"]
    if record["score"] is not None:
        _log_score(logger, record["score"], step)
    if "test" in scored.splits:
        found = scored.splits["test"].scores
        tested = {"test/loss": found["log_loss"]}
        for name in LOGGED:
            if (value := found[name]) is not None:
                tested[f"test/{name}"] = value
        logger.log_metrics(tested, step)
    logger.save()


def _log_score(logger: Logger, macro_f1: float, step: int) -> None:
    """Logs the run's score on validation, as the last point of the chart of what is kept."""
    logger.log_metrics({KEPT: macro_f1}, step)


def _show_pictures(
    logger: Logger,
    record: Record,
    scored: ScoredRun,
    module: TextClassificationModule,
    data: TextDataModule,
) -> None:
    """Shows what the saved model predicts and, in TensorBoard, its embeddings."""
    name, split = list(scored.splits.items())[-1]
    shown = name, split.scores, split.texts, split.predictions, record["steps"]
    if isinstance(logger, TensorBoardLogger):
        dashboards.show_predictions(logger, *shown)
        tokenizer, texts = data.tokenizer, data.encoded["train"]
        dashboards.show_embeddings(logger, record, module.network, tokenizer, texts)
    elif isinstance(logger, Tracker):
        logger.show_predictions(*shown)


def record_pruned(
    run: RunFolder, logger: Logger, history: EpochHistory, steps: int, overrides: list[str]
) -> None:
    """Records a trial that a search gave up: its score remains, and its checkpoints are deleted."""
    best = max(history.epochs, key=lambda epoch: epoch["val_macro_f1"])
    record: PrunedRecord = {
        "format": FORMAT,
        "score": best["val_macro_f1"],
        "overrides": overrides,
        "history": history.epochs,
    }
    _log_score(logger, best["val_macro_f1"], steps)
    if isinstance(logger, TensorBoardLogger):
        logger.finalize("success")

    shutil.rmtree(run.checkpoints)
    write_pruned(run.path, record)
    log.info(
        "Pruned after epoch %d, with macro F1 %.4f on validation.",
        len(history.epochs),
        best["val_macro_f1"],
    )
