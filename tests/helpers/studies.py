"""Studies whose jobs are played: a launcher that answers each job without training."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from textlstm.sweeps.progress import Progress
from textlstm.sweeps.search_space import SearchSpace
from textlstm.sweeps.settings import SweepSettings
from textlstm.sweeps.storage import open_storage
from textlstm.sweeps.study import Study
from textlstm.sweeps.worker import Worker

RANGES = [
    "x=interval(0.0,1.0)",
    "n=interval(1,3)",
    "lr=tag(log,interval(1e-4,1e-1))",
    "kind=a,b",
    "k=range(2,7,2)",
    "m=int(interval(1,2))",
]
CONFIG = OmegaConf.create({"x": 0.5, "n": 1, "lr": 0.1, "kind": "a", "k": 2, "m": None, "y": 1})

SETTINGS = SweepSettings(
    name="s", trials=None, minutes=None, prune=False, repeats=1, workers=1, storage=None
)

every_storage = pytest.mark.parametrize("storage", [None, "journal.log"])


def opened(
    folder: Path,
    storage: str | None = None,
    *,
    search: dict[str, str] | None = None,
    seed: int | None = 0,
) -> Study:
    """The study in `folder`, in SQLite or in the journal file named `storage`."""
    url = None if storage is None else str(folder / storage)
    return Study(open_storage(url, folder), "s", seed=seed, search=search)


class Launcher(BasicLauncher):
    """Answers each job by `result` of its overrides; a division by zero is a job that failed."""

    def __init__(self, result: Callable[[list[str]], Any]) -> None:
        self.result = result
        self.jobs: list[list[str]] = []

    def launch(self, job_overrides: Any, initial_job_idx: int) -> list[JobReturn]:
        answers = []
        for job in job_overrides:
            self.jobs.append(list(job))
            answer = JobReturn()
            try:
                answer.status, answer.return_value = JobStatus.COMPLETED, self.result(job)
            except ZeroDivisionError as error:
                answer.status, answer.return_value = JobStatus.FAILED, error
            answers.append(answer)
        return answers


def worker(
    study: Study,
    folder: Path,
    result: Callable[[list[str]], Any],
    overrides: list[str],
    *,
    seeds: Sequence[str] = ("42",),
    **changed: Any,
) -> Worker:
    """A worker whose jobs end with `result`; `changed` are settings that are not `SETTINGS`."""
    settings = replace(SETTINGS, **changed)
    return Worker(
        study,
        settings,
        folder=folder,
        launcher=Launcher(result),
        space=SearchSpace.of(overrides, CONFIG),
        seeds=list(seeds),
        progress=Progress(settings, None, study.trials()),
    )


def add(study: Study, points: list[list[str]], *, finished: Sequence[list[str]] = ()) -> None:
    """Queues the points of a grid, of which some still have the result of an earlier command."""
    study.add(points, lambda point: point in finished)


def states(study: Study) -> Counter[str]:
    """How many trials are in each state."""
    return Counter(trial.state.name for trial in study.trials())
