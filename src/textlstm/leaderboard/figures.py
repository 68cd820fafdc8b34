"""Draws the pictures of a sweep: history, score against time, importance of hyperparameters."""

from typing import Any

import numpy as np
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
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    number_N, score_N, low = np.arange(1, len(scores) + 1), np.array(scores), lowest_shown(scores)
    finished_N, best_N = ~np.array(pruned), np.array(best)

    so_far_N = np.maximum.accumulate(np.where(finished_N, score_N, -np.inf))
    seen_N = so_far_N >= low
    line: dict[str, Any] = {"color": GREY, "linewidth": 1.2, "zorder": 1, "label": "best so far"}
    axes.step(number_N[seen_N], so_far_N[seen_N], where="post", **line)

    kinds: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("finished", finished_N & ~best_N, {"color": BLUE, "marker": "o", "s": 28}),
        ("best configuration", best_N, {"color": ORANGE, "marker": "o", "s": 48}),
        ("pruned", ~finished_N, {"color": GREY, "marker": "x", "s": 28}),
    ]
    for name, of_kind_N, style in kinds:
        inside_N, below_N = of_kind_N & (score_N >= low), of_kind_N & (score_N < low)
        if inside_N.any():
            axes.scatter(number_N[inside_N], score_N[inside_N], label=name, zorder=2, **style)
        if below_N.any():
            at_the_edge = {**style, "marker": "v", "label": f"{name}, below {low:.3f}"}
            axes.scatter(number_N[below_N], np.full(below_N.sum(), low), zorder=2, **at_the_edge)

    axes.set_xlabel("run, in the order in which they ended")
    axes.set_ylabel(SCORE)
    axes.set_xlim(0.5, len(scores) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.margins(y=0.08)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=6, frameon=False)
    return figure


def pareto_figure(seconds: list[float], scores: list[float]) -> Figure:
    """Draws score against seconds of training, and the front that nothing beats in both.

    Args:
        seconds: the mean seconds of each configuration, the best configuration first.
        scores: their mean scores; dots on the front are labelled with their rank.
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.add_subplot()
    low = lowest_shown(scores)
    shown = [n for n in range(len(scores)) if scores[n] >= low]
    hidden = len(scores) - len(shown)
    missing = f" ({hidden} below {low:.3f} not shown)" if hidden else ""
    front = [n for n in pareto_front(seconds, scores) if n in shown]
    others = [n for n in shown if n not in front]

    other_dots = [seconds[n] for n in others], [scores[n] for n in others]
    axes.scatter(*other_dots, color=BLUE, alpha=0.8, s=28)
    axes.plot(
        [seconds[n] for n in front],
        [scores[n] for n in front],
        color=ORANGE,
        marker="o",
        markersize=7,
        drawstyle="steps-post",
        label=f"Pareto front: nothing is both faster and better; numbers are ranks{missing}",
    )
    for n in front:
        beside: dict[str, Any] = {"xytext": (-5, 6), "textcoords": "offset points", "ha": "right"}
        axes.annotate(str(n + 1), (seconds[n], scores[n]), **beside)

    if min(seconds) > 0 and max(seconds) / min(seconds) > 100:
        axes.set_xscale("log")
    axes.margins(0.08)
    axes.set_xlabel("seconds of training")
    axes.set_ylabel(SCORE)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", frameon=False)
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


def lowest_shown(scores: list[float]) -> float:
    """Finds the lowest score that a picture shows at its place.

    A few very bad scores lie below it, so that they do not flatten the others.
    """
    middle, best = float(np.median(scores)), max(scores)
    if len(scores) > 4 and best > middle:
        return max(min(scores), middle - 3 * (best - middle))
    return min(scores)
