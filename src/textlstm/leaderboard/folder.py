"""Reads a sweep's folder: which runs finished, were pruned or failed, and which are repeats."""

import re
import statistics
from collections.abc import Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.keys import LITERAL, is_hyperparameter, value_in
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import Record, has_failed, read_pruned

REPEATS = ("seed", "data.fold")  # runs that differ in these alone repeat a configuration
# How a line of train.log begins.
LOGGED = re.compile(r"^\S+ \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) ", re.MULTILINE)
Identity = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Run:
    """A run that has a score: one that finished, or one that a search gave up.

    Attributes:
        folder: where it is.
        lines: its overrides as they were typed, KEY=VALUE each.
        score: its macro F1 on validation.
        ended: when it ended, in seconds since the epoch.
    """

    folder: Path
    lines: list[str]
    score: float
    ended: float

    @cached_property
    def overrides(self) -> dict[str, str]:
        """The run's overrides by key; a deletion (`~key`) has an empty value."""
        pairs = (line.partition("=") for line in self.lines)
        return {key: value for key, _, value in pairs}

    @property
    def repeat(self) -> tuple[str | None, str | None]:
        """The fold and the seed, if typed: what differs between runs of a configuration."""
        return self.overrides.get("data.fold"), self.overrides.get("seed")

    @property
    def configuration(self) -> Identity:
        """The overrides that identify the configuration.

        These are all but seed, fold and sweep settings.
        """
        return frozenset(
            (key, value)
            for key, value in self.overrides.items()
            if key not in REPEATS and is_hyperparameter(key)
        )


@dataclass(frozen=True)
class FinishedRun(Run):
    """A run that finished, with its record."""

    record: Record


@dataclass(frozen=True)
class Configuration:
    """Finished runs that differ in seed or fold alone."""

    runs: list[FinishedRun]

    @property
    def score(self) -> float:
        """Mean macro F1 on validation."""
        return statistics.fmean(run.score for run in self.runs)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the score over the runs (of a sample: n - 1); None for one run."""
        return statistics.stdev(run.score for run in self.runs) if len(self.runs) > 1 else None

    @property
    def seconds(self) -> float:
        """Mean seconds of training."""
        return statistics.fmean(run.record["seconds"]["train"] for run in self.runs)

    @property
    def parameters(self) -> int:
        """Trainable parameters of the first run's network."""
        return self.runs[0].record["parameters"]

    @property
    def best_epoch(self) -> int:
        """Mean best epoch, rounded."""
        epochs = [run.record["best_epoch"] for run in self.runs]
        return round(statistics.fmean(epoch for epoch in epochs if epoch is not None))

    @cached_property
    def overrides(self) -> dict[str, str]:
        """The overrides of the configuration as they are typed, in their order."""
        run = self.runs[0]
        return {
            key: _as_typed(value_in(run.record["config"], key)) if key in LITERAL else value
            for key, value in run.overrides.items()
            if (key, value) in run.configuration
        }

    def value(self, key: str) -> str:
        """Gives the value of a key, from the config where it was not typed; `–` without one."""
        return self.overrides.get(key) or _as_typed(
            value_in(self.runs[0].record["config"], key.lstrip("+~"))
        )


@dataclass(frozen=True)
class SweepFolder:
    """The runs in a sweep's folder.

    Attributes:
        configurations: those with at least one finished and no pruned run, the best first.
        pruned: runs that a search ended early.
        partial: finished runs that are not ranked, since a repeat of them was pruned.
        failed: folders of jobs whose train.log ends with an error, or whose loss is no number.
        unfinished: folders of jobs that were stopped, or are still running.
    """

    path: Path
    configurations: list[Configuration]
    pruned: list[Run]
    partial: list[FinishedRun]
    failed: list[Path]
    unfinished: list[Path]

    @classmethod
    def read(cls, path: Path) -> "SweepFolder":
        """Reads the records of all jobs in a sweep's folder.

        Raises:
            InputError: no folder, a damaged record in it, or no finished run that can be ranked.
        """
        if not path.is_dir():
            raise InputError(f"There is no folder {path}.")
        finished: list[FinishedRun] = []
        pruned: list[Run] = []
        failed: list[Path] = []
        unfinished: list[Path] = []
        jobs = [folder for folder in sorted(path.iterdir()) if (folder / ".hydra").is_dir()]
        for job in map(RunFolder, jobs):
            record = job.record()
            if record is not None and has_failed(record):
                failed.append(job.path)
            elif record is not None:
                ended, score = job.metrics.stat().st_mtime, record["score"]
                if score is not None:  # a refit has no validation score
                    finished.append(
                        FinishedRun(job.path, record["overrides"], score, ended, record)
                    )
            elif job.pruned.is_file():
                given_up, ended = read_pruned(job.pruned), job.pruned.stat().st_mtime
                pruned.append(Run(job.path, given_up["overrides"], given_up["score"], ended))
            else:
                (failed if _failed(job.path / "train.log") else unfinished).append(job.path)

        given_up_on = {run.configuration for run in pruned}
        partial = [run for run in finished if run.configuration in given_up_on]
        repeats: dict[Identity, list[FinishedRun]] = {}
        for run in finished:
            if run.configuration not in given_up_on:
                repeats.setdefault(run.configuration, []).append(run)
        if not repeats:
            others = ", ".join(_counted(pruned=pruned, failed=failed, unfinished=unfinished))
            raise InputError(
                f"{path} holds no finished run{f' ({others})' if others else ''}; "
                f"expected a folder such as outputs/sweeps/grid."
            )

        configurations = sorted(
            map(Configuration, repeats.values()), key=lambda configuration: -configuration.score
        )
        return cls(path, configurations, pruned, partial, failed, unfinished)

    @property
    def swept(self) -> list[str]:
        """Keys whose values differ among the ranked configurations."""
        ranked = self.configurations
        keys = dict.fromkeys(key for configuration in ranked for key in configuration.overrides)
        return [
            key for key in keys if len({configuration.value(key) for configuration in ranked}) > 1
        ]

    @property
    def counts(self) -> str:
        """A sentence that counts the finished, pruned, failed and unfinished runs."""
        finished = sum(len(ranked.runs) for ranked in self.configurations) + len(self.partial)
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


def _counted(**runs: Sized) -> list[str]:
    return [f"{len(found)} {name}" for name, found in runs.items() if found]


def _failed(log: Path) -> bool:
    """Says whether a job's log ends with an error; a job that is started again appends to it."""
    if not log.is_file():
        return False
    levels = LOGGED.findall(log.read_text(encoding="utf-8", errors="replace"))
    return bool(levels) and levels[-1] in ("ERROR", "CRITICAL")


def _as_typed(value: Any) -> str:
    """Writes a value of a config as a person would type it; a dash for a group, which has none."""
    if isinstance(value, dict):
        return "–"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value).replace(", ", ",") if isinstance(value, list) else str(value)
