"""Makes the logger of the config, and gives it what a run shows: its configuration, its pictures.

What cannot work is refused here, before any data are read.
"""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)
from torch.utils.tensorboard import SummaryWriter

from textlstm.annotations import check_arguments
from textlstm.cache import one_at_a_time
from textlstm.checks import InputError, check_whole, nearest
from textlstm.instances import class_of, made
from textlstm.places import CACHE, OUTPUTS
from textlstm.runs import tensorboard
from textlstm.runs.folder import RunFolder
from textlstm.runs.tensorboard import ChartLogger
from textlstm.tracking.csv_table import TableLogger
from textlstm.tracking.mlflow import MLflowTracker
from textlstm.tracking.tracker import Tracker
from textlstm.tracking.wandb import WandbTracker
from textlstm.typed import installing
from textlstm.writing import refuse_link

MLFLOW_URI = "MLFLOW_TRACKING_URI"  # MLflow's own environment variable
SQLITE = "sqlite:///"
WANDB_KEYS = {"entity", "group", "tags", "notes", "job_type"}  # of wandb.init
WHOLE_NUMBERS = {  # with the least of each
    "flush_logs_every_n_steps": 1,
    "flush_secs": 1,
    "max_queue": 1,
    "purge_step": 0,
}
OURS: dict[type, type] = {TensorBoardLogger: ChartLogger, CSVLogger: TableLogger}


def make_logger(settings: dict[str, Any], run: RunFolder, name: str) -> Logger:
    """Makes the logger of the config; it writes below the run folder, under the name `name`.

    MLflow writes into its own database, and W&B sends what it has written to its server.

    Raises:
        InputError: no class, arguments that it does not have, a folder outside of the run's, or a
            package that is not installed.
    """
    kind = class_of("logger", settings, Logger)
    known = _arguments(kind)
    for key in settings:
        if known and not key.startswith("_") and key not in known:
            raise InputError(f"There is no key 'logger.{key}'.{nearest(key, known)}")
    _check_values(settings, kind)
    if kind in (MLFlowLogger, WandbLogger):
        return _tracker(settings, kind, run, name)

    ours = OURS.get(kind)
    if ours is not None:
        settings = {**settings, "_target_": f"{ours.__module__}.{ours.__qualname__}"}
    logger: Logger = made("logger", settings, save_dir=run.path, version=name)
    _refuse_other_folders(logger, run)
    return logger


def _arguments(kind: type) -> set[str]:
    """The keys that a logger may have; empty where the class itself refuses others."""
    known = {*inspect.signature(kind).parameters}
    if issubclass(kind, TensorBoardLogger):
        # It fails only when the first number is logged.
        return known | {*inspect.signature(SummaryWriter).parameters} - {"log_dir"}
    if issubclass(kind, WandbLogger):
        return (known | WANDB_KEYS) - {"experiment", "dir", "id", "version", "save_dir", "kwargs"}
    if issubclass(kind, MLFlowLogger):
        return known - {"save_dir"}
    return known if "kwargs" in known else set()


def _tracker(settings: dict[str, Any], kind: type, run: RunFolder, name: str) -> Tracker:
    """Makes the logger of MLflow or of W&B, which gets the name that the run has on its page."""
    package = "mlflow" if kind is MLFlowLogger else "wandb"
    if find_spec(package) is None:
        raise InputError(
            f"logger={package} needs the package {package}, which is not installed: "
            f"{installing(package)}"
        )
    given = {key: value for key, value in settings.items() if value is not None}
    shown = f"{run.path.name}/{name}" if name else f"{run.path.parent.name}/{run.path.name}"
    if kind is WandbLogger:
        given = {"name": shown, **given, "_target_": f"{WandbTracker.__module__}.WandbTracker"}
        return _made_tracker(given, run)

    uri = given.get("tracking_uri") or os.environ.get(MLFLOW_URI)
    given |= {"tracking_uri": uri or f"{SQLITE}{OUTPUTS / 'mlflow.db'}"}
    if given["tracking_uri"].startswith(SQLITE):  # else they would lie in the working directory
        database = Path(given["tracking_uri"].removeprefix(SQLITE)).absolute()
        given = {"artifact_location": (database.parent / "mlflow").as_uri(), **given}
    given = {"run_name": shown, **given, "_target_": f"{MLflowTracker.__module__}.MLflowTracker"}
    with one_at_a_time(CACHE, "mlflow"):  # of two at once, one fails to make the tables
        return _made_tracker(given, run)


def _made_tracker(given: dict[str, Any], run: RunFolder) -> Tracker:
    tracker: Tracker = made("logger", given, folder=run.path)
    return tracker


def _refuse_other_folders(logger: Logger, run: RunFolder) -> None:
    """Refuses a logger that would write outside of the run's folder."""
    folder = logger.log_dir
    if folder is not None:
        refuse_link(Path(folder), inside=run.path)
    if folder is not None and not Path(folder).resolve().is_relative_to(run.path.resolve()):
        raise InputError(
            f"logger: it would write into {folder}, outside of the run's folder {run.path}. Give "
            f"logger.name without `..` and without a leading `/`."
        )
    if folder is not None and Path(folder) != run.path:
        for path in Path(folder).rglob("*"):
            refuse_link(path, inside=run.path)


def _check_values(settings: dict[str, Any], kind: type) -> None:
    """Refuses values that a logger would fail at when the first number is logged."""
    folder_name = settings.get("name")
    if not isinstance(folder_name, str | None):
        raise InputError(f"logger.name must be the name of a folder, got {folder_name!r}.")
    check_arguments("logger", settings, kind)
    for key, least in WHOLE_NUMBERS.items():
        if settings.get(key) is not None:
            check_whole(f"logger.{key}", settings[key], minimum=least)
    suffix = settings.get("filename_suffix", "")
    if not isinstance(suffix, str) or "/" in suffix or "\0" in suffix:
        raise InputError(
            f"logger.filename_suffix must be the end of a file's name, without /, got {suffix!r}."
        )


@contextmanager
def ended(logger: Logger) -> Iterator[None]:
    """Ends the run of MLflow or W&B after the block: a process may train several, one by one."""
    status = "failed"
    try:
        yield
        status = "success"
    finally:
        if isinstance(logger, Tracker):
            logger.close(status)


def begin_logging(
    logger: Logger,
    config: dict[str, Any],
    run: RunFolder,
    overrides: list[str],
    *,
    resumed: bool,
    step: int | None,
    sweeping: bool,
) -> None:
    """Shows the configuration of a run.

    What a resumed run had logged after its checkpoint is removed where it can be: it is logged
    again.

    Args:
        config: with the batch size and the epochs that the run really has.
        step: the number of steps before the checkpoint that the run goes on from, if there is one.

    Raises:
        InputError: the server of MLflow or W&B cannot be reached, or refuses the run.
    """
    if isinstance(logger, TensorBoardLogger):
        if resumed:
            tensorboard.forget_after(Path(logger.log_dir), step)
        tensorboard.begin(logger, config, overrides)
    elif isinstance(logger, TableLogger) and resumed:
        logger.forget_after(step)
    elif isinstance(logger, Tracker):
        logger.begin(config, sweep=run.path.parent.name if sweeping else None)
