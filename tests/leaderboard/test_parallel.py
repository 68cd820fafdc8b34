"""The parallel plot: lines through their values to their scores, on axes that can be read."""

import pytest

from helpers.pictures import tick_labels
from textlstm.leaderboard.parallel import Scale, parallel_figure


def heights(line):
    """Where a line of the parallel plot crosses the axes at 0, 1, 2, …"""
    return [y for x, y in line.get_path().vertices.tolist() if x == int(x)]


def test_lines_of_the_parallel_plot_run_through_their_values_to_their_scores():
    values = [["0.1", "mean", "9"], ["1e-3", "last", "7"], ["1e-5", "last", "8"]]
    figure = parallel_figure(
        ["lr", "pooling", "layers"], values, [0.9, 0.8, 0.5], [["1e-4", "max", "8"]]
    )
    figure.draw_without_rendering()
    [axes] = figure.axes
    grey, worst, middle, best = (heights(line) for line in axes.patches)
    assert grey == pytest.approx([0.25, 0.5, 0.5])  # a logarithmic scale: four decades
    assert best == pytest.approx([1, 1.05, 1, 1], abs=0.051)
    assert middle[0] == pytest.approx(0.5, abs=0.051)
    assert middle[3] == pytest.approx(0.75)
    assert worst[3] == 0
    assert worst[1] < middle[1]  # of two with the same value the better lies above
    labels = [text.get_text() for text in axes.texts]
    assert labels[:9] == [
        "1e-5",
        "1e-4",
        "1e-3",
        "0.1",
        "last",
        "max",
        "mean",
        "7",
        "8",
    ]
    assert tick_labels(axes.xaxis) == ["lr", "pooling", "layers", "macro F1"]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["32", "64", "128"], ["32", "64", "128"]),
        (["1", "2", "100"], ["1", "100"]),  # 2 would be printed over 1
        ([str(n) for n in range(0, 100, 7)], ["0", "20", "40", "60", "80"]),
        ([f"1e-{n}" for n in range(1, 9)], ["1e-08", "1e-06", "0.0001", "0.01"]),
        (["null", "32", "8"], ["8", "32", "null"]),
        (["true", "false"], ["false", "true"]),
        (["a" * 40, "b"], ["a" * 17 + "…", "b"]),
        (["体育", "a"], ["a", "value 2"]),
    ],
)
@pytest.mark.usefixtures("plain_font")
def test_an_axis_is_labelled_by_its_values_or_round_numbers(values, shown):
    found = Scale(values).ticks()
    assert [label for _, label in found] == shown
    assert all(0 <= place <= 1 for place, _ in found)
