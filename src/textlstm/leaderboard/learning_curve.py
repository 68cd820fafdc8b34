"""Tells from runs on shares of the training rows whether more of them would help."""

import math
import statistics
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from scipy import stats

from textlstm.checks import InputError
from textlstm.leaderboard.folder import Configuration, FinishedRun, Identity, Ranking
from textlstm.runs.record import METRICS, Record
from textlstm.runs.results import LINEAR

SHARE = "data.train_share"
LEVEL = 0.95  # of the intervals

Scores = dict[Hashable, float]
"""Macro F1 on validation by what tells repeats apart: fold, if there is one, and seed."""


@dataclass(frozen=True)
class Interval:
    """A mean, and what it may really be; without ends if there is one number alone.

    Attributes:
        mean: of the numbers.
        low, high: the ends of the 95 % interval of the mean by Student's t; None for one number.
    """

    mean: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, numbers: list[float]) -> "Interval":
        mean = statistics.fmean(numbers)
        if len(numbers) < 2:
            return cls(mean, None, None)
        error = statistics.stdev(numbers) / math.sqrt(len(numbers))
        half = error * float(stats.t.ppf((1 + LEVEL) / 2, len(numbers) - 1))
        return cls(mean, mean - half, mean + half)

    @classmethod
    def of_scores(cls, scores: list[float]) -> "Interval":
        """As `of`, for numbers from 0 to 1, between which their mean must lie."""
        found = cls.of(scores)
        if found.low is None or found.high is None:
            return found
        return cls(found.mean, max(0.0, found.low), min(1.0, found.high))


@dataclass(frozen=True)
class Point:
    """The runs of one configuration on one share of the training rows."""

    runs: list[FinishedRun]

    @property
    def rows(self) -> int:
        """The mean number of training rows, which folds and duplicates change a little."""
        return round(statistics.fmean(_training_rows(run.record) for run in self.runs))

    @property
    def scores(self) -> Scores:
        """The scores of the runs."""
        return {run.repeat: run.score for run in self.runs}

    @property
    def score(self) -> Interval:
        return Interval.of_scores(list(self.scores.values()))

    @property
    def baseline(self) -> Interval | None:
        """The score of the linear baseline on the same rows; None without one.

        It draws nothing: where all seeds have all rows, it is one number without an interval.
        """
        found = [score for run in self.runs if (score := baseline_score(run.record)) is not None]
        return Interval.of_scores(found if len(set(found)) > 1 else found[:1]) if found else None


