"""Begins a run in its folder: one process alone works there, and the configuration is recorded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from textlstm.checks import InputError
from textlstm.commandline.mistakes import users_error
from textlstm.runs.claim import claimed
from textlstm.typed import as_typed
from textlstm.writing import make_folder, refuse_link, write_text

RECORDED = ".hydra"
FOLDERS = (RECORDED, "checkpoints", "model", "tensorboard")  # of a run, which it writes into


@contextmanager
def begun(config: DictConfig) -> Iterator[None]:
    """Keeps the run folder for this process, with the configuration in RUN/.hydra/.

    Hydra would write these files before anybody knows whether the folder is free, and through
    links. A resumed run has them already. If a mistake ends a run before it trains, they are
    removed: there is nothing to go on from.

    Raises:
        InputError: another process works in the folder, another run is in it, or the block failed
            by what a user can mend, such as a full disk.
    """
    hydra = HydraConfig.get()
    folder, sweeping = Path(hydra.runtime.output_dir), hydra.mode == RunMode.MULTIRUN
    recorded = folder / RECORDED
    with claimed(folder):
        for path in (*map(folder.joinpath, FOLDERS), *(folder / "tensorboard").rglob("*")):
            refuse_link(path, inside=folder)
        if config.resume is None and recorded.exists() and not sweeping:
            raise InputError(
                f"hydra.run.dir={folder} holds a run already; resume=FOLDER goes on with it."
            )
        try:
            if config.resume is None:
                _record(recorded, config)
            yield
        except Exception as error:
            mistake = users_error(error, unnamed=f"A file in {folder}")
            if mistake is None:
                raise
            begun_training = (folder / "checkpoints").is_dir()
            if not (sweeping or begun_training or config.resume):
                shutil.rmtree(recorded, ignore_errors=True)
            if mistake is error:
                raise
            if not sweeping and (folder / "checkpoints" / "last.ckpt").is_file():
                goes_on = f"{as_typed('train')} resume={folder} goes on with the run."
                mistake = InputError(f"{mistake} {goes_on}")
            raise mistake from error


def _record(folder: Path, config: DictConfig) -> None:
    """Writes the configuration, Hydra's own part of it, and what was typed, as Hydra would."""
    make_folder(folder, inside=folder.parent)
    of_hydra: Any = HydraConfig.instance().cfg
    parts = {"config": config, "hydra": of_hydra, "overrides": of_hydra.hydra.overrides.task}
    for name, part in parts.items():
        write_text(folder / f"{name}.yaml", OmegaConf.to_yaml(part))
