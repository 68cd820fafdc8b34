"""Makes the lines that say how far a sweep is, and how it ended."""

import heapq
import shlex
import statistics
import time
from collections import Counter
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from textlstm.sweeps.settings import SweepSettings
from textlstm.typed import as_typed

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


class Progress:
    """Counts the runs of a sweep, each once however often it was begun, and foretells the end.

    Args:
        settings: those of the sweep.
        points: the points of a grid; None for a search.
        trials: all trials of the study as this command begins.
    """

    def __init__(
        self,
        settings: SweepSettings,
        points: list[list[str]] | None,
        trials: list[FrozenTrial],
    ) -> None:
        self.settings, self.points = settings, points
        self.total = settings.trials if points is None else len(points)
        self.started = time.time()
        self.told = {trial.number for trial in trials if trial.state.is_finished()}
        self.before = frozenset(self.told)

    def counted(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """Returns the trials that count: of each point of a grid, or trial of a search, the last.

        Earlier ones were ended with their worker, failed in an earlier command, or had another
        configuration.
        """
        if self.points is None:
            replaced = {trial.user_attrs.get("replaces") for trial in trials}
            return [trial for trial in trials if trial.number not in replaced]
        last = {
            tuple(trial.user_attrs.get("overrides", ())): trial
            for trial in trials
            if "doubled" not in trial.user_attrs
        }
        return [last[tuple(point)] for point in self.points if tuple(point) in last]

    def ended(self, trials: list[FrozenTrial]) -> list[str]:
        """Returns a line for each run that has ended since this was asked last."""
        lines = []
        for trial in self.counted(trials):
            if trial.state.is_finished() and trial.number not in self.told:
                self.told.add(trial.number)
                lines.append(run_line(trial))
        return lines

    def line(self, trials: list[FrozenTrial]) -> str:
        """Counts runs by what came of them, with the best score and the time that is left."""
        runs = self.counted(trials)
        counts = Counter(trial.state for trial in runs)
        total = f" of {self.total}" if self.total else ""
        parts = [f"{counts[TrialState.COMPLETE]}{total} runs done"]
        for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING):
            if counts[state]:
                parts.append(f"{counts[state]} {_word(state)}")

        scores = [trial.value for trial in runs if trial.state == TrialState.COMPLETE]
        if scores:
            parts.append(f"best macro F1 {max(score or 0 for score in scores):.4f}")
        seconds = self._seconds_left(runs)
        if seconds is not None:
            parts.append(f"about {max(1, round(seconds / 60))} min left")
        return ", ".join(parts)

    def to_come(self, trials: list[FrozenTrial]) -> int | None:
        """Counts the points or trials that are not finished yet; None for a search without end."""
        if self.total is None:
            return None
        return self.total - sum(trial.state.is_finished() for trial in self.counted(trials))

    def last_line(self, trials: list[FrozenTrial], folder: Path) -> str:
        """Says how the sweep ended, and the command that shows what came of it."""
        runs = self.counted(trials)
        done = sum(trial.state == TrialState.COMPLETE for trial in runs)
        said = f"{self.line(trials)}."
        if done == self.total and self.before.issuperset(trial.number for trial in runs):
            said = f"{done} of {done} runs, all finished before."
        if not done:
            return said
        return f"{said} {as_typed('leaderboard')} {shlex.quote(str(folder))} ranks them."

    def failed(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """Returns the trials that failed since this command began."""
        return [
            trial
            for trial in self.counted(trials)
            if trial.state == TrialState.FAIL and trial.number not in self.before
        ]

    def _seconds_left(self, runs: list[FrozenTrial]) -> float | None:
        """Estimates the time to the end; None if there is nothing to tell it from, or no end.

        Each run that is under way takes as long as those that took longer than it has so far, and
        each that is to come as long as the mean.
        """
        left = []
        if self.settings.minutes is not None:
            left.append(max(0.0, self.started + 60 * self.settings.minutes - time.time()))
        durations = [
            trial.duration.total_seconds()
            for trial in runs
            if trial.state in ENDED and trial.number not in self.before and trial.duration
        ]
        to_end = (self.total or 0) - sum(trial.state.is_finished() for trial in runs)
        if durations and to_end > 0:
            busy = [
                _rest(time.time() - trial.datetime_start.timestamp(), durations)
                for trial in runs
                if trial.state == TrialState.RUNNING and trial.datetime_start
            ]
            left.append(_time_of(to_end - len(busy), busy, statistics.fmean(durations)))
        return min(left, default=None)


def run_line(trial: FrozenTrial) -> str:
    """Says how a run ended, why if it failed, and what it tried."""
    if trial.state == TrialState.COMPLETE:
        result = f"run {trial.number}: macro F1 {trial.value:.4f}"
    elif reason := trial.user_attrs.get("error"):
        result = f"run {trial.number} failed: {reason}"
    else:
        result = f"run {trial.number}: {_word(trial.state)}"
    tried = trial.user_attrs.get("overrides") or [
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in trial.params.items()
    ]
    return f"{result}  {' '.join(tried)}"


def _rest(age: float, durations: list[float]) -> float:
    """The seconds that a run of this age still takes, by the durations of others."""
    longer = [duration for duration in durations if duration > age]
    return statistics.fmean(longer) - age if longer else 0.0


def _time_of(waiting: int, busy: list[float], mean: float) -> float:
    """The seconds until runs that wait have ended, each begun where a run under way ends first."""
    ends = busy or [0.0]
    heapq.heapify(ends)
    for _ in range(waiting):
        heapq.heapreplace(ends, ends[0] + mean)
    return max(ends)


def _word(state: TrialState) -> str:
    return "failed" if state == TrialState.FAIL else state.name.lower()
