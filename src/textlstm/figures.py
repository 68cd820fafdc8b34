"""The pictures: confusion matrix, curves, and a sweep's scores. None touches pyplot's global state."""

from typing import Any

from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#3266a8", "#d9822b", "#8a8a8a"


def confusion_figure(confusion: list[list[int]], labels: list[str]) -> Figure:
    """Gold classes down, predicted across; each row's colour is its share, each cell's number the count."""
    size = 2.2 + 0.75 * len(labels)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.add_subplot()
    shares = [[count / max(1, sum(row)) for count in row] for row in confusion]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    for row, counts in enumerate(confusion):
        for column, count in enumerate(counts):
            color = "white" if shares[row][column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    figure.colorbar(image, ax=axes, label="share of the gold class", shrink=0.8)
    return figure


def curves_figure(history: list[dict[str, float]], best_epoch: int) -> Figure:
    """Loss and accuracy of each epoch, in training and on validation."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    epochs = [record["epoch"] for record in history]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [record[f"train_{measure}"] for record in history], color=BLUE, marker=".", label="train")
        axes.plot(
            epochs, [record[f"val_{measure}"] for record in history], color=ORANGE, marker=".", label="validation"
        )
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
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("macro F1 on validation")
    return figure


def save(figure: Figure, file: Any) -> None:
    figure.savefig(file, dpi=120)
