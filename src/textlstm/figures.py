"""The pictures: confusion matrix, curves, and a sweep's scores. None touches pyplot's global state."""

from functools import cache
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

BLUE, ORANGE, GREY = "#3266a8", "#d9822b", "#8a8a8a"
MANY_CLASSES = 25  # too many for a number in each cell
# Matplotlib's own font has no Chinese, Japanese, Korean, Thai or Hindi; these do, where one is installed.
WIDE_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "WenQuanYi Zen Hei", "Microsoft YaHei", "PingFang SC"),
    *("Hiragino Sans", "Arial Unicode MS", "Noto Sans Thai", "Noto Sans Devanagari", "Nirmala UI", "Leelawadee UI"),
)


@cache
def _fonts() -> tuple[list[str], frozenset[int]]:
    """The fonts that are there, and all characters that they can draw."""
    installed = set(font_manager.get_font_names())
    names = ["DejaVu Sans", *(name for name in WIDE_FONTS if name in installed)]
    files = [font_manager.findfont(name) for name in names]
    return names, frozenset(character for file in files for character in FT2Font(file).get_charmap())


def drawable(labels: list[str]) -> list[str]:
    """The labels, with the number of the class in place of one that no font here can draw."""
    known = _fonts()[1]
    return [
        label if all(ord(letter) in known for letter in label) else f"class {number}"
        for number, label in enumerate(labels, start=1)
    ]


def _text_style() -> dict[str, Any]:
    return {"family": _fonts()[0], "parse_math": False}  # a $ is a $


def confusion_figure(confusion: list[list[int]], labels: list[str]) -> Figure:
    """Gold classes down, predicted across; each row's colour is its share, each cell's number the count."""
    many = len(labels) > MANY_CLASSES
    size = 2.2 + (0.15 if many else 0.75) * min(len(labels), 10 * MANY_CLASSES)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.add_subplot()
    counts = np.array(confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= 10 * MANY_CLASSES:
        style = {**_text_style(), "size": 5 if many else 10}
        axes.set_xticks(range(len(labels)), drawable(labels), rotation=90 if many else 45, ha="right", **style)
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
    """Loss and accuracy of each epoch, in training and, if there was a validation to choose `best_epoch`, on that."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    epochs = [record["epoch"] for record in history]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [record[f"train_{measure}"] for record in history], color=BLUE, marker=".", label="train")
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


def sweep_figure(names: list[str], scores: list[float]) -> Figure:
    """One dot per run of a sweep, best first: the axis need not start at zero."""
    figure = Figure(figsize=(9, 1.2 + 0.3 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for place, score in enumerate(scores):
        axes.plot(score, place, "o", color=BLUE if place else ORANGE)
        axes.annotate(f"{score:.4f}", (score, place), xytext=(8, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("macro F1 on validation")
    return figure


def data_figure(
    classes: dict[str, int], lengths: np.ndarray, max_length: int | None, growth: list[tuple[int, int]]
) -> Figure:
    """Rows of each class, lengths in tokens, and distinct words after so many words read, of the training texts."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    rows, shares, vocabulary = figure.subplots(1, 3)
    largest = sorted(classes.items(), key=lambda item: -item[1])[:MANY_CLASSES]
    rows.barh(range(len(largest)), [count for _, count in largest], color=BLUE)
    numbered = dict(zip(classes, drawable(list(classes)), strict=True))
    rows.set_yticks(range(len(largest)), [numbered[label] for label, _ in largest], **_text_style())
    rows.invert_yaxis()
    rows.set_title("rows" if len(largest) == len(classes) else f"rows of the {MANY_CLASSES} largest classes")
    tokens, texts = np.unique(lengths, return_counts=True)
    shares.step(tokens, texts.cumsum() / texts.sum(), where="post", color=BLUE)
    shares.set_xscale("log")
    if max_length is not None:
        shares.axvline(max_length, color=ORANGE, label=f"data.max_length={max_length}")
        shares.legend()
    shares.set_title("share of texts of at most so many tokens")
    shares.set_xlabel("tokens")
    vocabulary.plot([read for read, _ in growth], [distinct for _, distinct in growth], color=BLUE, marker=".")
    vocabulary.set_title("distinct words")
    vocabulary.set_xlabel("words read")
    for axes in (rows, shares, vocabulary):
        axes.grid(alpha=0.3)
    return figure


def save(figure: Figure, file: Any) -> None:
    figure.savefig(file, dpi=120)
