"""Compares presets with the linear baseline on the test rows of several data sets."""

import statistics
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from textlstm.escaping import code_block, in_markdown, one_line
from textlstm.leaderboard.benchmark_figure import benchmark_figure
from textlstm.leaderboard.compared_run import read_predictions
from textlstm.model.significance import kinds_of_rows, mcnemar, middle, resampled_scores
from textlstm.runs.figures import save
from textlstm.runs.folder import RunFolder
from textlstm.runs.results import LINEAR
from textlstm.writing import markdown_table, write_csv, write_text

BINS = 15  # of the calibration error, as in `model.metrics`
NOTES = (
    "Accuracy and macro F1 are means of the runs ± standard deviation. Their 95 % intervals are by "
    "a bootstrap of the test rows, and say nothing of other seeds.",
    f"Ahead: points of accuracy more than {LINEAR} on the same rows. p: McNemar's exact test of "
    "that, two-sided, the median of the runs.",
    "Calibration: the expected calibration error, mean of the runs. Pooled: of all their rows "
    "together.",
)

PICTURE = "benchmark.png"
HEADER = [
    "model",
    "runs",
    "accuracy",
    "95 %",
    "macro F1",
    "95 %",
    "ahead",
    "p",
    "calibration",
    "pooled",
    "seconds",
]


class Predicted(NamedTuple):
    """One model on the N test rows of one run.

    Args:
        rows: a number that tells these test rows from others.
        gold, predicted: the class names of each row.
        confidence: the probability of each predicted class.
        seconds: how long the run took; None for the baseline.
    """

    rows: int
    gold: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    accuracy: float
    macro_f1: float
    calibration_error: float
    seconds: float | None

    @property
    def right(self) -> np.ndarray:
        return self.gold == self.predicted


class Spread(NamedTuple):
    """A score over several seeds: mean, standard deviation (None for one), and 95 % interval."""

    mean: float
    deviation: float | None
    low: float
    high: float


class Line(NamedTuple):
    """A line of the table: a model on a data set.

    Args:
        model: the preset, or the baseline's name.
        runs: how many runs are averaged; for the baseline, how many different test sets.
        ahead: accuracy less the baseline's; None for the baseline, or without one.
        p: median p of McNemar's test against the baseline.
        pooled_calibration_error: calibration error of the rows of all runs together.
        seconds: mean seconds of a run.
    """

    model: str
    runs: int
    accuracy: Spread
    macro_f1: Spread
    ahead: float | None
    p: float | None
    calibration_error: float
    pooled_calibration_error: float
    seconds: float | None


class Benchmark(NamedTuple):
    """The folder of a benchmark, the command that made it, and its lines by data set."""

    folder: Path
    command: str
    lines: dict[str, list[Line]]


def compare(presets: dict[str, list[RunFolder]]) -> list[Line]:
    """Compares presets on one data set.

    Args:
        presets: the finished runs of each.

    Raises:
        InputError: as `read_predicted`.
    """
    linear: dict[int, Predicted] = {}
    models: dict[str, list[Predicted]] = {}
    for preset, runs in presets.items():
        for run in runs:
            predicted, baseline = read_predicted(run)
            models.setdefault(preset, []).append(predicted)
            if baseline is not None:
                linear[baseline.rows] = baseline

    lines = [_line(model, runs, linear) for model, runs in models.items()]
    return [*lines, _line(LINEAR, list(linear.values()), {})] if linear else lines


def read_predicted(run: RunFolder) -> tuple[Predicted, Predicted | None]:
    """Reads what a finished run and its baseline predicted; None if it has no baseline.

    Raises:
        InputError: a file of predictions is missing or damaged, or is not that of the record.
    """
    record = run.record()
    assert record is not None
    files = [run.predictions]
    scored = [record["test"]]
    if LINEAR in record["baselines"]:
        files.append(run.baseline_predictions)
        scored.append(record["baselines"][LINEAR])

    found = []
    for file, scores, seconds in zip(
        files, scored, [record["seconds"]["total"], None], strict=False
    ):
        table = read_predictions(file, record, "test", scores["accuracy"])
        found.append(
            Predicted(
                int(pd.util.hash_pandas_object(table[["text", "gold"]], index=True).sum()),
                table["gold"].to_numpy(str),
                table["predicted"].to_numpy(str),
                table["probability"].to_numpy(),
                scores["accuracy"],
                scores["macro_f1"],
                scores["calibration_error"],
                seconds,
            )
        )
    return found[0], found[1] if len(found) > 1 else None


