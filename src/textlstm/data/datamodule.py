"""Binds sources, splits, tokenizer and batching together for Lightning: from text to batches."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import DatasetDict
from tokenizers import Tokenizer
from torch import Tensor

from textlstm.checks import InputError, check_choice
from textlstm.data.balance import class_weights, oversampled
from textlstm.data.batching import IGNORED, BatchLoader, EncodedTexts, batch_loader
from textlstm.data.classes import similar_groups, unseen_sentence
from textlstm.data.duration import batch_size_for
from textlstm.data.encoding import describe, encode_source, learn_tokenizer, unknown_words
from textlstm.data.facts import DataFacts, DivisionFacts, SplitFacts, StreamFacts
from textlstm.data.settings import DataSettings
from textlstm.data.sources import Source, load_source, load_stream
from textlstm.data.splits import SPLITS, join_validation, split_sources
from textlstm.data.stream_loader import BUFFER, StreamLoader
from textlstm.data.streaming import Stream
from textlstm.data.tokenizer import KINDS, LOOKED_AT, kind_for, kind_of, load_tokenizer
from textlstm.data.unlabelled import Unlabelled, load_unlabelled
from textlstm.data.vocabulary import affixes_of

log = logging.getLogger(__name__)

PIECES = (
    "The texts put no spaces between words, and are cut into pieces (bpe); data.tokenizer takes "
    "another kind."
)
MANY_UNKNOWN = 0.1  # share of the words of validation above which a warning is given
MOST_CUT = 0.5  # share of the training texts above which a warning is given


class TextDataModule(pl.LightningDataModule):
    """Labelled text as batches of ids for training, validation and test.

    What is learned (the tokenizer, class weights) is learned from the training split alone, the
    tokenizer also from data.unlabelled without the texts of validation and test. A missing
    validation split is cut from the training source, never borrowed from test.

    Args:
        settings: the keys of `data`.
        cache: a folder that keeps checked rows, trained tokenizers and ids by content.
        seed: the order of the training batches, and which rows `train_share` keeps; which rows are
            held out is `split_seed`'s matter, so that runs with other seeds share their test set.
        tokenizer_json: a trained tokenizer to use instead of learning one.
        tested: whether there must be test rows; where not, data.test_fraction=0 leaves none out.

    After `setup`, `splits` (texts and labels), `encoded` (ids) and `places` (files and row numbers)
    hold the rows by split. There are `class_names`, `tokenizer`, `class_weights`, `batch_size`,
    `facts` for the record and, in a refit, `held_out`, which says of each training row whether it
    was a validation row.

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
        tested: bool = True,
    ) -> None:
        super().__init__()
        if settings.tokenizer is not None:
            check_choice("data.tokenizer", settings.tokenizer, KINDS)
        self.settings, self.cache, self.seed = settings, cache, seed
        self.tokenizer_json, self.tested = tokenizer_json, tested
        self.splits: DatasetDict = DatasetDict()
        self.stream: Stream | None = None
        self.unlabelled: Unlabelled | None = None

    def setup(self, stage: str | None = None) -> None:
        """Reads, splits and tokenizes; does nothing the second time."""
        if self.splits:
            return

        sources = self._load()
        self.class_names: list[str] = sources["train"].class_names
        row_numbers, division = split_sources(
            sources, self.settings, self.settings.name, seed=self.seed, tested=self.tested
        )
        origins = {
            split: sources.get(split, sources["train"]) for split in SPLITS if split in row_numbers
        }
        if self.settings.refit:
            self.held_out = join_validation(origins, row_numbers)

        if self.settings.unlabelled is not None:
            self.unlabelled = self._load_unlabelled(origins, row_numbers)
        self.tokenizer, read_from = self._tokenizer(origins["train"], row_numbers["train"])
        self.encoded = {
            split: self._encode(source, row_numbers[split]) for split, source in origins.items()
        }
        self.splits = DatasetDict(
            {split: source.rows.select(row_numbers[split]) for split, source in origins.items()}
        )
        self.places = {
            split: source.places.of_rows(row_numbers[split]) for split, source in origins.items()
        }
        self.facts = self._describe(sources, division, read_from)
        self.batch_size = self.settings.batch_size or batch_size_for(self.learned_rows())
        self._warn()

        train = self.facts["splits"]["train"]
        self.class_weights = class_weights(self.settings.class_weights, train["classes"])

    def learned_rows(self) -> int:
        """Counts the training rows, in a refit without those that were validation rows.

        The batch size and the size of the network follow from this number.
        """
        if self.settings.refit:
            return int((~self.held_out).sum())
        return self.facts["splits"]["train"]["rows"]

    def unknown_words(self) -> float:
        """Estimates how many unknown words a new text has, on average, from the learned rows.

        Where train is a stream, its sample stands in for it.
        """
        train = self.encoded["train"]
        rows = torch.arange(len(train))
        if self.settings.refit:
            rows = rows[~torch.from_numpy(self.held_out)]
        return unknown_words(train, rows, self.tokenizer)

    @property
    def affixes_KV(self) -> Tensor:
        """The ids of the beginning and of the end of each word of the vocabulary (K, V).

        K is 2, or less where the vocabulary has no beginnings or no ends.
        """
        found = [affixes.of_token_V for affixes in affixes_of(self.tokenizer)]
        return torch.stack(found) if found else torch.empty(0, 0, dtype=torch.long)

    def state_dict(self) -> dict[str, Any]:
        """Gives a checkpoint what a resumed run needs for the same rows, batches and epochs."""
        epochs = None if self.trainer is None else self.trainer.max_epochs
        sources = self.facts["sources"]
        return {"sources": sources, "batch_size": self.batch_size, "max_epochs": epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        sources = self.facts["sources"]
        for split, then in state_dict["sources"].items():
            if split not in sources or sources[split]["sha256"] != then["sha256"]:
                now = sources[split]["path"] if split in sources else then["path"]
                what = f"{now} has changed since the run began"
                if now != then["path"]:
                    what = f"{now} does not hold what {then['path']} held when the run began"
                raise InputError(
                    f"data.{split}: {what}, and a resumed run goes on with the same rows. Put them "
                    f"back, or start a new run."
                )

    def steps_per_epoch(self) -> int:
        return len(self.train_dataloader())

    def train_dataloader(self) -> BatchLoader | StreamLoader:
        if self.stream is not None:
            return StreamLoader(
                self.stream,
                len(self.stream),
                self.tokenizer,
                batch_size=self.batch_size,
                max_tokens=self.settings.max_tokens_per_batch,
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
            self.batch_size,
            max_tokens=self.settings.max_tokens_per_batch,
            **options,
        )

    def language_texts(self) -> list[EncodedTexts]:
        """The texts that a language model may learn from: those of train, and unlabelled ones.

        The unlabelled ones are uncut. Where train is a stream, its sample stands in for it.
        """
        if self.unlabelled is None:
            return [self.encoded["train"]]
        row_numbers = torch.from_numpy(self.unlabelled.row_numbers)
        unlabelled = EncodedTexts(
            encode_source(self.tokenizer, self.unlabelled, self.cache),
            torch.full((len(row_numbers),), IGNORED),
            rows=row_numbers,
        )
        return [self.encoded["train"], unlabelled]

    def _load(self) -> dict[str, Source]:
        if not self.settings.streaming:
            return load_source(self.settings, cache=self.cache)
        sample_size = self.settings.streaming_rows
        self.stream, sources = load_stream(self.settings, sample_size=sample_size, cache=self.cache)
        return sources

    def _load_unlabelled(
        self, origins: dict[str, Source], row_numbers: dict[str, np.ndarray]
    ) -> Unlabelled:
        """The texts of data.unlabelled, without those of validation and test."""
        held_out = [
            source.duplicate_of[row_numbers[split]]
            for split, source in origins.items()
            if split != "train"
        ]
        assert self.settings.unlabelled is not None
        return load_unlabelled(
            self.settings.unlabelled,
            self.settings,
            held_out=np.concatenate(held_out),
            cache=self.cache,
        )

    def _tokenizer(self, source: Source, row_numbers: np.ndarray) -> tuple[Tokenizer, str]:
        """The tokenizer, and where it comes from."""
        if self.tokenizer_json is not None:
            return load_tokenizer(self.tokenizer_json), "the run's own record"
        kind = self.settings.tokenizer or kind_for(source.texts(row_numbers[:LOOKED_AT]))
        if kind != (self.settings.tokenizer or "word"):
            log.info("%s", PIECES)
        tokenizer, found = learn_tokenizer(
            source,
            row_numbers,
            kind,
            self.settings.vocab_size,
            self.settings.prefix_length,
            self.settings.suffix_length,
            self.cache,
            self.unlabelled,
        )
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

        facts: DataFacts = {
            **division,
            "streaming": streaming,
            "tokenizer": {
                "kind": kind_of(self.tokenizer),
                "size": self.tokenizer.get_vocab_size(),
                "read_from": read_from,
                # Trained again on the same texts it would give other ids: the saved file is the
                # only original.
                "reproducible": kind_of(self.tokenizer) != "unigram",
                "affixes": sum(len(affixes.ids) for affixes in affixes_of(self.tokenizer)),
            },
            "sources": {
                split: source.origin
                for split, source in sources.items()
                if source.origin is not None
            },
            "columns": sources["train"].columns,
            "first_number": sources["train"].first_number,
            "empty": {split: sum(source.empty.values()) for split, source in sources.items()},
            "swallowing": {split: source.swallowing for split, source in sources.items()},
            "splits": splits,
        }
        damaged = {split: source.damaged for split, source in sources.items()}
        if self.unlabelled is not None:
            damaged["unlabelled"] = self.unlabelled.damaged
        facts["damaged"] = {source: found for source, found in damaged.items() if found["rows"]}
        facts["similar"] = similar_groups(self.class_names)
        facts["merged"] = sources["train"].merged
        if self.unlabelled is not None:
            read = len(self.unlabelled.row_numbers)
            facts["unlabelled"] = read
            facts["sources"]["unlabelled"] = self.unlabelled.origin
            facts["empty"]["unlabelled"] = self.unlabelled.empty
            left_out = len(self.unlabelled.rows) - read
            facts["dropped"] = {**facts["dropped"], "unlabelled": left_out}
        return facts

    def _describe_stream(self, sample: SplitFacts) -> SplitFacts:
        """The training split of a stream: all its rows, with the lengths of the sample."""
        assert self.stream is not None
        classes = dict(zip(self.class_names, self.stream.rows_of_class, strict=True))
        return {**sample, "rows": len(self.stream), "classes": classes}

    def _warn(self) -> None:
        """Warns of rows in the order of their classes, of unseen classes and of unknown words."""
        if self.stream is not None:
            shuffled = BUFFER * self.batch_size
            if self.stream.longest_run > shuffled:
                log.warning(
                    "data.train: %d rows of one class follow each other, and streaming shuffles %d "
                    "rows at a time. Shuffle the file.",
                    self.stream.longest_run,
                    shuffled,
                )
        self._warn_of_cuts()

        if any(self.facts["unseen"].values()):
            log.warning("%s", unseen_sentence(self.facts["unseen"], self.class_names))

        if self.settings.refit or kind_of(self.tokenizer) != "word":
            return
        share = self.facts["splits"]["validation"]["unknown_share"]
        if share > MANY_UNKNOWN:
            log.warning(
                "%.1f%% of the words of validation are unknown to the vocabulary of %s learned "
                "from training; data.tokenizer=bpe splits words into known parts.",
                100 * share,
                f"{self.tokenizer.get_vocab_size():,}",
            )

    def _warn_of_cuts(self) -> None:
        """Names data.max_length where most of the training texts are longer."""
        share = self.facts["splits"]["train"]["cut_share"]
        if share <= MOST_CUT:
            return
        encoded = self.encoded["train"]
        whole_N = (encoded.lengths + encoded.skipped).numpy()
        nine_of_ten = int(np.percentile(whole_N, 90, method="higher"))
        log.warning(
            "%.1f%% of the training texts are longer than data.max_length=%d tokens and are cut; "
            "data.max_length=%d reads 90%% of them whole%s, and takes longer.",
            100 * share,
            self.settings.max_length,
            nine_of_ten,
            "" if self.settings.pad_to is None else f" with data.pad_to={nine_of_ten}",
        )
