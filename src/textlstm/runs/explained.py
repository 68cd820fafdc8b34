"""Explains a report's mistakes, and measures how far explanations can be believed.

The measures are comprehensiveness and sufficiency (DeYoung et al. 2020).
"""

from typing import NamedTuple

import torch

from textlstm.model.bundle import Explanation, TextClassifier
from textlstm.model.explain import FEW_STEPS
from textlstm.writing import markdown_table

TEXTS = 100  # that are measured, at most
CHARACTERS = 20_000  # of them together, at most: the time that a report may take
OF_MISTAKES = 60_000  # characters of the mistakes that are explained, at most
TAKEN = 0.2  # of the words, which are left out or kept
SHOWN = 3  # words of a mistake
TOO_LONG = "(too long to explain)"


class Faithfulness(NamedTuple):
    """How much of the predicted class's probability is lost without some of the words, on average.

    The words are the fifth with the largest shares, or as many drawn at random.
    """

    texts: int
    without_best: float
    """The loss when those are left out: comprehensiveness; the larger, the better."""
    without_random: float
    best_alone: float
    """The loss when they alone are kept: sufficiency; the smaller, the better."""
    random_alone: float


def main_words(classifier: TextClassifier, texts: list[str], targets: list[str]) -> list[str]:
    """Names for each text the words that speak most for a class, with their shares.

    In their order, texts are explained up to 60,000 characters in all. In place of the words of one
    that would be more stands `TOO_LONG`.
    """
    fitting = _fitting(texts, OF_MISTAKES)
    named = [TOO_LONG] * len(texts)
    if not fitting:
        return named
    explanations = classifier.explain(
        [texts[row] for row in fitting],
        target=[targets[row] for row in fitting],
        steps=FEW_STEPS,
    )
    for row, explanation in zip(fitting, explanations, strict=True):
        found = sorted(explanation.words, key=lambda word: -word.share)[:SHOWN]
        positive = [word for word in found if word.share > 0]
        named[row] = ", ".join(f"{word.text} {word.share:+.2f}" for word in positive)
    return named


def explanations_section(classifier: TextClassifier, texts: list[str]) -> list[str]:
    """The section that says how far explanations can be believed; none if no text has two words."""
    found = measure_faithfulness(classifier, texts)
    if found is None:
        return []
    table = markdown_table(
        ["words", "left out", "kept alone"],
        [
            ["those with the largest shares", _lost(found.without_best), _lost(found.best_alone)],
            ["drawn at random", _lost(found.without_random), _lost(found.random_alone)],
        ],
    )
    said = (
        f"An explanation gives each word its share of the probability of a class. How much of the "
        f"predicted class's probability is lost, on average over {found.texts} texts, when a fifth "
        f"of their words is left out or kept alone? The more is lost without the words with the "
        f"largest shares (comprehensiveness), and the less with them alone (sufficiency), compared "
        f"with random words, the further the shares can be believed."
    )
    return [f"## Explanations\n\n{said}\n\n{table}"]


def _lost(value: float) -> str:
    return f"{value:.3f}"


def measure_faithfulness(classifier: TextClassifier, texts: list[str]) -> Faithfulness | None:
    """Measures how faithful explanations of some texts are; None if none has two words.

    They are up to 100 texts at equal distances, with up to 20,000 characters in all: one that would
    be more is left out.
    """
    some = texts[:: max(1, len(texts) // TEXTS)][:TEXTS]
    chosen = [some[row] for row in _fitting(some, CHARACTERS)]
    if not chosen:
        return None
    found = classifier.explain(chosen, steps=FEW_STEPS)
    random = torch.Generator().manual_seed(0)
    pairs = [(text, one) for text, one in zip(chosen, found, strict=True) if len(one.words) > 1]
    if not pairs:
        return None

    changed: list[str] = []
    for text, explanation in pairs:
        best = sorted(range(len(explanation.words)), key=lambda n: -explanation.words[n].share)
        drawn = torch.randperm(len(explanation.words), generator=random).tolist()
        for order in (best, drawn):
            taken = set(order[: max(1, int(TAKEN * len(order)))])
            changed += [
                _kept(text, explanation, set(order) - taken),
                _kept(text, explanation, taken),
            ]

    targets = torch.tensor([classifier.labels.index(one.label) for _, one in pairs])
    scores_N = torch.tensor([one.score for _, one in pairs])
    left_N4 = classifier.probabilities(changed).reshape(len(pairs), 4, -1)
    left_N4 = left_N4.gather(2, targets[:, None, None].expand(-1, 4, 1)).squeeze(2)
    lost = (scores_N[:, None] - left_N4).mean(dim=0).tolist()
    return Faithfulness(len(pairs), lost[0], lost[2], lost[1], lost[3])


def _fitting(texts: list[str], characters: int) -> list[int]:
    """Gives the rows of texts that have at most so many characters together; skips longer ones."""
    rows = []
    for row, text in enumerate(texts):
        if len(text) <= characters:
            characters -= len(text)
            rows.append(row)
    return rows


def _kept(text: str, explanation: Explanation, kept: set[int]) -> str:
    """Leaves out all words of a text but some; what is between words becomes a space."""
    words = explanation.words
    return " ".join(text[words[n].start : words[n].end] for n in sorted(kept))
