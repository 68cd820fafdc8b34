"""How sure the order of two configurations is, by the method that their runs allow."""

import numpy as np
import pytest
from scipy import stats

from helpers.sweeps import finished, repeats
from textlstm.leaderboard import comparison
from textlstm.leaderboard.comparison import how_sure
from textlstm.leaderboard.folder import SweepFolder
from textlstm.writing import write_csv


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
        "rows: paired t-test over 4 seeds, one-sided."
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


def rows(right, total=200):
    """Validation rows of two classes of which so many are predicted right."""
    return [(f"text {n}", "ab"[n % 2], "ab"[(n + (n >= right)) % 2]) for n in range(total)]


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
