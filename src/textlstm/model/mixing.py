"""Fits the wide channel on training rows, and its share beside the LSTM on validation."""

from array import array
from collections import Counter
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import Tensor

from textlstm.data.tokenizer import LOOKED_AT, without_spaces
from textlstm.model.calibration import (
    COLDEST,
    HOTTEST,
    at_temperature,
    fit_temperature,
    log_loss,
)
from textlstm.model.metrics import Predictions
from textlstm.model.scores import Alone, Scores, Wide, WideSettings
from textlstm.model.significance import scores_with_intervals
from textlstm.model.wide import WideChannel, mixed, n_grams
from textlstm.terminal import counted

MOST_WEIGHTS = 4_000_000  # of all terms and classes that are kept: 16 MB
FITTED_WEIGHTS = 20_000_000  # that are fitted: the more common terms, where there are more
MOST_CHARACTERS = 5_000_000  # of training texts whose runs of characters are terms, too
FIRST_SIZE = 16_384  # terms that are tried first; then four times as many
MAY_COST = 0.001  # log loss on validation that fewer terms may cost
ADDED = (2, 20)  # texts of the usual classes that each term is counted in besides its own
MANY_CLASSES = 50  # above which terms are not weighted by their information
FEW = 200  # rows of validation, below which folds of the training rows choose
FOLDS = 5
STRENGTHS = (10.0, 3.0, 30.0)  # values of C that are tried on validation
MOST_WORK = 40_000_000
"""Terms of all training texts, times classes, up to which anything is tried on validation.

Above it the channel has the settings that it begins with.
"""
MEANS = np.array([0.2, 0.8])  # of the prior on the factors of the LSTM and of the wide channel
SPREADS = np.array([0.2, 0.3])  # standard deviations
NEVER = -30.0  # bias of a class without training rows: a probability of 1e-13


class Rows(NamedTuple):
    """Texts and the number of the class of each."""

    texts: list[str]
    labels_N: np.ndarray


class Mixture(NamedTuple):
    """How two channels are mixed, as `wide.mixed` takes it."""

    weight: float
    temperature: float


class Fitted(NamedTuple):
    """A wide channel, and what it was fitted with."""

    channel: WideChannel
    settings: WideSettings


class Counts(NamedTuple):
    """The terms of some texts, in alphabetical order, and how often each stands in each text."""

    terms: list[str]
    matrix_NV: sparse.csr_matrix


def channel_settings(texts: list[str]) -> WideSettings:
    """Gives what the channel begins with: its terms, how they are counted and weighted, and C.

    Terms are runs of one or two words and, up to 5 million characters of training texts, runs of 3
    to 5 characters; in a script without spaces, such as Chinese, of one or two characters.

    On validation rows of four sets, runs of characters beside single words and pairs of them made
    the better mixture (mr_textgcn 0.790 in place of 0.786, tweet_emotion 0.722 of 0.668). They are
    left out of large sets, where they take minutes.
    """
    unit = "both" if sum(map(len, texts)) <= MOST_CHARACTERS else "word"
    if without_spaces(texts[:LOOKED_AT]):
        unit = "character"
    return {"unit": unit, "longest": 2, "sublinear": True, "C": STRENGTHS[0], "added": ADDED[0]}


