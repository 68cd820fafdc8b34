"""The pictures: confusion matrix, curves, the data, and a sweep's four. None touches pyplot's
global state.
"""

import itertools
import re
from functools import cache
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import LogLocator, MaxNLocator

from textlstm.checks import NUMBER

BLUE, ORANGE, GREY = "#3266a8", "#d9822b", "#8a8a8a"
COLOURS = matplotlib.colormaps["viridis"]
SCORE = "macro F1 on validation"
MANY_CLASSES = 25  # too many for a number in each cell
# Matplotlib's own font has no Chinese, Japanese, Korean, Thai or Hindi; these do, where one is
# installed.
WIDE_FONTS = (
    *(
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "Noto Sans SC",
        "WenQuanYi Zen Hei",
        "Microsoft YaHei",
        "PingFang SC",
    ),
    *(
        "Hiragino Sans",
        "Arial Unicode MS",
        "Noto Sans Thai",
        "Noto Sans Devanagari",
        "Nirmala UI",
        "Leelawadee UI",
    ),
)


@cache
def _fonts() -> tuple[list[str], frozenset[int]]:
    """The fonts that are there, and all characters that they can draw."""
    installed = set(font_manager.get_font_names())
    names = ["DejaVu Sans", *(name for name in WIDE_FONTS if name in installed)]
    files = [font_manager.findfont(name) for name in names]
    return names, frozenset(
        character for file in files for character in FT2Font(file).get_charmap()
    )


def drawable(labels: list[str], kind: str = "class") -> list[str]:
    """The labels, with their number in place of one that no font here can draw."""
    known = _fonts()[1]
    return [
        label if all(ord(letter) in known for letter in label) else f"{kind} {number}"
        for number, label in enumerate(labels, start=1)
    ]


def _text_style() -> dict[str, Any]:
    return {"family": _fonts()[0], "parse_math": False}  # a $ is a $


def confusion_figure(confusion: list[list[int]], labels: list[str]) -> Figure:
    """Gold classes down, predicted across; each row's colour is its share, each cell's number the
    count.
    """
    many = len(labels) > MANY_CLASSES
    size = 2.2 + (0.15 if many else 0.75) * min(len(labels), 10 * MANY_CLASSES)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.add_subplot()
    counts = np.array(confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= 10 * MANY_CLASSES:
        style = {**_text_style(), "size": 5 if many else 10}
        axes.set_xticks(
            range(len(labels)), drawable(labels), rotation=90 if many else 45, ha="right", **style
        )
        axes.set_yticks(range(len(labels)), drawable(labels), **style)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    for row, of_row in enumerate([] if many else confusion):
        for column, count in enumerate(of_row):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    figure.colorbar(image, ax=axes, label="share of the gold class", shrink=0.8)
    return figure


def curves_figure(history: list[dict[str, float]], best_epoch: int | None) -> Figure:
    """Loss and accuracy of each epoch, in training and, if there was a validation to choose
    `best_epoch`, on that.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    epochs = [record["epoch"] for record in history]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(
            epochs,
            [record[f"train_{measure}"] for record in history],
            color=BLUE,
            marker=".",
            label="train",
        )
        if best_epoch is not None:
            validated = [record[f"val_{measure}"] for record in history]
            axes.plot(epochs, validated, color=ORANGE, marker=".", label="validation")
            axes.axvline(best_epoch, color=GREY, linestyle=":", label="kept")
        axes.set_xlabel("epoch")
        axes.set_title(measure)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    axes.legend()
    return figure


def history_figure(scores: list[float], pruned: list[bool], best: list[bool]) -> Figure:
    """A dot per run of a sweep in the order in which they ended, and the best so far of the
    finished ones.

    Args:
        scores: of each run.
        pruned: which were ended early.
        best: which belong to the best configuration.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    ended, shown_N, low = np.arange(1, len(scores) + 1), np.array(scores), _floor(scores)
    finished_N, best_N = ~np.array(pruned), np.array(best)
    so_far = np.maximum.accumulate(np.where(finished_N, shown_N, -np.inf))
    seen = so_far >= low
    axes.step(
        ended[seen],
        so_far[seen],
        where="post",
        color=GREY,
        linewidth=1.2,
        label="best so far",
        zorder=1,
    )
    kinds: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("finished", finished_N & ~best_N, {"color": BLUE, "marker": "o", "s": 28}),
        ("best configuration", best_N, {"color": ORANGE, "marker": "o", "s": 48}),
        ("pruned", ~finished_N, {"color": GREY, "marker": "x", "s": 28}),
    ]
    for name, of_N, style in kinds:
        inside_N, below_N = of_N & (shown_N >= low), of_N & (shown_N < low)
        if inside_N.any():
            axes.scatter(ended[inside_N], shown_N[inside_N], label=name, zorder=2, **style)
        if below_N.any():
            label = f"{name}, below {low:.3f}"
            axes.scatter(
                ended[below_N],
                np.full(below_N.sum(), low),
                label=label,
                zorder=2,
                **style | {"marker": "v"},
            )
    axes.set_xlabel("run, in the order in which they ended")
    axes.set_ylabel(SCORE)
    axes.set_xlim(0.5, len(scores) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.margins(y=0.08)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=6, frameon=False)
    return figure


