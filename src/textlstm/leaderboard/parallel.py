"""Draws the parallel plot of a sweep: one line per configuration, through its hyperparameters."""

import itertools
import re
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import LogLocator, MaxNLocator

from textlstm.checks import NUMBER
from textlstm.leaderboard.figures import lowest_shown
from textlstm.runs.figures import GREY, drawable, text_style

COLOURS = matplotlib.colormaps["viridis"]


def parallel_figure(
    names: list[str],
    values: list[list[str]],
    scores: list[float],
    pruned: list[list[str]] | None = None,
) -> Figure:
    """Draws a line per configuration through its hyperparameters to its score, which colours it.

    Args:
        names: of the K swept hyperparameters.
        values: K of each configuration, the best first.
        scores: of each configuration.
        pruned: the K values of configurations that were ended early, drawn in grey.
    """
    given_up = pruned or []
    scales = [Scale([row[column] for row in [*values, *given_up]]) for column in range(len(names))]
    last, low, high = len(names), lowest_shown(scores), max(scores)
    figure = Figure(figsize=(min(24, 2.6 + 1.5 * last), 4.6), layout="constrained")
    axes = figure.add_subplot()

    for row in given_up:
        points = [scale.place(value) for scale, value in zip(scales, row, strict=True)]
        axes.add_patch(_smooth(points, edgecolor=GREY, alpha=0.25, linewidth=0.7, zorder=1))
    for rank in reversed(range(len(values))):
        share = 1.0 if high == low else max(0.0, (scores[rank] - low) / (high - low))
        points = [
            scale.place(value, share) for scale, value in zip(scales, values[rank], strict=True)
        ]
        style = {"linewidth": 1.3, "alpha": 0.8, "zorder": 2 + share}
        if rank == 0:
            style = {"linewidth": 3.0, "zorder": 4}
        axes.add_patch(_smooth([*points, share], edgecolor=COLOURS(0.95 * share), **style))

    for column, scale in enumerate(scales):
        _draw_scale(axes, column, scale)
    _draw_colours(axes, last, low=low, high=high, below=min(scores) < low)

    headings = [*map(wrapped, drawable(names, "key")), "macro F1"]
    axes.set_xticks(range(last + 1), headings, **text_style())
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.6, last + 0.55)
    axes.set_ylim(-0.07, 1.07)
    axes.spines[:].set_visible(False)
    return figure


class Scale:
    """The axis of one hyperparameter in a parallel plot.

    It is linear, or logarithmic over more than two decades, or has a place for each value where
    some are not numbers.

    Args:
        values: the value of each line, as it was typed.
    """

    def __init__(self, values: list[str]) -> None:
        self.distinct = sorted(
            set(values), key=lambda value: (not NUMBER.fullmatch(value), _float(value), value)
        )
        self.numeric = all(NUMBER.fullmatch(value) for value in values)
        numbers = [_float(value) for value in self.distinct]
        self.log = self.numeric and numbers[0] > 0 and numbers[-1] / numbers[0] > 100
        if not self.numeric:
            numbers = [float(number) for number in range(len(self.distinct))]
        self.at = dict(zip(self.distinct, np.log10(numbers) if self.log else numbers, strict=True))
        self.low, self.high = min(self.at.values()), max(self.at.values())

        # Lines through the same value are spread by their scores, so that each can be followed.
        self.spread = 0.0
        places = sorted({self.place(value) for value in self.distinct})
        if len(places) <= 8 and len(values) > len(places):
            self.spread = min([0.05, *(np.diff(places) / 4)])

    def place(self, value: str, share: float = 0.5) -> float:
        """Places a value between 0 and 1; `share` of the best score moves it a little."""
        place = 0.5
        if self.high > self.low:
            place = (self.at[value] - self.low) / (self.high - self.low)
        return float(place + self.spread * (2 * share - 1))

    def ticks(self) -> list[tuple[float, str]]:
        """Gives places and labels: of all values if they are few enough, else of round numbers."""
        if not self.numeric:
            labels = [
                label if len(label) <= 18 else f"{label[:17]}…"
                for label in drawable(self.distinct, "value")
            ]
            places = [self.place(value) for value in self.distinct]
            return list(zip(places, labels, strict=True))[:: -(-len(labels) // 25)]

        if len(self.at) <= 6:
            found = [(self.place(value), value) for value in self.distinct]
        else:
            found = self._round_ticks()
        apart = [found[0]]
        for tick in found[1:]:
            if tick[0] - apart[-1][0] >= 0.05:  # else their labels overlap
                apart.append(tick)
        return apart

    def _round_ticks(self) -> list[tuple[float, str]]:
        locator = LogLocator(numticks=6) if self.log else MaxNLocator(5)
        first, last = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
        found = []
        for number in locator.tick_values(first, last):
            if first * 0.999 <= number <= last * 1.001:
                at = np.log10(number) if self.log else number
                found.append((float((at - self.low) / (self.high - self.low)), f"{number:g}"))
        return found


def wrapped(name: str, longest: int = 13) -> str:
    """Breaks a long name into lines, after dots and underscores."""
    lines = [""]
    for part in re.findall(r"[^._]+[._]*|[._]+", name):
        if lines[-1] and len(lines[-1] + part) > longest:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _draw_scale(axes: Axes, column: int, scale: Scale) -> None:
    """Draws a hyperparameter's axis in a parallel plot, with ticks and labels on a white halo."""
    style = {**text_style(), "size": 9, "zorder": 5}
    halo = {"facecolor": "white", "alpha": 0.75, "pad": 0.8, "lw": 0}
    line: dict[str, Any] = {"color": "black", "linewidth": 0.8, "zorder": 3}
    axes.plot([column, column], [0, 1], **line)
    for place, label in scale.ticks():
        axes.plot([column - 0.02, column + 0.02], [place, place], **line)
        axes.text(column - 0.04, place, label, ha="right", va="center", bbox=halo, **style)


def _draw_colours(axes: Axes, column: int, *, low: float, high: float, below: bool) -> None:
    """Draws the axis of the score in a parallel plot: the colours, from `low` to `high`.

    Args:
        below: whether some lines end at `low` whose scores are lower.
    """
    gradient = np.linspace(0, 0.95, 64)[:, None]
    extent = (column, column + 0.07, 0, 1)
    axes.imshow(
        gradient, extent=extent, origin="lower", cmap=COLOURS, vmin=0, vmax=1, aspect="auto"
    )
    style = {**text_style(), "size": 9, "zorder": 5}
    for place in np.linspace(0, 1, 5) if high > low else [1.0]:
        label = f"{low + place * (high - low):.4f}"
        if place == 0 and below:
            label = f"≤ {label}"
        axes.text(column + 0.1, place, label, ha="left", va="center", **style)


def _float(value: str) -> float:
    return float(value) if NUMBER.fullmatch(value) else 0.0


def _smooth(places: list[float], **style: Any) -> PathPatch:
    """Makes a line through points at 0, 1, 2, … that leaves and reaches each of them level."""
    vertices, codes = [(0.0, places[0])], [Path.MOVETO]
    for x, (left, right) in enumerate(itertools.pairwise(places)):
        vertices += [(x + 0.5, left), (x + 0.5, right), (x + 1.0, right)]
        codes += [Path.CURVE4] * 3
    return PathPatch(Path(vertices, codes), facecolor="none", capstyle="round", **style)
