"""Batches: what is cut, padding on the right, each row once an epoch, bounds in rows and tokens, a
repeatable order.
"""

from unittest.mock import Mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.small import cut
from textlstm.data.batching import Batch, BucketSampler, EncodedTexts, batch_loader, token_counts
from textlstm.data.tokenizer import Encoded


def encoded_of(lengths):
    """Texts whose ids count on from 1."""
    lengths_N = torch.as_tensor(lengths, dtype=torch.int32)
    tokens = torch.arange(1, int(lengths_N.sum()) + 1, dtype=torch.int32)
    return Encoded(tokens, lengths_N, torch.zeros_like(lengths_N))


def texts_of(lengths, **options):
    return EncodedTexts(encoded_of(lengths), torch.arange(len(lengths)) % 2, cut=cut(**options))


def random_lengths(count):
    return torch.randint(1, 101, (count,), generator=torch.Generator().manual_seed(0))


def padding_share(lengths, batches):
    padded = sum(len(rows) * int(lengths[rows].max()) for rows in batches)
    return 1 - int(lengths.sum()) / padded


def test_a_batch_is_padded_with_zeros_on_the_right():
    batch = texts_of([2, 0, 3, 1]).__getitems__([2, 0, 1])
    assert batch.tokens_BT.tolist() == [[3, 4, 5], [1, 2, 0], [0, 0, 0]]
    assert batch.lengths_B.tolist() == [3, 2, 0]
    assert batch.labels_B.tolist() == [0, 0, 1]
    assert batch.rows_B.tolist() == [2, 0, 1]


def test_a_batch_reaches_a_device_as_one_tensor():
    batch = texts_of([3, 1, 2]).__getitems__([2, 0])
    moved = batch.to(torch.device("meta"))
    assert moved.tokens_BT.shape == (2, 3)
    parts = [moved.rows_B, moved.labels_B, moved.lengths_B, moved.tokens_BT]
    assert all(part._base is moved.packed for part in parts)
    assert all(part.is_meta for part in parts)


def test_a_batch_of_texts_without_tokens_is_one_token_wide():
    assert texts_of([0, 0]).__getitems__([0, 1]).tokens_BT.tolist() == [[0], [0]]


def test_pad_to_makes_every_batch_equally_wide():
    batches = list(batch_loader(texts_of([2, 0, 3, 1], max_length=5, pad_to=5), 3, shuffle=False))
    assert [tuple(batch.tokens_BT.shape) for batch in batches] == [(3, 5), (1, 5)]


@pytest.mark.parametrize(
    ("truncate", "max_length", "expected"),
    [
        ("head", 4, [[1, 2, 3, 4], [9, 10, 11, 12], [13, 0, 0, 0]]),
        ("tail", 4, [[5, 6, 7, 8], [9, 10, 11, 12], [13, 0, 0, 0]]),
        ("head_tail", 4, [[1, 2, 7, 8], [9, 10, 11, 12], [13, 0, 0, 0]]),
        ("head_tail", 5, [[1, 2, 3, 7, 8], [9, 10, 11, 12, 0], [13, 0, 0, 0, 0]]),
        ("head_tail", 1, [[1], [9], [13]]),
        ("tail", 1, [[8], [12], [13]]),
        ("head_tail", 7, [[1, 2, 3, 4, 6, 7, 8], [9, 10, 11, 12, 0, 0, 0], [13, 0, 0, 0, 0, 0, 0]]),
    ],
)
def test_long_texts_lose_their_end_their_start_or_their_middle(truncate, max_length, expected):
    texts = texts_of([8, 4, 1], max_length=max_length, truncate=truncate)
    batch = texts.__getitems__([0, 1, 2])
    assert batch.tokens_BT.tolist() == expected
    assert batch.lengths_B.tolist() == [min(length, max_length) for length in (8, 4, 1)]
    assert texts.skipped.tolist() == [max(0, length - max_length) for length in (8, 4, 1)]


@pytest.mark.parametrize("truncate", ["head", "tail", "head_tail"])
def test_without_a_longest_length_nothing_is_cut(truncate):
    batch = texts_of([3, 1], truncate=truncate).__getitems__([0, 1])
    assert batch.tokens_BT.tolist() == [[1, 2, 3], [4, 0, 0]]


