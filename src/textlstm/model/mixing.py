"""Fits the wide channel on training rows, and its share beside the LSTM on validation."""

import logging
from collections import Counter
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import Tensor

from textlstm.model.calibration import COLDEST, HOTTEST, at_temperature, fit_temperature, log_loss
from textlstm.model.metrics import Predictions, scores
from textlstm.model.scores import Alone, BaselineSettings, Scores, Wide
from textlstm.model.wide import WideChannel, mixed, n_grams

log = logging.getLogger(__name__)

MOST_WEIGHTS = 4_000_000  # of all terms and classes: 16 MB
MOST_TERMS = 1_000_000  # that are fitted: the more common ones, where there are more
FIRST_SIZE = 16_384  # terms that are tried first; then four times as many
MAY_COST = 0.001  # log loss on validation that fewer terms may cost
NEVER = -30.0  # bias of a class without training rows: a probability of 1e-13


class Rows(NamedTuple):
    """Texts and the number of the class of each."""

    texts: list[str]
    labels_N: np.ndarray


class Mixture(NamedTuple):
    """How two channels are mixed, as `wide.mixed` takes it."""

    weight: float
    temperature: float


def channel_settings(baseline: BaselineSettings) -> BaselineSettings:
    """Gives the channel's settings: the baseline's, and where texts have words, more terms.

    On validation rows of four sets, runs of characters beside single words and pairs of them made
    the better mixture (mr_textgcn 0.790 in place of 0.786, tweet_emotion 0.722 of 0.668).
    """
    if baseline["unit"] == "character":
        return baseline
    return {**baseline, "unit": "both", "longest": 2}


def fit_channel(
    train: Rows,
    settings: BaselineSettings,
    classes: int,
    *,
    validation: Rows | None = None,
    size: int | None = None,
) -> WideChannel:
    """Fits TF-IDF with logistic regression on training rows, and keeps the terms that matter.

    Args:
        settings: what terms are, how they are counted, and C.
        classes: the number of classes; one without training rows is never predicted.
        validation: says how few terms are enough: its log loss may grow by 0.001.
        size: without validation, the number of terms that are kept.
    """
    documents: Counter[str] = Counter()
    for text in train.texts:
        documents.update(set(n_grams(text, settings["unit"], settings["longest"])))
    terms = sorted(term for term, _ in documents.most_common(MOST_TERMS))
    documents_V = np.array([documents[term] for term in terms], dtype=np.float64)
    everything = _fitted(train, terms, documents_V, settings, classes)

    # What a term says at all, and how often: rare ones hardly meet a new text.
    spread_V = everything.weights_VC.double() - everything.weights_VC.double().mean(1, keepdim=True)
    matters_V = spread_V.abs().amax(dim=1).numpy() * everything.idf_V.numpy() * documents_V**0.5
    best_first = np.argsort(-matters_V, kind="stable")

    def cut(number: int) -> WideChannel:
        if number == len(terms):
            return everything
        kept = np.sort(best_first[:number])
        names = [terms[column] for column in kept]
        return _fitted(train, names, documents_V[kept], settings, classes)

    most = min(len(terms), max(1, MOST_WEIGHTS // classes))
    if validation is None:
        return cut(min(most, size or most))
    whole = _log_loss(everything, validation)
    number = min(FIRST_SIZE, most)
    while number < most:
        fewer = cut(number)
        if _log_loss(fewer, validation) <= whole + MAY_COST:
            return fewer
        number = min(4 * number, most)
    return cut(number)


def fit_mixture(lstm: Predictions, wide_NC: Tensor, *, calibrate: bool) -> Mixture:
    """Finds the weight and, to calibrate, the temperature with the lowest log loss.

    The loss is convex in the two factors, weight / temperature and (1 - weight) / temperature.
    """
    known_N = lstm.known_N
    channels = [lstm.log_probabilities_NC[known_N].double(), wide_NC[known_N].double()]
    gold_N1 = lstm.gold_N[known_N][:, None]

    def loss(factors: np.ndarray) -> tuple[float, np.ndarray]:
        """The log loss, and its gradient."""
        log_NC = (factors[0] * channels[0] + factors[1] * channels[1]).log_softmax(dim=1)
        expected = [(log_NC.exp() * channel_NC).sum(dim=1).mean() for channel_NC in channels]
        seen = [channel_NC.gather(1, gold_N1).mean() for channel_NC in channels]
        slopes = [(mean - gold).item() for mean, gold in zip(expected, seen, strict=True)]
        return -log_NC.gather(1, gold_N1).mean().item(), np.array(slopes)

    def loss_at_temperature_1(weight: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss(np.array([weight[0], 1 - weight[0]]))
        return value, np.array([gradient[0] - gradient[1]])

    if not calibrate:
        found = minimize(loss_at_temperature_1, [0.5], jac=True, bounds=[(0, 1)], method="L-BFGS-B")
        return Mixture(float(found.x[0]), 1.0)
    bounds = [(0, 1 / COLDEST)] * 2
    found = minimize(loss, [0.5, 0.5], jac=True, bounds=bounds, method="L-BFGS-B")
    total = max(float(found.x.sum()), 1 / HOTTEST)
    return Mixture(float(found.x[0] / total), 1 / total)


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
    alone: Alone = {"lstm": scores(lstm, labels), "wide": scores(wide_alone, labels)}
    return mixture, scores(mixture, labels), alone


def _fitted(
    train: Rows,
    terms: list[str],
    documents_V: np.ndarray,
    settings: BaselineSettings,
    classes: int,
) -> WideChannel:
    """Fits a channel of these terms, each of which stands in so many training texts."""
    idf_V = np.log((1 + len(train.texts)) / (1 + documents_V)) + 1
    channel = WideChannel(
        terms,
        torch.from_numpy(idf_V).float(),
        torch.zeros(len(terms), classes),
        torch.full((classes,), NEVER),
        unit=settings["unit"],
        longest=settings["longest"],
        sublinear=settings["sublinear"],
    )
    features = channel.features(train.texts)
    ends = np.append(features.starts_N.numpy(), len(features.columns_F))
    matrix = sparse.csr_matrix(
        (features.values_F.numpy(), features.columns_F.numpy(), ends),
        shape=(len(train.texts), len(terms)),
    )
    # newton-cg reaches lbfgs' answer in a tenth of its time on wide sparse features.
    model = LogisticRegression(C=settings["C"], solver="newton-cg")
    with threadpool_limits(1):
        model.fit(matrix, train.labels_N)

    weights_CV, bias_C = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps the second class's alone
        weights_CV, bias_C = np.vstack([0 * weights_CV, weights_CV]), np.array([0, *bias_C])
    known = torch.from_numpy(model.classes_.astype(np.int64))
    channel.weights_VC[:, known] = torch.from_numpy(np.ascontiguousarray(weights_CV.T)).float()
    channel.bias_C[known] = torch.from_numpy(bias_C).float()
    return channel


def _log_loss(channel: WideChannel, rows: Rows) -> float:
    """Mean cross-entropy on rows, at the temperature that suits them best."""
    predictions = Predictions(channel.log_probabilities(rows.texts), torch.tensor(rows.labels_N))
    return log_loss(at_temperature(predictions, fit_temperature(predictions)))
