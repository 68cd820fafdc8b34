"""The pictures of a run and of its data; none touches pyplot's global state."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from sklearn.metrics import precision_recall_curve

from textlstm.escaping import one_line
from textlstm.model.calibration import Bin
from textlstm.model.metrics import Predictions
from textlstm.runs.record import Epoch
from textlstm.writing import whole

BLUE, ORANGE, GREY = "#3266a8", "#d9822b", "#8a8a8a"
MANY_CLASSES = 25  # too many for a number in each cell
# Matplotlib's own font has no Chinese, Japanese, Korean, Thai or Hindi; these do, where one is
# installed.
WIDE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "Arial Unicode MS",
    "Noto Sans Thai",
    "Noto Sans Devanagari",
    "Nirmala UI",
    "Leelawadee UI",
)


@cache
def _fonts() -> tuple[list[str], frozenset[int]]:
    """Names the fonts that are there, and all characters that they can draw."""
    installed = set(font_manager.get_font_names())
    names = ["DejaVu Sans", *(name for name in WIDE_FONTS if name in installed)]
    files = [font_manager.findfont(name) for name in names]
    return names, frozenset(
        character for file in files for character in FT2Font(file).get_charmap()
    )


def drawable(labels: list[str], kind: str = "class") -> list[str]:
    """Gives the labels, with a number in place of each that no installed font can draw."""
    known = _fonts()[1]
    return [
        label if all(ord(letter) in known for letter in label) else f"{kind} {number}"
        for number, label in enumerate(map(one_line, labels), start=1)
    ]


def text_style() -> dict[str, Any]:
    """Gives the style of text that a user wrote: any script, and no mathematics."""
    return {"family": _fonts()[0], "parse_math": False}  # a $ is a $


def confusion_figure(confusion: list[list[int]], labels: list[str]) -> Figure:
    """Draws a confusion matrix: gold classes down, predicted across.

    The colour of a cell is its share of its row, the number in it the count.
    """
    many = len(labels) > MANY_CLASSES
    size = 2.2 + (0.15 if many else 0.75) * min(len(labels), 10 * MANY_CLASSES)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.add_subplot()
    counts = np.array(confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)

    if len(labels) <= 10 * MANY_CLASSES:
        named, style = drawable(labels), {**text_style(), "size": 5 if many else 10}
        axes.set_xticks(range(len(labels)), named, rotation=90 if many else 45, ha="right", **style)
        axes.set_yticks(range(len(labels)), named, **style)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")

    if not many:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    figure.colorbar(image, ax=axes, label="share of the gold class", shrink=0.8)
    return figure


def precision_recall_figure(predictions: Predictions, labels: list[str]) -> Figure:
    """Draws precision against recall for each class that has texts."""
    figure = Figure(figsize=(6, 4.4), layout="constrained")
    axes = figure.add_subplot()
    probabilities_NC = predictions.probabilities_NC
    for number, label in enumerate(drawable(labels)):
        gold_N = predictions.gold_N == number
        if gold_N.any():
            precision, recall, _ = precision_recall_curve(gold_N, probabilities_NC[:, number])
            axes.plot(recall, precision, label=label)

    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.3)
    if len(labels) <= MANY_CLASSES:
        axes.legend(prop={"family": _fonts()[0]})
    return figure


def curves_figure(history: list[Epoch], best_epoch: int | None) -> Figure:
    """Draws loss and accuracy of each epoch, in training and on validation.

    Args:
        best_epoch: the epoch that is kept; None for a refit, which has no validation.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    epochs = [epoch["epoch"] for epoch in history]
    trained = {
        "loss": [epoch["train_loss"] for epoch in history],
        "accuracy": [epoch["train_accuracy"] for epoch in history],
    }
    validated = {}
    if best_epoch is not None:
        validated = {
            "loss": [epoch["val_loss"] for epoch in history],
            "accuracy": [epoch["val_accuracy"] for epoch in history],
        }

    for axes, measure in zip(figure.subplots(1, 2), trained, strict=True):
        axes.plot(epochs, trained[measure], color=BLUE, marker=".", label="train")
        if validated:
            axes.plot(epochs, validated[measure], color=ORANGE, marker=".", label="validation")
            axes.axvline(best_epoch, color=GREY, linestyle=":", label="kept")
        axes.set_xlabel("epoch")
        axes.set_title(measure)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    axes.legend()
    return figure


def reliability_figure(before: list[Bin], after: list[Bin]) -> Figure:
    """Draws accuracy against confidence, before and after the temperature.

    The area of a point grows with the texts of its bin; on the diagonal, probabilities are true.
    """
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")

    for bins, color, label in ((before, ORANGE, "before"), (after, BLUE, "after")):
        texts = sum(found.texts for found in bins)
        areas = [10 + 400 * found.texts / texts for found in bins]
        confidence = [found.confidence for found in bins]
        accuracy = [found.accuracy for found in bins]
        axes.plot(confidence, accuracy, color=color, label=f"{label} the temperature")
        axes.scatter(confidence, accuracy, s=areas, color=color, alpha=0.5, clip_on=False)

    axes.set_xlabel("mean of the largest probabilities")
    axes.set_ylabel("share of right answers")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def data_figure(
    classes: dict[str, int],
    lengths: np.ndarray,
    max_length: int | None,
    growth: list[tuple[int, int]],
) -> Figure:
    """Draws the training texts: rows of each class, lengths, and the growth of the vocabulary.

    Args:
        classes: rows by class name.
        lengths: the tokens of each text, before it is cut.
        max_length: the length that texts are cut to, if they are.
        growth: words read so far, and how many different ones they were.
    """
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    rows, shares, vocabulary = figure.subplots(1, 3)

    largest = sorted(classes.items(), key=lambda item: -item[1])[:MANY_CLASSES]
    named = dict(zip(classes, drawable(list(classes)), strict=True))
    rows.barh(range(len(largest)), [count for _, count in largest], color=BLUE)
    rows.set_yticks(range(len(largest)), [named[label] for label, _ in largest], **text_style())
    rows.invert_yaxis()
    all_shown = len(largest) == len(classes)
    rows.set_title("rows" if all_shown else f"rows of the {MANY_CLASSES} largest classes")

    tokens, texts = np.unique(lengths, return_counts=True)
    shares.step(tokens, texts.cumsum() / texts.sum(), where="post", color=BLUE)
    shares.set_xscale("log")
    if max_length is not None:
        shares.axvline(max_length, color=ORANGE, label=f"data.max_length={max_length}")
        shares.legend()
    shares.set_title("share of texts of at most so many tokens")
    shares.set_xlabel("tokens")

    read, distinct = [words for words, _ in growth], [words for _, words in growth]
    vocabulary.plot(read, distinct, color=BLUE, marker=".")
    vocabulary.set_title("distinct words")
    vocabulary.set_xlabel("words read")
    for axes in (rows, shares, vocabulary):
        axes.grid(alpha=0.3)
    return figure


def save(figure: Figure, file: Path) -> None:
    """Writes a picture whose format is in the file's name, whole or not at all."""
    with whole(file) as unfinished:
        figure.savefig(unfinished, dpi=120)
