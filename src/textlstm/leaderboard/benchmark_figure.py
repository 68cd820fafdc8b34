"""Draws the picture of a benchmark: each model's accuracy on each data set, with its interval."""

import textwrap

from matplotlib.figure import Figure

from textlstm.runs.figures import BLUE, GREY, text_style
from textlstm.runs.results import LINEAR

COLUMNS = 3  # data sets beside each other
WIDEST = 30  # characters of a model's name on a line


def benchmark_figure(dots: dict[str, dict[str, tuple[float, float, float]]]) -> Figure:
    """Draws a dot and a line per model, in a plot of its own for each data set.

    Args:
        dots: by data set and model, the accuracy and the ends of its interval.
    """
    columns = min(COLUMNS, len(dots))
    rows = -(-len(dots) // columns)
    models = list(dict.fromkeys(model for found in dots.values() for model in found))
    names = [_on_lines(model) for model in models]
    most_lines = max(name.count("\n") + 1 for name in names)
    height = 0.9 + (0.15 + 0.15 * most_lines) * len(models)
    size = (1.5 + 3.4 * columns, height * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    plots = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten()

    for axes, (name, found) in zip(plots, dots.items(), strict=False):
        for place, model in enumerate(models):
            if model in found:
                accuracy, low, high = found[model]
                color = GREY if model == LINEAR else BLUE
                axes.plot([low, high], [place, place], color=color, linewidth=1.5)
                axes.plot([accuracy], [place], color=color, marker="o")
        if LINEAR in found:
            axes.axvline(found[LINEAR][0], color=GREY, linestyle=":", linewidth=1)
        axes.set_title(name, **text_style())
        axes.set_yticks(range(len(models)), names, **text_style())
        axes.set_ylim(len(models) - 0.5, -0.5)
        axes.grid(alpha=0.3, axis="x")
    for axes in plots[len(dots) :]:
        axes.remove()
    figure.supxlabel("accuracy on test, and the 95 % interval over its rows")
    return figure


def _on_lines(model: str) -> str:
    """Breaks the long name of a preset and its changed keys into lines, a key on each."""
    if len(model) <= WIDEST:
        return model
    first, *changed = model.split("+")
    parts = [first, *(f"+{key}" for key in changed)]
    return "\n".join(line for part in parts for line in textwrap.wrap(part, WIDEST))
