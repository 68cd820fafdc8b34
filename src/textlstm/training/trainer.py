"""Makes Lightning's trainer, logger and callbacks from the config.

What cannot work is refused here, before any data are read.
"""

import sys
from typing import Any

import pytorch_lightning as pl
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from textlstm.checks import InputError, check_whole
from textlstm.runs.folder import RunFolder
from textlstm.training.callbacks import ChooseCooled, RandomState, StayStopped
from textlstm.training.distributed import SameRun, check_strategy, computes_bf16
from textlstm.training.progress import ProgressBar
from textlstm.training.settings import RunSettings

PATIENCE = 3  # epochs without a better validation loss, where no number is given
UNTIL_READ = 1  # epochs of a trainer that gets their number later, from the rows
# What Lightning raises; a RuntimeError is about the options of srun.
REFUSALS = (TypeError, ValueError, RuntimeError, MisconfigurationException)


def make_trainer(
    settings: RunSettings, run: RunFolder, logger: Logger, recording: list[pl.Callback]
) -> pl.Trainer:
    """Makes the trainer of a run.

    Args:
        recording: callbacks besides those of the config and those that every run has.

    Raises:
        InputError: a value that Lightning refuses, a patience below one epoch, a device that cannot
            compute in the precision, or no validation to choose the best epoch by.
    """
    refit, terminal = settings.data.refit, sys.stderr.isatty()
    callbacks = _callbacks(settings)
    epochs = settings.trainer["max_epochs"] or UNTIL_READ
    try:
        trainer = pl.Trainer(
            **settings.trainer
            | {"max_epochs": epochs}
            | ({"limit_val_batches": 0} if refit else {}),
            logger=logger,
            callbacks=[
                *callbacks,
                *([ProgressBar()] if terminal else []),
                RandomState(settings.seed),
                StayStopped(),
                SameRun(),
                *([ChooseCooled()] if _chooses_cooled(settings, callbacks) else []),
                *recording,
                *_checkpoints(run, refit=refit),
            ],
            enable_progress_bar=terminal,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # BucketSampler divides the batches
        )
    except REFUSALS as error:
        raise InputError(f"trainer: {error}") from error
    check_strategy(trainer, settings.trainer.get("strategy", "auto"))
    _check_precision(trainer)

    if trainer.fast_dev_run or not (refit or trainer.limit_val_batches):  # type: ignore[attr-defined]
        raise InputError(
            "trainer: a run chooses its best epoch on validation; for a quick look use "
            "experiment=smoke."
        )
    return trainer


def make_logger(settings: dict[str, Any], run: RunFolder, name: str) -> Logger:
    """Makes the logger of the config; it writes below the run folder, under the name `name`."""
    return _made("logger", settings, save_dir=run.path, version=name)


def quiet_trainer(accelerator: str) -> pl.Trainer:
    """Makes a trainer that only scores: it has no logger and writes no checkpoints."""
    try:
        return pl.Trainer(
            accelerator=accelerator,
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (ValueError, MisconfigurationException) as error:
        raise InputError(f"accelerator: {error}") from error


def _callbacks(settings: RunSettings) -> list[pl.Callback]:
    """Makes the callbacks of the config, without early stopping where it has no meaning.

    A refit has no validation to stop by. A one-cycle schedule is cut short only if a patience is
    given: before its rate has come down, a worse validation loss says little, and the best epoch is
    kept in any case.

    Raises:
        InputError: a callback that cannot be made, or a patience below one epoch.
    """
    made = {name: _made(f"callbacks.{name}", given) for name, given in settings.callbacks.items()}
    kept = []
    for name, callback in made.items():
        if isinstance(callback, EarlyStopping):
            if callback.patience is None:
                callback.patience = PATIENCE
                whole_cycle = settings.optimizer.schedule == "one_cycle"
            else:
                check_whole(f"callbacks.{name}.patience", callback.patience, minimum=1)
                whole_cycle = False
            if settings.data.refit or whole_cycle:
                continue
        kept.append(callback)
    return kept


def _chooses_cooled(settings: RunSettings, callbacks: list[pl.Callback]) -> bool:
    """Tells whether the run has a one-cycle schedule that nothing cuts short."""
    return (
        settings.optimizer.schedule == "one_cycle"
        and not settings.data.refit
        and not any(isinstance(callback, EarlyStopping) for callback in callbacks)
    )


def _made(key: str, settings: dict[str, Any], **arguments: Any) -> Any:
    """Makes the object that `settings` describe; if that fails, one error names their key."""
    try:
        return instantiate(settings, **arguments)
    except InstantiationException as error:
        cause = error.__cause__ or error
        raise cause if isinstance(cause, InputError) else InputError(f"{key}: {cause}") from error


def _checkpoints(run: RunFolder, *, refit: bool) -> list[ModelCheckpoint]:
    """Keeps the last epoch and, unless the run is a refit without validation, the best epoch."""
    kept: dict[str, Any] = {
        "dirpath": run.checkpoints,
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }
    best = [] if refit else [ModelCheckpoint(filename="best", monitor="val/loss", **kept)]
    return [*best, ModelCheckpoint(filename="last", **kept)]


def _check_precision(trainer: pl.Trainer) -> None:
    """Refuses bf16 on a CPU that cannot compute an LSTM in it."""
    if (
        "bf16" in str(trainer.precision)
        and trainer.strategy.root_device.type == "cpu"
        and not computes_bf16()
    ):
        raise InputError(
            f"trainer.precision={trainer.precision}: this CPU cannot compute an LSTM in bf16 (it "
            f"needs AVX512-BF16 or AMX). Take trainer.precision=32-true, or a GPU."
        )
