"""Presets compared on test rows: tests and intervals by literal numbers, and the files."""

import csv

import numpy as np
import pytest

from helpers.pictures import tick_labels
from textlstm.leaderboard.benchmark import (
    Benchmark,
    Line,
    Predicted,
    Spread,
    _line,
    calibration_error,
    intervals,
    print_lines,
    write_benchmark,
)
from textlstm.leaderboard.benchmark_figure import benchmark_figure
from textlstm.model.significance import mcnemar
from textlstm.runs.results import LINEAR


def right_on(*rows, total=20):
    """On which of so many rows a model is right."""
    return np.isin(np.arange(total), rows)


def a_model(right, *, rows=0, seconds=None, confidence=0.8):
    """A model that is right on some rows of two classes."""
    gold = np.array(["a", "b"] * (len(right) // 2))
    other = np.where(gold == "a", "b", "a")
    accuracy = float(right.mean())
    predicted = np.where(right, gold, other)
    shares = np.full(len(right), confidence)
    return Predicted(rows, gold, predicted, shares, accuracy, accuracy, 0.25, seconds)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (range(10), range(2), 0.0078125),  # 8 to 0: 2 / 2^8
        (range(10), [0, 1, 10, 11], 0.109375),  # 8 to 2: 2 (1 + 10 + 45) / 2^10
        ([0, 1], [2, 3], 1.0),
        (range(5), range(5), 1.0),
    ],
)
def test_mcnemar_is_exact(first, second, p):
    assert mcnemar(right_on(*first), right_on(*second)) == pytest.approx(p)
    assert mcnemar(right_on(*second), right_on(*first)) == pytest.approx(p)


def test_the_interval_of_accuracy_is_that_of_the_binomial():
    right = right_on(*range(80), total=100)
    (low, high), _ = intervals([a_model(right)])
    assert (low, high) == pytest.approx((0.72, 0.87), abs=0.011)  # B(100, 0.8), 2.5 and 97.5 %


def test_seeds_on_the_same_rows_do_not_narrow_the_interval_and_other_rows_do():
    right = right_on(*range(80), total=100)
    once, _ = intervals([a_model(right)])
    same, _ = intervals([a_model(right), a_model(right)])
    assert same == pytest.approx(once)
    (low, high), _ = intervals(
        [a_model(right), a_model(right_on(*range(20, 100), total=100), rows=1)]
    )
    assert 0.6 * (once[1] - once[0]) < high - low < 0.85 * (once[1] - once[0])  # 1 / sqrt(2)


def test_the_calibration_error_by_hand():
    confidence = np.array([0.9, 0.9, 0.9, 0.62])
    right = np.array([True, True, False, True])
    assert calibration_error(confidence, right) == pytest.approx(
        0.75 * (0.9 - 2 / 3) + 0.25 * (1 - 0.62)
    )
    assert calibration_error(np.ones(3), np.ones(3, dtype=bool)) == 0.0


def test_a_line_averages_seeds_and_compares_each_with_its_baseline():
    linear = {0: a_model(right_on(0, 1))}
    runs = [
        a_model(right_on(*range(10)), seconds=10.0),
        a_model(right_on(0, 1), seconds=20.0),
        a_model(right_on(*range(12)), seconds=30.0),
    ]
    line = _line("best", runs, linear)
    assert (line.model, line.runs, line.seconds) == ("best", 3, 20.0)
    assert line.accuracy[:2] == pytest.approx((0.4, 0.264575), abs=1e-6)  # 0.5, 0.1, 0.6
    assert line.ahead == pytest.approx(0.3)
    assert line.p == pytest.approx(0.0078125)  # the middle one of 2 / 2^8, 1 and 2 / 2^10
    assert line.calibration_error == 0.25
    assert line.pooled_calibration_error == pytest.approx(0.8 - 0.4)


def test_without_a_baseline_nothing_is_compared():
    line = _line("best", [a_model(right_on(*range(10)))], {})
    assert (line.ahead, line.p, line.accuracy.deviation) == (None, None, None)


