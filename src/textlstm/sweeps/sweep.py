"""Runs a sweep from its overrides to its finished runs.

Each worker takes a trial from the study, runs its jobs through Hydra's launcher and tells the study
the result, until no trial is left. Workers are processes of the same command. A launcher that
places jobs elsewhere, such as SLURM's, gets several trials at a time from one process instead. Any
number of machines that reach the storage may run the same command.
"""

import logging
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial

from textlstm.checks import MOST_SEED, InputError, JobsFailed, check_whole
from textlstm.parent import PATIENCE, is_worker
from textlstm.passwords import keep_password
from textlstm.sweeps.disk import foretell_disk
from textlstm.sweeps.progress import Progress, run_line
from textlstm.sweeps.search_space import SearchSpace
from textlstm.sweeps.settings import SweepSettings, check_folder_name
from textlstm.sweeps.stopping import stoppable
from textlstm.sweeps.storage import open_storage
from textlstm.sweeps.study import Study
from textlstm.sweeps.worker import Worker, runs_here
from textlstm.sweeps.workers import suitable_number, wait_for_texts, work_in_processes
from textlstm.terminal import loading

log = logging.getLogger(__name__)


def sweep(config: DictConfig, launcher: Any, overrides: list[str]) -> list[list[JobReturn]]:
    """Runs the sweep that `overrides` and the node `sweep` of the config describe.

    Returns:
        What the launcher returned for the jobs of each trial; an empty list if workers ran them.

    Raises:
        InputError: a value of `sweep` outside its range, a study of other ranges, or a launcher
            that refuses the jobs.
        JobsFailed: jobs in other processes that failed, with the logs that say why.
        SystemExit: the process was told to end; the same command then goes on.
    """
    patience = PATIENCE if is_worker() else 2 * PATIENCE  # the workers end first
    with stoppable(patience=patience, says=not is_worker()):
        return _sweep(config, launcher, overrides)


def _sweep(config: DictConfig, launcher: Any, overrides: list[str]) -> list[list[JobReturn]]:
    # Without a baseline, unless a preset or the command line asks for it: those come behind.
    overrides = ["baselines=false", *_keep_password(config, overrides)]
    settings = SweepSettings(**{key.name: config.sweep[key.name] for key in fields(SweepSettings)})
    check_folder_name(settings.name)
    check_whole("seed", config.seed, minimum=0, maximum=MOST_SEED)
    _check_devices(config.trainer.devices)
    folder = Path(config.hydra.sweep.dir).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    space = SearchSpace.of(overrides, config)
    _check_data(config, space, searches=settings.searches)
    seeds = [str(config.seed + number) for number in range(settings.repeats)]
    points = [] if settings.searches else _repeated(list(space.grid()), seeds, space)

    study = _open_study(settings, folder=folder, space=space, seed=config.seed)
    if is_worker():
        wait_for_texts()
    else:
        OmegaConf.save(config, folder / "multirun.yaml")
        if not settings.searches:
            study.add(points, partial(_is_finished, launcher, space.fixed))
    progress = Progress(settings, None if settings.searches else points, study.trials())
    if study.is_done(settings.trials) and not is_worker():
        log.info("%s", progress.last_line(study.trials(), folder))
        return []

    count = settings.workers or suitable_number(config)
    if not is_worker():
        runs = progress.to_come(study.trials())
        runs = runs if runs is None or points else runs * settings.repeats
        foretell_disk(config, space, folder, runs=runs, at_work=count)
    here, worker = runs_here(launcher), None
    if here and count > 1:
        work_in_processes(study, progress, folder=folder, count=count, config=config, space=space)
    else:
        worker = Worker(
            study,
            settings,
            folder=folder,
            launcher=launcher,
            space=space,
            seeds=seeds,
            progress=progress,
        )
        worker.work() if here else worker.work_in_threads(count)

    if not is_worker():  # else the process that started this one says it
        log.info("%s", progress.last_line(study.trials(), folder))
        raise_failed(progress.failed(study.trials()))
    return worker.answers if worker else []


def _is_finished(launcher: Any, fixed: list[str], point: list[str]) -> bool:
    with loading():
        from textlstm.sweeps.finished import is_finished

    return is_finished(launcher, [*fixed, *point])


def raise_failed(failed: list[FrozenTrial]) -> None:
    """Raises one error that says of each failed run why it failed, and where its log is."""
    if not failed:
        return
    lines = [run_line(trial) for trial in failed]
    folders = [trial.user_attrs.get("folder") for trial in failed]
    logs = [f"\n    {folder}/train.log" if folder else "" for folder in folders]
    listed = "".join(f"\n  {line}{file}" for line, file in zip(lines, logs, strict=True))
    raise JobsFailed(f"{len(failed)} of the sweep's runs failed; train.log says more:{listed}")


def _keep_password(config: DictConfig, overrides: list[str]) -> list[str]:
    """Takes the password out of a URL that a preset gives, in the config and for all jobs."""
    given = config.sweep.storage
    if given is None or (shown := keep_password(given)) == given:
        return overrides
    config.sweep.storage = shown
    others = [line for line in overrides if not line.startswith("sweep.storage=")]
    quoted = shown.replace("'", "\\'")
    return [*others, f"sweep.storage='{quoted}'"]


def _check_devices(devices: Any) -> None:
    """Refuses trials on several devices."""
    if isinstance(devices, int) and devices > 1:
        raise InputError(
            f"trainer.devices={devices}: each trial of a sweep trains on one device, "
            f"trainer.devices=1."
        )


def _check_data(config: DictConfig, space: SearchSpace, *, searches: bool) -> None:
    """Refuses a sweep without validation scores, and a search among folds."""
    if config.data.refit or "data.refit" in space.swept:
        raise InputError(
            "data.refit=true has no validation score to compare runs by: leave it out of a sweep, "
            "and refit the best configuration afterwards."
        )

    folds = [
        str(override.input_line)
        for key, override in space.swept.items()
        if key in ("data.folds", "data.fold")
    ]
    if searches and folds:
        raise InputError(
            f"{folds[0]}: a search would look for the easiest fold. Give it one, such as "
            f"data.folds=5 data.fold=0, or run all folds of some configurations as a grid, "
            f"without sweep.trials and sweep.minutes."
        )


def _open_study(settings: SweepSettings, *, folder: Path, space: SearchSpace, seed: int) -> Study:
    """Opens the study of the sweep; its sampler is seeded if no other process may work on it."""
    alone = settings.storage is None and not is_worker()
    return Study(
        open_storage(settings.storage, folder),
        settings.name,
        seed=seed if alone else None,
        search=space.described() if settings.searches else None,
    )


def _repeated(points: list[list[str]], seeds: list[str], space: SearchSpace) -> list[list[str]]:
    """Returns the points of a grid, each with every seed where there are several."""
    if len(seeds) == 1:
        return points
    if "seed" in space.swept:
        raise InputError(
            "sweep.repeats trains each configuration with several seeds; seed= is a list already."
        )
    return [[*point, f"seed={seed}"] for point in points for seed in seeds]
