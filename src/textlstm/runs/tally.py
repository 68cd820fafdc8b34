"""Counts predictions while they are written, and draws some of their texts."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tokenizers import Tokenizer

from textlstm.data.classes import LISTED
from textlstm.data.tokenizer import BYTES, encode
from textlstm.data.vocabulary import SPECIALS
from textlstm.plurals import number_of

SAMPLE = 2000  # the most texts that are drawn


class Tally:
    """The predicted classes, and the texts of which the model knows no word."""

    def __init__(self) -> None:
        self.classes: Counter[str] = Counter()
        self.unknown = 0

    def written_sentence(self, target: Path) -> str:
        """Says how many texts were written, and how many of each class, the most frequent first."""
        texts = number_of(self.classes.total(), "text")
        named = [f"{count:,} {name}" for name, count in self.classes.most_common(LISTED)]
        if len(self.classes) > LISTED:
            named.append(
                f"the rest in {number_of(len(self.classes) - LISTED, 'other class', 'es')}"
            )
        return f"{texts} written to {target}{': ' if named else ''}{', '.join(named)}."

    def unknown_sentence(self) -> str | None:
        """Says that the model knows no word of some texts; None if there are none."""
        if not self.unknown:
            return None
        return (
            f"The model knows no word of {number_of(self.unknown, 'text')} of "
            f"{self.classes.total():,}, so that its answers to them say little. Are they in the "
            f"language of the training texts?"
        )


class TextSample:
    """Texts drawn at random, each with the same chance, from all that are added."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.seen = 0
        self.generator = np.random.default_rng(0)

    def add(self, texts: Iterable[str]) -> None:
        """Draws from more texts (reservoir sampling, Vitter 1985, algorithm R)."""
        for text in texts:
            self.seen += 1
            if len(self.texts) < SAMPLE:
                self.texts.append(text)
            elif (place := int(self.generator.integers(self.seen))) < SAMPLE:
                self.texts[place] = text


class Limits(NamedTuple):
    """Texts that a model reads badly: those without a known word, and those that are cut."""

    unknown: int
    cut: int


class LimitCounter:
    """Counts the texts that a model reads badly.

    Args:
        max_length: the tokens that are read of a text; None where none are cut.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int | None) -> None:
        self.tokenizer, self.max_length = tokenizer, max_length
        vocabulary = tokenizer.get_vocab()
        wordless = {*SPECIALS, *BYTES}
        self.is_word_V = np.zeros(max(vocabulary.values()) + 1, dtype=bool)
        for token, number in vocabulary.items():
            self.is_word_V[number] = token not in wordless and any(map(str.isalnum, token))

    def count(self, texts: list[str]) -> Limits:
        """Counts in some texts; a known part of a word is a known word, punctuation is none."""
        encoded = encode(self.tokenizer, texts)
        text_of_token = np.repeat(np.arange(len(texts)), encoded.lengths.numpy())
        words_N = np.bincount(
            text_of_token[self.is_word_V[encoded.tokens.numpy()]], minlength=len(texts)
        )
        cut = 0 if self.max_length is None else int((encoded.lengths > self.max_length).sum())
        return Limits(unknown=int((words_N == 0).sum()), cut=cut)
