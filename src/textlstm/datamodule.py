"""From labelled text to batches: binds sources, splits, tokenizer and batching for Lightning."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import tokenizers
import torch
from datasets import DatasetDict
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader

from textlstm.batching import BUFFER, TRUNCATE, EncodedTexts, StreamLoader, batch_loader
from textlstm.cache import content_key, kept
from textlstm.checks import InputError, choice, flag, number, whole
from textlstm.sources import Source, joined, load_source, load_stream
from textlstm.splits import fold_rows, label_conflicts, split_rows
from textlstm.tokenizer import KINDS, Encoded, encode, load_tokenizer, train_tokenizer
from textlstm.waiting import counted

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
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
        number("data.val_fraction", val_fraction, minimum=0, below=1)
        number("data.test_fraction", test_fraction, minimum=0, below=1)
        if val_fraction + test_fraction >= 1:
            raise InputError(
                f"data.val_fraction + data.test_fraction must be below 1 so that rows are left to train on, "
                f"got {val_fraction:g} + {test_fraction:g}."
            )
        flag("data.refit", refit)
        _check_folds(folds, fold, refit=refit, validation=validation)
        whole("data.split_seed", split_seed, minimum=0)
        choice("data.tokenizer", tokenizer, KINDS)
        whole("data.vocab_size", vocab_size, minimum=3)
        whole("data.batch_size", batch_size, minimum=1)
        whole("data.max_tokens_per_batch", max_tokens_per_batch, minimum=1)
        choice("data.truncate", truncate, TRUNCATE)
        flag("data.drop_empty", drop_empty)
        flag("data.oversample", oversample)
        if oversample and class_weights == "balanced":
            raise InputError(
                "data.oversample=true and data.class_weights=balanced both even the classes out; give one."
            )
        if max_rows is not None:
            whole("data.max_rows", max_rows, minimum=1)
        flag("data.streaming", streaming)
        whole("data.streaming_rows", streaming_rows, minimum=1)
        if streaming:
            whole_rows = {"data.folds": folds, "data.refit": refit, "data.oversample": oversample}
            _check_streaming(
                {**whole_rows, "data.max_rows": max_rows}, batch_size, max_length, pad_to, max_tokens_per_batch
            )
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
            "label_names": label_names,
            "encoding": encoding,
            "drop_empty": drop_empty,
        }
        self.fractions = {"validation": val_fraction, "test": test_fraction}
        self.streaming, self.streaming_rows = streaming, streaming_rows
        self.folds, self.fold, self.refit = folds, fold, refit
        self.split_seed, self.seed, self.max_rows = split_seed, seed, max_rows
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
        rows = self._split(sources)
        origins = {split: sources.get(split, sources["train"]) for split in SPLITS}
        if self.refit:
            self._take_validation_into_training(origins, rows)
        self.tokenizer = self._tokenizer(origins["train"], rows["train"])
        self.encoded = {split: self._encoded(origin, rows[split]) for split, origin in origins.items()}
        self.splits = DatasetDict({split: origin.rows.select(rows[split]) for split, origin in origins.items()})
        self.facts |= {
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
        self.class_weights = self._class_weights()

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

    def train_dataloader(self) -> DataLoader[Any] | StreamLoader:
        if self.streaming:
            options: dict[str, Any] = {"seed": self.seed, "max_tokens": self.max_tokens, "cut": self.cut}
            return StreamLoader(self.stream, len(self.stream), self.tokenizer, self.batch_size, **options)
        rows = _evened_out(self.encoded["train"].labels, self.split_seed) if self.oversample else None
        return self._loader("train", shuffle=True, seed=self.seed, rows=rows)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader("validation", shuffle=False)

    def test_dataloader(self) -> DataLoader[Any]:
        return self._loader("test", shuffle=False)

    def _loader(self, split: str, **options: Any) -> DataLoader[Any]:
        if self.trainer is not None:  # there is none yet when the steps of an epoch are asked for
            options |= {"rank": self.trainer.global_rank, "world": self.trainer.world_size}
        return batch_loader(self.encoded[split], self.batch_size, max_tokens=self.max_tokens, **options)

    def _split(self, sources: dict[str, Source]) -> dict[str, np.ndarray]:
        """The rows of each split in its source: its own, or the training source that it is cut from."""
        if self.folds is not None and "validation" in sources:
            raise InputError(
                f"data.folds={self.folds} cuts validation from the training rows, but {self.source['name']} has a "
                f"validation split of its own. Leave data.folds and data.fold out."
            )
        self.facts: dict[str, Any] = {"dropped": {}, "conflicts": {}, "duplicates": {}}
        self.facts["fold"] = None if self.folds is None else {"fold": self.fold, "folds": self.folds}
        self.facts["refit"], self.facts["streaming"] = self.refit, None
        for split, source in sources.items():
            self._count_duplicates(split, source)
        rows = {"test": np.arange(len(sources["test"].rows))} if "test" in sources else {}
        if "validation" in sources:
            rows["validation"] = self._apart("validation", sources, rows)
        train = self._apart("train", sources, rows)
        # Test is cut first, so that its rows do not depend on how many validate.
        missing = [split for split in ("test", "validation") if split not in sources]
        for split in missing:
            if self.fractions[split] == 0 and (split == "test" or self.folds is None):
                key = {"validation": "val", "test": "test"}[split]
                raise InputError(f"There is no {split} set: give data.{split}=FILE or data.{key}_fraction above 0.")
        if self.max_rows is not None and self.max_rows < len(train):
            train = np.sort(np.random.default_rng(self.split_seed).choice(train, self.max_rows, replace=False))
        source = sources["train"]
        parts, rare = split_rows(
            source.duplicate_of[train],
            source.labels[train],
            [self.fractions[split] for split in missing],
            seed=self.split_seed,
        )
        if not all(map(len, parts)):
            texts = len(np.unique(source.duplicate_of[train]))
            raise InputError(
                f"data.train has {texts} different texts in {len(train)} rows, too few to split: give at least "
                f"{len(parts)} of a class, or files of your own with data.validation and data.test."
            )
        if len(np.unique(source.labels[train[parts[-1]]])) < 2:
            raise InputError(
                f"data.train has one class of {len(self.labels)} left to train on, in {len(parts[-1])} rows; give more "
                f"rows{'' if self.max_rows is None else f' than data.max_rows={self.max_rows}'}."
            )
        rows |= {split: train[part] for split, part in zip([*missing, "train"], parts, strict=True)}
        if self.folds is not None:
            # Cut from what was first split as without folds: the test rows are the same.
            left = np.sort(np.concatenate([rows["train"], rows["validation"]]))
            folded, rare = fold_rows(source.duplicate_of[left], source.labels[left], self.folds, seed=self.split_seed)
            if not len(folded[0]):
                raise InputError(
                    f"data.folds={self.folds}: no class has so many texts beside the test set, the largest has "
                    f"{max(rare.values())}. Give fewer folds, or more rows."
                )
            assert self.fold is not None
            rows |= {"train": np.delete(left, folded[self.fold]), "validation": left[folded[self.fold]]}
        self.facts["rare"] = {self.labels[label]: texts for label, texts in rare.items()}
        if rare:
            counts = ", ".join(f"{label} ({texts})" for label, texts in self.facts["rare"].items())
            log.warning(
                "%d of %d classes have fewer texts than the %d %s; all of these train: %s.",
                *(len(rare), len(self.labels), self.folds or len(parts), "folds" if self.folds else "splits", counts),
            )
        return rows

    def _take_validation_into_training(self, origins: dict[str, Source], rows: dict[str, np.ndarray]) -> None:
        """Joins the two in `origins` and `rows`; `held_out` says which of the N training rows were validation."""
        train, validation = rows["train"], rows.pop("validation")
        source = origins.pop("validation")
        if source is not origins["train"]:
            validation = validation + len(origins["train"].rows)
            origins["train"] = joined(origins["train"], source)
        rows["train"] = np.sort(np.concatenate([train, validation]))
        self.held_out = np.isin(rows["train"], validation)

    def _apart(self, split: str, sources: dict[str, Source], held_out: dict[str, np.ndarray]) -> np.ndarray:
        """The rows of a source whose texts do not stand in those held out as well; how many do is recorded."""
        duplicate_of = sources[split].duplicate_of
        others = [sources[other].duplicate_of[rows] for other, rows in held_out.items()]
        kept = (
            np.flatnonzero(~np.isin(duplicate_of, np.concatenate(others))) if others else np.arange(len(duplicate_of))
        )
        dropped = len(duplicate_of) - len(kept)
        self.facts["dropped"][split] = dropped
        if not len(kept):
            raise InputError(
                f"data.{split}: each text of {sources[split].origin.get('path', split)} also stands in "
                f"{' or '.join(sources[other].origin.get('path', other) for other in held_out)}, so none is left to "
                f"{'train on' if split == 'train' else 'validate on'}. Give files that do not overlap."
            )
        if dropped:
            log.info("%d %s rows also stand in %s: dropped.", dropped, split, " or ".join(held_out))
        return kept

    def _count_duplicates(self, split: str, source: Source) -> None:
        """Rows whose text stood before, and rows whose text stands with another label, too."""
        self.facts["duplicates"][split] = len(source.duplicate_of) - len(np.unique(source.duplicate_of))
        conflicting = label_conflicts(source.duplicate_of, source.labels)
        texts, rows = len(np.unique(source.duplicate_of[conflicting])), int(conflicting.sum())
        self.facts["conflicts"][split] = {"texts": texts, "rows": rows}
        if rows:
            example = source.rows[int(conflicting.argmax())]["text"]
            log.warning(
                "data.%s: %d texts stand with more than one label, in %d rows, such as %.60r.",
                *(split, texts, rows, example),
            )

    def _tokenizer(self, source: Source, rows: np.ndarray) -> Tokenizer:
        if self.tokenizer_json is not None:
            return self._record(load_tokenizer(self.tokenizer_json), "the run's own record")
        texts = hashlib.sha256(rows.astype(np.int64).tobytes()).hexdigest()
        name = f"tokenizer-{content_key(tokenizers.__version__, self.kind, self.vocab_size, source.key, texts)}"

        def learn(folder: Path) -> None:
            read = counted(source.texts(rows), "texts read for the vocabulary", total=len(rows))
            tokenizer = train_tokenizer(read, kind=self.kind, vocab_size=self.vocab_size)
            (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")

        def load(folder: Path) -> Tokenizer:
            return load_tokenizer((folder / "tokenizer.json").read_text(encoding="utf-8"))

        tokenizer, found = kept(self.cache, name, learn, load)
        return self._record(tokenizer, "the cache" if found else "the training split")

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

    def _record(self, tokenizer: Tokenizer, origin: str) -> Tokenizer:
        self.facts["tokenizer"] = {
            "kind": self.kind,
            "size": tokenizer.get_vocab_size(),
            "read_from": origin,
            # Training it again on the same texts would give other ids: the saved file is the only original.
            "reproducible": self.kind != "unigram",
        }
        return tokenizer

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

    def _class_weights(self) -> list[float] | None:
        classes = len(self.labels)
        if self.weights is None:
            return None
        if self.weights == "balanced":
            rows = torch.tensor(list(self.facts["splits"]["train"]["classes"].values()))
            return (rows.sum() / (classes * rows.clamp(min=1).double())).tolist()
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


def _check_folds(folds: int | None, fold: int | None, *, refit: bool, validation: str | None) -> None:
    if folds is None:
        if fold is not None:
            raise InputError(f"data.fold={fold} needs data.folds, the number of parts, such as data.folds=5.")
        return
    whole("data.folds", folds, minimum=2)
    if refit:
        raise InputError(
            f"data.refit=true trains on the rows of all folds together: leave data.folds={folds} and data.fold out."
        )
    if validation is not None:
        raise InputError(
            f"data.folds={folds} cuts validation from data.train, but data.validation={validation} is given. Leave "
            f"data.folds and data.fold out, or data.validation; a glob as data.train divides the rows of both files."
        )
    if fold is None:
        every = ",".join(map(str, range(folds)))
        raise InputError(
            f"data.folds={folds} needs data.fold, the part that validates: data.fold={every} trains once for each."
        )
    whole("data.fold", fold, minimum=0)
    if fold >= folds:
        raise InputError(f"data.fold must be below data.folds={folds}, got {fold}: the first fold is 0.")


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


def _evened_out(labels: Tensor, seed: int) -> Tensor:
    """Rows of which each class has as many as the largest; no row of a class repeats twice more than another."""
    generator = torch.Generator().manual_seed(seed)
    largest = int(labels.bincount().max())
    rows = []
    for label in labels.unique():
        of_class = (labels == label).nonzero().flatten()
        times, rest = divmod(largest, len(of_class))
        rows += [of_class.repeat(times), of_class[torch.randperm(len(of_class), generator=generator)[:rest]]]
    return torch.cat(rows)


def encode_source(tokenizer: Tokenizer, source: Source, cache: Path) -> Encoded:
    """The ids of all texts of a source, whole, kept by content."""

    def write(folder: Path) -> None:
        texts = counted(source.texts(), "texts tokenized", total=len(source.rows))
        (folder / "ids.safetensors").write_bytes(save(encode(tokenizer, texts)._asdict()))

    name = f"ids-{content_key(tokenizers.__version__, tokenizer.to_str(), source.key)}"
    return kept(cache, name, write, lambda folder: Encoded(**load_file(folder / "ids.safetensors")))[0]


def describe(encoded: EncodedTexts, labels: list[str]) -> dict[str, Any]:
    """Rows, classes, length in tokens, and the shares of texts cut and of tokens unknown."""
    whole = encoded.lengths + encoded.skipped
    return {
        "rows": len(encoded),
        "classes": dict(zip(labels, encoded.labels.bincount(minlength=len(labels)).tolist(), strict=True)),
        "mean_length": round(encoded.lengths.float().mean().item(), 1),
        "longest": int(whole.max()),
        "cut_share": round((encoded.skipped > 0).float().mean().item(), 4),
        "unknown_share": round(encoded.unknown.sum().item() / max(1, int(whole.sum())), 4),
    }
