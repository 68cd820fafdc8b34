"""From labelled text to batches: binds sources, splits, tokenizer and batching for Lightning."""

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import tokenizers
import torch
from datasets import Dataset, DatasetDict
from tokenizers import Tokenizer
from torch.utils.data import DataLoader

from textlstm.batching import EncodedTexts, batch_loader
from textlstm.checks import InputError, choice, number, whole
from textlstm.sources import NEWSWIRE4, checksum, load_source
from textlstm.splits import normalise, rows_not_in, split_rows
from textlstm.tokenizer import KINDS, encode, load_tokenizer, train_tokenizer
from textlstm.vocabulary import UNK

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")


class TextDataModule(pl.LightningDataModule):
    """Labelled text as batches of ids for training, validation and test.

    Args:
        source, train, validation, test, name, config, text_column, label_column: see `sources.load_source`.
        val_fraction, test_fraction: shares of the training source that are held out where no file or split
            is given; a missing validation split is never borrowed from test.
        split_seed: which rows are held out; apart from `seed`, so that runs with other seeds share their test set.
        tokenizer, vocab_size: see `tokenizer.train_tokenizer`; learned from the training split alone.
        max_length: tokens after which a text is cut.
        pad_to: a fixed length in place of the longest text of each batch; needs max_length <= pad_to.
        batch_size: texts per batch.
        max_rows: at most so many rows of the training source, drawn at random; None takes all.
        class_weights: weights of the classes in the loss: None, "balanced" (rows / (classes × rows of the
            class), as in scikit-learn) or a list in the order of the classes.
        seed: the order of the training batches.
        cache: a folder that keeps trained tokenizers by content, or None.
        tokenizer_json: a trained tokenizer to use instead of learning one.

    Raises:
        InputError: a value outside its range, at construction; data that cannot be used, in `setup`.
    """

    def __init__(
        self,
        *,
        source: str,
        train: str | None,
        validation: str | None,
        test: str | None,
        name: str | None,
        config: str | None,
        text_column: str,
        label_column: str,
        val_fraction: float,
        test_fraction: float,
        split_seed: int,
        tokenizer: str,
        vocab_size: int,
        max_length: int | None,
        pad_to: int | None,
        batch_size: int,
        class_weights: str | list[float] | None,
        max_rows: int | None,
        seed: int = 0,
        cache: Path | None = None,
        tokenizer_json: str | None = None,
    ) -> None:
        super().__init__()
        number("data.val_fraction", val_fraction, minimum=0, below=1)
        number("data.test_fraction", test_fraction, minimum=0, below=1)
        if val_fraction + test_fraction >= 1:
            raise InputError(
                f"data.val_fraction + data.test_fraction must be below 1 so that rows are left to train on, "
                f"got {val_fraction:g} + {test_fraction:g}."
            )
        whole("data.split_seed", split_seed, minimum=0)
        choice("data.tokenizer", tokenizer, KINDS)
        whole("data.vocab_size", vocab_size, minimum=3)
        whole("data.batch_size", batch_size, minimum=1)
        if max_rows is not None:
            whole("data.max_rows", max_rows, minimum=1)
        if max_length is not None:
            whole("data.max_length", max_length, minimum=1)
        if pad_to is not None:
            whole("data.pad_to", pad_to, minimum=1)
            if max_length is None or max_length > pad_to:
                raise InputError(f"data.pad_to={pad_to} needs data.max_length of at most {pad_to}, got {max_length}.")
        self.source: dict[str, Any] = {
            "source": source,
            "train": train,
            "validation": validation,
            "test": test,
            "name": name,
            "config": config,
            "text_column": text_column,
            "label_column": label_column,
        }
        self.fractions = {"validation": val_fraction, "test": test_fraction}
        self.split_seed, self.seed, self.max_rows = split_seed, seed, max_rows
        self.kind, self.vocab_size = tokenizer, vocab_size
        self.max_length, self.pad_to, self.batch_size = max_length, pad_to, batch_size
        self.weights = class_weights
        self.cache, self.tokenizer_json = cache, tokenizer_json
        self.splits: DatasetDict = DatasetDict()

    def setup(self, stage: str | None = None) -> None:
        """Reads, splits, tokenizes; what is done is not done again."""
        if self.splits:
            return
        self.facts: dict[str, Any] = {"sources": self._checksums(), "dropped": {}}
        splits = self._split(load_source(**self.source))
        self.labels: list[str] = splits["train"].features["label"].names
        self.tokenizer = self._tokenizer(splits["train"])
        self.encoded = {
            split: encode_rows(self.tokenizer, rows, self.max_length, self.pad_to) for split, rows in splits.items()
        }
        self.facts["splits"] = {split: describe(rows, self.encoded[split]) for split, rows in splits.items()}
        self.class_weights = self._class_weights(splits["train"])
        self.splits = splits

    def steps_per_epoch(self) -> int:
        return -(-len(self.encoded["train"]) // self.batch_size)

    def train_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.encoded["train"], self.batch_size, shuffle=True, seed=self.seed)

    def val_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.encoded["validation"], self.batch_size, shuffle=False)

    def test_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.encoded["test"], self.batch_size, shuffle=False)

    def _split(self, given: DatasetDict) -> DatasetDict:
        train, held_out = given["train"], {split: given[split] for split in ("validation", "test") if split in given}
        if len(held_out) == 2:
            held_out["validation"] = self._apart("validation", held_out["validation"], {"test": held_out["test"]})
        train = self._apart("train", train, held_out)
        # Test is cut first, so that its rows do not depend on how many validate.
        missing = [split for split in ("test", "validation") if split not in held_out]
        for split in missing:
            if self.fractions[split] == 0:
                key = {"validation": "val", "test": "test"}[split]
                raise InputError(f"There is no {split} set: give data.{split}=FILE or data.{key}_fraction above 0.")
        if self.max_rows is not None and self.max_rows < len(train):
            chosen = np.random.default_rng(self.split_seed).choice(len(train), self.max_rows, replace=False)
            train = train.select(np.sort(chosen))
        parts = split_rows(
            train["text"],
            np.array(train["label"][:]),
            [self.fractions[split] for split in missing],
            seed=self.split_seed,
        )
        cut = {split: train.select(rows) for split, rows in zip([*missing, "train"], parts, strict=True)}
        return DatasetDict({split: {**held_out, **cut}[split] for split in SPLITS})

    def _apart(self, split: str, rows: Dataset, held_out: dict[str, Dataset]) -> Dataset:
        """The rows of a split whose texts do not stand in those held out as well; how many do is recorded."""
        texts = {normalise(text) for others in held_out.values() for text in others["text"]}
        kept = rows_not_in(rows["text"], texts) if texts else np.arange(len(rows))
        dropped = len(rows) - len(kept)
        self.facts["dropped"][split] = dropped
        if not len(kept):
            raise InputError(f"Every {split} row also stands in {' or '.join(held_out)}: no row of {split} is left.")
        if dropped:
            log.info("%d %s rows also stand in %s: dropped.", dropped, split, " or ".join(held_out))
        return rows.select(kept)

    def _tokenizer(self, train: Dataset) -> Tokenizer:
        if self.tokenizer_json is not None:
            return self._record(load_tokenizer(self.tokenizer_json), "the run's own record")
        texts = train["text"][:]
        content = hashlib.sha256(f"{tokenizers.__version__} {self.kind} {self.vocab_size}".encode())
        for text in texts:
            content.update(text.encode() + b"\0")
        cached = (self.cache or Path()) / f"tokenizer-{self.kind}-{content.hexdigest()[:16]}.json"
        found = self.cache is not None and cached.is_file()
        if found:
            tokenizer = load_tokenizer(cached.read_text(encoding="utf-8"))
        else:
            tokenizer = train_tokenizer(texts, kind=self.kind, vocab_size=self.vocab_size)
            if self.cache is not None:
                cached.parent.mkdir(parents=True, exist_ok=True)
                unfinished = cached.with_suffix(f".{os.getpid()}")
                unfinished.write_text(tokenizer.to_str(), encoding="utf-8")
                unfinished.replace(cached)
        return self._record(tokenizer, "the cache" if found else "the training split")

    def _record(self, tokenizer: Tokenizer, origin: str) -> Tokenizer:
        self.facts["tokenizer"] = {
            "kind": self.kind,
            "size": tokenizer.get_vocab_size(),
            "read_from": origin,
            # Training it again on the same texts would give other ids: the saved file is the only original.
            "reproducible": self.kind != "unigram",
        }
        return tokenizer

    def _class_weights(self, train: Dataset) -> list[float] | None:
        classes = len(self.labels)
        if self.weights is None:
            return None
        if self.weights == "balanced":
            rows = np.bincount(train["label"][:], minlength=classes)
            return (rows.sum() / (classes * np.maximum(rows, 1))).tolist()
        if not isinstance(self.weights, list) or len(self.weights) != classes:
            raise InputError(
                f"data.class_weights must be null, balanced or a list of {classes} numbers "
                f"(for {', '.join(self.labels)}), got {self.weights!r}."
            )
        for weight in self.weights:
            number("each of data.class_weights", weight, minimum=0)
        if not any(self.weights):
            raise InputError("data.class_weights are all zero: nothing would be learned.")
        return [float(weight) for weight in self.weights]

    def _checksums(self) -> dict[str, dict[str, str]]:
        """The absolute path and checksum of each file that is read."""
        if self.source["source"] == "hub":
            return {}
        paths = {split: self.source[split] for split in SPLITS}
        if paths["train"] is None:
            paths["train"] = str(NEWSWIRE4)
        files = {split: Path(path).expanduser().absolute() for split, path in paths.items() if path is not None}
        return {s: {"path": str(file), "sha256": checksum(file)} for s, file in files.items() if file.is_file()}


def encode_rows(tokenizer: Tokenizer, rows: Dataset, max_length: int | None, pad_to: int | None) -> EncodedTexts:
    """Labelled texts as ids, cut to max_length."""
    tokens, offsets, cut_texts = encode(tokenizer, rows["text"][:], max_length)
    return EncodedTexts(tokens, offsets, torch.tensor(rows["label"][:]), cut_texts=cut_texts, pad_to=pad_to)


def describe(rows: Dataset, encoded: EncodedTexts) -> dict[str, Any]:
    """Rows, classes, length, and the shares of texts cut and tokens unknown."""
    labels = rows.features["label"].names
    counts = np.bincount(rows["label"][:], minlength=len(labels))
    return {
        "rows": len(rows),
        "classes": dict(zip(labels, counts.tolist(), strict=True)),
        "mean_length": round(encoded.lengths.float().mean().item(), 1),
        "cut_share": round(encoded.cut_texts / len(rows), 4),
        "unknown_share": round((encoded.tokens == UNK).float().mean().item(), 4) if len(encoded.tokens) else 0.0,
    }
