"""Texts as ids, and the tokenizer that makes them: each computed once and kept by content."""

import hashlib
from pathlib import Path

import numpy as np
import tokenizers
from safetensors.torch import load_file, save
from tokenizers import Tokenizer

from textlstm.cache import content_key, kept
from textlstm.data.batching import EncodedTexts
from textlstm.data.facts import SplitFacts
from textlstm.data.sources import Source
from textlstm.data.tokenizer import Encoded, encode, load_tokenizer, train_tokenizer
from textlstm.terminal import counted


def learn_tokenizer(
    source: Source, rows: np.ndarray, cache: Path, *, kind: str, vocab_size: int
) -> tuple[Tokenizer, bool]:
    """The tokenizer that these rows of a source teach, and whether the cache had it."""

    def learn(folder: Path) -> None:
        read = counted(source.texts(rows), "texts read for the vocabulary", total=len(rows))
        tokenizer = train_tokenizer(read, kind=kind, vocab_size=vocab_size)
        (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")

    def load(folder: Path) -> Tokenizer:
        return load_tokenizer((folder / "tokenizer.json").read_text(encoding="utf-8"))

    texts = hashlib.sha256(rows.astype(np.int64).tobytes()).hexdigest()
    name = f"tokenizer-{content_key(tokenizers.__version__, kind, vocab_size, source.key, texts)}"
    return kept(cache, name, learn, load)


def encode_source(tokenizer: Tokenizer, source: Source, cache: Path) -> Encoded:
    """The ids of all texts of a source, whole, kept by content."""

    def write(folder: Path) -> None:
        texts = counted(source.texts(), "texts tokenized", total=len(source.rows))
        (folder / "ids.safetensors").write_bytes(save(encode(tokenizer, texts)._asdict()))

    name = f"ids-{content_key(tokenizers.__version__, tokenizer.to_str(), source.key)}"
    return kept(
        cache, name, write, lambda folder: Encoded(**load_file(folder / "ids.safetensors"))
    )[0]


def describe(encoded: EncodedTexts, labels: list[str]) -> SplitFacts:
    """Rows, classes, length in tokens, and the shares of texts cut and of tokens unknown."""
    whole = encoded.lengths + encoded.skipped
    return {
        "rows": len(encoded),
        "classes": dict(
            zip(labels, encoded.labels.bincount(minlength=len(labels)).tolist(), strict=True)
        ),
        "mean_length": round(encoded.lengths.float().mean().item(), 1),
        "longest": int(whole.max()),
        "cut_share": round((encoded.skipped > 0).float().mean().item(), 4),
        "unknown_share": round(encoded.unknown.sum().item() / max(1, int(whole.sum())), 4),
    }
