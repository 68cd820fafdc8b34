"""Makes batches of ids: texts of similar length together, in an order drawn anew each epoch."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils.data import Sampler

from textlstm.data.settings import CutSettings
from textlstm.data.tokenizer import Encoded
from textlstm.data.vocabulary import PAD

UNCUT = CutSettings(max_length=None, truncate="head", pad_to=None)
MAX_TOKENS = 65_536  # of a batch: 64 texts of 1024 tokens
BUCKET = 64  # batches that are sorted by length together: more of them pad less and shuffle less
NO_ROW = -1  # in place of a row, where a step has too few rows to give one to each process
IGNORED = -100  # the label of NO_ROW, which torch's losses leave out


@dataclass(frozen=True)
class Batch:
    """B texts padded with id 0 to T tokens, with the place, label and length of each.

    One tensor (B, 3 + T) holds it all, and reaches a device in one transfer. The place of a text is
    its row number in the split.
    """

    packed: Tensor

    @property
    def rows_B(self) -> Tensor:
        return self.packed[:, 0]

    @property
    def labels_B(self) -> Tensor:
        return self.packed[:, 1]

    @property
    def lengths_B(self) -> Tensor:
        return self.packed[:, 2]

    @property
    def tokens_BT(self) -> Tensor:
        return self.packed[:, 3:]

    def to(self, device: torch.device) -> Self:
        """Moves the batch, for Lightning; a copy to a GPU is pinned, so that nothing waits."""
        pinned = device.type == "cuda" and self.packed.device.type == "cpu"
        packed = self.packed.pin_memory() if pinned else self.packed
        return type(self)(packed.to(device, non_blocking=True))


class EncodedTexts:
    """N labelled texts as ids, cut when a batch is made.

    The ids themselves are shared by the splits of a source.

    Args:
        encoded: ids of at least these texts.
        labels_N: the class of each text.
        rows: which N of the encoded texts; None takes all.
        cut: how many ids of a text are read, and which; without it, all of them.
        unseen: names of the classes that no training row has; in `labels_N` their numbers follow
            those of the classes.
    """

    def __init__(
        self,
        encoded: Encoded,
        labels_N: Tensor,
        *,
        rows: Tensor | None = None,
        cut: CutSettings = UNCUT,
        unseen: Sequence[str] = (),
    ) -> None:
        uncut = encoded.lengths.long()
        starts = uncut.cumsum(0) - uncut
        rows = torch.arange(len(uncut)) if rows is None else rows
        longest = cut.max_length
        self.tokens, self.starts = encoded.tokens, starts[rows]
        self.labels_N, self.pad_to = labels_N, cut.pad_to
        self.unseen = unseen
        self.unknown = encoded.unknown[rows]
        self.lengths = uncut[rows] if longest is None else uncut[rows].clamp(max=longest)
        self.skipped = uncut[rows] - self.lengths  # ids left out, after the first `head` of a text
        self.head = ids_before_cut(longest, cut.truncate)

    def __len__(self) -> int:
        return len(self.labels_N)

    def __getitems__(self, rows: list[int]) -> Batch:
        """Makes one batch of the texts of `rows`.

        `[NO_ROW]` gives a batch of one text, whichever, with the label IGNORED.
        """
        rows_B = torch.tensor(rows)
        lengths_B = self.lengths[rows_B]
        width = self.pad_to or max(1, int(lengths_B.max()))

        inside_BT = torch.arange(width) < lengths_B[:, None]
        positions_BT = self.starts[rows_B][:, None] + self.places(rows_B, width)

        batch = Batch(torch.full((len(rows), 3 + width), PAD))
        batch.rows_B[:], batch.lengths_B[:] = rows_B, lengths_B
        batch.labels_B[:] = IGNORED if rows[0] == NO_ROW else self.labels_N[rows_B]
        batch.tokens_BT[inside_BT] = self.tokens[positions_BT[inside_BT]].long()
        return batch

    def places(self, rows_B: Tensor, width: int) -> Tensor:
        """Gives the place in its whole text of each of the `width` ids that are read (B, T)."""
        columns_BT = torch.arange(width).expand(len(rows_B), -1)
        if self.head is None:
            return columns_BT
        return columns_BT + self.skipped[rows_B][:, None] * (columns_BT >= self.head)


def ids_before_cut(max_length: int | None, truncate: str) -> int | None:
    """Says how many of the first ids of a long text are read; the rest of them are its last."""
    heads = {"head": max_length, "tail": 0, "head_tail": ((max_length or 0) + 1) // 2}
    return heads[truncate]


def token_counts(texts: EncodedTexts, classes: int, vocabulary: int) -> Tensor:
    """Counts how often each token stands in the texts of each class (C, V)."""
    counts_CV = torch.zeros(classes, vocabulary, dtype=torch.long)
    for rows in torch.arange(len(texts)).split(1000):
        batch = texts.__getitems__(rows.tolist())
        of_class_BT = (batch.labels_B[:, None] * vocabulary + batch.tokens_BT)[
            batch.tokens_BT != PAD
        ]
        counts_CV += of_class_BT.bincount(minlength=classes * vocabulary).view(classes, vocabulary)
    return counts_CV


class BucketSampler(Sampler[list[int]]):
    """Draws batches of rows of similar length.

    A batch has at most `batch_size` rows and `max_tokens` tokens, padding counted.

    Shuffled, the order depends on the seed and the epoch alone: rows are permuted, sorted by length
    within buckets of 64 batches, cut into batches, and the batches permuted. Unshuffled, all rows
    are sorted by length. The number of batches is the same in each epoch: texts that are too long
    for full batches are grouped by length, each group up to twice as long as the one before and
    with a batch size of its own. (A text longer than `max_tokens` is a batch of its own.)

    Several processes share every batch, so that each has the same number of batches, and the rows
    of a step are those that a single process would have. Where a batch has fewer rows than there
    are processes, those left without any get `[NO_ROW]`.

    Args:
        lengths: tokens of each text.
        rows: the rows of an epoch, which may repeat; None takes each once.
        rank, world: the number of this process, and how many there are.
    """

    def __init__(
        self,
        lengths: Tensor,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        max_tokens: int = MAX_TOKENS,
        rows: Tensor | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.lengths, self.shuffle, self.seed = lengths, shuffle, seed
        self.rank, self.world = rank, world
        self.rows = torch.arange(len(lengths)) if rows is None else rows
        self.groups = _length_groups(lengths[self.rows], batch_size, max_tokens)
        self.epoch = 0

    @property
    def sampler(self) -> "BucketSampler":
        """Lightning tells `loader.batch_sampler.sampler` which epoch begins."""
        return self

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(-(-len(places) // batch_size) for places, batch_size in self.groups)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        batches = [
            batch
            for places, size in self.groups
            for batch in self._batches(self.rows[places], size, generator)
        ]
        order = (
            torch.randperm(len(batches), generator=generator).tolist()
            if self.shuffle
            else range(len(batches))
        )
        for batch in order:
            yield batches[batch][self.rank :: self.world].tolist() or [NO_ROW]

    def _batches(
        self, rows: Tensor, batch_size: int, generator: torch.Generator
    ) -> Iterator[Tensor]:
        buckets: Iterable[Tensor] = [rows]
        if self.shuffle:
            buckets = rows[torch.randperm(len(rows), generator=generator)].split(
                batch_size * BUCKET
            )
        for bucket in buckets:
            yield from bucket[self.lengths[bucket].argsort(stable=True)].split(batch_size)


def _length_groups(lengths: Tensor, batch_size: int, max_tokens: int) -> list[tuple[Tensor, int]]:
    """Groups the places of rows that fit into `max_tokens` with the same batch size."""
    lengths = lengths.clamp(min=1)  # a batch is one token wide at least
    groups, size, shorter = [], batch_size, 0
    while size >= 1:
        longest = max_tokens // size
        places = (lengths > shorter) & ((lengths <= longest) | (size == 1))
        if places.any():
            groups.append((places.nonzero().flatten(), size))
        shorter, size = longest, size // 2
    return groups


class ResumableLoader(ABC):
    """A loader that knows its place in an epoch, and goes on there in a resumed run.

    Lightning asks a loader of training for its state when it saves a checkpoint inside an epoch.
    The order of an epoch's batches depends on its number alone, so the place is the number of
    batches that were given.
    """

    def __init__(self) -> None:
        self.given = 0
        self.resumed: dict[str, int] = {}

    @property
    @abstractmethod
    def epoch(self) -> int:
        """The epoch whose batches are given next."""

    @abstractmethod
    def batches_after(self, given: int) -> Iterator[Batch]:
        """Gives the batches of the epoch that come after so many of them."""

    def __iter__(self) -> Iterator[Batch]:
        here = self.resumed.get("epoch") == self.epoch
        self.given = self.resumed["batches"] if here else 0
        for batch in self.batches_after(self.given):
            self.given += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "batches": self.given}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.resumed = state_dict


class BatchLoader(ResumableLoader):
    """The batches of texts in memory that a sampler chooses, one after the other.

    A plain loop in place of torch's DataLoader: a batch is a slice of tensors, which worker
    processes would only pass on more slowly. On a machine with more than two cores, Lightning warns
    at each fit, validation and test of a DataLoader that has none.
    """

    def __init__(self, texts: EncodedTexts, batch_sampler: BucketSampler) -> None:
        super().__init__()
        self.texts, self.batch_sampler = texts, batch_sampler

    @property
    def epoch(self) -> int:
        return self.batch_sampler.epoch

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def batches_after(self, given: int) -> Iterator[Batch]:
        for rows in islice(self.batch_sampler, given, None):
            yield self.texts.__getitems__(rows)


def batch_loader(
    texts: EncodedTexts,
    batch_size: int,
    *,
    seed: int = 0,
    max_tokens: int = MAX_TOKENS,
    **order: Any,
) -> BatchLoader:
    """Makes a loader that never draws from the global random numbers: a resumed run repeats it.

    The arguments are those of `BucketSampler`. With several processes, `batch_size` and
    `max_tokens` count what all of them have together.
    """
    if texts.pad_to is not None:
        batch_size = min(batch_size, max(1, max_tokens // texts.pad_to))
    sampler = BucketSampler(texts.lengths, batch_size, seed=seed, max_tokens=max_tokens, **order)
    return BatchLoader(texts, sampler)
