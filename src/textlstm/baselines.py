"""What the network has to beat: the majority class and a linear model, on the very same split."""

import itertools
import logging
from typing import Any

import numpy as np
import torch
from datasets import DatasetDict
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from textlstm.metrics import Predictions, scores

log = logging.getLogger(__name__)

N_GRAMS, SUBLINEAR, C = [(1, 1), (1, 2)], [False, True], [1.0, 5.0, 10.0]


def majority(splits: DatasetDict) -> dict[str, Any]:
    """Test scores of always giving the training split's class shares."""
    labels = splits["train"].features["label"].names
    shares = np.bincount(splits["train"]["label"][:], minlength=len(labels)) / len(splits["train"])
    with np.errstate(divide="ignore"):  # a class without training rows has probability zero
        return _score(np.tile(np.log(shares), (len(splits["test"]), 1)), splits["test"]["label"][:], labels)


def tfidf_logistic_regression(splits: DatasetDict) -> dict[str, Any]:
    """Test scores of TF-IDF with logistic regression.

    n-grams (1 or 1 to 2), sublinear term frequency and C (1, 5 or 10) are those with the best macro F1 on
    validation; the answer names them in `settings`.
    """
    labels = splits["train"].features["label"].names
    texts = {split: rows["text"][:] for split, rows in splits.items()}
    gold = {split: rows["label"][:] for split, rows in splits.items()}
    best: dict[str, Any] = {"macro_f1": -1.0}
    log.info("Fitting the baseline: 12 settings of TF-IDF + logistic regression…")
    for n_grams, sublinear in itertools.product(N_GRAMS, SUBLINEAR):
        tfidf = TfidfVectorizer(ngram_range=n_grams, sublinear_tf=sublinear)
        train, validation = tfidf.fit_transform(texts["train"]), tfidf.transform(texts["validation"])
        for c in C:
            # newton-cg reaches lbfgs' answer in a tenth of its time on wide sparse features.
            with threadpool_limits(1):  # twice as fast as with two threads: the products are sparse and small
                model = LogisticRegression(C=c, solver="newton-cg").fit(train, gold["train"])
            macro_f1 = _score(_log_probabilities(model, validation, labels), gold["validation"], labels)["macro_f1"]
            if macro_f1 > best["macro_f1"]:
                settings = {"n_grams": list(n_grams), "sublinear": sublinear, "C": c}
                best = {"macro_f1": macro_f1, "tfidf": tfidf, "model": model, "settings": settings}
    test = best["tfidf"].transform(texts["test"])
    return {
        **_score(_log_probabilities(best["model"], test, labels), gold["test"], labels),
        "settings": best["settings"],
        "validation_macro_f1": best["macro_f1"],
    }


def _log_probabilities(model: LogisticRegression, features: Any, labels: list[str]) -> np.ndarray:
    """Log-probabilities (N, C); a class without training rows has probability zero."""
    full = np.full((features.shape[0], len(labels)), -np.inf)
    full[:, model.classes_] = model.predict_log_proba(features)
    return full


def _score(log_probabilities: np.ndarray, gold: list[int], labels: list[str]) -> dict[str, Any]:
    return scores(Predictions(torch.tensor(log_probabilities), torch.tensor(gold)), labels)
