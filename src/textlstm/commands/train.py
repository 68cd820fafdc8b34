"""Trains one run in the folder that Hydra has made for it."""

from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from textlstm.commandline.recorded import read_overrides
from textlstm.runs.folder import RunFolder
from textlstm.training import run as training
from textlstm.training.callbacks import Pruner
from textlstm.training.settings import RunSettings


def train(config: dict[str, Any]) -> float | None:
    """Trains, scores and records one run, or one trial of a sweep.

    Returns:
        Its macro F1 on validation; None if a search gave it up.
    """
    hydra = HydraConfig.get()
    sweeping = hydra.mode == RunMode.MULTIRUN
    run = RunFolder(Path(config["resume"] or hydra.runtime.output_dir))
    about_one_run = {key: value for key, value in config.items() if key != "sweep"}
    return training.train(
        RunSettings.parse(about_one_run),
        run,
        overrides=_overrides(run, hydra),
        sweeping=sweeping,
        pruners=_pruners() if sweeping else [],
    )


def _overrides(run: RunFolder, hydra: HydraConf) -> list[str]:
    """The overrides that the run was started with, also when it is resumed."""
    recorded = read_overrides(run.path)
    return list(hydra.overrides.task) if recorded is None else recorded


def _pruners() -> list[Pruner]:
    """Makes the callback that reports to the trial of this process, if it runs one."""
    # Here, since they import Optuna, which a single run does without.
    from textlstm.sweeps.pruning import Pruning
    from textlstm.sweeps.trials import attached_trial

    trial = attached_trial()
    return [] if trial is None else [Pruning(trial)]