def fit_channel(
    train: Rows,
    settings: WideSettings,
    classes: int,
    *,
    validation: Rows | None = None,
    size: int | None = None,
) -> Fitted:
    """Fits TF-IDF with logistic regression on training rows, and keeps the terms that matter.

    The penalty spares the terms that tell classes apart, as `_fitted` says.

    Args:
        settings: what terms are, how they are counted and weighted, and C.
        classes: the number of classes; one without training rows is never predicted.
        validation: chooses whether runs of characters are terms, how rare ones are weighted, and C;
            if it has fewer than 200 rows, five folds of the training rows do. It says how few terms
            are enough, too: its log loss may grow by 0.001.
        size: without validation, the number of terms that are kept.
    """
    counts = _counted(train.texts, settings, classes)
    if validation is not None and counts.matrix_NV.nnz * classes <= MOST_WORK:
        chosen = _chosen_settings(train, settings, classes, validation, counts)
        if chosen["unit"] != settings["unit"]:
            counts = _counted(train.texts, chosen, classes)
        settings = chosen
    everything = _fitted(counts, train.labels_N, settings, classes)

    # What a term says at all, and how often: rare ones hardly meet a new text.
    weights_VC = everything.channel.weights_VC.double()
    spread_V = (weights_VC - weights_VC.mean(1, keepdim=True)).abs().amax(dim=1).numpy()
    idf_V, documents_V = everything.channel.idf_V.numpy(), counts.matrix_NV.getnnz(axis=0)
    best_first = np.argsort(-spread_V * idf_V * documents_V**0.5, kind="stable")

    def cut(number: int) -> Fitted:
        if number == len(counts.terms):
            return everything
        return _fitted(_chosen(counts, best_first[:number]), train.labels_N, settings, classes)

    most = min(len(counts.terms), max(1, MOST_WEIGHTS // classes))
    if validation is None:
        return cut(min(most, size or most))
    whole = _log_loss(everything.channel, validation)
    number = min(FIRST_SIZE, most)
    while number < most:
        fewer = cut(number)
        if _log_loss(fewer.channel, validation) <= whole + MAY_COST:
            return fewer
        number = min(4 * number, most)
    return cut(number)


def class_information(matrix_NV: sparse.csr_matrix, labels_N: np.ndarray, added: int) -> np.ndarray:
    """Computes how much each term says about the class of a text (V), in nats.

    It is the Kullback-Leibler divergence of the classes of the texts that have the term from the
    classes of all texts.

    Args:
        matrix_NV: how often each term stands in each text.
        labels_N: the number of the class of each text.
        added: how many texts are added to those that have a term, with classes shared out as those
            of all texts, so that a term of few texts says little.
    """
    shares_C = np.bincount(labels_N) / len(labels_N)
    members_CN = sparse.csr_matrix(
        (np.ones(len(labels_N)), (labels_N, np.arange(len(labels_N)))),
        shape=(len(shares_C), len(labels_N)),
    )
    texts_CV = members_CN @ matrix_NV.astype(bool)  # how many texts of a class have a term
    documents_V, information_V = matrix_NV.getnnz(axis=0), np.zeros(matrix_NV.shape[1])
    for label in np.flatnonzero(shares_C):
        share = shares_C[label]
        own_V = (texts_CV[label].toarray()[0] + added * share) / (documents_V + added)
        information_V += own_V * np.log(own_V / share)
    return information_V.clip(min=0)  # rounding may leave less


def fit_mixture(lstm: Predictions, wide_NC: Tensor, *, calibrate: bool) -> Mixture:
    """Finds the weight and, to calibrate, the temperature with the lowest log loss.

    The mixture adds up the log-probabilities of both channels, each times a factor. Few rows would
    choose the factors by chance. So they have a prior: that of the LSTM, whose log-probabilities
    are divided by the temperature that `fit_temperature` finds for them first, is normal with mean
    0.2 and standard deviation 0.2, and that of the wide channel with mean 0.8 and standard
    deviation 0.3. Its negative logarithm, divided by the rows, is added to the log loss, so that
    many rows outweigh it. The sum is convex in the factors.

    Args:
        lstm: what the LSTM predicts for validation, without a temperature.
        wide_NC: what the wide channel predicts.
        calibrate: if not, no temperature is fitted, and the factors add up to 1.
    """
    known_N = lstm.known_N
    rows = int(known_N.sum())
    own = fit_temperature(lstm) if calibrate else 1.0
    channels = [lstm.log_probabilities_NC[known_N].double() / own, wide_NC[known_N].double()]
    gold_N1 = lstm.gold_N[known_N][:, None]

    def loss(factors: np.ndarray) -> tuple[float, np.ndarray]:
        """The log loss with the prior, and its gradient."""
        log_NC = (factors[0] * channels[0] + factors[1] * channels[1]).log_softmax(dim=1)
        expected = [(log_NC.exp() * channel_NC).sum(dim=1).mean() for channel_NC in channels]
        seen = [channel_NC.gather(1, gold_N1).mean() for channel_NC in channels]
        slopes = [(mean - gold).item() for mean, gold in zip(expected, seen, strict=True)]
        distances = (factors - MEANS) / SPREADS
        prior = (distances**2).sum().item() / 2 / rows
        gradient = np.array(slopes) + distances / SPREADS / rows
        return prior - log_NC.gather(1, gold_N1).mean().item(), gradient

    def loss_at_temperature_1(weight: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss(np.array([weight[0], 1 - weight[0]]))
        return value, np.array([gradient[0] - gradient[1]])

    if not calibrate:
        found = minimize(loss_at_temperature_1, MEANS[:1], jac=True, bounds=[(0, 1)])
        return Mixture(float(found.x[0]), 1.0)
    found = minimize(loss, MEANS, jac=True, bounds=[(0, 1 / COLDEST)] * 2)
    factor, other = found.x[0] / own, found.x[1]
    total = max(float(factor + other), 1 / HOTTEST)
    return Mixture(float(factor / total), 1 / total)


def score_mixture(
    lstm: Predictions,
    texts: list[str],
    channel: WideChannel,
    wide: Wide,
    temperature: float,
    labels: list[str],
) -> tuple[Predictions, Scores, Alone]:
    """Mixes what the two channels predict for the same texts, and scores the mixture and each.

    Args:
        lstm: what the LSTM predicts, at its own temperature.
        wide: the weight of the LSTM, and the temperatures of both channels alone.
        temperature: that of the mixture.
    """
    wide_NC = channel.log_probabilities(texts)
    plain_NC = at_temperature(lstm, 1 / wide["lstm_temperature"]).log_probabilities_NC
    mixture_NC = mixed(plain_NC, wide_NC, weight=wide["weight"], temperature=temperature)
    mixture = Predictions(mixture_NC, lstm.gold_N, lstm.unseen)
    wide_alone = Predictions(wide_NC, lstm.gold_N, lstm.unseen)
    wide_alone = at_temperature(wide_alone, wide["wide_temperature"])
    alone: Alone = {
        "lstm": scores_with_intervals(lstm, labels),
        "wide": scores_with_intervals(wide_alone, labels),
    }
    return mixture, scores_with_intervals(mixture, labels), alone


def _chosen_settings(
    train: Rows, settings: WideSettings, classes: int, validation: Rows, of_train: Counts
) -> WideSettings:
    """Gives the settings of the lowest log loss, on validation or over folds of the training rows.

    Runs of characters are left out where they do harm, as in short questions (TREC), whose log loss
    is 0.42 without and 0.45 with them. Then it is tried to weigh rare terms less, which is best for
    some sets, most of all for few and short texts (0.67 in place of 0.69 on five sets of 400 to 700
    tweets). Then C.

    Args:
        of_train: the terms of the training texts by `settings`, which are counted already.
    """
    parts = [(train, validation)] if len(validation.texts) >= FEW else _folds(train)
    if not parts:
        return settings

    @cache
    def counts(part: int, unit: str) -> Counts:
        rows, _ = parts[part]
        if rows is train and unit == settings["unit"]:
            return of_train
        return _counted(rows.texts, {**settings, "unit": unit}, classes)

    @cache
    def loss(unit: str, added: int, c: float) -> float:
        tried: WideSettings = {**settings, "unit": unit, "added": added, "C": c}
        total = 0.0
        for part, (rows, held_out) in enumerate(parts):
            fitted = _fitted(counts(part, unit), rows.labels_N, tried, classes)
            total += _log_loss(fitted.channel, held_out)
        return total

    unit, added, c = settings["unit"], settings.get("added", ADDED[0]), settings["C"]
    if unit == "both":
        unit = min((unit, "word"), key=lambda other: loss(other, added, c))
    if classes <= MANY_CLASSES:
        added = min((added, *ADDED), key=lambda other: loss(unit, other, c))
    c = min((c, *STRENGTHS), key=lambda other: loss(unit, added, other))
    return {**settings, "unit": unit, "added": added, "C": c}


def _folds(rows: Rows) -> list[tuple[Rows, Rows]]:
    """Divides rows by turns into five folds of each class, and gives those without and in each.

    Rows of a class that the others do not have are left out, and so is a fold without rows, or one
    without which a single class is left.
    """
    folds_N = np.empty(len(rows.texts), np.int64)
    for label in np.unique(rows.labels_N):
        places = np.flatnonzero(rows.labels_N == label)
        folds_N[places] = np.arange(len(places)) % FOLDS

    def chosen(places: np.ndarray) -> Rows:
        return Rows([rows.texts[place] for place in places], rows.labels_N[places])

    found = []
    for fold in range(FOLDS):
        part = chosen(np.flatnonzero(folds_N != fold))
        known_N = np.isin(rows.labels_N, part.labels_N)
        held_out = chosen(np.flatnonzero((folds_N == fold) & known_N))
        if held_out.texts and len(np.unique(part.labels_N)) > 1:
            found.append((part, held_out))
    return found


def _counted(texts: list[str], settings: WideSettings, classes: int) -> Counts:
    """Counts the terms of every text: all, or the most common ones where they are too many."""
    numbers = dict[str, int]()
    columns, counts, ends = array("i"), array("f"), array("q", [0])
    for text in counted(texts, "texts read for the wide channel", total=len(texts)):
        found = Counter(n_grams(text, settings["unit"], settings["longest"]))
        columns.extend(numbers.setdefault(term, len(numbers)) for term in found)
        counts.extend(found.values())
        ends.append(len(columns))

    shape = (len(texts), len(numbers))
    matrix_NV = sparse.csr_matrix(
        (np.array(counts, np.float32), np.array(columns, np.int32), np.array(ends)), shape=shape
    )
    terms = list(numbers)
    order = sorted(range(len(terms)), key=terms.__getitem__)
    everything = Counts([terms[number] for number in order], matrix_NV[:, order])
    most = max(1, FITTED_WEIGHTS // classes)
    if len(terms) <= most:
        return everything
    documents_V = everything.matrix_NV.getnnz(axis=0)
    return _chosen(everything, np.argsort(-documents_V, kind="stable")[:most])


def _chosen(counts: Counts, columns: np.ndarray) -> Counts:
    """Keeps the terms of these numbers, in alphabetical order."""
    kept = np.sort(columns)
    return Counts([counts.terms[column] for column in kept], counts.matrix_NV[:, kept])


def _fitted(counts: Counts, labels_N: np.ndarray, settings: WideSettings, classes: int) -> Fitted:
    """Fits a channel of these terms.

    Each term's TF-IDF is multiplied before the fit by the fourth root of its `class_information`,
    so that the penalty spares terms that tell classes apart. Wang & Manning (2012) multiply by the
    log-count ratio of naive Bayes; the divergence grows as its square, and its root was best. The
    channel's weights have the factor in them. With more than 50 classes the factor is 1: it helped
    none of two such sets, and did harm to one.
    """
    terms, matrix_NV = counts
    idf_V = np.log((1 + len(labels_N)) / (1 + matrix_NV.getnnz(axis=0))) + 1
    channel = WideChannel(
        terms,
        torch.from_numpy(idf_V).float(),
        torch.zeros(len(terms), classes),
        torch.full((classes,), NEVER),
        unit=settings["unit"],
        longest=settings["longest"],
        sublinear=settings["sublinear"],
    )
    lengths = np.diff(matrix_NV.indptr)
    values_F = channel.weighted(matrix_NV.indices, matrix_NV.data.astype(np.float64), lengths)
    factors_V = np.ones(len(terms))
    if classes <= MANY_CLASSES:
        factors_V = class_information(matrix_NV, labels_N, settings.get("added", ADDED[0])) ** 0.25
    values_F = values_F * factors_V[matrix_NV.indices]
    # So that C means the same whatever the factors are: texts have a mean squared length of 1.
    length = np.sqrt((values_F**2).sum() / len(labels_N)) or 1.0
    features_NV = sparse.csr_matrix(
        (values_F / length, matrix_NV.indices, matrix_NV.indptr), shape=matrix_NV.shape
    )
    # newton-cg reaches lbfgs' answer in a tenth of its time on wide sparse features.
    model = LogisticRegression(C=settings["C"], solver="newton-cg")
    with threadpool_limits(1):
        model.fit(features_NV, labels_N)

    weights_CV, bias_C = model.coef_ * (factors_V / length), model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps the second class's alone
        weights_CV, bias_C = np.vstack([0 * weights_CV, weights_CV]), np.array([0, *bias_C])
    known = torch.from_numpy(model.classes_.astype(np.int64))
    channel.weights_VC[:, known] = torch.from_numpy(np.ascontiguousarray(weights_CV.T)).float()
    channel.bias_C[known] = torch.from_numpy(bias_C).float()
    return Fitted(channel, settings)


def _log_loss(channel: WideChannel, rows: Rows) -> float:
    """Mean cross-entropy on rows, at the temperature that suits them best."""
    predictions = Predictions(channel.log_probabilities(rows.texts), torch.tensor(rows.labels_N))
    return log_loss(at_temperature(predictions, fit_temperature(predictions)))
