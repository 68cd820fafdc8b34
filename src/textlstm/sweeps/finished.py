"""Tells which runs of a grid are finished: those whose folder has the result of their config."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from textlstm.runs.folder import RunFolder
from textlstm.training.run import is_result_of
from textlstm.training.settings import RunSettings


def is_finished(launcher: Any, overrides: list[str]) -> bool:
    """Tells whether the job that a launcher would run with these overrides has its result.

    Raises:
        InputError: the job's configuration has a mistake.
    """
    loader = launcher.hydra_context.config_loader
    config = loader.load_sweep_config(launcher.config, overrides)
    folder = Path(config.hydra.sweep.dir) / config.hydra.sweep.subdir
    record = RunFolder(folder).record()
    if record is None:
        return False

    about_one_run: Any = OmegaConf.to_container(
        OmegaConf.masked_copy(config, [key for key in config if key not in ("hydra", "sweep")]),
        resolve=True,
    )
    return is_result_of(record, RunSettings.parse(about_one_run))
