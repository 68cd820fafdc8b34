"""Learns tokenizers, which turn text into token ids and are stored as JSON."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from textlstm.checks import InputError, check_choice, check_whole
from textlstm.data.vocabulary import PAD, SPECIALS, UNK

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CHARACTERS = 1_000_000  # of the texts whose encodings are in memory together


class Kind(NamedTuple):
    """A kind of tokenizer.

    Args:
        splits_words: whether words are split into known parts.
        make: gives an untrained tokenizer and its trainer, for the fixed tokens and the size of the
            vocabulary.
    """

    splits_words: bool
    make: Callable[[list[str], int], tuple[Tokenizer, trainers.Trainer]]


def _word(fixed: list[str], vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocab_size, special_tokens=fixed, show_progress=False
    )
    return Tokenizer(models.WordLevel(unk_token="[UNK]")), trainer


def _bpe(fixed: list[str], vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=fixed,
        limit_alphabet=vocab_size - len(fixed),
        show_progress=False,
    )
    return Tokenizer(models.BPE(unk_token="[UNK]", byte_fallback=True)), trainer


def _unigram(fixed: list[str], vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=fixed, unk_token="[UNK]", show_progress=False
    )
    return Tokenizer(models.Unigram()), trainer


KINDS = {
    "word": Kind(False, _word),
    "bpe": Kind(True, _bpe),
    "unigram": Kind(True, _unigram),
}


def train_tokenizer(texts: Iterable[str], *, kind: str, vocab_size: int) -> Tokenizer:
    """Learns a vocabulary of at most `vocab_size` tokens, `[PAD]` 0 and `[UNK]` 1 among them.

    (`unigram` keeps each character of the training texts, even if that makes it larger.)
    All kinds normalise to NFKC, lower case and single spaces. `word` splits at spaces and
    punctuation; what it did not see is `[UNK]`. `bpe` (Sennrich et al. 2016) and `unigram` (Kudo
    2018) split words further; a character that they did not see becomes its UTF-8 bytes.

    Raises:
        InputError: an unknown kind, or a vocabulary too small for the kind's fixed tokens.
    """
    check_choice("data.tokenizer", kind, KINDS)
    splits_words, make = KINDS[kind]
    fixed = SPECIALS + BYTES if splits_words else SPECIALS
    check_whole("data.vocab_size", vocab_size, minimum=1)
    if vocab_size <= len(fixed):
        kept = "unknowns and single bytes" if splits_words else "unknowns"
        raise InputError(
            f"data.vocab_size must be above {len(fixed)} for data.tokenizer={kind}, which keeps "
            f"{len(fixed)} ids for padding, {kept}; got {vocab_size}."
        )

    tokenizer, trainer = make(fixed, vocab_size)
    tokenizer.normalizer = text_normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if splits_words:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
        )
    tokenizer.train_from_iterator(texts, trainer)
    return load_tokenizer(tokenizer.to_str())


def text_normalizer() -> normalizers.Normalizer:
    """NFKC, lower case and single spaces, without any at the ends."""
    return normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )


def load_tokenizer(text: str) -> Tokenizer:
    """Reads a tokenizer from its JSON.

    No text can spell a special token for it: "[PAD]" is a word like any other.

    Raises:
        InputError: JSON of something else, or of a tokenizer that textlstm did not make.
    """
    content = json.loads(text)
    content["added_tokens"] = []
    if content["model"]["type"] == "Unigram":
        content["model"]["byte_fallback"] = True
    try:
        tokenizer = Tokenizer.from_str(json.dumps(content, ensure_ascii=False))
    except Exception as error:  # the library raises no class of its own
        raise InputError(f"The tokenizer's JSON cannot be read: {error}") from error
    vocabulary = tokenizer.get_vocab()
    if vocabulary.get("[PAD]") != PAD or vocabulary.get("[UNK]") != UNK:
        raise InputError(
            "The tokenizer's JSON has no [PAD] at id 0 and [UNK] at id 1: it was not made by "
            "textlstm."
        )
    return tokenizer


class Encoded(NamedTuple):
    """Ids of N texts.

    Args:
        tokens: the ids of all texts end to end (int32).
        lengths: the number of ids of each text.
        unknown: how many of them are unknown.
    """

    tokens: Tensor
    lengths: Tensor
    unknown: Tensor


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> Encoded:
    """Turns all texts into ids, uncut; the tokenizer works on all cores."""
    tokens, lengths, unknown = ([np.empty(0, np.int32)] for _ in range(3))
    for chunk in _chunks(texts):
        ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(chunk)]
        lengths.append(np.fromiter(map(len, ids), np.int32, len(ids)))
        tokens.append(np.fromiter(chain.from_iterable(ids), np.int32, int(lengths[-1].sum())))
        text_of_token = np.repeat(np.arange(len(ids)), lengths[-1])
        unknown.append(
            np.bincount(text_of_token[tokens[-1] == UNK], minlength=len(ids)).astype(np.int32)
        )
    return Encoded(
        *(torch.from_numpy(np.concatenate(parts)) for parts in (tokens, lengths, unknown))
    )


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Groups texts that are encoded together: each token takes some hundred bytes meanwhile."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if characters >= CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