@pytest.fixture
def benchmark(tmp_path):
    best = Line(
        "best", 3, Spread(0.9, 0.01, 0.88, 0.92), Spread(0.85, 0.02, 0.83, 0.87), 0.025, 0.0004,
        0.01, 0.008, 61.4,
    )  # fmt: skip
    linear = Line(
        LINEAR, 1, Spread(0.875, None, 0.86, 0.89), Spread(0.8, None, 0.78, 0.82), None, None,
        0.04, 0.04, None,
    )  # fmt: skip
    lines = {"a | b": [best, linear], "news": [linear]}
    return Benchmark(tmp_path, "textlstm benchmark --data 'my data'", lines)


def test_the_table_is_written_as_markdown_csv_and_a_picture(benchmark):
    assert write_benchmark(benchmark) == ["benchmark.md", "benchmark.csv", "benchmark.png"]
    written = (benchmark.folder / "benchmark.md").read_text(encoding="utf-8")
    for line in (
        "textlstm benchmark --data 'my data'",
        "## a \\| b",
        "| best | 3 | 0.9000 ± 0.0100 | 0.880 to 0.920 | 0.8500 ± 0.0200 | 0.830 to 0.870 | +2.50 "
        "| 0.0004 | 0.0100 | 0.0080 | 61 |",
        f"| {LINEAR} | 1 | 0.8750 | 0.860 to 0.890 | 0.8000 | 0.780 to 0.820 | – | – | 0.0400 "
        "| 0.0400 | – |",
        "![accuracy with its 95 % interval](benchmark.png)",
    ):
        assert line in written.splitlines()
    with open(benchmark.folder / "benchmark.csv", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["data"], row["model"]) for row in rows] == [
        ("a | b", "best"),
        ("a | b", LINEAR),
        ("news", LINEAR),
    ]
    assert rows[0]["accuracy"] == "0.9"
    assert rows[0]["macro F1 high"] == "0.87"
    assert rows[0]["McNemar p"] == "0.0004"
    assert rows[1]["seconds"] == rows[1]["ahead of the baseline"] == ""
    assert (benchmark.folder / "benchmark.png").read_bytes()[:4] == b"\x89PNG"


def test_the_table_fits_a_terminal_of_80_columns(benchmark, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    print_lines("news", benchmark.lines["a | b"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    cells = [line.split() for line in lines]
    assert [
        "best",
        "0.9000",
        "±",
        "0.0100",
        "0.8500",
        "±",
        "0.0200",
        "+2.50",
        "0.0004",
        "0.0100",
        "61",
    ] in cells
    assert ["0.880", "to", "0.920", "0.830", "to", "0.870"] in cells
    assert not any("…" in line for line in lines)


def test_the_picture_has_a_plot_per_data_set_and_a_dot_per_model():
    dots = {f"set {n}": {"best": (0.9, 0.88, 0.92), LINEAR: (0.8, 0.7, 0.9)} for n in range(4)}
    dots["set 3"].pop("best")
    figure = benchmark_figure(dots)
    assert [axes.get_title() for axes in figure.axes] == list(dots)
    assert tick_labels(figure.axes[0].yaxis) == ["best", LINEAR]
    assert [len(axes.lines) for axes in figure.axes] == [5, 5, 5, 3]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0.88, 0.92]


@pytest.mark.filterwarnings("error")  # matplotlib's, that nothing is left for the dots
def test_the_picture_has_room_beside_a_preset_with_many_changed_keys(tmp_path):
    model = f"best+model.adversarial=0+ensemble=2+data.train={'/a/long/path' * 6}+wide=false"
    figure = benchmark_figure({"set 1": {model: (0.9, 0.88, 0.92), LINEAR: (0.8, 0.7, 0.9)}})
    figure.savefig(tmp_path / "picture.png")
    lines = tick_labels(figure.axes[0].yaxis)[0].split("\n")
    assert lines[:3] == ["best", "+model.adversarial=0", "+ensemble=2"]
    assert "".join(lines) == model
    assert max(map(len, lines)) <= 30
    assert figure.axes[0].get_position().width > 0.3
