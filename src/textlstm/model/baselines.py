"""What the network has to beat: the majority class and a linear model, on the very same split."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from textlstm.data.sources import batched_texts
from textlstm.data.tokenizer import LOOKED_AT, without_spaces
from textlstm.model.metrics import Predictions, scores
from textlstm.model.scores import Baseline, BaselineSettings
from textlstm.model.significance import scores_with_intervals
from textlstm.plurals import number_of
from textlstm.terminal import counted

log = logging.getLogger(__name__)

LONGEST = {"word": [1, 2], "character": [2, 3]}
SETTINGS = [  # which of the two longest n-grams, sublinear counts, and C; the usual winners first
    *((0, True, 5.0), (1, True, 10.0), (0, True, 10.0), (1, True, 5.0), (0, False, 5.0)),
    *((1, False, 10.0), (0, True, 1.0), (1, True, 1.0), (0, False, 10.0), (1, False, 5.0)),
    *((0, False, 1.0), (1, False, 1.0)),
]
MOST_WORK = 120_000_000
"""Terms of all training texts, times classes, times settings, up to which settings are tried.

Fitting takes less than a minute there on one core. At least one setting is fitted.
"""


def majority(splits: DatasetDict) -> Baseline:
    """Scores the test split when every text gets the training split's class shares."""
    labels = splits["train"].features["label"].names
    shares_C = np.bincount(splits["train"]["label"][:], minlength=len(labels))
    with np.errstate(divide="ignore"):  # a class without training rows has probability zero
        log_shares_C = np.log(shares_C / len(splits["train"]))
    log_shares_NC = np.tile(log_shares_C, (len(splits["test"]), 1))
    predictions = _predictions(log_shares_NC, splits["test"], labels)
    return {**scores_with_intervals(predictions, labels)}


def tfidf_logistic_regression(
    splits: DatasetDict,
    held_out: np.ndarray | None = None,
    *,
    thorough: bool = False,
    keep: Callable[[Predictions], None] = lambda predictions: None,
) -> Baseline:
    """Scores TF-IDF with logistic regression on the test split.

    Terms are words, or characters where the script has no spaces (Chinese, Japanese, Thai).
    Sublinear term frequency, the longest n-gram and C are those with the best macro F1 on
    validation. Terms are hashed to 2^20 columns, so that memory does not grow with the vocabulary.

    Args:
        splits: train, validation and test; a refit has no validation.
        held_out: for a refit, which of the N training rows were validation. The settings are chosen
            on these, and the model is then fitted on all rows.
        thorough: whether all settings are tried, however long that takes.
        keep: takes the predictions for the test split that are scored.
    """
    if held_out is None:
        found, predictions = _chosen_on_validation(splits, thorough=thorough)
        keep(predictions)
        return found
    train = splits["train"]
    before = DatasetDict(
        train=train.select(np.flatnonzero(~held_out)),
        validation=train.select(np.flatnonzero(held_out)),
        test=splits["test"],
    )
    chosen, _ = _chosen_on_validation(before, thorough=thorough)
    found, predictions = _refitted(splits, chosen)
    keep(predictions)
    return found


def scores_on_validation(splits: DatasetDict, *, thorough: bool = False) -> Baseline:
    """Scores TF-IDF with logistic regression on validation, which chooses its settings, too.

    The test split is not read.
    """
    return _chosen_on_validation(validation_as_test(splits), thorough=thorough)[0]


def validation_as_test(splits: DatasetDict) -> DatasetDict:
    """Puts validation in the place of the test split."""
    train, validation = splits["train"], splits["validation"]
    return DatasetDict(train=train, validation=validation, test=validation)


def _chosen_on_validation(splits: DatasetDict, *, thorough: bool) -> tuple[Baseline, Predictions]:
    """Fits with each setting, and scores the one that is best on validation on the test split."""
    labels = splits["train"].features["label"].names
    gold_N = np.asarray(splits["train"]["label"][:])
    unit = "character" if without_spaces(splits["train"][:LOOKED_AT]["text"]) else "word"
    counted_longest, best_f1 = LONGEST[unit][0], -1.0
    counts = _counts(splits, unit, counted_longest)
    tried = _tried(unit, counts["train"].nnz * len(labels), thorough=thorough)
    for settings in counted(tried, "settings tried", total=len(tried)):
        if settings["longest"] != counted_longest:
            counted_longest = settings["longest"]
            counts = _counts(splits, unit, counted_longest)
        tfidf, model = _fitted(counts["train"], gold_N, settings)
        validation_NC = _log_probabilities(model, tfidf.transform(counts["validation"]), labels)
        validated = _predictions(validation_NC, splits["validation"], labels)
        macro_f1 = scores(validated, labels)["macro_f1"]
        if macro_f1 > best_f1:
            best_f1, best_settings = macro_f1, settings
            test_NC = _log_probabilities(model, tfidf.transform(counts["test"]), labels)
    predictions = _predictions(test_NC, splits["test"], labels)
    found: Baseline = {
        **scores_with_intervals(predictions, labels),
        "settings": best_settings,
        "validation_macro_f1": best_f1,
        "tried": len(tried),
    }
    return found, predictions


