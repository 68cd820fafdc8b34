"""A sweep's folder read back: which runs are finished, pruned or failed, and which repeat one
configuration.
"""

import json
import re
import statistics
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.keys import LITERAL, only_places, value_in
from textlstm.runs.folder import RunFolder

REPEATS = ("seed", "data.fold")  # runs that differ in these alone repeat a configuration
LOGGED = re.compile(
    r"^\S+ \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) ", re.MULTILINE
)  # how a record of train.log begins


@dataclass(frozen=True)
class Run:
    """A finished or pruned run: its folder, and what metrics.json or pruned.json holds."""

    folder: Path
    record: dict[str, Any]
    ended: float  # seconds since the epoch

    @cached_property
    def typed(self) -> dict[str, str]:
        """The overrides by key, of these a deletion (`~key`) with an empty value."""
        return {
            key: value
            for key, _, value in (line.partition("=") for line in self.record["overrides"])
        }

    @property
    def score(self) -> float:
        return self.record["score"]

    @property
    def repeat(self) -> tuple[str | None, str | None]:
        """What tells it from other runs of its configuration: its fold, if there are folds, and its
        seed.
        """
        return self.typed.get("data.fold"), self.typed.get("seed")

    @property
    def configuration(self) -> frozenset[tuple[str, str]]:
        """What it has in common with them."""
        return frozenset(
            (key, value)
            for key, value in self.typed.items()
            if key not in REPEATS and not only_places(key)
        )


@dataclass(frozen=True)
class Configuration:
    """Finished runs that differ in seed or fold alone."""

    runs: list[Run]

    @property
    def score(self) -> float:
        """Mean macro F1 on validation."""
        return statistics.fmean(run.score for run in self.runs)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the score over the runs (of a sample: n - 1); None of one run."""
        return statistics.stdev(run.score for run in self.runs) if len(self.runs) > 1 else None

    @property
    def seconds(self) -> float:
        """Mean seconds of training."""
        return statistics.fmean(run.record["seconds"]["train"] for run in self.runs)

    @property
    def parameters(self) -> int:
        return self.runs[0].record["parameters"]

    @property
    def best_epoch(self) -> int:
        """Mean best epoch, rounded."""
        return round(statistics.fmean(run.record["best_epoch"] for run in self.runs))

    @cached_property
    def overrides(self) -> dict[str, str]:
        """Its overrides as they are typed, in their order."""
        run = self.runs[0]
        return {
            key: _shown(value_in(run.record["config"], key)) if key in LITERAL else value
            for key, value in run.typed.items()
            if (key, value) in run.configuration
        }

    def value(self, key: str) -> str:
        """The value of a key, from the config where it was not typed; `–` if it has none."""
        return self.overrides.get(key) or _shown(
            value_in(self.runs[0].record["config"], key.lstrip("+~"))
        )


@dataclass(frozen=True)
class SweepFolder:
    """What a sweep's folder holds.

    Attributes:
        configurations: with at least one finished and no pruned run; the best first.
        pruned: runs that a search ended early.
        partial: finished runs of configurations of which another run was pruned: not ranked.
        failed: folders of jobs whose train.log ends with an error.
        unfinished: folders of jobs that were stopped, or are still running.
    """

    path: Path
    configurations: list[Configuration]
    pruned: list[Run]
    partial: list[Run]
    failed: list[Path]
    unfinished: list[Path]

    @classmethod
    def read(cls, path: Path) -> "SweepFolder":
        """
        Raises:
            InputError: no folder, or no finished run in it that can be ranked.
        """
        if not path.is_dir():
            raise InputError(f"There is no folder {path}.")
        finished: list[Run] = []
        pruned: list[Run] = []
        failed: list[Path] = []
        unfinished: list[Path] = []
        for job in (
            RunFolder(folder) for folder in sorted(path.iterdir()) if (folder / ".hydra").is_dir()
        ):
            record = job.record()
            if record is not None and record["score"] is None:
                continue  # a refit, which has no validation score
            if record is not None:
                finished.append(Run(job.path, record, (job.path / "metrics.json").stat().st_mtime))
            elif job.pruned.is_file():
                content = json.loads(job.pruned.read_text(encoding="utf-8"))
                pruned.append(Run(job.path, content, job.pruned.stat().st_mtime))
            else:
                (failed if _failed(job.path / "train.log") else unfinished).append(job.path)
        hopeless = {run.configuration for run in pruned}
        runs: dict[frozenset[tuple[str, str]], list[Run]] = {}
        for run in finished:
            runs.setdefault(run.configuration, []).append(run)
        configurations = [
            Configuration(of) for of in (runs[key] for key in runs if key not in hopeless)
        ]
        if not configurations:
            others = ", ".join(_counted(pruned=pruned, failed=failed, unfinished=unfinished))
            raise InputError(
                f"{path} holds no finished run{f' ({others})' if others else ''}; "
                f"expected a folder such as outputs/sweeps/grid."
            )
        configurations.sort(key=lambda of: -of.score)
        partial = [run for run in finished if run.configuration in hopeless]
        return cls(path, configurations, pruned, partial, failed, unfinished)

    @property
    def swept(self) -> list[str]:
        """Keys whose values differ among the ranked configurations."""
        keys = dict.fromkeys(key for of in self.configurations for key in of.overrides)
        return [key for key in keys if len({of.value(key) for of in self.configurations}) > 1]

    @property
    def counts(self) -> str:
        """How many runs are finished, pruned, failed and unfinished, in a sentence."""
        finished = sum(len(of.runs) for of in self.configurations) + len(self.partial)
        counted = _counted(pruned=self.pruned, failed=self.failed, unfinished=self.unfinished)
        several = len(self.configurations) > 1
        ranked = f"{len(self.configurations)} configuration{'s' if several else ''}"
        total = finished + len(self.pruned) + len(self.failed) + len(self.unfinished)
        runs = f"{total} run{'s' if total > 1 else ''}"
        sentence = f"{runs}: {', '.join([f'{finished} finished', *counted])}; {ranked}."
        if self.partial:
            repeat = (
                "run repeats a pruned one and is"
                if len(self.partial) == 1
                else "runs repeat a pruned one and are"
            )
            sentence += f" {len(self.partial)} finished {repeat} not ranked."
        if self.failed:
            which = " the first failed" if len(self.failed) > 1 else ""
            sentence += f" {self.failed[0].name}/train.log says why{which}."
        return sentence


def _counted(**runs: list[Any]) -> list[str]:
    return [f"{len(of)} {name}" for name, of in runs.items() if of]


def _failed(log: Path) -> bool:
    """Whether a job's log ends with an error; a job that is started again goes on in it."""
    if not log.is_file():
        return False
    levels = LOGGED.findall(log.read_text(encoding="utf-8", errors="replace"))
    return bool(levels) and levels[-1] in ("ERROR", "CRITICAL")


def _shown(value: Any) -> str:
    """A value of a config as a person would type it; a dash for a group, which has none."""
    if isinstance(value, dict):
        return "–"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value).replace(", ", ",") if isinstance(value, list) else str(value)
