"""What the network has to beat: the majority class and a linear model, on the very same split."""

import logging
import re
from typing import Any

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from textlstm.data.sources import batched_texts
from textlstm.model.metrics import Predictions, scores
from textlstm.model.scores import Baseline, BaselineSettings, Scores
from textlstm.terminal import counted

log = logging.getLogger(__name__)

LONGEST = {"word": [1, 2], "character": [2, 3]}
SUBLINEAR, C = [False, True], [1.0, 5.0, 10.0]
WORD = re.compile(r"\b\w\w+\b")
# Thai, Lao, Burmese, Khmer, Japanese and Chinese
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def majority(splits: DatasetDict) -> Baseline:
    """Test scores of always giving the training split's class shares."""
    labels = splits["train"].features["label"].names
    shares = np.bincount(splits["train"]["label"][:], minlength=len(labels)) / len(splits["train"])
    with np.errstate(divide="ignore"):  # a class without training rows has probability zero
        log_probabilities = np.tile(np.log(shares), (len(splits["test"]), 1))
    return {**_score(log_probabilities, splits["test"]["label"][:], labels)}


def tfidf_logistic_regression(splits: DatasetDict, held_out: np.ndarray | None = None) -> Baseline:
    """Test scores of TF-IDF with logistic regression.

    Terms are words, or characters where the script has no spaces (Chinese, Japanese, Thai).
    Sublinear term frequency, the longest n-gram and C are those with the best macro F1 on
    validation; the answer names them in `settings`. Terms are hashed to 2^20 columns, so that
    memory does not grow with the vocabulary.

    Args:
        held_out: of a refit, which of the N training rows were validation; the settings are chosen
            on these, and the model is then fitted on all.
    """
    if held_out is not None:
        train, validated = (
            splits["train"].select(np.flatnonzero(~held_out)),
            np.flatnonzero(held_out),
        )
        chosen = tfidf_logistic_regression(
            DatasetDict(
                {
                    "train": train,
                    "validation": splits["train"].select(validated),
                    "test": splits["test"],
                }
            )
        )["settings"]
        return _refitted(splits, chosen)
    labels = splits["train"].features["label"].names
    gold = {split: np.asarray(rows["label"][:]) for split, rows in splits.items()}
    unit = "character" if _unspaced(splits["train"]) else "word"
    best: dict[str, Any] = {"macro_f1": -1.0}
    settings = [
        (longest, sublinear, c) for longest in LONGEST[unit] for sublinear in SUBLINEAR for c in C
    ]
    log.info("Fitting the baseline: %d settings of TF-IDF + logistic regression…", len(settings))
    counts: dict[str, Any] = {}
    for longest, sublinear, c in counted(settings, "settings", total=len(settings)):
        if counts.get("longest") != longest:
            counts = {"longest": longest, **_counts(splits, unit, longest)}
        tfidf, model = _fitted(counts["train"], gold["train"], sublinear, c)
        predicted = _log_probabilities(model, tfidf.transform(counts["validation"]), labels)
        macro_f1 = _score(predicted, gold["validation"], labels)["macro_f1"]
        if macro_f1 > best["macro_f1"]:
            best = {
                "macro_f1": macro_f1,
                "test": _log_probabilities(model, tfidf.transform(counts["test"]), labels),
                "settings": {"unit": unit, "longest": longest, "sublinear": sublinear, "C": c},
            }
    return {
        **_score(best["test"], gold["test"], labels),
        "settings": best["settings"],
        "validation_macro_f1": best["macro_f1"],
    }


def _refitted(splits: DatasetDict, settings: BaselineSettings) -> Baseline:
    """Test scores of the model of these settings, fitted on all training rows."""
    labels = splits["train"].features["label"].names
    counts = _counts(splits, settings["unit"], settings["longest"])
    tfidf, model = _fitted(
        counts["train"], splits["train"]["label"][:], settings["sublinear"], settings["C"]
    )
    scored = _score(
        _log_probabilities(model, tfidf.transform(counts["test"]), labels),
        splits["test"]["label"][:],
        labels,
    )
    return {**scored, "settings": settings}


def _fitted(
    counts: sparse.csr_matrix, gold: Any, sublinear: bool, c: float
) -> tuple[TfidfTransformer, LogisticRegression]:
    tfidf = TfidfTransformer(sublinear_tf=sublinear).fit(counts)
    # newton-cg reaches lbfgs' answer in a tenth of its time on wide sparse features.
    with threadpool_limits(
        1
    ):  # twice as fast as with two threads: the products are sparse and small
        return tfidf, LogisticRegression(C=c, solver="newton-cg").fit(tfidf.transform(counts), gold)


def _unspaced(train: Dataset) -> bool:
    """Whether the first thousand texts have no words, or are mostly in a script without spaces
    between them.
    """
    text = " ".join(train[:1000]["text"])
    return not WORD.search(text) or 2 * len(UNSPACED.findall(text)) > sum(map(str.isalpha, text))


def _counts(splits: DatasetDict, unit: str, longest: int) -> dict[str, sparse.csr_matrix]:
    """How often each n-gram of the training texts stands in each text (N, terms)."""
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
    """Log-probabilities (N, C); a class without training rows has probability zero."""
    full = np.full((features.shape[0], len(labels)), -np.inf)
    full[:, model.classes_] = model.predict_log_proba(features.astype(np.float64))
    return full


def _score(log_probabilities: np.ndarray, gold: Any, labels: list[str]) -> Scores:
    return scores(Predictions(torch.tensor(log_probabilities), torch.as_tensor(gold)), labels)
