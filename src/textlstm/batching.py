"""Ids to batches: texts of like length together, padded to the longest, in an order drawn anew each epoch."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

BUCKET = 32  # batches that are sorted by length together: more of them pad less and shuffle less


class Batch(NamedTuple):
    """B texts padded with id 0 to T tokens; `rows` are their places in the split."""

    tokens_BT: Tensor
    lengths_B: Tensor
    labels_B: Tensor
    rows_B: Tensor


class EncodedTexts(Dataset):
    """A split as flat tensors: all tokens end to end, where each text starts (N + 1 offsets), and N labels.

    Args:
        cut_texts: how many of the texts were longer before they were cut.
        pad_to: a fixed length for every batch; longer texts must have been cut before. None pads to the longest.
    """

    def __init__(
        self, tokens: Tensor, offsets: Tensor, labels: Tensor, *, cut_texts: int = 0, pad_to: int | None = None
    ) -> None:
        self.tokens, self.offsets, self.labels, self.cut_texts = tokens, offsets, labels, cut_texts
        self.lengths = offsets.diff()
        self.pad_to = pad_to

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, rows: list[int]) -> Batch:
        """The texts of `rows` as one batch; the loader asks for a batch at a time."""
        rows_B = torch.tensor(rows)
        lengths_B = self.lengths[rows_B]
        width = self.pad_to or max(1, int(lengths_B.max()))
        columns_T = torch.arange(width)
        inside_BT = columns_T < lengths_B[:, None]
        positions_BT = (self.offsets[rows_B][:, None] + columns_T)[inside_BT]
        tokens_BT = torch.zeros(len(rows), width, dtype=torch.long)
        tokens_BT[inside_BT] = self.tokens[positions_BT].long()
        return Batch(tokens_BT, lengths_B, self.labels[rows_B], rows_B)


class BucketSampler(Sampler[list[int]]):
    """Batches of rows of like length.

    Shuffled, the order is a function of the seed and the epoch alone: rows are permuted, sorted by length
    within buckets of 32 batches, cut into batches, and the batches permuted. Unshuffled, all rows
    are sorted by length.
    """

    def __init__(self, lengths: Tensor, batch_size: int, *, shuffle: bool, seed: int = 0) -> None:
        self.lengths, self.batch_size, self.shuffle, self.seed = lengths, batch_size, shuffle, seed
        self.epoch = 0

    @property
    def sampler(self) -> "BucketSampler":
        """Lightning tells `loader.batch_sampler.sampler` which epoch begins."""
        return self

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        if not len(self.lengths):
            return
        if not self.shuffle:
            yield from (rows.tolist() for rows in self.lengths.argsort(stable=True).split(self.batch_size))
            return
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        permuted = torch.randperm(len(self.lengths), generator=generator)
        batches = [
            rows
            for bucket in permuted.split(self.batch_size * BUCKET)
            for rows in bucket[self.lengths[bucket].argsort(stable=True)].split(self.batch_size)
        ]
        for batch in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[batch].tolist()


def batch_loader(texts: EncodedTexts, batch_size: int, *, shuffle: bool, seed: int = 0) -> DataLoader[Any]:
    """A loader of `Batch`es that never draws from the global random numbers, so that a resumed run repeats them."""
    return DataLoader(
        texts,
        batch_sampler=BucketSampler(texts.lengths, batch_size, shuffle=shuffle, seed=seed),
        collate_fn=_as_is,
        generator=torch.Generator().manual_seed(seed),
    )


def _as_is(batch: Any) -> Any:
    return batch
