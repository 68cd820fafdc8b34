"""Tells how far scores are the luck of the test rows: bootstrap intervals, and McNemar's test."""

import numpy as np
from scipy import sparse, stats

from textlstm.model.metrics import Predictions, scores
from textlstm.model.scores import Intervals, PairedTest, Scores

RESAMPLES = 10_000
CELLS = 5_000_000  # numbers that the counts of the resamples may hold at once
# For the intervals of a run, which are shown with three digits: fewer where there are many kinds
# of rows and so, with many rows, short intervals. 100,000 rows take less than a second.
MOST_RESAMPLES, FEWEST_RESAMPLES, WORK = 2_000, 200, 4_000_000


def scores_with_intervals(predictions: Predictions, labels: list[str]) -> Scores:
    """Scores predictions as `metrics.scores` does, and adds the intervals.

    Args:
        labels: the names of the C classes.
    """
    return {**scores(predictions, labels), "intervals": intervals_of(predictions)}


def intervals_of(predictions: Predictions) -> Intervals:
    """Gives 95 % intervals of accuracy and macro F1, by the percentile bootstrap.

    They are the middle 95 % of the scores on rows that are drawn again from these, with
    replacement.
    """
    gold_N, predicted_N = predictions.gold_N.numpy(), predictions.predicted_N.numpy()
    classes = int(max(gold_N.max(), predicted_N.max())) + 1
    kinds, counts = np.unique(gold_N * classes + predicted_N, return_counts=True)
    cells = np.stack([kinds // classes, kinds % classes], axis=1)

    accuracies_MR, macro_f1s_MR = resampled_scores(
        cells, counts, resamples=resamples_for(len(counts))
    )
    return {"accuracy": middle(accuracies_MR[0]), "macro_f1": middle(macro_f1s_MR[0])}


def resamples_for(kinds: int) -> int:
    """Chooses how many resamples an interval that is shown with few digits is worth.

    Args:
        kinds: how many kinds of rows there are.
    """
    return max(FEWEST_RESAMPLES, min(MOST_RESAMPLES, WORK // kinds))


def paired_test(first: Predictions, second: Predictions) -> PairedTest:
    """Tests whether two models are right equally often on the same rows (McNemar's exact test)."""
    first_right, second_right = (
        (predictions.predicted_N == predictions.gold_N).numpy() for predictions in (first, second)
    )
    return {
        "right_alone": int((first_right & ~second_right).sum()),
        "wrong_alone": int((second_right & ~first_right).sum()),
        "p": mcnemar(first_right, second_right),
    }


def resampled_scores(
    cells: np.ndarray, counts: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """Scores M models on R resamples of their rows, with replacement, the same for all of them.

    Args:
        cells: (K, 1 + M), each kind of row that there is: gold class and the models' predictions.
        counts: (K,) rows of each kind.
        seed: draws the rows; resamples of different rows need different ones.
        resamples: R.

    Returns:
        Accuracy and macro F1, (M, R) each.
    """
    generator = np.random.default_rng(seed)
    rows, classes = int(counts.sum()), int(cells.max()) + 1
    gold_K, *predicted = cells.T
    gold_CK = _indicator(gold_K, classes)
    chosen = [_indicator(chosen_K, classes) for chosen_K in predicted]
    right = [_indicator(gold_K, classes, gold_K == chosen_K) for chosen_K in predicted]

    accuracies, macro_f1s = list[list[np.ndarray]](), list[list[np.ndarray]]()
    left = resamples
    while left:
        now = min(left, max(1, CELLS // len(counts)))
        counts_KR = generator.multinomial(rows, counts / rows, size=now).T.astype(float)
        gold_CR = gold_CK @ counts_KR
        hits = [right_CK @ counts_KR for right_CK in right]
        accuracies.append([hits_CR.sum(axis=0) / rows for hits_CR in hits])
        macro_f1s.append(
            [
                _macro_f1(hits_CR, gold_CR, chosen_CK @ counts_KR)
                for hits_CR, chosen_CK in zip(hits, chosen, strict=True)
            ]
        )
        left -= now
    return np.concatenate(accuracies, axis=1), np.concatenate(macro_f1s, axis=1)


def kinds_of_rows(gold: np.ndarray, *predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts the kinds of rows, by the class names or class numbers of each row.

    Returns:
        The kinds (K, 1 + M) of M models and their counts (K,), as `resampled_scores` takes them.
    """
    names = np.stack([gold, *predicted], axis=1)
    numbers = np.unique(names, return_inverse=True)[1].reshape(names.shape)
    return np.unique(numbers, axis=0, return_counts=True)


def middle(scores_R: np.ndarray) -> tuple[float, float]:
    """Gives the range of the middle 95 % of scores."""
    low, high = np.percentile(scores_R, [2.5, 97.5])
    return float(low), float(high)


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> float:
    """Gives p of McNemar's exact test, two-sided, that two models are right on as many rows.

    Args:
        first_right, second_right: on which of the same N rows each is right, as N booleans. Those
            on which one alone is right decide, by the binomial distribution.
    """
    first_alone = int((first_right & ~second_right).sum())
    either_alone = int((first_right != second_right).sum())
    return float(stats.binomtest(first_alone, either_alone).pvalue) if either_alone else 1.0


def _indicator(
    classes_K: np.ndarray, classes: int, counted_K: np.ndarray | None = None
) -> sparse.csr_matrix:
    """Makes the matrix (C, K) that adds the counts of kinds of rows up to those of their classes.

    Args:
        classes_K: the class of each kind.
        classes: C.
        counted_K: K booleans that say which kinds count; None counts all.
    """
    kinds = len(classes_K)
    ones = np.ones(kinds) if counted_K is None else counted_K.astype(float)
    return sparse.csr_matrix((ones, (classes_K, np.arange(kinds))), shape=(classes, kinds))


def _macro_f1(hits_CR: np.ndarray, gold_CR: np.ndarray, predicted_CR: np.ndarray) -> np.ndarray:
    """Computes macro F1 of R resamples as `metrics.scores` does, without classes of no gold row."""
    f1_CR = 2 * hits_CR / np.maximum(gold_CR + predicted_CR, 1)
    present_CR = gold_CR > 0
    return (f1_CR * present_CR).sum(axis=0) / present_CR.sum(axis=0)
