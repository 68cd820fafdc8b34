"""Draws the picture of compared runs: their scores with intervals, and F1 of the classes."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from textlstm.leaderboard.compared_run import ComparedRun
from textlstm.runs.figures import GREY, drawable, text_style

MOST_CLASSES = 25  # that the picture shows: those whose F1 differs most
SCORES = {"accuracy": "accuracy", "macro_f1": "macro F1"}


def comparison_figure(runs: list[ComparedRun]) -> Figure:
    """Draws accuracy and macro F1 of each run on the left, and F1 of each class on the right."""
    classes = _most_different(runs)
    height = max(2.6, 1.2 + 0.3 * max(len(classes), 2 * len(runs)))
    figure = Figure(figsize=(10, height), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.4])

    _draw_scores(left, runs)
    _draw_classes(right, runs, classes)
    for axes in (left, right):
        axes.grid(alpha=0.3, axis="x")
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=13, frameon=False)
    return figure


def _draw_scores(axes: Axes, runs: list[ComparedRun]) -> None:
    """Draws a dot and its 95 % interval for each score and run."""
    names = list[str]()
    for key, name in SCORES.items():
        for number, run in enumerate(runs):
            scores: Any = run.scores
            place, color = len(names), f"C{number}"
            if "intervals" in scores:
                axes.plot(scores["intervals"][key], [place, place], color=color, linewidth=1.5)
            axes.plot([scores[key]], [place], color=color, marker="o")
            names.append(f"{name}, {run.letter}")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("score, and the 95 % interval over its rows")


def _draw_classes(axes: Axes, runs: list[ComparedRun], classes: list[str]) -> None:
    """Draws F1 of each class as a dot per run, on a line that shows how far they lie apart."""
    for place, name in enumerate(classes):
        found = [score for run in runs if (score := _f1(run, name)) is not None]
        axes.plot([min(found), max(found)], [place, place], color=GREY, linewidth=1, zorder=1)
    for number, run in enumerate(runs):
        scores = {name: _f1(run, name) for name in classes}
        shown = [(score, place) for place, score in enumerate(scores.values()) if score is not None]
        axes.scatter(
            [score for score, _ in shown],
            [place for _, place in shown],
            color=f"C{number}",
            label=run.letter,
            zorder=2,
        )
    axes.set_yticks(range(len(classes)), drawable(classes), **text_style())
    axes.set_ylim(len(classes) - 0.5, -0.5)
    axes.set_xlabel("F1 of the class on the rows of each run")


def _most_different(runs: list[ComparedRun]) -> list[str]:
    """Names the classes whose F1 differs most between runs, at most `MOST_CLASSES`, that first."""
    names = dict.fromkeys(name for run in runs for name in run.scores["classes"])

    def spread(name: str) -> float:
        found = [score for run in runs if (score := _f1(run, name)) is not None]
        return max(found) - min(found)

    return sorted(names, key=lambda name: (-spread(name), name))[:MOST_CLASSES]


def _f1(run: ComparedRun, name: str) -> float | None:
    """The F1 of a class in a run; None if the run does not have the class."""
    scores = run.scores["classes"].get(name)
    return None if scores is None else scores["f1"]
