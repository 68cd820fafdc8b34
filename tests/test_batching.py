"""Batches: padding on the right, each row once an epoch, an order from seed and epoch alone, little padding."""

import pytest
import torch

from textlstm.batching import BucketSampler, EncodedTexts, batch_loader


def texts_of(lengths, **options):
    lengths_N = torch.as_tensor(lengths)
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths_N.cumsum(0)])
    tokens = torch.arange(1, int(offsets[-1]) + 1, dtype=torch.int32)
    return EncodedTexts(tokens, offsets, torch.arange(len(lengths_N)) % 2, **options)


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


def test_a_batch_of_texts_without_tokens_is_one_token_wide():
    assert texts_of([0, 0]).__getitems__([0, 1]).tokens_BT.tolist() == [[0], [0]]


def test_pad_to_makes_every_batch_equally_wide():
    batches = list(batch_loader(texts_of([2, 0, 3, 1], pad_to=5), 3, shuffle=False))
    assert [tuple(batch.tokens_BT.shape) for batch in batches] == [(3, 5), (1, 5)]


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
