"""Computes how sure one can be that the first of two configurations is better than the second.

Repeats with the same seeds or folds are compared in pairs, other repeats by Welch's test. With one
run each, nothing is known about the luck of the seed. A paired bootstrap of macro F1 over the
validation rows then tells how far the order depends on which rows happened to be held out.
(McNemar's test would tell that for accuracy, by which the runs are not ranked.)
"""

import math
import statistics
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from textlstm.leaderboard.folder import Configuration, FinishedRun
from textlstm.model.significance import kinds_of_rows, resampled_scores

Pair = tuple[tuple[int | None, int], FinishedRun, FinishedRun]
"""Fold, if there is one, and seed, and the run of each of two configurations that has them."""


def how_sure(first: Configuration, second: Configuration) -> str:
    """Says in a sentence or two how sure it is that `first` is better, and by which method."""
    shared = _in_pairs(first, second)
    if len({fold for (fold, _), *_ in shared}) > 1:
        differences = _by_fold(shared)
        sure = corrected_t_test(differences, _held_out(shared))
        return (
            f"{_percent(sure)} sure that the first is better than the second: paired t-test over "
            f"{len(differences)} folds, one-sided, with the variance that Nadeau & Bengio (2003) "
            f"correct for the training rows that folds share; they are not independent, so that "
            f"even this figure is optimistic."
        )

    if len(shared) > 1:
        sure = corrected_t_test([one.score - other.score for _, one, other in shared], 0.0)
        return (
            f"{_percent(sure)} sure that the first is better than the second on these validation "
            f"rows: paired t-test over {len(shared)} seeds, one-sided."
        )

    if len(first.runs) > 1 and len(second.runs) > 1:
        return (
            f"{_percent(welch(first, second))} sure that the first is better than the second on "
            f"these validation rows: Welch's t-test over {len(first.runs)} and "
            f"{len(second.runs)} runs, one-sided."
        )

    runs = f"One run {'each' if len(first.runs) == len(second.runs) else 'of one of them'}"
    luck = f"{runs} cannot tell a better configuration from a luckier seed; sweep.repeats=3 can."
    one, other = shared[0][1:] if shared else (first.runs[0], second.runs[0])
    cells = _cells(one.folder / "predictions.csv", other.folder / "predictions.csv")
    if cells is None:
        return luck
    return (
        f"{luck} As to the choice of validation rows: {_percent(bootstrap(*cells))} sure that the "
        f"first is ahead of the second on other rows of the same kind (paired bootstrap of macro "
        f"F1 over {int(cells[1].sum()):,} rows)."
    )


def corrected_t_test(differences: list[float], held_out: float) -> float:
    """Gives 1 - p of a one-sided paired t-test that the mean difference is above 0.

    Args:
        differences: for each pair, the first score minus the second.
        held_out: validation rows for each training row where the pairs share training rows (Nadeau
            & Bengio 2003, "Inference for the generalization error", add this to 1/n in the variance
            of the mean); 0 where they do not.
    """
    mean, variance = statistics.fmean(differences), statistics.variance(differences)
    n = len(differences)
    if variance == 0:
        return _sign(mean)
    return float(stats.t.cdf(mean / math.sqrt((1 / n + held_out) * variance), n - 1))


def welch(first: Configuration, second: Configuration) -> float:
    """Gives 1 - p of Welch's one-sided t-test that the mean of the first is larger."""
    if not first.deviation and not second.deviation:
        return _sign(first.score - second.score)
    scores = [[run.score for run in repeated.runs] for repeated in (first, second)]
    return 1 - float(stats.ttest_ind(*scores, equal_var=False, alternative="greater").pvalue)


def bootstrap(cells: np.ndarray, counts: np.ndarray) -> float:
    """Gives the share of resamples of the rows in which the first has the larger macro F1.

    Ties count half.

    Args:
        cells: (K, 3), each kind of row that there is: gold class, the first's and the second's
            prediction.
        counts: (K,) rows of each kind.
    """
    _, (first_R, second_R) = resampled_scores(cells, counts)
    ahead = (first_R > second_R).sum() + 0.5 * (first_R == second_R).sum()
    return float(ahead / len(first_R))


def _cells(first: Path, second: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Counts the kinds of rows in two files of predictions; None if the rows are not the same.

    Returns:
        The kinds (K, 3) and their counts (K,), as `bootstrap` takes them.
    """
    if not (first.is_file() and second.is_file()):
        return None
    columns = ["text", "gold", "predicted"]
    one, other = (
        pd.read_csv(file, usecols=columns, dtype=str, keep_default_na=False)
        for file in (first, second)
    )
    if not one[["text", "gold"]].equals(other[["text", "gold"]]):
        return None

    return kinds_of_rows(
        *(column.to_numpy() for column in (one["gold"], one["predicted"], other["predicted"]))
    )


def _in_pairs(first: Configuration, second: Configuration) -> list[Pair]:
    """Pairs the runs of both that have the same fold and seed."""
    others = {run.repeat: run for run in second.runs}
    return [(run.repeat, run, others[run.repeat]) for run in first.runs if run.repeat in others]


def _by_fold(pairs: list[Pair]) -> list[float]:
    """The mean difference in each fold.

    Seeds of one fold have the same rows and are not further evidence.
    """
    folds: dict[int | None, list[float]] = {}
    for (fold, _), one, other in pairs:
        folds.setdefault(fold, []).append(one.score - other.score)
    return [statistics.fmean(differences) for differences in folds.values()]


def _held_out(pairs: list[Pair]) -> float:
    """Validation rows for each training row, on average."""
    found = [run.record["data"]["splits"] for _, run, _ in pairs]
    return statistics.fmean(
        splits["validation"]["rows"] / splits["train"]["rows"] for splits in found
    )


def _sign(difference: float) -> float:
    """Says how sure the first is ahead where nothing varies: 1, 0, or 0.5 for equal scores."""
    return float(difference > 0) if difference else 0.5


def _percent(sure: float) -> str:
    return "More than 99 %" if sure > 0.99 else f"{100 * sure:.0f} %"
