"""Draws the pictures of a sweep: history, score against time, importance of hyperparameters."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from textlstm.runs.figures import BLUE, GREY, ORANGE, drawable, text_style

SCORE = "macro F1 on validation"


def history_figure(scores: list[float], pruned: list[bool], best: list[bool]) -> Figure:
    """Draws a dot per run, in the order in which they ended, and the best finished one so far.

    Args:
        scores: the score of each run.
        pruned: which were ended early.
        best: which belong to the best configuration.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    number_N, score_N = np.arange(1, len(scores) + 1), np.array(scores)
    finished_N, best_N = ~np.array(pruned), np.array(best)
    so_far_N = np.maximum.accumulate(np.where(finished_N, score_N, -np.inf))
    seen_N = np.isfinite(so_far_N)
    line: dict[str, Any] = {"color": GREY, "linewidth": 1.2, "zorder": 1, "label": "best so far"}
    kinds: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("finished", finished_N & ~best_N, {"color": BLUE, "marker": "o", "s": 28}),
        ("best configuration", best_N, {"color": ORANGE, "marker": "o", "s": 48}),
        ("pruned", ~finished_N, {"color": GREY, "marker": "x", "s": 28}),
    ]

    panels = _score_panels(figure, scores)
    for axes in panels:
        axes.step(number_N[seen_N], so_far_N[seen_N], where="post", **line)
        for name, of_kind_N, style in kinds:
            if of_kind_N.any():
                dots = number_N[of_kind_N], score_N[of_kind_N]
                axes.scatter(*dots, label=name, zorder=2, **style)

    panels[-1].set_xlabel("run, in the order in which they ended")
    panels[-1].set_xlim(0.5, len(scores) + 0.5)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    _legend(figure, panels[0])
    return figure


def pareto_figure(seconds: list[float], scores: list[float]) -> Figure:
    """Draws score against seconds of training, and the front that nothing beats in both.

    Args:
        seconds: the mean seconds of each configuration, the best configuration first.
        scores: their mean scores; dots on the front are labelled with their rank.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    front = pareto_front(seconds, scores)
    others = [n for n in range(len(scores)) if n not in front]
    other_dots = [seconds[n] for n in others], [scores[n] for n in others]
    front_dots = [seconds[n] for n in front], [scores[n] for n in front]
    line: dict[str, Any] = {"color": ORANGE, "marker": "o", "markersize": 7}
    line |= {"drawstyle": "steps-post"}
    line |= {"label": "Pareto front: nothing is both faster and better; numbers are ranks"}

    panels = _score_panels(figure, scores)
    for axes in panels:
        axes.scatter(*other_dots, color=BLUE, alpha=0.8, s=28, zorder=3)
        axes.plot(*front_dots, **line)
        for n in front:
            beside: dict[str, Any] = {"xytext": (-5, 6), "textcoords": "offset points"}
            axes.annotate(str(n + 1), (seconds[n], scores[n]), ha="right", **beside)

    if min(seconds) > 0 and max(seconds) / min(seconds) > 100:
        panels[-1].set_xscale("log")
    panels[-1].margins(x=0.08)
    panels[-1].set_xlabel("seconds of training")
    _legend(figure, panels[0])
    return figure


def pareto_front(seconds: list[float], scores: list[float]) -> list[int]:
    """Numbers the points that no other one beats in both time and score, fastest first."""
    front: list[int] = []
    for point in sorted(range(len(scores)), key=lambda n: (seconds[n], -scores[n])):
        if not front or scores[point] > scores[front[-1]]:
            front.append(point)
    return front


def importance_figure(importances: dict[str, float], configurations: int) -> Figure:
    """Draws a bar per hyperparameter: its share of the variation that they alone explain."""
    figure = Figure(figsize=(7, 1.3 + 0.42 * len(importances)), layout="constrained")
    axes = figure.add_subplot()
    ordered = sorted(importances.items(), key=lambda item: item[1])
    names, shares = [name for name, _ in ordered], [share for _, share in ordered]

    bars = axes.barh(range(len(ordered)), shares, color=BLUE, height=0.65)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=4)
    axes.set_yticks(range(len(ordered)), drawable(names, "key"), **text_style())
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlim(0, max(shares) * 1.15)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(
        f"share of the variation in score (fANOVA over {configurations} configurations)"
    )
    return figure


def _score_panels(figure: Figure, scores: list[float]) -> list[Axes]:
    """Makes the axes of a picture of scores: one, or two where a few lie far below the others.

    The second has these, below a break of the scale, so that they do not flatten the others. What
    is drawn in both is seen in the one that it belongs to.
    """
    low = lowest_shown(scores)
    parts = [
        [score for score in scores if score >= low],
        [score for score in scores if score < low],
    ]
    if not parts[1]:
        panels = [figure.add_subplot()]
        panels[0].margins(y=0.08)
    else:
        panels = list(figure.subplots(2, 1, sharex=True, height_ratios=[4, 1]))
        for axes, shown, margin in zip(panels, parts, (0.08, 0.3), strict=True):
            room = max(margin * (max(shown) - min(shown)), 0.005)
            axes.set_ylim(min(shown) - room, max(shown) + room)
        _mark_break(*panels)

    panels[0].set_ylabel(SCORE)
    for axes in panels:
        axes.grid(alpha=0.3)
    return panels


def _mark_break(upper: Axes, lower: Axes) -> None:
    """Shows that the scale of one panel does not go on in the one below it."""
    upper.spines["bottom"].set_visible(False)
    upper.tick_params(bottom=False)
    lower.spines["top"].set_visible(False)
    lower.yaxis.set_major_locator(MaxNLocator(2))
    strokes: dict[str, Any] = {"marker": [(-1, -0.5), (1, 0.5)], "markersize": 9, "color": GREY}
    strokes |= {"linestyle": "none", "clip_on": False}
    upper.plot([0, 1], [0, 0], transform=upper.transAxes, **strokes)
    lower.plot([0, 1], [1, 1], transform=lower.transAxes, **strokes)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, frameon=False)


def lowest_shown(scores: list[float]) -> float:
    """Finds the lowest score that is shown in one panel, or on one scale of colours.

    A few very bad scores lie below it, so that they do not flatten the others.
    """
    middle, best = float(np.median(scores)), max(scores)
    if len(scores) > 4 and best > middle:
        return max(min(scores), middle - 3 * (best - middle))
    return min(scores)
