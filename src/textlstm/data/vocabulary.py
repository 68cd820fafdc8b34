"""The tokens of a vocabulary that are no words: special ones, and beginnings and ends of words."""

from functools import lru_cache
from typing import NamedTuple

import torch
from tokenizers import Encoding, Regex, Tokenizer, models, pre_tokenizers
from torch import Tensor

from textlstm.data.settings import LONGEST_AFFIX

PAD, UNK = 0, 1
SPECIALS = ["[PAD]", "[UNK]"]
# Stands for the rest of a word. No word has it: normalised texts have three dots in its place.
REST = "…"


class Affixes(NamedTuple):
    """The beginnings of words that a vocabulary of V tokens has as tokens, or the ends.

    Args:
        ids: the id of each; those of all affixes come after those of words.
        pattern: the regular expression that finds it in a word that is at least as long.
        of_token_V: the id of that of each word; `UNK` where the word has none.
        reader: gives, for each word of a text, the id of that of the word; `UNK` without one.
    """

    ids: dict[str, int]
    pattern: str
    of_token_V: Tensor
    reader: Tokenizer


def affix_tokens(
    words: list[str], prefix_length: int | None, suffix_length: int | None
) -> list[str]:
    """Gives the tokens of the beginnings and ends of some words, which come in this order.

    A word with fewer characters has no beginning, and one with no more characters no end: it would
    be the word itself. A length of None gives none.
    """
    prefixes, suffixes = set[str](), set[str]()
    for word in words:
        if prefix_length is not None and len(word) >= prefix_length:
            prefixes.add(word[:prefix_length] + REST)
        if suffix_length is not None and len(word) > suffix_length:
            suffixes.add(REST + word[-suffix_length:])
    return sorted(prefixes) + sorted(suffixes)


def sort_affixes(tokens: list[str]) -> tuple[list[str], list[str]]:
    """Finds the beginnings and the ends of words among the tokens of a vocabulary, as tokens.

    Raises:
        ValueError: they are not the last tokens, in this order, have not one length each, or are
            too long.
    """
    prefixes = [token for token in tokens if token.endswith(REST)]
    suffixes = [token for token in tokens if token.startswith(REST)]
    both = prefixes + suffixes
    if tokens[len(tokens) - len(both) :] != both:
        raise ValueError
    for kind in (prefixes, suffixes):
        lengths = {len(token) - len(REST) for token in kind}
        if len(lengths) > 1 or not all(1 <= length <= LONGEST_AFFIX for length in lengths):
            raise ValueError
    return prefixes, suffixes


@lru_cache(maxsize=16)
def affixes_of(tokenizer: Tokenizer) -> tuple[Affixes, ...]:
    """Finds the beginnings and the ends of words in a vocabulary, in the order they are tried.

    Only one of words can have any.
    """
    if not isinstance(tokenizer.model, models.WordLevel):
        return ()
    ids = tokenizer.get_vocab()
    tokens = sorted(ids, key=ids.__getitem__)
    found = []
    for kind in sort_affixes(tokens):
        if kind:
            begins, length = kind[0].endswith(REST), len(kind[0]) - len(REST)
            found.append(_affixes(tokenizer, ids, kind, begins=begins, length=length))
    return tuple(found)


def _affixes(
    tokenizer: Tokenizer, ids: dict[str, int], tokens: list[str], *, begins: bool, length: int
) -> Affixes:
    own = {token.strip(REST): ids[token] for token in tokens}
    of_token_V = torch.full((len(ids),), UNK)
    of_token_V[PAD] = PAD
    for token, number in ids.items():
        if number >= len(SPECIALS) and REST not in token:
            part = token[:length] if begins else token[-length:]
            of_token_V[number] = own.get(part, UNK) if begins or len(token) > length else UNK

    reader = Tokenizer(models.WordLevel({SPECIALS[UNK]: UNK, **own}, SPECIALS[UNK]))
    reader.normalizer = tokenizer.normalizer
    kept = Regex(f"^.{{1,{length}}}" if begins else f".{{1,{length}}}$")
    reader.pre_tokenizer = pre_tokenizers.Sequence(
        [tokenizer.pre_tokenizer, pre_tokenizers.Split(kept, "removed", invert=True)]
    )
    pattern = f"^.{{{length}}}" if begins else f".{{{length}}}$"
    return Affixes(own, pattern, of_token_V, reader)


def token_ids(tokenizer: Tokenizer, texts: list[str], encodings: list[Encoding]) -> list[list[int]]:
    """Gives the ids of texts that a tokenizer has encoded.

    A word that the vocabulary does not have is read as its beginning or, without one, as its end.
    """
    ids = [encoding.ids for encoding in encodings]
    for affixes in affixes_of(tokenizer):
        rows = [row for row, of_text in enumerate(ids) if UNK in of_text]
        parts = affixes.reader.encode_batch_fast([texts[row] for row in rows])
        for row, encoding in zip(rows, parts, strict=True):
            both = zip(ids[row], encoding.ids, strict=True)
            ids[row] = [part if number == UNK else number for number, part in both]
    return ids
