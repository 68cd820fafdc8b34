"""Reads a folder of runs: which finished, were pruned or failed, and which can be compared."""

import re
import statistics
from collections.abc import Hashable, Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textlstm.checks import InputError
from textlstm.keys import LITERAL, is_hyperparameter, value_in
from textlstm.leaderboard.comparable import checksum_of, described_rows, validated_rows
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import METRICS, Record, has_failed, read_pruned

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

    @cached_property
    def validated_on(self) -> tuple[Hashable, str]:
        """A key of the rows that validated the run, and a description of them.

        Raises:
            InputError: the record does not say what these are, as that of a run does.
        """
        try:
            hash(self.repeat)
            return validated_rows(self.record), described_rows(self.record)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.folder / METRICS} is damaged: it does not say what rows validated the "
                f"run. Bring the file back from a copy, or move the run's folder elsewhere."
            ) from error

    @property
    def repeat(self) -> tuple[int | None, int]:
        """The fold, if there is one, and the seed: what differs between runs of a configuration."""
        fold = self.record["data"]["fold"]
        return None if fold is None else fold["fold"], self.record["seed"]


@dataclass(frozen=True)
class Configuration:
    """Finished runs that differ in seed or fold alone; of equal ones, the newest."""

    runs: list[FinishedRun]

    @property
    def best_run(self) -> FinishedRun:
        """The run with the highest score."""
        return max(self.runs, key=lambda run: run.score)

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
class Ranking:
    """Configurations that can be compared, since the same rows validated them.

    Attributes:
        rows: these rows in a few words, different ones for different rankings of a folder.
        configurations: at least one, the best first.
        pruned: runs that a search ended early, if all runs of the folder can be compared.
    """

    rows: str
    configurations: list[Configuration]
    pruned: list[Run]

    @property
    def best(self) -> Configuration:
        return self.configurations[0]

    @property
    def swept(self) -> list[str]:
        """Keys whose values differ among the configurations."""
        ranked = self.configurations
        keys = dict.fromkeys(key for configuration in ranked for key in configuration.overrides)
        return [
            key for key in keys if len({configuration.value(key) for configuration in ranked}) > 1
        ]


@dataclass(frozen=True)
class SweepFolder:
    """The runs in a sweep's folder, or in another folder of runs.

    Attributes:
        rankings: the configurations with at least one finished and no pruned run, those together
            that can be compared.
        pruned: runs that a search ended early.
        partial: finished runs that are not ranked, since a repeat of them was pruned.
        equal: finished runs that are not ranked, since a newer one has the same configuration and
            seed.
        failed: folders of jobs whose train.log ends with an error, or whose loss is no number.
        unfinished: folders of jobs that were stopped, or are still running.
    """

    path: Path
    rankings: list[Ranking]
    pruned: list[Run]
    partial: list[FinishedRun]
    equal: list[FinishedRun]
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
        ranked, equal = _without_equal(
            [run for run in finished if run.configuration not in given_up_on]
        )
        if not ranked:
            others = ", ".join(_counted(pruned=pruned, failed=failed, unfinished=unfinished))
            raise InputError(
                f"{path} holds no finished run{f' ({others})' if others else ''}; "
                f"expected a folder such as outputs/sweeps/grid."
            )
        return cls(path, _rankings(ranked, pruned), pruned, partial, equal, failed, unfinished)

    @property
    def configurations(self) -> list[Configuration]:
        """The configurations of all rankings."""
        return [
            configuration for ranking in self.rankings for configuration in ranking.configurations
        ]

    @property
    def counts(self) -> str:
        """A sentence that counts the finished, pruned, failed and unfinished runs."""
        ranked = self.configurations
        finished = sum(len(configuration.runs) for configuration in ranked)
        finished += len(self.partial) + len(self.equal)
        counted = _counted(pruned=self.pruned, failed=self.failed, unfinished=self.unfinished)
        configurations = f"{len(ranked)} configuration{'s' if len(ranked) > 1 else ''}"
        total = finished + len(self.pruned) + len(self.failed) + len(self.unfinished)
        runs = f"{total} run{'s' if total > 1 else ''}"
        sentence = f"{runs}: {', '.join([f'{finished} finished', *counted])}; {configurations}."

        if self.partial:
            repeat = (
                "run repeats a pruned one and is"
                if len(self.partial) == 1
                else "runs repeat a pruned one and are"
            )
            sentence += f" {len(self.partial)} finished {repeat} not ranked."
        if self.equal:
            repeat = "run has" if len(self.equal) == 1 else "runs have"
            sentence += (
                f" {len(self.equal)} older {repeat} the configuration and the seed of another, "
                f"which counts alone."
            )
        if self.failed:
            which = " the first failed" if len(self.failed) > 1 else ""
            sentence += f" {self.failed[0].name}/train.log says why{which}."
        return sentence


def _without_equal(runs: list[FinishedRun]) -> tuple[list[FinishedRun], list[FinishedRun]]:
    """Keeps the newest of the runs that have the same rows, configuration, fold and seed.

    Such runs tell nothing about the luck of a seed, so that they are no repeats.

    Returns:
        The runs that are kept, and the others.
    """
    newest: dict[Any, FinishedRun] = {}
    for run in sorted(runs, key=lambda run: run.ended):
        newest[run.validated_on[0], run.configuration, run.repeat] = run
    kept = {run.folder for run in newest.values()}
    return (
        [run for run in runs if run.folder in kept],
        [run for run in runs if run.folder not in kept],
    )


def _rankings(runs: list[FinishedRun], pruned: list[Run]) -> list[Ranking]:
    """Ranks the configurations of runs, each among those with the same validation rows."""
    by_rows: dict[Any, dict[Identity, list[FinishedRun]]] = {}
    for run in runs:
        repeats = by_rows.setdefault(run.validated_on[0], {})
        repeats.setdefault(run.configuration, []).append(run)

    names = _different_names([next(iter(repeats.values()))[0] for repeats in by_rows.values()])
    return [
        Ranking(
            name,
            sorted(map(Configuration, repeats.values()), key=lambda ranked: -ranked.score),
            pruned if len(by_rows) == 1 else [],
        )
        for name, repeats in zip(names, by_rows.values(), strict=True)
    ]


def _different_names(runs: list[FinishedRun]) -> list[str]:
    """Describes the validation rows of runs that have different ones, each in words of its own."""
    names = [run.validated_on[1] for run in runs]
    if len(set(names)) < len(names):
        names = [
            f"{name}, SHA-256 {checksum_of(run.record)}…" if names.count(name) > 1 else name
            for name, run in zip(names, runs, strict=True)
        ]
    return [
        f"{name} ({names[:number].count(name) + 1})" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]


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
