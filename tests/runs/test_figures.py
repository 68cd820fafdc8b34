"""A run's pictures: what no font draws has a number, and many classes still fit a page."""

import numpy as np
import pytest

from helpers.pictures import tick_labels
from textlstm.runs import figures


def confusion_of(classes):
    return [[int(row == column) for column in range(classes)] for row in range(classes)]


@pytest.fixture
def wide_font(monkeypatch):
    """A machine with a font for Chinese."""
    known = frozenset([*range(32, 127), *map(ord, "体育财经")])
    monkeypatch.setattr(figures, "_fonts", lambda: (["DejaVu Sans"], known))


@pytest.mark.usefixtures("plain_font")
def test_labels_that_no_font_draws_are_numbered_from_1():
    assert figures.drawable(["sports", "体育", "für", "财经", ""]) == [
        "sports",
        "class 2",
        "für",
        "class 4",
        "",
    ]


@pytest.mark.usefixtures("wide_font")
def test_labels_that_a_font_draws_stay():
    assert figures.drawable(["sports", "体育", "財"]) == ["sports", "体育", "class 3"]


def test_the_fonts_of_this_machine_draw_latin_cyrillic_and_greek():
    labels = ["Sport", "économie", "спорт", "Αθλητικά"]
    assert figures.drawable(labels) == labels


@pytest.mark.usefixtures("plain_font")
def test_a_confusion_matrix_of_other_scripts_is_drawn_and_saved(tmp_path):
    figure = figures.confusion_figure(confusion_of(2), ["体育", "财经"])
    figures.save(figure, tmp_path / "confusion.png")
    assert (
        tick_labels(figure.axes[0].yaxis)
        == tick_labels(figure.axes[0].xaxis)
        == ["class 1", "class 2"]
    )
    assert (tmp_path / "confusion.png").read_bytes()[:4] == b"\x89PNG"


def test_each_cell_of_a_small_confusion_matrix_has_its_count():
    figure = figures.confusion_figure([[5, 1], [0, 7]], ["money", "sports"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["5", "1", "0", "7"]
    assert tick_labels(figure.axes[0].yaxis) == ["money", "sports"]


@pytest.mark.parametrize(("classes", "numbers"), [(25, 625), (26, 0)])
def test_cells_have_counts_up_to_25_classes(classes, numbers):
    figure = figures.confusion_figure(confusion_of(classes), [f"class {n}" for n in range(classes)])
    assert len(figure.axes[0].texts) == numbers


@pytest.mark.parametrize(
    ("classes", "named", "inches"),
    [(100, 100, (18.0, 17.2)), (251, 0, (40.5, 39.7)), (1000, 0, (40.5, 39.7))],
)
def test_a_confusion_matrix_of_many_classes_fits_a_page(classes, named, inches):
    labels = [f"name {n}" for n in range(classes)]
    figure = figures.confusion_figure(confusion_of(classes), labels)
    assert figure.get_size_inches().tolist() == pytest.approx(inches)
    assert len(set(labels) & set(tick_labels(figure.axes[0].yaxis))) == named


def test_dollars_and_backslashes_in_names_are_drawn_as_they_are():
    names = ["$x^", "a $b$ \\frac"]
    for figure in (
        figures.confusion_figure(confusion_of(2), names),
        figures.data_figure({names[0]: 2, names[1]: 1}, np.array([1]), None, [(1, 1)]),
    ):
        figure.draw_without_rendering()
        assert tick_labels(figure.axes[0].yaxis) == names


@pytest.mark.usefixtures("plain_font")
def test_the_picture_of_the_data_has_classes_lengths_and_words(tmp_path):
    growth = [(10, 8), (100, 40)]
    figure = figures.data_figure({"a": 3, "体育": 9, "c": 5}, np.array([1, 2, 2, 40]), 32, growth)
    figures.save(figure, tmp_path / "data.png")
    rows, lengths, vocabulary = figure.axes
    assert tick_labels(rows.yaxis) == ["class 2", "c", "a"]
    assert [bar.get_width() for bar in rows.patches] == [9, 5, 3]
    assert lengths.lines[0].get_xydata().tolist() == [[1, 0.25], [2, 0.75], [40, 1]]
    assert lengths.lines[1].get_xdata() == [32, 32]
    assert vocabulary.lines[0].get_xydata().tolist() == [[10, 8], [100, 40]]


def test_the_picture_of_the_data_shows_the_largest_of_many_classes():
    figure = figures.data_figure(
        {f"class {n}": n + 1 for n in range(100)}, np.array([3]), None, [(1, 1)]
    )
    rows, lengths, _ = figure.axes
    assert rows.get_title() == "rows of the 25 largest classes"
    assert [bar.get_width() for bar in rows.patches] == list(range(100, 75, -1))
    assert lengths.get_legend() is None


def curves(history, best_epoch):
    """The lines of loss and accuracy, by the name that the legend has for each."""
    figure = figures.curves_figure(history, best_epoch)
    return [{line.get_label(): line for line in axes.lines} for axes in figure.axes]


def test_the_curves_are_of_both_splits_and_show_the_epoch_that_is_kept():
    history = [
        {
            "epoch": number,
            "train_loss": 1 / number,
            "train_accuracy": number / 10,
            "val_loss": 2 / number,
            "val_accuracy": number / 20,
        }
        for number in (1, 2)
    ]
    loss, accuracy = curves(history, 2)
    assert loss["train"].get_xydata().tolist() == [[1, 1], [2, 0.5]]
    assert loss["validation"].get_xydata().tolist() == [[1, 2], [2, 1]]
    assert accuracy["train"].get_xydata().tolist() == [[1, 0.1], [2, 0.2]]
    assert accuracy["validation"].get_xydata().tolist() == [[1, 0.05], [2, 0.1]]
    assert loss["kept"].get_xdata() == accuracy["kept"].get_xdata() == [2, 2]


def test_the_curves_of_a_refit_are_of_training_alone():
    history = [{"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5}]
    assert [list(lines) for lines in curves(history, None)] == [["train"], ["train"]]
