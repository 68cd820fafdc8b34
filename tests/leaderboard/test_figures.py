"""A sweep's pictures show what counts, and fit a page however many configurations there are."""

import pytest

from helpers.pictures import tick_labels
from textlstm.leaderboard import figures
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


def test_a_few_hopeless_runs_do_not_flatten_the_history():
    scores = [0.1, 0.2, 0.88, 0.89, 0.90, 0.88, 0.89, 0.91]
    figure = figures.history_figure(scores, [True, False, *[False] * 6], [*[False] * 7, True])
    [axes] = figure.axes
    low = 0.885 - 3 * (0.91 - 0.885)
    assert offsets(axes)[f"pruned, below {low:.3f}"] == [[1, pytest.approx(low)]]
    assert offsets(axes)[f"finished, below {low:.3f}"] == [[2, pytest.approx(low)]]
    assert axes.get_ylim()[0] > 0.7


def labels(axes):
    return [text.get_text() for text in axes.texts]


def heights(line):
    """Where a line of the parallel plot crosses the axes at 0, 1, 2, …"""
    return [y for x, y in line.get_path().vertices.tolist() if x == int(x)]


def test_lines_of_the_parallel_plot_run_through_their_values_to_their_scores():
    values = [["0.1", "mean", "9"], ["1e-3", "last", "7"], ["1e-5", "last", "8"]]
    figure = figures.parallel_figure(
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
    assert labels(axes)[:9] == ["1e-5", "1e-4", "1e-3", "0.1", "last", "max", "mean", "7", "8"]
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
    found = figures.Scale(values).ticks()
    assert [label for _, label in found] == shown
    assert all(0 <= place <= 1 for place, _ in found)


@pytest.mark.parametrize("configurations", [1, 2, 60])
@pytest.mark.parametrize("keys", [1, 12])
def test_pictures_of_a_sweep_of_any_size_fit_a_page(tmp_path, configurations, keys):
    values = [
        [f"{(n * 7 + key) % 60}" if key % 2 else f"名字 ${n}" for key in range(keys)]
        for n in range(configurations)
    ]
    scores = [0.9 - n / 100 for n in range(configurations)]
    figure = figures.parallel_figure(
        [f"label_smoothing.{key}" for key in range(keys)], values, scores
    )
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
