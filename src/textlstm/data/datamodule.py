"""From labelled text to batches: binds sources, splits, tokenizer and batching for Lightning."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import DatasetDict
from tokenizers import Tokenizer

from textlstm.checks import InputError, check_choice
from textlstm.data.balance import class_weights, oversampled
from textlstm.data.batching import BatchLoader, EncodedTexts, batch_loader
from textlstm.data.classes import unseen_sentence
from textlstm.data.encoding import describe, encode_source, learn_tokenizer
from textlstm.data.facts import DataFacts, DivisionFacts, SplitFacts, StreamFacts
from textlstm.data.settings import DataSettings
from textlstm.data.sources import Source, load_source, load_stream
from textlstm.data.splits import SPLITS, join_validation, split_sources
from textlstm.data.stream_loader import BUFFER, StreamLoader
from textlstm.data.streaming import Stream
from textlstm.data.tokenizer import KINDS, load_tokenizer

log = logging.getLogger(__name__)

MANY_UNKNOWN = 0.1  # of the words of validation


class TextDataModule(pl.LightningDataModule):
    """Labelled text as batches of ids for training, validation and test.

    What is learned (the tokenizer, class weights) is learned from the training split alone. A
    missing validation split is cut from the training source, never borrowed from test.

    Args:
        settings: the keys of `data`.
        cache: a folder that keeps checked rows, trained tokenizers and ids by content.
        seed: the order of the training batches; which rows are held out is `split_seed`'s matter,
            so that runs with other seeds share their test set.
        tokenizer_json: a trained tokenizer to use instead of learning one.

    After `setup` there are, by split, `splits` (texts and labels) and `encoded` (ids), and of all:
    `class_names`, `tokenizer`, `class_weights`, `facts` for the record, and of a refit `held_out`,
    which says of each training row whether it was a validation row.

    Raises:
        InputError: an unknown tokenizer, at construction; data that cannot be used, in `setup`.
    """

    def __init__(
        self,
        settings: DataSettings,
        *,
        cache: Path,
        seed: int = 0,
        tokenizer_json: str | None = None,
    ) -> None:
        super().__init__()
        check_choice("data.tokenizer", settings.tokenizer, KINDS)
        self.settings, self.cache, self.seed = settings, cache, seed
        self.tokenizer_json = tokenizer_json
        self.splits: DatasetDict = DatasetDict()
        self.stream: Stream | None = None

    def setup(self, stage: str | None = None) -> None:
        """Reads, splits and tokenizes; does nothing the second time."""
        if self.splits:
            return
        sources = self._load()
        self.class_names: list[str] = sources["train"].class_names
        row_numbers, division = split_sources(sources, self.settings, self.settings.name)
        origins = {split: sources.get(split, sources["train"]) for split in SPLITS}
        if self.settings.refit:
            self.held_out = join_validation(origins, row_numbers)

        self.tokenizer, read_from = self._tokenizer(origins["train"], row_numbers["train"])
        self.encoded = {
            split: self._encode(source, row_numbers[split]) for split, source in origins.items()
        }
        self.splits = DatasetDict(
            {split: source.rows.select(row_numbers[split]) for split, source in origins.items()}
        )
        self.facts = self._describe(sources, division, read_from)
        self._warn()
        train = self.facts["splits"]["train"]
        self.class_weights = class_weights(self.settings.class_weights, train["classes"])

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that a run is not resumed on other rows."""
        return {"sources": self.facts["sources"]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        sources = self.facts["sources"]
        for split, then in state_dict["sources"].items():
            if split not in sources or sources[split]["sha256"] != then["sha256"]:
                raise InputError(
                    f"data.{split}: {then['path']} has changed since the run began, and a resumed "
                    f"run goes on with the same rows. Put them back, or start a new run."
                )

    def steps_per_epoch(self) -> int:
        return len(self.train_dataloader())

    def train_dataloader(self) -> BatchLoader | StreamLoader:
        if self.stream is not None:
            return StreamLoader(
                self.stream,
                len(self.stream),
                self.tokenizer,
                batch=self.settings,
                cut=self.settings,
                seed=self.seed,
            )
        row_numbers = None
        if self.settings.oversample:
            row_numbers = oversampled(self.encoded["train"].labels_N, self.settings.split_seed)
        return self._loader("train", shuffle=True, seed=self.seed, rows=row_numbers)

    def val_dataloader(self) -> BatchLoader:
        return self._loader("validation", shuffle=False)

    def test_dataloader(self) -> BatchLoader:
        return self._loader("test", shuffle=False)

    def _loader(self, split: str, **options: Any) -> BatchLoader:
        if self.trainer is not None:  # there is none yet when the steps of an epoch are asked for
            options |= {"rank": self.trainer.global_rank, "world": self.trainer.world_size}
        return batch_loader(
            self.encoded[split],
            self.settings.batch_size,
            max_tokens=self.settings.max_tokens_per_batch,
            **options,
        )

    def _load(self) -> dict[str, Source]:
        if not self.settings.streaming:
            return load_source(self.settings, cache=self.cache)
        sample_size = self.settings.streaming_rows
        self.stream, sources = load_stream(self.settings, sample_size=sample_size, cache=self.cache)
        return sources

    def _tokenizer(self, source: Source, row_numbers: np.ndarray) -> tuple[Tokenizer, str]:
        """The tokenizer, and where it comes from."""
        if self.tokenizer_json is not None:
            return load_tokenizer(self.tokenizer_json), "the run's own record"
        tokenizer, found = learn_tokenizer(source, row_numbers, self.settings, self.cache)
        return tokenizer, "the cache" if found else "the training split"

    def _encode(self, source: Source, row_numbers: np.ndarray) -> EncodedTexts:
        return EncodedTexts(
            encode_source(self.tokenizer, source, self.cache),
            torch.from_numpy(source.labels_N[row_numbers]),
            rows=torch.from_numpy(row_numbers),
            cut=self.settings,
            unseen=source.unseen,
        )

    def _describe(
        self, sources: dict[str, Source], division: DivisionFacts, read_from: str
    ) -> DataFacts:
        splits = {
            split: describe(encoded, self.class_names) for split, encoded in self.encoded.items()
        }
        streaming: StreamFacts | None = None

        if self.stream is not None:
            streaming = {"sample": splits["train"]["rows"]}
            splits["train"] = self._describe_stream(splits["train"])
            division = {
                **division,
                "dropped": {**division["dropped"], "train": self.stream.dropped},
            }

        return {
            **division,
            "streaming": streaming,
            "tokenizer": {
                "kind": self.settings.tokenizer,
                "size": self.tokenizer.get_vocab_size(),
                "read_from": read_from,
                # Trained again on the same texts it would give other ids: the saved file is the
                # only original.
                "reproducible": self.settings.tokenizer != "unigram",
            },
            "sources": {
                split: source.origin
                for split, source in sources.items()
                if source.origin is not None
            },
            "columns": sources["train"].columns,
            "first_number": sources["train"].first_number,
            "empty": {split: sum(source.empty.values()) for split, source in sources.items()},
            "splits": splits,
        }

    def _describe_stream(self, sample: SplitFacts) -> SplitFacts:
        """The training split of a stream: all its rows, with the lengths of the sample."""
        assert self.stream is not None
        classes = dict(zip(self.class_names, self.stream.rows_of_class, strict=True))
        return {**sample, "rows": len(self.stream), "classes": classes}

    def _warn(self) -> None:
        if self.stream is not None:
            shuffled = BUFFER * self.settings.batch_size
            if self.stream.longest_run > shuffled:
                log.warning(
                    "data.train: %d rows of one class follow each other, and streaming shuffles %d "
                    "rows at a time. Shuffle the file.",
                    self.stream.longest_run,
                    shuffled,
                )
        if any(self.facts["unseen"].values()):
            log.warning("%s", unseen_sentence(self.facts["unseen"], self.class_names))
        if self.settings.refit or self.settings.tokenizer != "word":
            return
        share = self.facts["splits"]["validation"]["unknown_share"]

        if share > MANY_UNKNOWN:
            log.warning(
                "%.1f%% of the words of validation are unknown to the vocabulary of %d learned "
                "from "
                "training; data.tokenizer=bpe splits words into known parts.",
                100 * share,
                self.tokenizer.get_vocab_size(),
            )