def intervals(runs: list[Predicted]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Gives 95 % intervals of the mean accuracy and the mean macro F1 of runs.

    Test rows are drawn again with replacement, the same for all runs that share them.
    """
    accuracy_R, macro_f1_R = np.zeros(1), np.zeros(1)
    for seed, rows in enumerate(dict.fromkeys(run.rows for run in runs)):
        sharing = [run for run in runs if run.rows == rows]
        cells = kinds_of_rows(sharing[0].gold, *(run.predicted for run in sharing))
        accuracies_MR, macro_f1s_MR = resampled_scores(*cells, seed=seed)
        accuracy_R = accuracy_R + accuracies_MR.sum(axis=0) / len(runs)
        macro_f1_R = macro_f1_R + macro_f1s_MR.sum(axis=0) / len(runs)
    return middle(accuracy_R), middle(macro_f1_R)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Gives the expected calibration error over equal bins of confidence, from 0 to 1."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def write_benchmark(benchmark: Benchmark) -> list[str]:
    """Writes benchmark.md, benchmark.csv and benchmark.png, and gives these names."""
    folder, lines = benchmark.folder, benchmark.lines
    save(benchmark_figure({name: _dots(found) for name, found in lines.items()}), folder / PICTURE)
    _write_csv(folder / "benchmark.csv", lines)
    sections = [
        f"# Benchmark {in_markdown(folder.name)}, {date.today().isoformat()}",
        code_block(benchmark.command, "sh"),
        *(
            f"## {in_markdown(name)}\n\n{markdown_table(HEADER, map(_cells, found))}"
            for name, found in lines.items()
        ),
        *NOTES,
        f"![accuracy with its 95 % interval]({PICTURE})",
    ]
    write_text(folder / "benchmark.md", "\n\n".join(sections) + "\n")
    return ["benchmark.md", "benchmark.csv", PICTURE]


def print_lines(name: str, lines: list[Line]) -> None:
    """Prints the table of a data set in 80 columns, with each interval below its score."""
    title = Text(one_line(name), "bold")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    table.add_column("model", overflow="fold")
    for column in ("accuracy", "macro F1", "ahead", "p", "calibration", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in lines:
        model, _, accuracy, around, macro_f1, around_f1, ahead, p, calibration, _, time = _cells(
            line
        )
        scores = [f"{accuracy}\n{around}", f"{macro_f1}\n{around_f1}"]
        table.add_row(model, *scores, ahead, p, calibration, time)
    Console(soft_wrap=True).print(table)


def _line(model: str, runs: list[Predicted], linear: dict[int, Predicted]) -> Line:
    """Makes the line of a model; `linear` is the baseline on each different set of test rows."""
    of_accuracy, of_macro_f1 = intervals(runs)
    pairs = [(run, linear[run.rows]) for run in runs if run.rows in linear]
    compared = len(pairs) == len(runs)
    confidence = np.concatenate([run.confidence for run in runs])
    seconds = [run.seconds for run in runs if run.seconds is not None]

    return Line(
        model,
        len(runs),
        _spread([run.accuracy for run in runs], of_accuracy),
        _spread([run.macro_f1 for run in runs], of_macro_f1),
        statistics.fmean(run.accuracy - other.accuracy for run, other in pairs)
        if compared
        else None,
        statistics.median(mcnemar(run.right, other.right) for run, other in pairs)
        if compared
        else None,
        statistics.fmean(run.calibration_error for run in runs),
        calibration_error(confidence, np.concatenate([run.right for run in runs])),
        statistics.fmean(seconds) if seconds else None,
    )


def _spread(scores: list[float], interval: tuple[float, float]) -> Spread:
    deviation = statistics.stdev(scores) if len(scores) > 1 else None
    return Spread(statistics.fmean(scores), deviation, *interval)


def _cells(line: Line) -> list[str]:
    """Gives the cells of a line in the order of `HEADER`."""
    spreads = []
    for spread in (line.accuracy, line.macro_f1):
        deviation = "" if spread.deviation is None else f" ± {spread.deviation:.4f}"
        spreads += [f"{spread.mean:.4f}{deviation}", f"{spread.low:.3f} to {spread.high:.3f}"]
    return [
        line.model,
        str(line.runs),
        *spreads,
        "–" if line.ahead is None else f"{100 * line.ahead:+.2f}",
        "–" if line.p is None else f"{line.p:.2g}",
        f"{line.calibration_error:.4f}",
        f"{line.pooled_calibration_error:.4f}",
        "–" if line.seconds is None else f"{line.seconds:.0f}",
    ]


def _write_csv(file: Path, lines: dict[str, list[Line]]) -> None:
    """Writes the lines of all data sets as one table."""
    spread = ("", " standard deviation", " low", " high")
    header = ["data", "model", "runs"]
    header += [f"{score}{what}" for score in ("accuracy", "macro F1") for what in spread]
    header += ["ahead of the baseline", "McNemar p", "calibration error"]
    header += ["pooled calibration error", "seconds"]
    rows = [
        [name, line.model, line.runs, *line.accuracy, *line.macro_f1, *line[4:]]
        for name, found in lines.items()
        for line in found
    ]
    write_csv(file, header, (map(_plain, row) for row in rows))


def _plain(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else value


def _dots(lines: Iterable[Line]) -> dict[str, tuple[float, float, float]]:
    return {line.model: (line.accuracy.mean, *line.accuracy[2:]) for line in lines}
