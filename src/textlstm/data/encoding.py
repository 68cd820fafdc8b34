"""Turns texts into ids, and learns the tokenizer for it; the cache keeps both by content."""

import hashlib
from itertools import chain
from pathlib import Path

import numpy as np
import tokenizers
import torch
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from torch import Tensor

from textlstm.cache import content_key, kept
from textlstm.data.batching import EncodedTexts
from textlstm.data.facts import SplitFacts
from textlstm.data.sources import Source
from textlstm.data.tokenizer import (
    LEAST_OFTEN,
    Encoded,
    encode,
    load_tokenizer,
    train_tokenizer,
)
from textlstm.data.unlabelled import Unlabelled
from textlstm.data.vocabulary import SPECIALS, UNK, affixes_of
from textlstm.terminal import counted


def learn_tokenizer(
    source: Source,
    row_numbers: np.ndarray,
    kind: str,
    vocab_size: int,
    prefix_length: int | None,
    suffix_length: int | None,
    cache: Path,
    unlabelled: Unlabelled | None = None,
) -> tuple[Tokenizer, bool]:
    """Learns a tokenizer from some rows of a source, or reads it from the cache.

    Unlabelled texts are read, too: a language model can learn words that no labelled text has.

    Returns:
        The tokenizer, and whether the cache had it.
    """

    def learn(folder: Path) -> None:
        texts, total = source.texts(row_numbers), len(row_numbers)
        if unlabelled is not None:
            texts = chain(texts, unlabelled.texts(unlabelled.row_numbers))
            total += len(unlabelled.row_numbers)
        read = counted(texts, "texts read for the vocabulary", total=total)
        tokenizer = train_tokenizer(
            read,
            kind=kind,
            vocab_size=vocab_size,
            prefix_length=prefix_length,
            suffix_length=suffix_length,
        )
        (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")

    def load(folder: Path) -> Tokenizer:
        return load_tokenizer((folder / "tokenizer.json").read_text(encoding="utf-8"))

    parts = [prefix_length, suffix_length, source.key, _digest(row_numbers)]
    if unlabelled is not None:
        parts += [unlabelled.key, _digest(unlabelled.row_numbers)]
    name = f"tokenizer-{content_key(tokenizers.__version__, kind, vocab_size, LEAST_OFTEN, *parts)}"
    return kept(cache, name, learn, load)


def _digest(row_numbers: np.ndarray) -> str:
    return hashlib.sha256(row_numbers.astype(np.int64).tobytes()).hexdigest()


def encode_source(tokenizer: Tokenizer, source: Source | Unlabelled, cache: Path) -> Encoded:
    """Computes the ids of all texts of a source, uncut, or reads them from the cache."""

    def write(folder: Path) -> None:
        texts = counted(source.texts(), "texts tokenized", total=len(source.rows))
        (folder / "ids.safetensors").write_bytes(save(encode(tokenizer, texts)._asdict()))

    name = f"ids-{content_key(tokenizers.__version__, tokenizer.to_str(), source.key)}"
    return kept(
        cache, name, write, lambda folder: Encoded(**load_file(folder / "ids.safetensors"))
    )[0]


def describe(encoded: EncodedTexts, class_names: list[str]) -> SplitFacts:
    """Counts rows and classes, and measures lengths and the shares of what is cut or unknown."""
    uncut_N = encoded.lengths + encoded.skipped
    known_N = encoded.labels_N[encoded.labels_N < len(class_names)]
    rows_of_class = known_N.bincount(minlength=len(class_names)).tolist()
    return {
        "rows": len(encoded),
        "classes": dict(zip(class_names, rows_of_class, strict=True)),
        "mean_length": round(encoded.lengths.float().mean().item(), 1),
        "longest": int(uncut_N.max()),
        "cut_share": round((encoded.skipped > 0).float().mean().item(), 4),
        "unknown_share": round(encoded.unknown.sum().item() / max(1, int(uncut_N.sum())), 4),
    }


def unknown_words(texts: EncodedTexts, rows: Tensor, tokenizer: Tokenizer) -> float:
    """Estimates how many unknown words a new text has, on average, from some training texts.

    New texts hold unseen words about as often as these hold words that stand in them once (Good
    1953, "The Population Frequencies of Species and the Estimation of Population Parameters").
    Words for which the vocabulary had no place count each time: they are unknown in new texts, too.

    Args:
        texts: the training texts.
        rows: the places of the rows in `texts`.
        tokenizer: what their ids are of; a word that is read as a part of it is unknown here.
    """
    vocabulary = tokenizer.get_vocab_size()
    counts_V = torch.zeros(vocabulary, dtype=torch.long)
    for some in rows.split(1000):
        counts_V += (
            texts.__getitems__(some.tolist()).tokens_BT.flatten().bincount(minlength=vocabulary)
        )
    words = vocabulary - sum(len(affixes.ids) for affixes in affixes_of(tokenizer))
    once = int((counts_V[len(SPECIALS) : words] == 1).sum())
    return (once + int(counts_V[UNK] + counts_V[words:].sum())) / len(rows)
