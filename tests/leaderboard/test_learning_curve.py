"""Learning curves: what more training rows have brought, and what is said about yet more."""

import json

import pytest

from helpers.records import small_record, small_scores
from helpers.sweeps import finished, repeats
from textlstm.checks import InputError
from textlstm.leaderboard.board import write_leaderboard
from textlstm.leaderboard.curve_figure import curve_figure
from textlstm.leaderboard.folder import SweepFolder
from textlstm.leaderboard.learning_curve import baseline_score, learning_curves
from textlstm.runs.results import LINEAR


def trained(sweep, share, scores, *typed, rows=None):
    """Runs on a share of 800 training rows, one for each score."""
    splits = small_record()["data"]["splits"]
    count = round(800 * share) if rows is None else rows
    data = {"splits": {**splits, "train": {**splits["train"], "rows": count}}}
    repeats(sweep, [f"data.train_share={share:g}", *typed], scores, data=data)


def curves(sweep):
    [ranking] = SweepFolder.read(sweep).rankings
    return learning_curves(ranking)


def sentence(sweep):
    [curve] = curves(sweep)
    return curve.sentence()


def test_a_gain_beyond_the_luck_of_seeds_says_that_more_would_help(tmp_path):
    trained(tmp_path, 0.25, [0.60, 0.62, 0.61])
    trained(tmp_path, 1, [0.80, 0.82, 0.84])
    trained(tmp_path, 0.5, [0.70, 0.74, 0.72])
    # The gains 0.10, 0.08 and 0.12 deviate by 0.02: 0.1 ± 4.303 × 0.02 / √3.
    assert sentence(tmp_path) == (
        "From 400 to 800 training rows, macro F1 on the 4 validation rows rose by 0.100 (95 % "
        "interval +0.050 to +0.150 over 3 runs): twice the data would likely help, by up to "
        "0.100. That is extrapolated: a doubling tends to bring less than the one before it."
    )


def test_a_gain_that_seeds_explain_leaves_it_open(tmp_path):
    trained(tmp_path, 0.5, [0.70, 0.74, 0.72])
    trained(tmp_path, 1, [0.74, 0.70, 0.73])
    assert (
        "rose by 0.003 (95 % interval -0.097 to +0.104 over 3 runs): whether twice the data would "
        "help is open, but by more than 0.104 is unlikely." in sentence(tmp_path)
    )


def test_a_loss_says_that_more_would_not_help(tmp_path):
    trained(tmp_path, 0.5, [0.80, 0.81, 0.82])
    trained(tmp_path, 1, [0.70, 0.71, 0.72])
    assert sentence(tmp_path) == (
        "From 400 to 800 training rows, macro F1 on the 4 validation rows fell by 0.100 (95 % "
        "interval -0.100 to -0.100 over 3 runs): twice the data would likely not help. That "
        "is extrapolated."
    )


def test_the_gain_of_a_larger_step_is_counted_by_doubling(tmp_path):
    trained(tmp_path, 0.25, [0.60, 0.62])
    trained(tmp_path, 1, [0.80, 0.82])
    assert "rose by 0.200" in sentence(tmp_path)
    assert "likely help, by up to 0.100." in sentence(tmp_path)


def test_scores_that_never_change_tell_nothing(tmp_path):
    trained(tmp_path, 0.5, [1.0, 1.0])
    trained(tmp_path, 1, [1.0, 1.0])
    assert sentence(tmp_path).endswith(
        "rose by 0.000 in each run: these rows cannot tell whether twice the data would help."
    )


def test_intervals_of_scores_stay_between_0_and_1(tmp_path):
    trained(tmp_path, 0.5, [0.2, 0.9])
    trained(tmp_path, 1, [0.8, 0.9])
    [curve] = curves(tmp_path)
    assert [row[2] for row in curve.table()[1]] == ["0.000 to 1.000", "0.215 to 1.000"]


def test_one_run_on_each_share_tells_nothing_and_says_what_would(tmp_path):
    trained(tmp_path, 0.5, [0.70])
    trained(tmp_path, 1, [0.80])
    assert sentence(tmp_path) == (
        "From 400 to 800 training rows, macro F1 on the 4 validation rows rose by 0.100. One run "
        "on each cannot tell a gain from a luckier seed, nor whether twice the data would help; "
        "sweep.repeats=3 can."
    )


