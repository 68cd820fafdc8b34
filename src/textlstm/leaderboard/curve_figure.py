"""Draws learning curves: the score against the number of training rows, with intervals."""

from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from textlstm.leaderboard.figures import SCORE
from textlstm.leaderboard.learning_curve import Interval, LearningCurve
from textlstm.runs.figures import BLUE, GREY, text_style
from textlstm.runs.results import LINEAR

APART = 1.03  # by which lines are shifted, so that their bars do not hide each other
COLOURS = [BLUE, *matplotlib.colormaps["Dark2"].colors]  # type: ignore[attr-defined]


def curve_figure(curves: list[LearningCurve]) -> Figure:
    """Draws a line per curve and, if it was scored, one of the baseline, on a logarithmic scale.

    Args:
        curves: of one ranking. The baseline is drawn once, since all have the same rows.
    """
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.add_subplot()
    baseline = [(point.rows, point.baseline) for point in curves[0].points]
    _draw(axes, baseline, LINEAR, GREY)
    for number, curve in enumerate(curves):
        dots = [(point.rows * APART ** (number + 1), point.score) for point in curve.points]
        _draw(axes, dots, curve.overrides or "LSTM text classifier", COLOURS[number % len(COLOURS)])

    rows = sorted({point.rows for curve in curves for point in curve.points})
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(rows))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    axes.set_xlabel("training rows, on a logarithmic scale; bars are 95 % intervals of the mean")
    axes.set_ylabel(SCORE)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(loc="lower right", frameon=False)
    for text in legend.get_texts():
        text.set(**text_style())
    return figure


def _draw(
    axes: Axes, dots: Sequence[tuple[float, Interval | None]], label: str, colour: object
) -> None:
    """Draws a line through the scores that there are, and a bar for each interval."""
    found = [(rows, score) for rows, score in dots if score is not None]
    if not found:
        return
    below = [0.0 if score.low is None else score.mean - score.low for _, score in found]
    above = [0.0 if score.high is None else score.high - score.mean for _, score in found]
    axes.errorbar(
        [rows for rows, _ in found],
        [score.mean for _, score in found],
        yerr=[below, above],
        label=label,
        color=colour,
        marker="o",
        markersize=5,
        capsize=3,
    )