def _tried(unit: str, work: int, *, thorough: bool) -> list[BaselineSettings]:
    """Lists the settings that are fitted: all, or fewer where each of them is much work.

    Args:
        work: the shortest terms of all training texts, times classes.
    """
    number = len(SETTINGS) if thorough else max(1, min(len(SETTINGS), MOST_WORK // work))
    of_all = "" if number == len(SETTINGS) else f" of {len(SETTINGS)}"
    log.info(
        "Fitting the baseline: %s of TF-IDF + logistic regression…",
        f"{number}{of_all} settings" if of_all else number_of(number, "setting"),
    )
    if number < len(SETTINGS):
        log.info(
            "There are many rows or classes: baselines=thorough tries all settings, "
            "baselines=false leaves the baseline out."
        )
    return [
        {"unit": unit, "longest": LONGEST[unit][which], "sublinear": sublinear, "C": c}
        for which, sublinear, c in sorted(SETTINGS[:number])
    ]


def _refitted(splits: DatasetDict, chosen: Baseline) -> tuple[Baseline, Predictions]:
    """Scores the model of the chosen settings, fitted on all training rows, on the test split."""
    settings = chosen["settings"]
    train, test = splits["train"], splits["test"]
    labels = train.features["label"].names
    counts = _counts(splits, settings["unit"], settings["longest"])
    tfidf, model = _fitted(counts["train"], train["label"][:], settings)
    test_NC = _log_probabilities(model, tfidf.transform(counts["test"]), labels)
    predictions = _predictions(test_NC, test, labels)
    found: Baseline = {
        **scores_with_intervals(predictions, labels),
        "settings": settings,
        "tried": chosen["tried"],
    }
    return found, predictions


def _fitted(
    counts: sparse.csr_matrix, gold_N: Any, settings: BaselineSettings
) -> tuple[TfidfTransformer, LogisticRegression]:
    """Fits the weighting of terms and the classifier on counts of terms (N, terms)."""
    tfidf = TfidfTransformer(sublinear_tf=settings["sublinear"]).fit(counts)
    # newton-cg reaches lbfgs' answer in a tenth of its time on wide sparse features.
    model = LogisticRegression(C=settings["C"], solver="newton-cg")
    with threadpool_limits(1):  # takes half the time of two threads: the products are small
        return tfidf, model.fit(tfidf.transform(counts), gold_N)


def _counts(splits: DatasetDict, unit: str, longest: int) -> dict[str, sparse.csr_matrix]:
    """Counts each n-gram of the training texts in each text of each split (N, terms)."""
    hashing = HashingVectorizer(
        analyzer="char_wb" if unit == "character" else "word",
        ngram_range=(1, longest),
        n_features=2**20,
        norm=None,
        alternate_sign=False,
        dtype=np.float32,
    )
    counts = {
        split: sparse.vstack([hashing.transform(chunk) for chunk in batched_texts(rows)]).tocsr()
        for split, rows in splits.items()
    }
    known = counts["train"].getnnz(axis=0) > 0
    return {split: matrix[:, known] for split, matrix in counts.items()}


def _log_probabilities(model: LogisticRegression, features: Any, labels: list[str]) -> np.ndarray:
    """Gives log-probabilities (N, C); a class without training rows has probability zero."""
    full_NC = np.full((features.shape[0], len(labels)), -np.inf)
    full_NC[:, model.classes_] = model.predict_log_proba(features.astype(np.float64))
    return full_NC


def _predictions(log_probabilities_NC: np.ndarray, rows: Dataset, labels: list[str]) -> Predictions:
    """Predictions for rows, whose labels may name unseen classes behind `labels`."""
    unseen = rows.features["label"].names[len(labels) :]
    gold_N = torch.as_tensor(rows["label"][:])
    return Predictions(torch.tensor(log_probabilities_NC), gold_N, unseen)
