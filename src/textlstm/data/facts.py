"""The facts that reading and splitting leave for the record: one type each, every key explained.

`TextDataModule.facts` holds them, and metrics.json keeps them under `data`. Each is made once, by
the module that knows it, and is not changed afterwards.

A dictionary "by split" has the keys `train`, `validation` and `test`. A dictionary "by source" has
those of them that name a file or a hub split of their own: a split that is cut from the training
source has no entry. `unlabelled` is a source, too, where it is given.
"""

from typing import NotRequired, TypedDict


class LengthFacts(TypedDict):
    """Lengths of the texts of a split, and how much of them the network reads."""

    mean_length: float
    """Tokens of a text that the network reads, on average, rounded to one digit."""
    longest: int
    """Tokens of the longest text before it is cut."""
    cut_share: float
    """Share of texts that are cut to data.max_length, from 0 to 1."""
    unknown_share: float
    """Share of all tokens that the vocabulary does not know, from 0 to 1."""


class SplitFacts(LengthFacts):
    """One split as the network sees it.

    For a streamed training split, `rows` and `classes` count all rows, while the lengths are those
    of its first `StreamFacts.sample` rows.
    """

    rows: int
    """Rows of the split, duplicates counted."""
    classes: dict[str, int]
    """Rows of each class, by class name, in the order of the class numbers; 0 for an absent one.
    Rows of classes that no training row has are in `DivisionFacts.unseen`, not here."""


class LeftOutFacts(TypedDict):
    """What a folder of classes holds beside the texts of its classes."""

    entries: int
    """How many files are no texts or lie in no class, and folders inside of classes."""
    examples: list[str]
    """The names of some of them."""
    unlabelled: list[str]
    """Sub-folders whose names say that their texts have no class."""


class SourceFacts(TypedDict):
    """A file, glob or folder that rows were read from, so that a change can be seen later."""

    path: str
    """The absolute path or pattern."""
    sha256: str
    """SHA-256 in hexadecimal digits; of several files, that of their names and checksums."""
    left_out: NotRequired[LeftOutFacts]
    """What a folder holds beside its texts; no key where that is nothing."""


class DamageFacts(TypedDict):
    """Rows in which bytes were no text and are read as �, with data.encoding_errors=replace."""

    rows: int
    """How many rows there are."""
    places: list[str]
    """Where the first of them stand."""


class ColumnFacts(TypedDict):
    """The columns that were read, whether they were named by the user or found."""

    text: list[str]
    """The column or columns that make up the text, in the order in which they are joined."""
    label: str | list[str]
    """The column of the class, or the columns of which each marks the rows of a class."""


class SwallowingFacts(TypedDict):
    """Rows with a line break in a field and then what looks like a whole row."""

    rows: int
    """How many such rows there are."""
    first: str
    """What messages call the first of them; empty if there is none."""


class TokenizerFacts(TypedDict):
    """The tokenizer and where it comes from."""

    kind: str
    """The value of data.tokenizer: word, bpe, …"""
    size: int
    """Tokens in the vocabulary, those for padding and for unknown words counted."""
    read_from: str
    """In words: the training split (it was learned), the cache, or the run's own record."""
    reproducible: bool
    """Whether learning it again on the same texts gives the same ids."""
    affixes: NotRequired[int]
    """How many of the tokens are beginnings or ends of words; not there before there were any."""


class FoldFacts(TypedDict):
    """The part of a cross-validation that validates."""

    fold: int
    """Its number, from 0."""
    folds: int
    """How many parts there are."""


class ConflictFacts(TypedDict):
    """Texts of a source that stand in it with more than one label."""

    texts: int
    """How many different texts do."""
    rows: int
    """In how many rows they stand."""


class StreamFacts(TypedDict):
    """Facts about streamed training rows that only their first rows tell."""

    sample: int
    """Number of these first rows, from which lengths, tokenizer and baselines come."""


class DivisionFacts(TypedDict):
    """Results of dividing sources into splits."""

    duplicates: dict[str, int]
    """By source: rows whose text stands in an earlier row. No entry for a streamed `train`."""
    conflicts: dict[str, ConflictFacts]
    """By source: texts with several labels. No entry for a streamed `train`."""
    dropped: dict[str, int]
    """By source, without `test`: rows left out since their text stands in a split held out."""
    rare: dict[str, int]
    """By class name: distinct texts of each class too small for every split; all of them train."""
    unseen: NotRequired[dict[str, dict[str, int]]]
    """By source: rows of each class that no training row has, by its name. Of an evaluation of
    another file that of `file`. Records from before such rows were read have no entry."""
    unused: NotRequired[int]
    """Training rows that data.train_share left out; no key where all of them train."""
    fold: FoldFacts | None
    """Which part of a cross-validation validates; None without data.folds."""
    refit: bool
    """Whether the validation rows train, too; the run then has no validation split."""


class DataFacts(DivisionFacts):
    """The facts about its data that a run's record holds."""

    streaming: StreamFacts | None
    """Facts about a streamed training split; None where all rows are kept."""
    tokenizer: TokenizerFacts
    """The tokenizer and where it comes from."""
    sources: dict[str, SourceFacts]
    """By source: path and checksum. Empty for data of the hub."""
    columns: ColumnFacts
    """The columns of the training source."""
    unlabelled: NotRequired[int]
    """Texts without a class that a language model learned from; no key without data.unlabelled."""
    first_number: int
    """The label in the data that the first of a list of data.label_names stands for, 0 or 1."""
    empty: dict[str, int]
    """By source: rows dropped because they lack a text or a label."""
    damaged: NotRequired[dict[str, DamageFacts]]
    """By source with such rows: rows read with � for some bytes."""
    similar: NotRequired[list[list[str]]]
    """Groups of classes whose names differ only in case or spaces."""
    merged: NotRequired[list[list[str]]]
    """Groups of labels that data.merge_labels made one class each, of its first name."""
    swallowing: NotRequired[dict[str, SwallowingFacts]]
    """By source: rows that seem to hold whole rows. Records from before they were looked for have
    no entry."""
    splits: dict[str, SplitFacts]
    """By split. A refit has no `validation`; an evaluation of another file has `file` alone."""