def test_each_other_value_has_a_curve_and_other_sweeps_have_none(tmp_path):
    for share, hidden, score in ((0.5, 8, 0.6), (1, 8, 0.7), (0.5, 16, 0.7), (1, 16, 0.9)):
        trained(tmp_path / "two", share, [score, score + 0.01], f"model.hidden={hidden}")
    found = curves(tmp_path / "two")
    assert [curve.title for curve in found] == [
        "Learning curve of model.hidden=16",
        "Learning curve of model.hidden=8",
    ]
    [axes] = curve_figure(found).axes
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert shown == [LINEAR, "model.hidden=16", "model.hidden=8"]

    finished(tmp_path / "other", ["model.hidden=8"], 0.7)
    finished(tmp_path / "other", ["model.hidden=16"], 0.8)
    assert curves(tmp_path / "other") == []


def test_shares_of_few_rows_that_are_the_same_rows_are_one_point(tmp_path):
    trained(tmp_path, 0.125, [0.60, 0.62], rows=4)
    trained(tmp_path, 0.0625, [0.60, 0.62], rows=4)
    assert curves(tmp_path) == []
    trained(tmp_path, 1, [0.70, 0.71], rows=16)
    [curve] = curves(tmp_path)
    assert [point.rows for point in curve.points] == [4, 16]


def test_the_baseline_is_scored_on_validation_wherever_the_record_has_that():
    assert baseline_score(small_record()) == 0.7
    assert baseline_score(small_record(baselines={})) is None
    validated = {LINEAR: small_scores(macro_f1=0.6)}
    assert baseline_score(small_record(baselines_on_validation=validated)) == 0.6


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("rows", "many"),
        ("rows", 0),
        ("rows", 1e999),
        ("linear", "x"),
        ("linear", {"macro_f1": "x"}),
    ],
)
def test_a_record_without_numbers_to_draw_is_one_error(tmp_path, part, value):
    trained(tmp_path, 0.5, [0.70])
    trained(tmp_path, 1, [0.80])
    file = tmp_path / "data.train_share-1_seed-0" / "metrics.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    if part == "rows":
        record["data"]["splits"]["train"]["rows"] = value
    else:
        record["baselines_on_validation"] = {LINEAR: value}
    file.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match=r"metrics\.json is damaged: it does not say on how many"):
        write_leaderboard(tmp_path)


def test_the_leaderboard_has_the_curve_as_a_table_a_sentence_and_a_picture(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    trained(tmp_path, 0.5, [0.70, 0.74, 0.72])
    trained(tmp_path, 1, [0.80, 0.84, 0.82])
    write_leaderboard(tmp_path)
    out = capsys.readouterr().out
    # Of 800 rows 0.82 ± 4.303 × 0.02 / √3; the baseline has the same score in all records.
    assert "400   0.7200 0.670 to 0.770     0.7000" in out
    assert "800   0.8200 0.770 to 0.870     0.7000" in out
    assert "twice the data would likely help" in " ".join(out.split())
    assert (
        max(map(len, out[out.index("Learning curve") :].split("The best run")[0].split("\n"))) <= 80
    )
    assert (tmp_path / "learning_curve.png").is_file()
    text = (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    assert "| 800 | 0.8200 | 0.770 to 0.870 | 0.7000 | – |" in text
    assert "![learning_curve](learning_curve.png)" in text
    assert curves(tmp_path)[0].sentence() in text


def test_the_picture_has_a_bar_for_each_interval(tmp_path):
    trained(tmp_path, 0.5, [0.70, 0.74, 0.72])
    trained(tmp_path, 1, [0.80, 0.84, 0.82])
    [axes] = curve_figure(curves(tmp_path)).axes
    [baseline, own] = axes.containers
    bars = [segment.tolist() for segment in own.lines[2][0].get_segments()]
    assert [[y for _, y in bar] for bar in bars] == [
        pytest.approx([0.67, 0.77], abs=4e-4),
        pytest.approx([0.77, 0.87], abs=4e-4),
    ]
    assert baseline.lines[0].get_ydata().tolist() == [0.7, 0.7]
    assert [label.get_text() for label in axes.xaxis.get_ticklabels()] == ["400", "800"]
