"""The keys of `data`: what is read, how it is split, and how it becomes batches.

Each class is a part of them; `DataSettings` is all of them together, so that a function says by its
argument's type which keys it reads. The sentence under a field is the key's help.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from textlstm.checks import (
    MOST_SEED,
    InputError,
    check_choice,
    check_flag,
    check_number,
    check_whole,
)
from textlstm.data.duration import LARGEST_BATCH
from textlstm.data.reading.settings import FileSettings

SOURCES = {"files": ("train", "validation", "test"), "hub": ("name", "config")}
FEW_FOLDS = 10  # which a message lists
LONGEST_AFFIX = 100  # letters; the regular expressions that find them have limits of their own
TRUNCATE = ("head", "tail", "head_tail")

LabelNames = list[str] | list[list[Any]] | dict[Any, str] | None
"""Names in the order of their numbers, or by label, which are then kept as pairs."""


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Where labelled texts come from.

    Raises:
        InputError: an unknown kind of source, or a key that has no meaning with it.
    """

    source: str
    """where texts come from: files, or hub for the Hugging Face hub"""

    train: str | None
    """the labelled texts: a file (CSV, TSV, JSON Lines, Parquet, Arrow, Excel, fastText, plain
    or compressed), a glob, or a folder with one sub-folder of text files per class (default: the
    embedded corpus)"""

    validation: str | None
    """the texts for validation, given as data.train is (default: data.val_fraction of the training
    rows)"""

    test: str | None
    """the texts for the test, given as data.train is (default: data.test_fraction of the training
    rows)"""

    name: str | None
    """with data=hub: a data set of the Hugging Face hub, or a local folder that holds one"""

    config: str | None
    """with data=hub: which configuration of the data set"""

    def __post_init__(self) -> None:
        check_choice("data.source", self.source, SOURCES)
        for field in fields(SourceSettings)[1:]:
            value = getattr(self, field.name)
            if value is not None and field.name not in SOURCES[self.source]:
                raise InputError(
                    f"data.{field.name}={value} has no meaning with data.source={self.source}: "
                    f"leave it out."
                )


@dataclass(frozen=True, kw_only=True)
class ColumnSettings(FileSettings):
    """What is read of a table.

    Raises:
        InputError: `drop_empty` or `merge_labels` is neither true nor false, or as `FileSettings`.
            (Names are checked against the data.)
    """

    text_column: str | list[str] | None
    """the column of the text, or a list of columns to join: [title,description] (default: a column
    with a usual name)"""

    label_column: str | list[str] | None
    """the column of the class, or a list with one column per class, of which each row marks one:
    [spam,ham] (default: a column with a usual name)"""

    label_names: LabelNames
    """names for the classes 0, 1, …: [negative,positive]; or a name for each label: '{-1: negative,
    1: good}'"""

    drop_empty: bool
    """true drops rows without text or label; false makes them an error"""

    merge_labels: bool = False
    """true makes one class of labels that differ only in case or spaces"""

    def __post_init__(self) -> None:
        FileSettings.__post_init__(self)
        check_flag("data.drop_empty", self.drop_empty)
        check_flag("data.merge_labels", self.merge_labels)
        if isinstance(self.label_names, Mapping):  # JSON would turn its numbers into texts
            pairs = [[label, name] for label, name in self.label_names.items()]
            object.__setattr__(self, "label_names", pairs)


@dataclass(frozen=True, kw_only=True)
class ReadSettings(ColumnSettings, SourceSettings):
    """All that reading needs to know."""

    def __post_init__(self) -> None:
        SourceSettings.__post_init__(self)
        ColumnSettings.__post_init__(self)