def parallel_figure(
    names: list[str],
    values: list[list[str]],
    scores: list[float],
    pruned: list[list[str]] | None = None,
) -> Figure:
    """A line per configuration through its hyperparameters to its score, which is its colour, too.

    Args:
        names: of the K swept hyperparameters.
        values: K of each configuration, the best first.
        scores: of each configuration.
        pruned: the values of configurations that were ended early, as far as they lie on the axes:
            grey.
    """
    axes_of = [
        Scale([row[column] for row in [*values, *(pruned or [])]]) for column in range(len(names))
    ]
    last, low, high = len(names), _floor(scores), max(scores)
    figure = Figure(figsize=(min(24, 2.6 + 1.5 * last), 4.6), layout="constrained")
    axes = figure.add_subplot()
    for row in pruned or []:
        points = [scale.place(value) for scale, value in zip(axes_of, row, strict=True)]
        axes.add_patch(_smooth(points, edgecolor=GREY, alpha=0.25, linewidth=0.7, zorder=1))
    for rank in reversed(range(len(values))):
        share = 1.0 if high == low else max(0.0, (scores[rank] - low) / (high - low))
        points = [
            scale.place(value, share) for scale, value in zip(axes_of, values[rank], strict=True)
        ]
        best = (
            {"linewidth": 3.0, "zorder": 4}
            if rank == 0
            else {"linewidth": 1.3, "alpha": 0.8, "zorder": 2 + share}
        )
        axes.add_patch(_smooth([*points, share], edgecolor=COLOURS(0.95 * share), **best))
    style, halo = (
        {**_text_style(), "size": 9, "zorder": 5},
        {"facecolor": "white", "alpha": 0.75, "pad": 0.8, "lw": 0},
    )
    for column, scale in enumerate(axes_of):
        axes.plot([column, column], [0, 1], color="black", linewidth=0.8, zorder=3)
        for place, label in scale.ticks():
            axes.plot(
                [column - 0.02, column + 0.02],
                [place, place],
                color="black",
                linewidth=0.8,
                zorder=3,
            )
            axes.text(column - 0.04, place, label, ha="right", va="center", bbox=halo, **style)
    gradient = np.linspace(0, 0.95, 64)[:, None]
    axes.imshow(
        gradient,
        extent=(last, last + 0.07, 0, 1),
        origin="lower",
        cmap=COLOURS,
        vmin=0,
        vmax=1,
        aspect="auto",
    )
    for place in np.linspace(0, 1, 5) if high > low else [1.0]:
        label = (
            f"{'≤ ' if place == 0 and min(scores) < low else ''}{low + place * (high - low):.4f}"
        )
        axes.text(last + 0.1, place, label, ha="left", va="center", **style)
    axes.set_xticks(
        range(last + 1), [*map(wrapped, drawable(names, "key")), "macro F1"], **_text_style()
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.6, last + 0.55)
    axes.set_ylim(-0.07, 1.07)
    axes.spines[:].set_visible(False)
    return figure


class Scale:
    """The axis of a hyperparameter in a parallel plot: linear, logarithmic over more than two
    decades, or by value.
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
        self.spread = 0.0
        # Lines through the same value are spread by their scores, so that each can be followed.
        places = sorted({self.place(value) for value in self.distinct})
        if len(places) <= 8 and len(values) > len(places):
            self.spread = min([0.05, *(np.diff(places) / 4)])

    def place(self, value: str, share: float = 0.5) -> float:
        """Where a value lies between 0 and 1; `share` of the best score moves it a little."""
        place = (
            0.5 if self.high == self.low else (self.at[value] - self.low) / (self.high - self.low)
        )
        return float(place + self.spread * (2 * share - 1))

    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels: of all values if they are few enough, else of round numbers."""
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
            locator = LogLocator(numticks=6) if self.log else MaxNLocator(5)
            ends = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
            numbers = [
                number
                for number in locator.tick_values(*ends)
                if ends[0] * 0.999 <= number <= ends[1] * 1.001
            ]
            span = self.high - self.low
            found = [((np.log10(of) if self.log else of) - self.low, f"{of:g}") for of in numbers]
            found = [(float(place / span), label) for place, label in found]
        apart = [found[0]]
        for tick in found[1:]:
            if tick[0] - apart[-1][0] >= 0.05:  # else their labels overlap
                apart.append(tick)
        return apart


def _float(value: str) -> float:
    return float(value) if NUMBER.fullmatch(value) else 0.0


