"""Explains class probabilities: how much of one each word of the text has brought.

Integrated gradients (Sundararajan et al. 2017): what each input adds to a probability while all
inputs grow together from nothing to what they are. Nothing is here a text of the same length whose
tokens are all unknown and whose terms the wide channel does not know. The shares of all words add
up to the probability of the text less that of nothing.

Shape suffixes: B texts of a batch, T tokens (padded), C classes, F the terms of all texts end to
end, W the words of a text.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from textlstm.checks import InputError, nearest
from textlstm.data.batching import Batch, batch_loader
from textlstm.model.wide import Features, WideChannel
from textlstm.model.word_spans import WordSpans, find_words, located_n_grams, token_words

if TYPE_CHECKING:
    from textlstm.model.bundle import TextClassifier

STEPS = 64  # of the way from nothing to the text: the sum is then right to within 0.0005
FEW_STEPS = 16  # enough to show which words matter
MAX_TOKENS = 8192  # of a batch: what the gradient needs of each token stays in memory


@dataclass(frozen=True)
class WordShare:
    """A word as typed, `text[start:end]`, and its share of the score."""

    text: str
    start: int
    end: int
    share: float


@dataclass(frozen=True)
class Explanation:
    """Why a text has its probability of the class `label`.

    Args:
        label: the class that is explained.
        against: the class whose probability is taken off, if it was asked for.
        score: the text's probability of `label`, less that of `against`.
        unknown_score: the same for a text of unknown words alone.
        words: all words in the order of the text; a share below 0 speaks against `label`.
    """

    label: str
    against: str | None
    score: float
    unknown_score: float
    words: list[WordShare]

    @property
    def rest(self) -> float:
        """What the shares lack to `score - unknown_score`: the error of the steps."""
        return self.score - self.unknown_score - sum(word.share for word in self.words)


class Question(NamedTuple):
    """The number of the class of a text that is explained, and of the one that is taken off."""

    target: int
    against: int | None


def asked(
    predicted: list[int],
    labels: list[str],
    *,
    target: str | Sequence[str] | None,
    against: str | Sequence[str | None] | None,
) -> list[Question]:
    """Reads `target` and `against` of `TextClassifier.explain` for texts of predicted classes.

    Raises:
        InputError: a class that there is not, lists of another length, or a class against itself.
    """
    targets = _numbers("target", target, labels, len(predicted))
    others = _numbers("against", against, labels, len(predicted))
    questions = []
    for best, number, other in zip(predicted, targets, others, strict=True):
        if number is not None and number == other:
            raise InputError(
                f"target and against are both {labels[number]!r}: give two classes, or leave "
                f"against out."
            )
        chosen = best if number is None else number
        questions.append(Question(chosen, None if other == chosen else other))
    return questions


def _numbers(
    name: str, given: str | Sequence[str | None] | None, labels: list[str], texts: int
) -> list[int | None]:
    """Gives the number of the class that is named for each text."""
    names = [given] * texts if given is None or isinstance(given, str) else list(given)
    if len(names) != texts:
        raise InputError(f"{name} has {len(names)} classes for {texts} texts: give one for each.")
    numbers: dict[str | None, int] = {label: number for number, label in enumerate(labels)}
    for label in names:
        if label is not None and label not in numbers:
            shown = ", ".join(labels[:20]) + (", …" if len(labels) > 20 else "")
            raise InputError(
                f"{name}: the model has no class {label!r}; expected one of {shown}."
                f"{nearest(label, labels)}"
            )
    return [None if label is None else numbers[label] for label in names]


class Attribution(NamedTuple):
    """What the inputs of a batch of texts add to their scores."""

    scores_B: Tensor
    """The score of each text."""
    unknown_B: Tensor
    """That of nothing in its place."""
    tokens_BT: Tensor
    """What each token adds; padding adds 0."""
    gradient_BC: Tensor | None
    """What a term adds for each 1 that it adds to a class score of the wide channel."""


@torch.inference_mode(False)  # whatever the caller has set: gradients are needed
def explain_texts(
    classifier: "TextClassifier",
    texts: list[str],
    questions: list[Question],
    *,
    steps: int,
    batch_size: int,
) -> list[Explanation]:
    """Explains a class of each text; see `TextClassifier.explain`."""
    encoded = classifier.encoded(texts)
    found: dict[int, Explanation] = {}
    for batch in batch_loader(encoded, batch_size, shuffle=False, max_tokens=MAX_TOKENS):
        rows = batch.rows_B.tolist()
        places_BT = encoded.places(batch.rows_B, batch.tokens_BT.shape[1])
        explained = _explain_batch(
            classifier,
            batch,
            places_BT,
            [texts[row] for row in rows],
            [questions[row] for row in rows],
            steps=steps,
        )
        found.update(zip(rows, explained, strict=True))
    return [found[row] for row in range(len(texts))]


def _explain_batch(
    classifier: "TextClassifier",
    batch: Batch,
    places_BT: Tensor,
    texts: list[str],
    questions: list[Question],
    *,
    steps: int,
) -> list[Explanation]:
    """Explains the texts of one batch; `places_BT` are those of the tokens in the whole texts."""
    wide = classifier.wide
    features = [] if wide is None else [wide.features([text]) for text in texts]
    added = None if wide is None else torch.cat([wide.added(found) for found in features])
    signs_BC = _signs(questions, len(classifier.labels))
    attribution = attribute(classifier, batch, added, signs_BC, steps=steps)

    explanations = []
    encodings = classifier.tokenizer.encode_batch(texts)
    for number, (text, encoding) in enumerate(zip(texts, encodings, strict=True)):
        words = find_words(text, encoding)
        length = int(batch.lengths_B[number])
        shares_W = torch.zeros(len(words.starts), dtype=torch.double)
        of_token = torch.tensor(token_words(words, text, encoding), dtype=torch.long)
        of_token_T = of_token[places_BT[number, :length]]
        shares_W.index_add_(0, of_token_T, attribution.tokens_BT[number, :length])
        if wide is not None and attribution.gradient_BC is not None:
            gradient_C = attribution.gradient_BC[number]
            shares_W += _term_shares(wide, text, features[number], gradient_C, words)

        target, against = questions[number]
        explanations.append(
            Explanation(
                classifier.labels[target],
                None if against is None else classifier.labels[against],
                score=attribution.scores_B[number].item(),
                unknown_score=attribution.unknown_B[number].item(),
                words=[
                    WordShare(text[start:end], start, end, share)
                    for start, end, share in zip(*words, shares_W.tolist(), strict=True)
                ],
            )
        )
    return explanations


def _signs(questions: list[Question], classes: int) -> Tensor:
    """Gives 1 for the class of each text that is explained, -1 for that which is taken off."""
    signs_BC = torch.zeros(len(questions), classes)
    for signs_C, (target, against) in zip(signs_BC, questions, strict=True):
        signs_C[target] += 1
        if against is not None:
            signs_C[against] -= 1
    return signs_BC


def attribute(
    classifier: "TextClassifier",
    batch: Batch,
    added_BC: Tensor | None,
    signs_BC: Tensor,
    *,
    steps: int,
) -> Attribution:
    """Computes what the inputs of a batch of texts add to their scores.

    Args:
        batch: the texts as the network reads them.
        added_BC: what all terms of each text add to the class scores of the wide channel; None if
            there is no such channel.
        signs_BC: how each class's probability counts in the score of each text.
    """
    network, device = classifier.network, next(classifier.network.parameters()).device
    tokens_BT, lengths_B = batch.tokens_BT.to(device), batch.lengths_B.to(device)
    signs_BC = signs_BC.to(device)
    inputs = [torch.ones(tokens_BT.shape, device=device)]
    if added_BC is not None:
        inputs.append(added_BC.to(device))

    def score(known_BT: Tensor, added_BC: Tensor | None = None) -> Tensor:
        """The scores (B) of texts of which so much is there."""
        log_BC = network(tokens_BT, lengths_B, known_BT).log_softmax(dim=1)
        wide_BC = None
        if classifier.wide is not None and added_BC is not None:
            wide_BC = classifier.wide.log_scores(added_BC)
        return (classifier.mixture(log_BC, wide_BC) * signs_BC).sum(dim=1)

    with torch.enable_grad(), _differentiable(network):
        known_BT, *rest = mean_gradients(score, inputs, steps=steps)
    with torch.no_grad():
        scores_B = score(*inputs)
        unknown_B = score(*(torch.zeros_like(values) for values in inputs))

    gradient_BC = rest[0].cpu() if rest else None
    return Attribution(scores_B.cpu(), unknown_B.cpu(), known_BT.cpu(), gradient_BC)


def mean_gradients(
    score: Callable[..., Tensor], inputs: list[Tensor], *, steps: int
) -> list[Tensor]:
    """Averages the gradients of scores (B) over the way from inputs of 0 to `inputs`.

    Multiplied by the input, each is what it adds to the score. Where the gradients are taken, and
    how they count, is Gauss and Legendre's rule: with 16 steps its error was a quarter of that of
    equal steps.
    """
    nodes, node_weights = np.polynomial.legendre.leggauss(steps)
    sums = [torch.zeros_like(values, dtype=torch.double) for values in inputs]
    for node, weight in zip(nodes.tolist(), node_weights.tolist(), strict=True):
        scaled = [((node + 1) / 2 * values).requires_grad_() for values in inputs]
        gradients = torch.autograd.grad(score(*scaled).sum(), scaled)
        for total, gradient in zip(sums, gradients, strict=True):
            total += weight / 2 * gradient
    return sums


@contextmanager
def _differentiable(network: nn.Module) -> Iterator[None]:
    """Lets cuDNN compute gradients of LSTMs, which it does in training mode alone.

    All other layers stay as they are, so that nothing is dropped: an `nn.LSTM` of this project has
    no dropout of its own.
    """
    lstms = [module for module in network.modules() if isinstance(module, nn.LSTM)]
    on_gpu = [lstm for lstm in lstms if next(lstm.parameters()).is_cuda and not lstm.training]
    for lstm in on_gpu:
        lstm.train()
    try:
        yield
    finally:
        for lstm in on_gpu:
            lstm.eval()


def _term_shares(
    wide: WideChannel, text: str, features: Features, gradient_C: Tensor, words: WordSpans
) -> Tensor:
    """Divides the share of each term of the wide channel among the words that it stands in (W).

    A term that stands there twice is divided equally among both, a run of words equally among its
    words, and a run of characters among the words of its characters.
    """
    weights_FC = wide.weights_VC[features.columns_F].double()
    shares_F = features.values_F.double() * (weights_FC @ gradient_C.double())
    share_of = dict(zip(features.columns_F.tolist(), shares_F.tolist(), strict=True))

    standing: defaultdict[int, list[list[int]]] = defaultdict(list)
    for term, places in located_n_grams(text, wide.unit, wide.longest):
        if (column := wide.columns.get(term, -1)) >= 0:
            standing[column].append(places)

    shares_W = torch.zeros(len(words.starts), dtype=torch.double).numpy()
    for column, found in standing.items():
        for places in found:
            for place in places:
                word = words.word_at(place)
                shares_W[word] += share_of[column] / len(found) / len(places)
    return torch.from_numpy(shares_W)