@settings(max_examples=100, deadline=None, database=None)
@given(
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=10),
    max_length=st.integers(1, 25),
    truncate=st.sampled_from(["head", "tail", "head_tail"]),
    data=st.data(),
)
def test_cut_texts_are_slices_of_the_whole(lengths, max_length, truncate, data):
    ids = [part.tolist() for part in encoded_of(lengths).tokens.split(lengths)]
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=10))
    texts = EncodedTexts(
        encoded_of(lengths),
        torch.arange(len(rows)),
        rows=torch.tensor(rows),
        cut=cut(max_length=max_length, truncate=truncate),
    )
    batch = texts.__getitems__(list(range(len(rows))))
    for row, tokens_T, length in zip(
        rows, batch.tokens_BT.tolist(), batch.lengths_B.tolist(), strict=True
    ):
        head, tail = ids[row][:max_length], ids[row][-max_length:]
        if truncate == "head_tail" and len(ids[row]) > max_length:
            head = ids[row][: (max_length + 1) // 2] + ids[row][len(ids[row]) - max_length // 2 :]
        assert tokens_T[:length] == (tail if truncate == "tail" else head)
        assert not any(tokens_T[length:])


def test_rows_choose_texts_and_keep_their_own_places():
    encoded = Encoded(*encoded_of([2, 1, 3])[:2], torch.tensor([0, 1, 2], dtype=torch.int32))
    texts = EncodedTexts(encoded, torch.tensor([7, 8]), rows=torch.tensor([2, 0]))
    batch = texts.__getitems__([1, 0])
    assert len(texts) == 2
    assert texts.unknown.tolist() == [2, 0]
    assert batch.tokens_BT.tolist() == [[1, 2, 0], [4, 5, 6]]
    assert batch.labels_B.tolist() == [8, 7]
    assert batch.rows_B.tolist() == [1, 0]


def test_tokens_are_counted_by_class_as_they_are_cut():
    encoded = Encoded(torch.tensor([2, 2, 3, 3, 4, 2]), torch.tensor([3, 0, 2, 1]), torch.zeros(4))
    texts = EncodedTexts(encoded, torch.tensor([0, 1, 1, 0]), cut=cut(max_length=2))
    assert token_counts(texts, 3, 5).tolist() == [[0, 0, 3, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]


@settings(max_examples=200, deadline=None, database=None)
@given(
    lengths=st.lists(st.integers(0, 200), min_size=1, max_size=120),
    batch_size=st.integers(1, 20),
    max_tokens=st.integers(1, 300),
    shuffle=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_no_batch_has_too_many_rows_or_tokens(lengths, batch_size, max_tokens, shuffle, seed):
    sampler = BucketSampler(
        torch.tensor(lengths), batch_size, shuffle=shuffle, seed=seed, max_tokens=max_tokens
    )
    for epoch in range(3):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
        for rows in batches:
            assert len(rows) <= batch_size
            assert (
                len(rows) == 1 or len(rows) * max(1, *(lengths[row] for row in rows)) <= max_tokens
            )


def test_a_text_longer_than_the_bound_is_alone():
    batches = list(BucketSampler(torch.tensor([3, 50, 4, 60, 5]), 8, shuffle=False, max_tokens=40))
    assert batches == [[0, 2, 4], [1], [3]]


def test_a_text_without_tokens_counts_as_one():
    batches = list(BucketSampler(torch.tensor([0] * 5 + [2, 0]), 8, shuffle=False, max_tokens=4))
    assert batches == [[0, 1, 2, 3], [4, 6], [5]]


def test_long_texts_come_in_smaller_batches_and_short_ones_in_full():
    lengths = torch.tensor([10] * 16 + [20] * 8 + [40] * 4)
    batches = list(BucketSampler(lengths, 8, shuffle=True, max_tokens=80))
    sizes = sorted((int(lengths[rows].max()), len(rows)) for rows in batches)
    assert sizes == [(10, 8)] * 2 + [(20, 4)] * 2 + [(40, 2)] * 2


def test_a_bound_that_no_batch_reaches_changes_nothing():
    lengths = random_lengths(300)
    bounded, free = (
        BucketSampler(lengths, 4, shuffle=True, max_tokens=bound) for bound in (400, 65536)
    )
    assert list(bounded) == list(free)


def test_the_bound_counts_fixed_widths_in_whole():
    texts = texts_of([1] * 12, max_length=10, pad_to=10)
    sizes = [len(batch.rows_B) for batch in batch_loader(texts, 8, shuffle=False, max_tokens=35)]
    assert sizes == [3, 3, 3, 3]
    assert [len(batch.rows_B) for batch in batch_loader(texts, 8, shuffle=False, max_tokens=5)] == [
        1
    ] * 12


@pytest.mark.parametrize("max_tokens", [65536, 50])
def test_rows_may_repeat_in_an_epoch(max_tokens):
    rows = torch.tensor([0, 0, 0, 2, 4, 4])
    sampler = BucketSampler(
        torch.tensor([9, 30, 8, 30, 40]), 4, shuffle=True, rows=rows, max_tokens=max_tokens
    )
    batches = list(sampler)
    assert sorted(row for batch in batches for row in batch) == [0, 0, 0, 2, 4, 4]
    assert len(batches) == len(sampler) == {65536: 2, 50: 3}[max_tokens]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("count", [1, 7, 8, 300])
def test_every_row_comes_exactly_once_an_epoch(count, shuffle):
    sampler = BucketSampler(random_lengths(count), 4, shuffle=shuffle, seed=3)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert sorted(row for rows in batches for row in rows) == list(range(count))
        assert len(batches) == len(sampler) == -(-count // 4)
        assert max(map(len, batches)) <= 4


def test_the_order_is_a_function_of_seed_and_epoch():
    orders = {}
    for seed in (0, 1):
        for epoch in (0, 1):
            sampler = BucketSampler(random_lengths(300), 4, shuffle=True, seed=seed)
            sampler.set_epoch(epoch)
            orders[seed, epoch] = list(sampler)
            assert list(sampler) == orders[seed, epoch]
    assert len({str(order) for order in orders.values()}) == 4


def test_the_order_does_not_depend_on_global_random_numbers():
    orders = []
    for global_seed in (0, 1):
        torch.manual_seed(global_seed)
        loader = batch_loader(texts_of(random_lengths(100)), 4, shuffle=True, seed=7)
        orders.append([batch.rows_B.tolist() for batch in loader])
    assert orders[0] == orders[1]


def test_shuffled_batches_do_not_come_by_length():
    lengths = random_lengths(1000)
    longest = [int(lengths[rows].max()) for rows in BucketSampler(lengths, 8, shuffle=True)]
    assert longest != sorted(longest)


def test_unshuffled_rows_come_by_length():
    lengths = random_lengths(300)
    order = [row for rows in BucketSampler(lengths, 8, shuffle=False) for row in rows]
    assert lengths[order].tolist() == sorted(lengths.tolist())


def test_buckets_save_most_of_the_padding():
    lengths = random_lengths(4000)
    assert padding_share(lengths, torch.arange(4000).split(16)) > 0.4
    assert padding_share(lengths, BucketSampler(lengths, 16, shuffle=True)) < 0.08


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_loader_never_touches_the_global_random_numbers(shuffle):
    loader = batch_loader(texts_of(random_lengths(40)), 4, shuffle=shuffle)
    before = torch.get_rng_state()
    for _ in range(2):
        assert len(list(loader)) == 10
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("device", "pinned"), [("cuda:0", True), ("cpu", False)])
def test_a_batch_on_its_way_to_a_gpu_alone_is_pinned_so_that_nothing_waits(device, pinned):
    packed = Mock(device=torch.device("cpu"))
    moved = Batch(packed).to(torch.device(device))
    source = packed.pin_memory.return_value if pinned else packed
    assert moved.packed is source.to.return_value
    source.to.assert_called_once_with(torch.device(device), non_blocking=True)
    assert packed.pin_memory.called == pinned
