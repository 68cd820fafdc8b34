"""Makes batches of texts that are read and tokenized while training goes on."""

from collections.abc import Iterable, Iterator
from itertools import islice

import torch
from tokenizers import Tokenizer

from textlstm.checks import InputError
from textlstm.data.batching import Batch, BucketSampler, EncodedTexts, ResumableLoader
from textlstm.data.settings import CutSettings
from textlstm.data.tokenizer import encode

BUFFER = 100  # batches whose rows are shuffled together


class StreamLoader(ResumableLoader):
    """Makes batches of a stream; their order depends on the seed and the epoch alone.

    The rows of 100 batches at a time are shuffled and cut into batches of similar length as
    `BucketSampler` does.

    Args:
        stream: gives some texts and their classes at a time, the same ones in each pass.
        rows: how many there are; all batches but the last are full, so that the steps of an epoch
            are known.
        tokenizer: makes the ids.
        batch_size: the texts of a batch.
        max_tokens: the most tokens of a batch, padding counted.
        cut: how many ids of a text are read.
        seed: what the order of the batches is drawn with.

    Raises:
        InputError: while batches are drawn: the stream has another number of rows by now.
    """

    def __init__(
        self,
        stream: Iterable[tuple[list[str], list[int]]],
        rows: int,
        tokenizer: Tokenizer,
        *,
        batch_size: int,
        max_tokens: int,
        cut: CutSettings,
        seed: int,
    ) -> None:
        super().__init__()
        self.stream, self.rows, self.tokenizer = stream, rows, tokenizer
        self.batch_size, self.max_tokens = batch_size, max_tokens
        self.cut, self.seed = cut, seed
        self._epoch = 0

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def sampler(self) -> "StreamLoader":
        """Itself: Lightning tells `loader.sampler` which epoch begins."""
        return self

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def batches_after(self, given: int) -> Iterator[Batch]:
        seen = 0
        for number, (texts, labels) in enumerate(self._buffers()):
            seen += len(texts)
            if self._one_width and given >= BUFFER:  # no text need be tokenized to be left out
                given -= BUFFER
                continue
            encoded = EncodedTexts(
                encode(self.tokenizer, texts), torch.tensor(labels), cut=self.cut
            )
            sampler = BucketSampler(
                encoded.lengths,
                self.batch_size,
                shuffle=True,
                seed=self.seed + number,
                max_tokens=self.max_tokens,
            )
            sampler.set_epoch(self.epoch)
            for rows in islice(sampler, given, None):
                yield encoded.__getitems__(rows)
            given = max(0, given - len(sampler))

        if seen != self.rows:
            raise InputError(
                f"data.train has {seen:,} rows now and had {self.rows:,} when the run began: it "
                f"was changed meanwhile. Start a new run."
            )

    @property
    def _one_width(self) -> bool:
        """Tells whether texts of any length share batches, so that a buffer has 100 of them."""
        longest = self.cut.max_length
        return longest is not None and longest * self.batch_size <= self.max_tokens

    def _buffers(self) -> Iterator[tuple[list[str], list[int]]]:
        """The rows of 100 batches at a time, then the rest."""
        size = BUFFER * self.batch_size
        texts: list[str] = []
        labels: list[int] = []
        for more_texts, more_labels in self.stream:
            texts += more_texts
            labels += more_labels
            while len(texts) >= size:
                yield texts[:size], labels[:size]
                texts, labels = texts[size:], labels[size:]
        if texts:
            yield texts, labels
