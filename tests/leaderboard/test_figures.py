"""A sweep's pictures show what counts, and fit a page however many configurations there are."""

import pytest

from helpers.pictures import tick_labels
from textlstm.leaderboard import figures
from textlstm.leaderboard.parallel import parallel_figure
from textlstm.runs.figures import save


def offsets(axes):
    """The dots of each kind, by its name in the legend."""
    return {dots.get_label(): dots.get_offsets().tolist() for dots in axes.collections}


def test_the_history_has_a_dot_per_run_and_the_best_of_the_finished_ones_so_far():
    scores, pruned = [0.5, 0.9, 0.7, 0.6, 0.8], [False, True, False, False, False]
    figure = figures.history_figure(scores, pruned, [False, False, False, False, True])
    [axes] = figure.axes
    assert offsets(axes) == {
        "finished": [[1, 0.5], [3, 0.7], [4, 0.6]],
        "best configuration": [[5, 0.8]],
        "pruned": [[2, 0.9]],
    }
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.5, 0.7, 0.7, 0.8]


HOPELESS = [0.1, 0.2, 0.88, 0.89, 0.90, 0.88, 0.89, 0.91]


def shown(axes, dots):
    """Those dots that lie inside the limits of the axes."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    return [[x, y] for x, y in dots if left <= x <= right and low <= y <= high]


def test_a_few_hopeless_runs_do_not_flatten_the_history_and_are_shown_where_they_are():
    pruned, best = [True, False, *[False] * 6], [*[False] * 7, True]
    figure = figures.history_figure(HOPELESS, pruned, best)
    figure.draw_without_rendering()
    upper, lower = figure.axes
    assert upper.get_ylim()[0] > 0.85
    assert shown(lower, offsets(lower)["pruned"]) == [[1, 0.1]]
    assert shown(lower, offsets(lower)["finished"]) == [[2, 0.2]]
    assert upper.get_xlim() == lower.get_xlim()
    everything = []
    for axes in (upper, lower):
        everything += shown(axes, [dot for dots in offsets(axes).values() for dot in dots])
    assert sorted(everything) == [[n, score] for n, score in enumerate(HOPELESS, start=1)]
    [legend] = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["best so far", "finished", "best configuration", "pruned"]


def test_the_picture_of_score_against_time_leaves_no_configuration_out():
    scores = sorted(HOPELESS, reverse=True)
    seconds = [float(n) for n in range(len(scores), 0, -1)]
    seconds[-1] = 0.5  # the worst is the fastest, and so on the front
    figure = figures.pareto_figure(seconds, scores)
    figure.draw_without_rendering()
    upper, lower = figure.axes
    found = []
    for axes in (upper, lower):
        dots = [dot for some in offsets(axes).values() for dot in some]
        front = next(line for line in axes.lines if len(line.get_xdata()) > 2)
        found += shown(axes, [*dots, *front.get_xydata().tolist()])
    assert sorted(found) == sorted(map(list, zip(seconds, scores, strict=True)))


def labels(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("configurations", [1, 2, 60])
@pytest.mark.parametrize("keys", [1, 12])
def test_pictures_of_a_sweep_of_any_size_fit_a_page(tmp_path, configurations, keys):
    values = [
        [f"{(n * 7 + key) % 60}" if key % 2 else f"名字 ${n}" for key in range(keys)]
        for n in range(configurations)
    ]
    scores = [0.9 - n / 100 for n in range(configurations)]
    figure = parallel_figure([f"label_smoothing.{key}" for key in range(keys)], values, scores)
    assert figure.get_size_inches()[0] <= 24
    save(figure, tmp_path / "parallel.png")
    for figure in (
        figures.history_figure(scores, [False] * configurations, [True] * configurations),
        figures.pareto_figure([5.0] * configurations, scores),
        figures.importance_figure({f"key {n}": 1 / keys for n in range(keys)}, configurations),
    ):
        figure.draw_without_rendering()
        assert figure.get_size_inches()[1] < 8


def test_the_pareto_front_has_what_nothing_beats_in_both():
    seconds, scores = [9, 8, 8, 3, 4, 1], [0.9, 0.8, 0.7, 0.7, 0.6, 0.5]
    assert figures.pareto_front(seconds, scores) == [5, 3, 1, 0]
    figure = figures.pareto_figure(seconds, scores)
    [axes] = figure.axes
    assert labels(axes) == ["6", "4", "2", "1"]
    assert axes.lines[0].get_xydata().tolist() == [[1, 0.5], [3, 0.7], [8, 0.8], [9, 0.9]]
    assert offsets(axes)["_child0"] == [[8, 0.7], [4, 0.6]]
    assert axes.get_xscale() == "linear"
    assert figures.pareto_figure([1, 500], [0.5, 0.6]).axes[0].get_xscale() == "log"


def test_importances_are_bars_the_longest_on_top():
    figure = figures.importance_figure({"hidden": 0.25, "lr": 0.75}, 20)
    [axes] = figure.axes
    assert tick_labels(axes.yaxis) == ["hidden", "lr"]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 0.75]
    assert labels(axes) == ["25%", "75%"]
    assert "20 configurations" in axes.get_xlabel()


def test_dollars_and_backslashes_in_keys_are_drawn_as_they_are():
    figure = figures.importance_figure({"a $b$ \\frac": 0.9, "$x^": 0.1}, 4)
    figure.draw_without_rendering()
    assert tick_labels(figure.axes[0].yaxis) == ["$x^", "a $b$ \\frac"]