@dataclass(frozen=True)
class LearningCurve:
    """The scores of configurations that differ in the share of the training rows alone.

    Attributes:
        overrides: what tells this curve from others of the same ranking, as it is typed.
        points: two or more, with fewer rows first.
    """

    overrides: str
    points: list[Point]

    @property
    def title(self) -> str:
        """The heading of the curve."""
        return f"Learning curve of {self.overrides}" if self.overrides else "Learning curve"

    @cached_property
    def gain(self) -> Interval:
        """What the last step to more rows brought, by repeat where both have the same repeats."""
        fewer, all_rows = (point.scores for point in self.points[-2:])
        shared = [repeat for repeat in all_rows if repeat in fewer]
        if shared:
            return Interval.of([all_rows[repeat] - fewer[repeat] for repeat in shared])
        means = [statistics.fmean(scores.values()) for scores in (fewer, all_rows)]
        return Interval.of([means[1] - means[0]])

    def sentence(self) -> str:
        """Says what the last step brought, and whether twice the data would help."""
        before, after = self.points[-2:]
        gain = self.gain
        named = f" ({self.overrides})" if self.overrides else ""
        said = (
            f"From {before.rows:,} to {after.rows:,} training rows, macro F1 on "
            f"{_validation_words(after.runs[0].record)}{named} "
            f"{'rose' if gain.mean >= 0 else 'fell'} by {abs(gain.mean):.3f}"
        )
        if gain.low is None or gain.high is None:
            return (
                f"{said}. One run on each cannot tell a gain from a luckier seed, nor whether "
                f"twice the data would help; sweep.repeats=3 can."
            )
        if gain.low == gain.high == 0:
            return f"{said} in each run: these rows cannot tell whether twice the data would help."

        said += f" (95 % interval {gain.low:+.3f} to {gain.high:+.3f} over {len(after.runs)} runs)"
        return f"{said}: {_outlook(gain, math.log2(after.rows / before.rows))}"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Gives the header and the rows of a table: both models by the number of rows."""
        columns = [(point.rows, point.score, point.baseline) for point in self.points]
        header = ["training rows", "macro F1", "95 %", LINEAR, "95 %"]
        return header, [
            [f"{rows:,}", *_cells(score), *_cells(baseline)] for rows, score, baseline in columns
        ]


def learning_curves(ranking: Ranking) -> list[LearningCurve]:
    """Finds the learning curves of a ranking, that of the best configuration first.

    Raises:
        InputError: a record that does not say on how many rows its run trained.
    """
    if SHARE not in ranking.swept:
        return []
    for configuration in ranking.configurations:
        for run in configuration.runs:
            _check(run)
    others = [key for key in ranking.swept if key != SHARE]
    groups: dict[Identity, list[Configuration]] = {}
    for configuration in ranking.configurations:
        key = frozenset((other, configuration.value(other)) for other in others)
        groups.setdefault(key, []).append(configuration)

    curves = []
    for configurations in groups.values():
        by_rows: dict[int, Point] = {}  # of few rows, two shares may be the same rows
        for configuration in configurations:
            point = Point(configuration.runs)
            by_rows.setdefault(point.rows, point)
        points = [by_rows[rows] for rows in sorted(by_rows)]
        named = " ".join(f"{key}={configurations[0].value(key)}" for key in others)
        if len(points) > 1:
            curves.append(LearningCurve(named, points))
    return curves


def _check(run: FinishedRun) -> None:
    """Refuses a run whose record has no numbers to draw."""
    try:
        rows, linear = _training_rows(run.record), baseline_score(run.record)
        drawable = isinstance(rows, int) and rows > 0
        drawable = drawable and (linear is None or math.isfinite(linear))
        _validation_words(run.record)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        drawable = False
    if not drawable:
        raise InputError(
            f"{run.folder / METRICS} is damaged: it does not say on how many rows the run trained, "
            f"or how good the baseline is. Bring the file back from a copy, or move the run's "
            f"folder elsewhere."
        )


def baseline_score(record: Record) -> float | None:
    """Reads the linear baseline's macro F1 on validation from a run's record, if it has one."""
    validated = record.get("baselines_on_validation", {})
    if LINEAR in validated:
        return validated[LINEAR]["macro_f1"]
    tested = record["baselines"].get(LINEAR)
    return None if tested is None else tested.get("validation_macro_f1")


def _outlook(gain: Interval, doublings: float) -> str:
    """Says whether twice the data would help, after the gain of a step of so many doublings."""
    assert gain.low is not None
    assert gain.high is not None
    flatter = "That is extrapolated: a doubling tends to bring less than the one before it."
    if gain.low > 0:
        most = gain.mean / doublings
        return f"twice the data would likely help, by up to {most:.3f}. {flatter}"
    if gain.high < 0:
        return "twice the data would likely not help. That is extrapolated."
    most = gain.high / doublings
    return (
        f"whether twice the data would help is open, but by more than {most:.3f} is unlikely. "
        f"{flatter}"
    )


def _validation_words(record: Record) -> str:
    """Names the validation rows; the folds of a cross-validation have several numbers of them."""
    facts = record["data"]
    if facts["fold"] is not None:
        return "validation"
    return f"the {facts['splits']['validation']['rows']:,} validation rows"


def _training_rows(record: Record) -> int:
    return record["data"]["splits"]["train"]["rows"]


def _cells(score: Interval | None) -> list[str]:
    """Shows a mean and its interval; dashes for what there is not."""
    if score is None:
        return ["–", "–"]
    if score.low is None or score.high is None:
        return [f"{score.mean:.4f}", "–"]
    return [f"{score.mean:.4f}", f"{score.low:.3f} to {score.high:.3f}"]
