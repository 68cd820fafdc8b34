"""From labelled text to batches: binds sources, splits, tokenizer and batching for Lightning."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import DatasetDict
from tokenizers import Tokenizer

from textlstm.balance import check_balance, class_weights, evened_out
from textlstm.batching import BUFFER, BatchLoader, EncodedTexts, StreamLoader, batch_loader, check_cut
from textlstm.checks import InputError, choice, flag, whole
from textlstm.encoding import describe, encode_source, learn_tokenizer
from textlstm.sources import Source, load_source, load_stream
from textlstm.splits import SPLITS, Splitter, join_validation
from textlstm.tokenizer import KINDS, load_tokenizer

log = logging.getLogger(__name__)

MANY_UNKNOWN = 0.1  # of the words of validation


class TextDataModule(pl.LightningDataModule):
    """Labelled text as batches of ids for training, validation and test.

    Args:
        source, train, validation, test, name, config, text_column, label_column, label_names, encoding, drop_empty:
            see `sources.load_source`.
        val_fraction, test_fraction: shares of the training source that are held out where no file or split
            is given; a missing validation split is never borrowed from test.
        folds, fold: cross-validation: what the test set leaves of the training source is divided into `folds` parts,
            of which number `fold` (from 0) validates; val_fraction is not read.
        refit: train on the training and validation rows together, with no validation.
        split_seed: which rows are held out; apart from `seed`, so that runs with other seeds share their test set.
        tokenizer, vocab_size: see `tokenizer.train_tokenizer`; learned from the training split alone.
        max_length, truncate: tokens of a text, and which of a longer one stay: see `batching.EncodedTexts`.
        pad_to: a fixed length in place of the longest text of each batch; needs max_length <= pad_to.
        batch_size, max_tokens_per_batch: most texts and most tokens, padding counted, of a batch, which several
            devices divide among them.
        streaming: keep no training rows: read and tokenize them anew in each epoch. The training split is then known by
            its first `streaming_rows` rows, from which the tokenizer is learned, too; needs validation and test.
        max_rows: at most so many rows of the training source, drawn at random; None takes all.
        class_weights: weights of the classes in the loss: None, "balanced" (rows / (classes × rows of the
            class), as in scikit-learn) or a list in the order of the classes.
        oversample: repeat rows of the smaller classes, in training alone, until all are as large as the largest.
        cache: a folder that keeps checked rows, trained tokenizers and ids by content.
        seed: the order of the training batches.
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
        text_column: str | list[str] | None,
        label_column: str | None,
        label_names: list[str] | None,
        encoding: str | None,
        drop_empty: bool,
        val_fraction: float,
        test_fraction: float,
        folds: int | None,
        fold: int | None,
        refit: bool,
        streaming: bool,
        streaming_rows: int,
        split_seed: int,
        tokenizer: str,
        vocab_size: int,
        max_length: int | None,
        truncate: str,
        pad_to: int | None,
        batch_size: int,
        max_tokens_per_batch: int,
        class_weights: str | list[float] | None,
        oversample: bool,
        max_rows: int | None,
        cache: Path,
        seed: int = 0,
        tokenizer_json: str | None = None,
    ) -> None:
        super().__init__()
        self.splitter = Splitter(
            fractions={"validation": val_fraction, "test": test_fraction},
            folds=folds,
            fold=fold,
            refit=refit,
            max_rows=max_rows,
            seed=split_seed,
            validation=validation,
        )
        choice("data.tokenizer", tokenizer, KINDS)
        whole("data.vocab_size", vocab_size, minimum=3)
        whole("data.batch_size", batch_size, minimum=1)
        whole("data.max_tokens_per_batch", max_tokens_per_batch, minimum=1)
        check_cut(max_length, truncate, pad_to)
        flag("data.drop_empty", drop_empty)
        check_balance(class_weights, oversample)
        flag("data.streaming", streaming)
        whole("data.streaming_rows", streaming_rows, minimum=1)
        if streaming:
            whole_rows = {"data.folds": folds, "data.refit": refit, "data.oversample": oversample}
            _check_streaming(
                {**whole_rows, "data.max_rows": max_rows}, batch_size, max_length, pad_to, max_tokens_per_batch
            )
        self.source: dict[str, Any] = {
            "source": source,
            "train": train,
            "validation": validation,
            "test": test,
            "name": name,
            "config": config,
            "text_column": text_column,
            "label_column": label_column,
            "label_names": label_names,
            "encoding": encoding,
            "drop_empty": drop_empty,
        }
        self.streaming, self.streaming_rows = streaming, streaming_rows
        self.refit, self.split_seed, self.seed = refit, split_seed, seed
        self.kind, self.vocab_size = tokenizer, vocab_size
        self.cut: dict[str, Any] = {"max_length": max_length, "truncate": truncate, "pad_to": pad_to}
        self.batch_size, self.max_tokens = batch_size, max_tokens_per_batch
        self.weights, self.oversample = class_weights, oversample
        self.cache, self.tokenizer_json = cache, tokenizer_json
        self.splits: DatasetDict = DatasetDict()

    def setup(self, stage: str | None = None) -> None:
        """Reads, splits, tokenizes; what is done is not done again."""
        if self.splits:
            return
        if self.streaming:
            self.stream, sources = load_stream(**self.source, rows=self.streaming_rows, cache=self.cache)
        else:
            sources = load_source(**self.source, cache=self.cache)
        self.labels: list[str] = sources["train"].rows.features["label"].names
        rows, self.facts = self.splitter.split(sources, self.source["name"])
        self.facts["streaming"] = None
        origins = {split: sources.get(split, sources["train"]) for split in SPLITS}
        if self.refit:
            self.held_out = join_validation(origins, rows)
        self.tokenizer, read_from = self._tokenizer(origins["train"], rows["train"])
        self.encoded = {split: self._encoded(origin, rows[split]) for split, origin in origins.items()}
        self.splits = DatasetDict({split: origin.rows.select(rows[split]) for split, origin in origins.items()})
        self.facts |= {
            "tokenizer": {
                "kind": self.kind,
                "size": self.tokenizer.get_vocab_size(),
                "read_from": read_from,
                # Training it again on the same texts would give other ids: the saved file is the only original.
                "reproducible": self.kind != "unigram",
            },
            "sources": {split: source.origin for split, source in sources.items() if source.origin},
            "columns": sources["train"].columns,
            "first_number": sources["train"].first_number,
            "empty": {split: sum(source.empty.values()) for split, source in sources.items()},
            "splits": {split: describe(encoded, self.labels) for split, encoded in self.encoded.items()},
        }
        if self.streaming:
            self._describe_stream()
        if not self.refit:
            self._say_unknown()
        self.class_weights = class_weights(self.weights, self.facts["splits"]["train"]["classes"])

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that a run is not resumed on other rows."""
        return {"sources": self.facts["sources"]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for split, then in state_dict["sources"].items():
            if self.facts["sources"].get(split, {}).get("sha256") != then["sha256"]:
                raise InputError(
                    f"data.{split}: {then['path']} has changed since the run began, and a resumed run goes on with the "
                    f"same rows. Put them back, or start a new run."
                )

    def steps_per_epoch(self) -> int:
        return len(self.train_dataloader())

    def train_dataloader(self) -> BatchLoader | StreamLoader:
        if self.streaming:
            options: dict[str, Any] = {"seed": self.seed, "max_tokens": self.max_tokens, "cut": self.cut}
            return StreamLoader(self.stream, len(self.stream), self.tokenizer, self.batch_size, **options)
        rows = evened_out(self.encoded["train"].labels, self.split_seed) if self.oversample else None
        return self._loader("train", shuffle=True, seed=self.seed, rows=rows)

    def val_dataloader(self) -> BatchLoader:
        return self._loader("validation", shuffle=False)

    def test_dataloader(self) -> BatchLoader:
        return self._loader("test", shuffle=False)

    def _loader(self, split: str, **options: Any) -> BatchLoader:
        if self.trainer is not None:  # there is none yet when the steps of an epoch are asked for
            options |= {"rank": self.trainer.global_rank, "world": self.trainer.world_size}
        return batch_loader(self.encoded[split], self.batch_size, max_tokens=self.max_tokens, **options)

    def _tokenizer(self, source: Source, rows: np.ndarray) -> tuple[Tokenizer, str]:
        """The tokenizer, and where it comes from."""
        if self.tokenizer_json is not None:
            return load_tokenizer(self.tokenizer_json), "the run's own record"
        tokenizer, found = learn_tokenizer(source, rows, self.cache, kind=self.kind, vocab_size=self.vocab_size)
        return tokenizer, "the cache" if found else "the training split"

    def _encoded(self, source: Source, rows: np.ndarray) -> EncodedTexts:
        encoded = encode_source(self.tokenizer, source, self.cache)
        return EncodedTexts(encoded, torch.from_numpy(source.labels[rows]), rows=torch.from_numpy(rows), **self.cut)

    def _say_unknown(self) -> None:
        share = self.facts["splits"]["validation"]["unknown_share"]
        if self.kind == "word" and share > MANY_UNKNOWN:
            log.warning(
                "%.1f%% of the words of validation are unknown to the vocabulary of %d learned from training; "
                "data.tokenizer=bpe splits words into known parts.",
                *(100 * share, self.tokenizer.get_vocab_size()),
            )

    def _describe_stream(self) -> None:
        """What the facts say of the training rows that are known by the first of them."""
        facts = self.facts["splits"]["train"]
        self.facts["streaming"] = {"sample": facts["rows"]}
        facts["rows"] = len(self.stream)
        facts["classes"] = dict(zip(self.labels, self.stream.rows_of_class, strict=True))
        self.facts["dropped"]["train"] = self.stream.dropped
        for unknown in ("duplicates", "conflicts"):
            del self.facts[unknown]["train"]
        if self.stream.longest_run > BUFFER * self.batch_size:
            log.warning(
                "data.train: %d rows of one class follow each other, and streaming shuffles %d rows at a time. Shuffle "
                "the file.",
                *(self.stream.longest_run, BUFFER * self.batch_size),
            )


def _check_streaming(
    whole_rows: dict[str, Any], batch_size: int, max_length: int | None, pad_to: int | None, max_tokens: int
) -> None:
    for key, value in whole_rows.items():
        if value:
            raise InputError(
                f"{key}={str(value).lower()} needs all rows, and data.streaming=true keeps none: give one."
            )
    if max_length is None or batch_size * (pad_to or max_length) > max_tokens:
        raise InputError(
            f"data.streaming=true makes all batches of data.batch_size texts, so that the steps of an epoch are known: "
            f"data.batch_size × data.max_length ({batch_size} × {pad_to or max_length}) must be at most "
            f"data.max_tokens_per_batch={max_tokens}. Lower one of the two."
        )