def _smooth(places: list[float], **style: Any) -> PathPatch:
    """A line through points at 0, 1, 2, … that leaves and reaches each of them level."""
    vertices, codes = [(0.0, places[0])], [Path.MOVETO]
    for x, (left, right) in enumerate(itertools.pairwise(places)):
        vertices += [(x + 0.5, left), (x + 0.5, right), (x + 1.0, right)]
        codes += [Path.CURVE4] * 3
    return PathPatch(Path(vertices, codes), facecolor="none", capstyle="round", **style)


def wrapped(name: str, longest: int = 13) -> str:
    """A long name on several lines, broken after dots and underscores."""
    lines = [""]
    for part in re.findall(r"[^._]+[._]*|[._]+", name):
        if lines[-1] and len(lines[-1] + part) > longest:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _floor(scores: list[float]) -> float:
    """The lowest score that a picture shows at its place, so that a few very bad ones do not
    flatten the others.
    """
    middle, best = float(np.median(scores)), max(scores)
    return (
        max(min(scores), middle - 3 * (best - middle))
        if len(scores) > 4 and best > middle
        else min(scores)
    )


def importance_figure(importances: dict[str, float], configurations: int) -> Figure:
    """A bar per hyperparameter: its share of the variation in score that hyperparameters alone
    explain.
    """
    figure = Figure(figsize=(7, 1.3 + 0.42 * len(importances)), layout="constrained")
    axes = figure.add_subplot()
    ordered = sorted(importances.items(), key=lambda item: item[1])
    bars = axes.barh(range(len(ordered)), [share for _, share in ordered], color=BLUE, height=0.65)
    axes.bar_label(bars, [f"{share:.0%}" for _, share in ordered], padding=4)
    axes.set_yticks(
        range(len(ordered)), drawable([name for name, _ in ordered], "key"), **_text_style()
    )
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlim(0, max(importances.values()) * 1.15)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(
        f"share of the variation in score (fANOVA over {configurations} configurations)"
    )
    return figure


def pareto_front(seconds: list[float], scores: list[float]) -> list[int]:
    """The points that no other one beats in both time and score, fastest first."""
    front: list[int] = []
    for point in sorted(range(len(scores)), key=lambda n: (seconds[n], -scores[n])):
        if not front or scores[point] > scores[front[-1]]:
            front.append(point)
    return front


def pareto_figure(seconds: list[float], scores: list[float]) -> Figure:
    """Score against seconds of training, a dot per configuration, best first; those on the front
    have their rank.
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.add_subplot()
    front, low = pareto_front(seconds, scores), _floor(scores)
    shown = [n for n in range(len(scores)) if scores[n] >= low]
    missing = (
        f" ({len(scores) - len(shown)} below {low:.3f} not shown)"
        if len(shown) < len(scores)
        else ""
    )
    others = [n for n in shown if n not in front]
    axes.scatter(
        [seconds[n] for n in others], [scores[n] for n in others], color=BLUE, alpha=0.8, s=28
    )
    front = [n for n in front if n in shown]
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
        axes.annotate(
            str(n + 1),
            (seconds[n], scores[n]),
            xytext=(-5, 6),
            textcoords="offset points",
            ha="right",
        )
    if min(seconds) > 0 and max(seconds) / min(seconds) > 100:
        axes.set_xscale("log")
    axes.margins(0.08)
    axes.set_xlabel("seconds of training")
    axes.set_ylabel(SCORE)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", frameon=False)
    return figure


def data_figure(
    classes: dict[str, int],
    lengths: np.ndarray,
    max_length: int | None,
    growth: list[tuple[int, int]],
) -> Figure:
    """Rows of each class, lengths in tokens, and distinct words after so many words read, of the
    training texts.
    """
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    rows, shares, vocabulary = figure.subplots(1, 3)
    largest = sorted(classes.items(), key=lambda item: -item[1])[:MANY_CLASSES]
    rows.barh(range(len(largest)), [count for _, count in largest], color=BLUE)
    numbered = dict(zip(classes, drawable(list(classes)), strict=True))
    rows.set_yticks(range(len(largest)), [numbered[label] for label, _ in largest], **_text_style())
    rows.invert_yaxis()
    rows.set_title(
        "rows" if len(largest) == len(classes) else f"rows of the {MANY_CLASSES} largest classes"
    )
    tokens, texts = np.unique(lengths, return_counts=True)
    shares.step(tokens, texts.cumsum() / texts.sum(), where="post", color=BLUE)
    shares.set_xscale("log")
    if max_length is not None:
        shares.axvline(max_length, color=ORANGE, label=f"data.max_length={max_length}")
        shares.legend()
    shares.set_title("share of texts of at most so many tokens")
    shares.set_xlabel("tokens")
    vocabulary.plot(
        [read for read, _ in growth], [distinct for _, distinct in growth], color=BLUE, marker="."
    )
    vocabulary.set_title("distinct words")
    vocabulary.set_xlabel("words read")
    for axes in (rows, shares, vocabulary):
        axes.grid(alpha=0.3)
    return figure


def save(figure: Figure, file: Any) -> None:
    figure.savefig(file, dpi=120)
