"""Where the words of a text stand as it was typed, and where tokens and terms belong to them."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from tokenizers import Encoding

from textlstm.model.wide import RUNS, WORD


class WordSpans(NamedTuple):
    """The words of a text: the tokenizer's, so that punctuation marks are words, too.

    Every character but spaces belongs to one word: an accent or a mark that the tokenizer does not
    count belongs to what it follows.
    """

    starts: list[int]
    ends: list[int]

    def word_at(self, place: int) -> int:
        """Gives the number of the word that a character belongs to, or that is before a space."""
        return max(0, bisect_right(self.starts, place) - 1)


def find_words(text: str, encoding: Encoding) -> WordSpans:
    """Finds the words of a text from its whole encoding.

    The tokenizer gives places in the text as typed. Characters that it reads as several words,
    such as ½, are one word here.
    """
    starts: list[int] = []
    ends: list[int] = []
    last = None
    for word, (start, end) in zip(encoding.word_ids, encoding.offsets, strict=True):
        start, end = _without_spaces(text, start, end)
        if start == end:  # the space before a word, as a token
            continue
        if starts and (word == last or start < ends[-1]):
            ends[-1] = max(end, ends[-1])
        else:
            starts.append(start)
            ends.append(end)
        last = word
    return _whole_words(text, starts, ends)


def _without_spaces(text: str, start: int, end: int) -> tuple[int, int]:
    """Leaves out the spaces at both ends of a span."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _whole_words(text: str, starts: list[int], ends: list[int]) -> WordSpans:
    """Gives each character that no word has to the word before it; at the start, to the first."""
    if not starts:
        start, end = _without_spaces(text, 0, len(text))
        return WordSpans([start], [end]) if start < end else WordSpans([], [])

    starts[0], _ = _without_spaces(text, 0, ends[0])
    for word, following in enumerate([*starts[1:], len(text)]):
        _, ends[word] = _without_spaces(text, starts[word], following)
    return WordSpans(starts, ends)


def token_words(words: WordSpans, text: str, encoding: Encoding) -> list[int]:
    """Gives the number of the word that each token is part of; a space is part of the next."""
    found = []
    for start, end in encoding.offsets:
        trimmed, stop = _without_spaces(text, start, end)
        found.append(words.word_at(trimmed if trimmed < stop else _next(text, end)))
    return found


def _next(text: str, place: int) -> int:
    """Gives the place of the next character that is not a space."""
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def located_n_grams(text: str, unit: str, longest: int) -> Iterator[tuple[str, list[int]]]:
    """Gives the terms of a text, as `wide.n_grams` does, and where each stands as typed.

    A run of words stands at the first character of each of its words, and a run of characters at
    all of its characters; the space on either side of a word stands at the character beside it.
    """
    lower = text.lower()
    # A letter can have several in lower case: each stands where the letter does.
    typed = [place for place, letter in enumerate(text) for _ in letter.lower()]
    shortest = 1
    if unit != "character":
        words = [(match[0], typed[match.start()]) for match in WORD.finditer(lower)]
        for length in range(1, longest + 1):
            for start in range(len(words) - length + 1):
                run = words[start : start + length]
                yield " ".join(word for word, _ in run), [place for _, place in run]
        if unit == "word":
            return
        shortest, longest = RUNS

    end = 0
    for word in lower.split():
        start = lower.index(word, end)
        end = start + len(word)
        padded = f" {word} "
        places = typed[start:end]
        places = [places[0], *places, places[-1]]
        for length in range(shortest, longest + 1):
            for i in range(len(padded) - length + 1):
                yield padded[i : i + length], places[i : i + length]
