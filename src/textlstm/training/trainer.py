"""Makes Lightning's trainer and callbacks from the config.

What cannot work is refused here, before any data are read.
"""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from textlstm.annotations import check_arguments
from textlstm.checks import InputError, check_choice, check_whole
from textlstm.data.datamodule import TextDataModule
from textlstm.instances import class_of, made
from textlstm.runs.folder import RunFolder
from textlstm.runs.watched import AUROC, LOSS, WATCHED
from textlstm.training.callbacks import (
    ChooseCooled,
    EpochSums,
    LoggedFirst,
    MovedFolder,
    RandomState,
    StayStopped,
)
from textlstm.training.checkpoints import WholeCheckpoints
from textlstm.training.distributed import SameRun, check_strategy, computes_bf16
from textlstm.training.length import NO_LIMIT, StopAfterSteps
from textlstm.training.progress import ProgressBar
from textlstm.training.saving import SaveInsideEpoch
from textlstm.training.settings import RunSettings
from textlstm.training.stopping import FiniteLoss
from textlstm.training.trainer_keys import OWN_KEYS, check_trainer_keys

PATIENCE = 3  # epochs without a better score, where no number is given
LOG_EVERY = 20  # steps between points of the training loss in TensorBoard
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")
UNTIL_READ = 1  # epochs of a trainer that gets their number later, from the rows
# What Lightning raises: a RuntimeError about the options of srun, an ImportError about the package
# of a device or precision.
REFUSALS = (TypeError, ValueError, RuntimeError, ImportError, MisconfigurationException)


def make_trainer(
    settings: RunSettings, run: RunFolder, logger: Logger, recording: list[pl.Callback]
) -> pl.Trainer:
    """Makes the trainer of a run.

    Args:
        recording: callbacks besides those of the config and those that every run has.

    Raises:
        InputError: a value that Lightning refuses, a patience below one epoch, a score that is not
            computed, a device that cannot compute in the precision, or no validation to choose the
            best epoch by.
    """
    given = {key: value for key, value in settings.trainer.items() if key not in OWN_KEYS}
    check_trainer_keys(given)
    refit = settings.data.refit
    made = _made_callbacks(settings)
    callbacks = _kept_callbacks(made, settings)
    epochs = settings.trainer["max_epochs"] or UNTIL_READ
    try:
        trainer = pl.Trainer(
            **{"log_every_n_steps": LOG_EVERY}
            | given
            | {"max_epochs": epochs, "max_steps": NO_LIMIT}  # see StopAfterSteps
            | ({"limit_val_batches": 0} if refit else {}),
            logger=logger,
            plugins=[WholeCheckpoints()],
            callbacks=[
                *callbacks,
                RandomState(settings.seed),
                EpochSums(),
                MovedFolder(),
                LoggedFirst(),
                StayStopped(),
                SameRun(),
                StopAfterSteps(settings.trainer.get("max_steps")),
                FiniteLoss(_remedy(settings)),
                SaveInsideEpoch(run.last_checkpoint, settings.checkpoint_interval),
                ProgressBar(),
                *([ChooseCooled()] if _chooses_cooled(settings, callbacks) else []),
                *recording,
                *_checkpoints(run, refit=refit, monitor=_chooses_by(made)),
            ],
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # BucketSampler divides the batches
        )
    except REFUSALS as error:
        raise InputError(f"trainer: {error}") from error
    check_strategy(trainer, settings.trainer.get("strategy", "auto"))
    _check_precision(trainer)
    return trainer


def check_watched(trainer: pl.Trainer, data: TextDataModule) -> None:
    """Refuses to watch a ranking of classes where validation has one class alone."""
    if not data.settings.refit:
        found = data.facts["splits"]["validation"]["classes"].values()
        watched = [getattr(callback, "monitor", None) for callback in trainer.callbacks]  # type: ignore[attr-defined]
        if AUROC in watched and sum(rows > 0 for rows in found) < 2:
            raise InputError(
                f"callbacks.early_stopping.monitor={AUROC}: the rows of validation are all of one "
                f"class, and there is no AUROC. Give val/loss or val/accuracy."
            )


