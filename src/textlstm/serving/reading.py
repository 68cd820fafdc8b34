"""Which words of a text a model knows, and which of them its network reads."""

from typing import NamedTuple

from textlstm.data.batching import ids_before_cut
from textlstm.data.vocabulary import UNK, token_ids
from textlstm.model.bundle import TextClassifier
from textlstm.model.word_spans import WordSpans, find_words, token_words


class ReadText(NamedTuple):
    """How a model reads a text.

    Args:
        spans: where its W words stand.
        known_W: whether the vocabulary has each word, or a part of it.
        read_W: whether the network reads it, or a part of it; the others are cut.
        tokens: the number of its words, or of their parts.
        tokens_read: how many of them the network reads.
    """

    spans: WordSpans
    known_W: list[bool]
    read_W: list[bool]
    tokens: int
    tokens_read: int


def read_texts(classifier: TextClassifier, texts: list[str]) -> list[ReadText]:
    """Tells of each text which of its words the network knows and reads."""
    found = []
    encodings = classifier.tokenizer.encode_batch(texts)
    ids = token_ids(classifier.tokenizer, texts, encodings)
    for text, encoding, ids_T in zip(texts, encodings, ids, strict=True):
        spans = find_words(text, encoding)
        tokens = len(ids_T)
        places = read_places(tokens, classifier.max_length, classifier.truncate)
        known_W, read_W = ([False] * len(spans.starts) for _ in range(2))
        of_token = token_words(spans, text, encoding)
        for place, (word, number) in enumerate(zip(of_token, ids_T, strict=True)):
            known_W[word] |= number != UNK
            read_W[word] |= place in places
        found.append(ReadText(spans, known_W, read_W, tokens, len(places)))
    return found


def read_places(tokens: int, max_length: int | None, truncate: str) -> set[int]:
    """Gives the places of the tokens that are left after a text of so many was cut."""
    cut = 0 if max_length is None else max(0, tokens - max_length)
    head = ids_before_cut(max_length, truncate) or 0
    return set(range(tokens)) - set(range(head, head + cut))
