"""What a sweep tells: repeats together, how sure the order is, what is not ranked, and what to type
next.
"""

import csv

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import one_hot

from helpers.sweeps import failed, finished, job, pruned
from textlstm.checks import InputError
from textlstm.leaderboard import comparison
from textlstm.leaderboard.board import again, importances, refitted, write_leaderboard
from textlstm.leaderboard.comparison import how_sure
from textlstm.leaderboard.folder import SweepFolder
from textlstm.model.metrics import Predictions, scores
from textlstm.runs import figures
from textlstm.writing import write_csv


def repeats(sweep, overrides, scores, *, key="seed", **values):
    """A finished run for each score, with seed or fold 0, 1, …"""
    for number, score in enumerate(scores):
        finished(sweep, [*overrides, f"{key}={number}"], score, ended=number, **values)


def board(sweep, capsys, monkeypatch, width=80):
    """What the command prints on a screen of this width."""
    monkeypatch.setenv("COLUMNS", str(width))
    write_leaderboard(sweep)
    return capsys.readouterr().out


def table(sweep):
    with open(sweep / "leaderboard.csv", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("key", ["seed", "data.fold"])
def test_runs_that_differ_in_seed_or_fold_alone_are_one_configuration(tmp_path, key):
    repeats(tmp_path, ["model.hidden=8"], [0.70, 0.74, 0.72], key=key, seconds=10)
    repeats(tmp_path, ["model.hidden=16"], [0.80, 0.70, 0.75], key=key, seconds=20)
    best, second = SweepFolder.read(tmp_path).configurations
    assert best.overrides == {"model.hidden": "16"}
    assert (best.score, best.deviation, best.seconds) == pytest.approx((0.75, 0.05, 20))
    assert (second.score, second.deviation) == pytest.approx((0.72, 0.02))
    assert [len(of.runs) for of in (best, second)] == [3, 3]


def test_the_csv_has_each_configuration_with_full_names_and_digits(tmp_path):
    repeats(tmp_path, ["model.hidden=8", "optimizer.lr=0.01"], [0.70, 0.74], parameters=123456)
    finished(tmp_path, ["model.hidden=16", "optimizer.lr=0.01"], 0.9, seconds=7.125)
    write_leaderboard(tmp_path)
    assert table(tmp_path) == [
        dict(zip(row, values, strict=True))
        for row in [
            [
                *("rank", "macro F1 on validation", "standard deviation", "runs", "model.hidden"),
                *("parameters", "seconds of training"),
            ]
        ]
        for values in [
            ["1", "0.900000", "", "1", "16", "1000", "7.12"],
            ["2", "0.720000", "0.028284", "2", "8", "123456", "10.00"],
        ]
    ]


def test_pruned_failed_and_unfinished_runs_are_counted_and_not_ranked(
    tmp_path, capsys, monkeypatch
):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    finished(tmp_path, ["model.hidden=9"], 0.8)
    pruned(tmp_path, ["model.hidden=10"], 0.99)
    failed(tmp_path, ["model.hidden=0"])
    job(tmp_path, ["model.hidden=11"])
    out = board(tmp_path, capsys, monkeypatch)
    assert "5 runs: 2 finished, 1 pruned, 1 failed, 1 unfinished; 2 configurations." in out
    assert "model.hidden-0/train.log says why" in out
    assert [row["model.hidden"] for row in table(tmp_path)] == ["9", "8"]


def test_a_job_that_goes_on_after_an_error_is_unfinished(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    folder = failed(tmp_path, ["model.hidden=9"])
    assert SweepFolder.read(tmp_path).failed == [folder]
    with open(folder / "train.log", "a", encoding="utf-8") as log:
        log.write("2026-01-01 11:00:00,000 INFO textlstm.training: epoch 1\n")
    assert SweepFolder.read(tmp_path).unfinished == [folder]


def test_a_configuration_with_a_pruned_run_is_not_ranked_by_its_others(tmp_path):
    pruned(tmp_path, ["model.hidden=8", "seed=0"], 0.2)
    finished(tmp_path, ["model.hidden=8", "seed=1"], 0.99)
    finished(tmp_path, ["model.hidden=16", "seed=0"], 0.7)
    sweep = SweepFolder.read(tmp_path)
    assert [of.overrides["model.hidden"] for of in sweep.configurations] == ["16"]
    assert "1 finished run repeats a pruned one and is not ranked." in sweep.counts


def test_a_run_that_finished_when_it_was_started_again_is_no_longer_pruned(tmp_path):
    folder = finished(tmp_path, ["model.hidden=8"], 0.7)
    (folder / "pruned.json").write_text("{}", encoding="utf-8")
    assert SweepFolder.read(tmp_path).pruned == []


def test_a_refit_has_no_validation_score_and_is_left_out(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    finished(tmp_path, ["data.refit=true"], None)
    assert SweepFolder.read(tmp_path).counts == "1 run: 1 finished; 1 configuration."


def test_a_sweep_without_a_finished_run_says_what_there_is(tmp_path):
    pruned(tmp_path, ["model.hidden=8"], 0.7)
    failed(tmp_path, ["model.hidden=0"])
    with pytest.raises(
        InputError, match=r"holds no finished run \(1 pruned, 1 failed\); expected a folder such as"
    ):
        write_leaderboard(tmp_path)
    with pytest.raises(InputError, match="There is no folder /nowhere"):
        write_leaderboard(tmp_path.__class__("/nowhere"))


def compared(sweep):
    return how_sure(*SweepFolder.read(sweep).configurations)


def test_the_same_seeds_are_compared_in_pairs(tmp_path):
    first, second = [0.81, 0.90, 0.70, 0.77], [0.80, 0.88, 0.70, 0.76]
    repeats(tmp_path, ["model.hidden=16"], first)
    repeats(tmp_path, ["model.hidden=8"], second)
    sure = 1 - stats.ttest_rel(first, second, alternative="greater").pvalue
    assert 0.9 < sure < 0.99
    assert compared(tmp_path) == (
        f"{100 * sure:.0f} % sure that the first is better than the second on these validation "
        f"rows: "
        "paired t-test over 4 seeds, one-sided."
    )


def test_other_seeds_are_compared_by_welch(tmp_path):
    repeats(tmp_path, ["model.hidden=16"], [0.81, 0.86, 0.83])
    for seed, score in ((7, 0.80), (8, 0.82)):
        finished(tmp_path, ["model.hidden=8", f"seed={seed}"], score)
    sure = (
        1
        - stats.ttest_ind(
            [0.81, 0.86, 0.83], [0.80, 0.82], equal_var=False, alternative="greater"
        ).pvalue
    )
    assert compared(tmp_path).startswith(f"{100 * sure:.0f} % sure ")
    assert "Welch's t-test over 3 and 2 runs" in compared(tmp_path)


def test_folds_are_compared_with_the_variance_of_nadeau_and_bengio(tmp_path):
    first, second = [0.81, 0.90, 0.70, 0.77, 0.83], [0.80, 0.89, 0.71, 0.76, 0.81]
    repeats(tmp_path, ["data.folds=5", "model.hidden=16"], first, key="data.fold")
    repeats(tmp_path, ["data.folds=5", "model.hidden=8"], second, key="data.fold")
    differences = np.subtract(first, second)
    statistic = differences.mean() / np.sqrt((1 / 5 + 20 / 80) * differences.var(ddof=1))
    said = compared(tmp_path)
    assert said.startswith(f"{100 * stats.t.cdf(statistic, 4):.0f} % sure")
    assert (
        stats.t.cdf(statistic, 4) < 1 - stats.ttest_rel(first, second, alternative="greater").pvalue
    )
    assert "paired t-test over 5 folds" in said
    assert "Nadeau & Bengio (2003)" in said
    assert "optimistic" in said


def test_seeds_of_one_fold_are_no_further_evidence(tmp_path):
    for hidden, ahead in ((16, 0.01), (8, 0.0)):
        for fold, score in enumerate([0.7, 0.8, 0.9]):
            for seed in (0, 1):
                overrides = [f"model.hidden={hidden}", f"data.fold={fold}", f"seed={seed}"]
                finished(tmp_path, overrides, score + ahead * (fold + seed))
    assert "over 3 folds" in compared(tmp_path)
    differences = [0.005, 0.015, 0.025]
    sure = comparison.corrected_t_test(differences, 20 / 80)
    assert compared(tmp_path).startswith(f"{100 * sure:.0f} % sure")


@pytest.mark.parametrize(
    ("first", "second", "sure"), [([0.8] * 2, [0.7] * 2, "More than 99 %"), ([0.7], [0.7], "50 %")]
)
def test_scores_without_any_variation_are_no_error(tmp_path, first, second, sure):
    repeats(tmp_path, ["model.hidden=16"], first * 2)
    repeats(tmp_path, ["model.hidden=8"], second * 2)
    assert compared(tmp_path).startswith(f"{sure} sure")


def rows(right, of=200):
    """Validation rows of two classes of which so many are predicted right."""
    return [(f"text {n}", "ab"[n % 2], "ab"[(n + (n >= right)) % 2]) for n in range(of)]


def test_one_run_each_tells_nothing_of_the_seed_but_something_of_the_rows(tmp_path):
    finished(tmp_path, ["model.hidden=16"], 0.9, predicted=rows(180))
    finished(tmp_path, ["model.hidden=8"], 0.85, predicted=rows(170))
    said = compared(tmp_path)
    assert said.startswith(
        "One run each cannot tell a better configuration from a luckier seed; sweep.repeats=3 can. "
        "As to the choice of validation rows: More than 99 % sure"
    )
    assert "paired bootstrap of macro F1 over 200 rows" in said


@pytest.mark.parametrize("other", [None, [("another text", "a", "a")]])
def test_runs_of_other_rows_are_not_compared_row_by_row(tmp_path, other):
    finished(tmp_path, ["model.hidden=16"], 0.9, predicted=rows(180))
    finished(tmp_path, ["model.hidden=8"], 0.85, predicted=other)
    assert compared(tmp_path).endswith("sweep.repeats=3 can.")


def test_the_bootstrap_agrees_with_one_that_draws_rows(tmp_path):
    generator = np.random.default_rng(3)
    labels, gold = ["NA", "x", "b"], generator.integers(0, 3, 150)
    first, second = (
        np.where(generator.random(150) < share, gold, (gold + 1) % 3) for share in (0.80, 0.76)
    )
    for name, predicted in (("first.csv", first), ("second.csv", second)):
        lines = [[f"t{n}", labels[gold[n]], labels[predicted[n]]] for n in range(150)]
        write_csv(tmp_path / name, ["text", "gold", "predicted"], lines)
    cells, counts = comparison._cells(tmp_path / "first.csv", tmp_path / "second.csv")
    assert counts.sum() == 150

    def macro_f1(drawn, predicted):
        pairs = [(gold[drawn] == c, predicted[drawn] == c) for c in range(3)]
        return np.mean([2 * (g & p).sum() / (g.sum() + p.sum()) for g, p in pairs])

    draws = [generator.integers(0, 150, 150) for _ in range(3000)]
    by_rows = np.mean([macro_f1(drawn, first) > macro_f1(drawn, second) for drawn in draws])
    assert comparison.bootstrap(cells, counts) == pytest.approx(by_rows, abs=0.03)
    assert 0.55 < by_rows < 0.97
    swapped = cells[:, [0, 2, 1]]
    assert comparison.bootstrap(swapped, counts) == pytest.approx(
        1 - comparison.bootstrap(cells, counts), abs=0.02
    )
    assert comparison.bootstrap(cells[:, [0, 1, 1]], counts) == 0.5


def test_the_bootstrap_scores_as_the_runs_are_scored():
    gold, predicted = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 2, 1, 1, 0])
    scored = scores(
        Predictions(one_hot(predicted, 3).float().log(), gold), ["a", "b", "without a gold row"]
    )
    hits, golds, predictions = (
        one_hot(of, 3).sum(dim=0).numpy() for of in (gold[gold == predicted], gold, predicted)
    )
    assert comparison._macro_f1(hits[None], golds[None], predictions[None]) == pytest.approx(
        [scored["macro_f1"]]
    )


def test_the_commands_leave_out_seed_and_fold_and_the_refit_takes_the_mean_best_epoch(tmp_path):
    path = "/data/it's, new.csv"
    overrides = [
        f"data.train='{path}'",
        "data.folds=2",
        "model.hidden=8",
        "trainer.max_epochs=9",
        "sweep.trials=5",
    ]
    for fold, epoch in ((0, 3), (1, 6)):
        finished(
            tmp_path,
            [*overrides, f"data.fold={fold}", "seed=7", "~callbacks.early_stopping"],
            0.7,
            best_epoch=epoch + fold,
            config={"data": {"train": path}},
        )
    [best] = SweepFolder.read(tmp_path).configurations
    assert again(best) == (
        "python src/train.py 'data.train=/data/it'\"'\"'s, new.csv' model.hidden=8 "
        "trainer.max_epochs=9 "
        "'~callbacks.early_stopping'"
    )
    assert refitted(best) == (
        "python src/train.py 'data.train=/data/it'\"'\"'s, new.csv' model.hidden=8 "
        "'~callbacks.early_stopping' data.refit=true trainer.max_epochs=5"
    )


def test_a_key_that_a_run_leaves_to_its_config_has_the_value_there(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.8, config={"model": {"hidden": 8, "head": []}})
    finished(
        tmp_path, ["model.head=[32,16]"], 0.7, config={"model": {"hidden": 64, "head": [32, 16]}}
    )
    write_leaderboard(tmp_path)
    assert [(row["model.hidden"], row["model.head"]) for row in table(tmp_path)] == [
        ("8", "[]"),
        ("64", "[32,16]"),
    ]


def test_the_table_fits_80_columns_and_says_what_it_leaves_out(tmp_path, capsys, monkeypatch):
    keys = [f"model.hyperparameter_number_{n}" for n in range(12)]
    for number in range(30):
        overrides = [
            f"{key}={number if at else 'a very long value'}{number}" for at, key in enumerate(keys)
        ]
        finished(
            tmp_path, [*overrides, "model.same=1"], number / 100, parameters=10**6 * (number + 1)
        )
    out = board(tmp_path, capsys, monkeypatch)
    shown = out[: out.index("Not shown")].splitlines()
    assert max(len(line.rstrip()) for line in shown) <= 80
    assert "0.2900" in out
    assert "a very long v…" in out
    assert "same" not in shown
    assert "10 more configurations are in leaderboard.md." in out
    left_out = out[out.index("Not shown") :].split(";")[0]
    assert "hyperparameter_number_11" in left_out
    assert "hyperparameter_number_0" not in left_out
    markdown = (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    assert markdown.count("\n| ") == 31 + 1
    assert "| a very long value0 |" in markdown


def test_the_history_is_drawn_in_the_order_in_which_runs_ended(tmp_path, monkeypatch):
    finished(tmp_path, ["model.hidden=8"], 0.7, ended=3)
    finished(tmp_path, ["model.hidden=16"], 0.9, ended=2)
    pruned(tmp_path, ["model.hidden=32"], 0.4, ended=1)
    drawn, draw = [], figures.history_figure
    noted = lambda *columns: drawn.extend(zip(*columns, strict=True)) or draw(*columns)  # noqa: E731
    monkeypatch.setattr(figures, "history_figure", noted)
    write_leaderboard(tmp_path)
    assert drawn == [(0.4, True, False), (0.9, False, True), (0.7, False, False)]


def pictures(sweep):
    return {file.stem for file in sweep.glob("*.png")}


def test_pictures_are_drawn_where_there_is_something_to_see(tmp_path, capsys, monkeypatch):
    sweep = tmp_path / "one"
    finished(sweep, ["model.hidden=8"], 0.5)
    assert "1 run: 1 finished; 1 configuration." in board(sweep, capsys, monkeypatch)
    assert pictures(sweep) == set()
    finished(sweep, ["model.hidden=16"], 0.6)
    finished(sweep, ["model.hidden=32"], 0.7)
    out = board(sweep, capsys, monkeypatch)
    assert "No importance of hyperparameters: that needs 4 configurations, there are 3." in out
    assert pictures(sweep) == {"history", "pareto", "parallel"}

    sweep = tmp_path / "seeds"
    repeats(sweep, [], [0.5, 0.6])
    assert "python src/train.py\n" in board(sweep, capsys, monkeypatch)
    assert pictures(sweep) == {"history"}

    sweep = tmp_path / "four"
    for number in range(4):
        finished(
            sweep, [f"model.hidden={8 + number // 2}", f"model.layers={number % 2}"], number / 10
        )
    out = board(sweep, capsys, monkeypatch)
    assert pictures(sweep) == {"history", "pareto", "parallel", "importance"}
    markdown = (sweep / "leaderboard.md").read_text(encoding="utf-8")
    assert all(f"]({name}.png)" in markdown for name in pictures(sweep))
    assert again(SweepFolder.read(sweep).configurations[0]) in markdown
    assert "No importance" not in out


def test_the_importance_is_of_the_hyperparameter_that_moves_the_score(tmp_path):
    scores = {"last": 0.5, "mean": 0.8, "财经": 0.9}
    for pooling, score in scores.items():
        for lr in ("1e-5", "1e-3", "0.1"):
            for hidden in (8, 16):
                overrides = [
                    f"model.pooling={pooling}",
                    f"optimizer.lr={lr}",
                    f"model.hidden={hidden}",
                ]
                finished(tmp_path, overrides, score + (0.05 if lr == "1e-3" else 0))
    shares, why_none = importances(SweepFolder.read(tmp_path))
    assert why_none == ""
    assert list(shares) == ["model.pooling", "optimizer.lr", "model.hidden"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["model.pooling"] > 0.9
    assert shares == importances(SweepFolder.read(tmp_path))[0]


def test_equal_scores_have_no_importance(tmp_path):
    for number in range(4):
        finished(tmp_path, [f"model.hidden={8 + number // 2}", f"model.layers={number % 2}"], 0.5)
    assert "all configurations have the same score" in importances(SweepFolder.read(tmp_path))[1]