@dataclass(frozen=True, kw_only=True)
class UnlabelledSettings:
    """Texts without a class."""

    unlabelled: str | None = None  # as runs were before there was a choice
    """with pretrain=own_text: more texts for the language model, one on each line or in a table"""


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """Which rows train, validate and test.

    Raises:
        InputError: a value outside its range, or fractions or folds that leave nothing to train on.
    """

    max_rows: int | None
    """use at most this many rows of data.train, drawn at random"""

    val_fraction: float
    """the share of rows that is held out for validation, below 1"""

    test_fraction: float
    """the share of rows that is held out for the test, below 1; with test=false it may be 0"""

    folds: int | None
    """for cross-validation: the number of parts into which all rows but the test rows are
    divided"""

    fold: int | None
    """for cross-validation: which part validates, counted from 0; data.folds=5 data.fold=0,1,2,3,4
    trains once for each"""

    refit: bool
    """true trains on the validation rows, too, for all of trainer.max_epochs, and scores the test
    set"""

    split_seed: int
    """the seed that decides which rows are held out"""

    train_share: float = 1.0  # as runs were before there was a choice
    """the share of the training rows to train on, above 0 and at most 1; seed draws the same share
    of each class"""

    def __post_init__(self) -> None:
        check_number("data.val_fraction", self.val_fraction, minimum=0, below=1)
        check_number("data.test_fraction", self.test_fraction, minimum=0, below=1)
        if self.val_fraction + self.test_fraction >= 1:
            raise InputError(
                f"data.val_fraction + data.test_fraction must be below 1 so that rows are left to "
                f"train on, got {self.val_fraction:g} + {self.test_fraction:g}."
            )
        check_flag("data.refit", self.refit)
        self._check_folds()
        check_whole("data.split_seed", self.split_seed, minimum=0, maximum=MOST_SEED)
        check_whole("data.max_rows", self.max_rows, minimum=1, null=True)
        check_number("data.train_share", self.train_share, minimum=0)
        if not 0 < self.train_share <= 1:
            raise InputError(
                f"data.train_share must be above 0 and at most 1, got {self.train_share:g}."
            )

    def _check_folds(self) -> None:
        if self.folds is None:
            if self.fold is not None:
                raise InputError(
                    f"data.fold={self.fold} needs data.folds, the number of parts, such as "
                    f"data.folds=5."
                )
            return
        check_whole("data.folds", self.folds, minimum=2)

        if self.refit:
            raise InputError(
                f"data.refit=true trains on the rows of all folds together: leave "
                f"data.folds={self.folds} and data.fold out."
            )

        if self.fold is None:
            few = self.folds <= FEW_FOLDS
            every = ",".join(map(str, range(self.folds))) if few else f"range(0,{self.folds})"
            raise InputError(
                f"data.folds={self.folds} needs data.fold, the part that validates: "
                f"data.fold={every} trains once for each."
            )
        check_whole("data.fold", self.fold, minimum=0)

        if self.fold >= self.folds:
            raise InputError(
                f"data.fold must be below data.folds={self.folds}, got {self.fold}: the first fold "
                f"is 0."
            )


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """Whether training rows are kept or read anew in each epoch.

    Raises:
        InputError: a value outside its range.
    """

    streaming: bool
    """true keeps no copy of the training rows, but reads and tokenizes them again in each epoch"""

    streaming_rows: int
    """with data.streaming=true: how many of the first rows the tokenizer learns from"""

    def __post_init__(self) -> None:
        check_flag("data.streaming", self.streaming)
        check_whole("data.streaming_rows", self.streaming_rows, minimum=1)


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """How a text is cut into tokens.

    Raises:
        InputError: too small a vocabulary. (The kind is checked where the kinds are.)
    """

    tokenizer: str | None
    """what tokens are: word, bpe or unigram (null: word, or bpe if texts have no spaces)"""

    vocab_size: int
    """the most tokens that the tokenizer may learn, without beginnings and ends of words"""

    prefix_length: int | None = None  # as runs were before there was a choice
    """with whole words: as how many first letters an unknown word is read (null: none)"""

    suffix_length: int | None = None
    """with whole words: as how many last letters it is read where no word begins so (null: none)"""

    def __post_init__(self) -> None:
        check_whole("data.vocab_size", self.vocab_size, minimum=3)
        for key in ("prefix_length", "suffix_length"):
            check_whole(
                f"data.{key}", getattr(self, key), minimum=1, maximum=LONGEST_AFFIX, null=True
            )