def best_by(trainer: pl.Trainer, run: RunFolder) -> str:
    """Names the score of validation that chooses the epoch which the trainer keeps."""
    folder = str(run.checkpoints.resolve())  # as Lightning names it where a link leads there
    chosen = [
        checkpoint.monitor
        for checkpoint in trainer.checkpoint_callbacks
        if isinstance(checkpoint, ModelCheckpoint)
        and checkpoint.filename == run.best_checkpoint.stem
        and checkpoint.dirpath == folder
    ]
    return chosen[0] or LOSS


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
    except REFUSALS as error:
        raise InputError(f"accelerator: {error}") from error


def _made_callbacks(settings: RunSettings) -> dict[str, pl.Callback]:
    """Makes the callbacks of the config, by name; one that is null is left out.

    Raises:
        InputError: no class, one that cannot be made, or a score that is not computed.
    """
    given = {name: values for name, values in settings.callbacks.items() if values is not None}
    return {name: _callback(f"callbacks.{name}", values) for name, values in given.items()}


def _callback(key: str, given: Any) -> pl.Callback:
    """Makes a callback; what it watches says whether more or less of it is better."""
    kind = class_of(key, given, pl.Callback)
    # Without a number of epochs, `_kept_callbacks` gives one.
    typed = {name: value for name, value in given.items() if name != "patience"}
    check_arguments(key, typed, kind)
    watches = issubclass(kind, EarlyStopping) or given.get("monitor") is not None
    if not (watches and issubclass(kind, (EarlyStopping, ModelCheckpoint))):
        return made(key, given)
    monitor = given.get("monitor")
    check_choice(f"{key}.monitor", monitor, WATCHED)
    mode = WATCHED[str(monitor)].mode
    if given.get("mode", mode) != mode:
        raise InputError(
            f"{key}.mode={given['mode']}: {monitor} is better the "
            f"{'lower' if mode == 'min' else 'higher'} it is. Leave {key}.mode out."
        )
    return made(key, given, mode=mode)


def _kept_callbacks(made: dict[str, pl.Callback], settings: RunSettings) -> list[pl.Callback]:
    """The callbacks that the run has; a refit, which has no validation, cannot stop early.

    A refit has no validation to stop by. A one-cycle schedule is cut short only if a patience is
    given: before its rate has come down, a worse validation loss says little, and the best epoch is
    kept in any case.

    Raises:
        InputError: a patience below one epoch.
    """
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


def _chooses_by(made: dict[str, pl.Callback]) -> str:
    """Names the score that early stopping watches, which chooses the epoch to keep, too."""
    watched = [stop.monitor for stop in made.values() if isinstance(stop, EarlyStopping)]
    return watched[0] if watched else LOSS


def _chooses_cooled(settings: RunSettings, callbacks: list[pl.Callback]) -> bool:
    """Tells whether the run has a one-cycle schedule that nothing cuts short."""
    return (
        settings.optimizer.schedule == "one_cycle"
        and not settings.data.refit
        and not any(isinstance(callback, EarlyStopping) for callback in callbacks)
    )


def _checkpoints(run: RunFolder, *, refit: bool, monitor: str) -> list[ModelCheckpoint]:
    """Keeps the last epoch and, unless the run is a refit without validation, the best epoch."""
    kept: dict[str, Any] = {
        "dirpath": run.checkpoints,
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }
    last = ModelCheckpoint(filename="last", **kept)
    if refit:
        return [last]
    mode = WATCHED[monitor].mode
    return [ModelCheckpoint(filename="best", monitor=monitor, mode=mode, **kept), last]


def _check_precision(trainer: pl.Trainer) -> None:
    """Refuses a precision that no network is trained in, and bf16 on a CPU that has it not."""
    if trainer.precision not in PRECISIONS:
        raise InputError(
            f"trainer.precision={trainer.precision}: a network is trained with weights in float32. "
            f"Give one of {', '.join(PRECISIONS)}."
        )
    if (
        "bf16" in str(trainer.precision)
        and trainer.strategy.root_device.type == "cpu"
        and not computes_bf16()
    ):
        raise InputError(
            f"trainer.precision={trainer.precision}: this CPU cannot compute an LSTM in bf16 (it "
            f"needs AVX512-BF16 or AMX). Take trainer.precision=32-true, or a GPU."
        )


def _remedy(settings: RunSettings) -> str:
    """Says what to change where training fails by its numbers."""
    clipped = settings.trainer.get("gradient_clip_val")
    return "a smaller optimizer.lr" + ("" if clipped else ", or trainer.gradient_clip_val=1")