@dataclass(frozen=True, kw_only=True)
class CutSettings:
    """How many tokens of a text are read, and which.

    Raises:
        InputError: a value outside its range, or more tokens than a fixed length has room for.
    """

    max_length: int | None
    """the number of tokens after which a text is cut"""

    truncate: str
    """which tokens of a text that is cut stay: head, tail, or head_tail (half of each)"""

    pad_to: int | None
    """pad all batches to this many tokens (default: to the longest text of each batch)"""

    def __post_init__(self) -> None:
        check_choice("data.truncate", self.truncate, TRUNCATE)
        check_whole("data.max_length", self.max_length, minimum=1, null=True)
        if self.pad_to is not None:
            check_whole("data.pad_to", self.pad_to, minimum=1)
            if self.max_length is None or self.max_length > self.pad_to:
                raise InputError(
                    f"data.pad_to={self.pad_to} needs data.max_length of at most {self.pad_to}, "
                    f"got {self.max_length}."
                )


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """How large a batch is.

    Raises:
        InputError: a value outside its range.
    """

    batch_size: int | None
    """texts in each step (default: 8 to 64, more with more training texts)"""

    max_tokens_per_batch: int
    """the most tokens in each step, padding counted; longer texts come in smaller batches"""

    def __post_init__(self) -> None:
        check_whole("data.batch_size", self.batch_size, minimum=1, null=True)
        check_whole("data.max_tokens_per_batch", self.max_tokens_per_batch, minimum=1)


@dataclass(frozen=True, kw_only=True)
class BalanceSettings:
    """What evens out classes of different sizes.

    Raises:
        InputError: both at once. (A list of weights is checked against the classes.)
    """

    class_weights: str | list[float] | None
    """weights of the classes in the loss: balanced, or a list with one number per class"""

    oversample: bool
    """true repeats rows of the smaller classes in training"""

    def __post_init__(self) -> None:
        check_flag("data.oversample", self.oversample)
        if self.oversample and self.class_weights == "balanced":
            raise InputError(
                "data.oversample=true and data.class_weights=balanced both even the classes out; "
                "give one."
            )


PARTS = (
    ReadSettings,
    SplitSettings,
    StreamSettings,
    TokenizerSettings,
    CutSettings,
    BatchSettings,
    BalanceSettings,
)


@dataclass(frozen=True, kw_only=True)
class DataSettings(
    BalanceSettings,
    BatchSettings,
    CutSettings,
    TokenizerSettings,
    StreamSettings,
    SplitSettings,
    UnlabelledSettings,
    ReadSettings,
):
    """All keys of `data`.

    Raises:
        InputError: a value outside its range, or two that exclude each other.
    """

    def __post_init__(self) -> None:
        for part in PARTS:
            part.__post_init__(self)
        if self.folds is not None and self.validation is not None:
            raise InputError(
                f"data.folds={self.folds} cuts validation from data.train, but "
                f"data.validation={self.validation} is given. Leave data.folds and data.fold out, "
                f"or data.validation; a glob as data.train divides the rows of both files."
            )
        if self.streaming:
            self._check_streaming()

    def _check_streaming(self) -> None:
        if self.train_share < 1:
            raise InputError(
                f"data.train_share={self.train_share:g} needs all rows, and data.streaming=true "
                f"keeps none: give one."
            )
        for key in ("folds", "refit", "oversample", "max_rows"):
            value = getattr(self, key)
            if value:
                raise InputError(
                    f"data.{key}={str(value).lower()} needs all rows, and data.streaming=true "
                    f"keeps "
                    f"none: give one."
                )
        longest = self.pad_to or self.max_length
        batch_size = self.batch_size or LARGEST_BATCH
        if longest is None or batch_size * longest > self.max_tokens_per_batch:
            raise InputError(
                f"data.streaming=true makes all batches of data.batch_size texts, so that the "
                f"steps "
                f"of an epoch are known: data.batch_size × data.max_length ({batch_size} × "
                f"{longest}) must be at most "
                f"data.max_tokens_per_batch={self.max_tokens_per_batch}. "
                f"Lower one of the two."
            )
