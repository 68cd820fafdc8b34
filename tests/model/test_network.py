"""The network: Keras' numbers, padding, gradients, the start of its weights, and refused values."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from helpers.small import lively_network, small_network
from textlstm.checks import InputError
from textlstm.model.layers import SequenceDropout, TokenDropout, WordDropout
from textlstm.model.network import layer_table, trainable
from textlstm.model.pooling import POOLINGS

GOLDEN = Path(__file__).with_name("keras_article_small.npz")
TEXTS = [[7], [3, 4, 5], [9, 8, 7, 6, 5, 4, 3], [2, 29]]
every_pooling = pytest.mark.parametrize("pooling", POOLINGS)


def padded(texts: list[list[int]], extra: int = 0) -> tuple[Tensor, Tensor]:
    width = max(1, *(len(text) for text in texts)) + extra
    tokens_BT = torch.tensor([text + [0] * (width - len(text)) for text in texts])
    return tokens_BT, torch.tensor([len(text) for text in texts])


def test_keras_weights_give_keras_probabilities_loss_and_accuracy():
    golden = {name: torch.from_numpy(values) for name, values in np.load(GOLDEN).items()}
    network = small_network(vocab_size=60, classes=4, layers=2, head=[6]).eval()
    with torch.no_grad():
        network.embedding.weight.copy_(golden["embedding"])
        for n, layer in enumerate(network.lstm, start=1):
            layer.forwards.weight_ih_l0.copy_(golden[f"lstm{n}_kernel"].T)
            layer.forwards.weight_hh_l0.copy_(golden[f"lstm{n}_recurrent"].T)
            layer.forwards.bias_ih_l0.copy_(golden[f"lstm{n}_bias"])
        for n, layer in enumerate((network.head[1], network.output), start=1):
            layer.weight.copy_(golden[f"dense{n}_kernel"].T)
            layer.bias.copy_(golden[f"dense{n}_bias"])
        logits_BC = network(golden["tokens"], torch.full((9,), 7))
    torch.testing.assert_close(logits_BC.softmax(dim=1), golden["probabilities"], rtol=0, atol=1e-5)
    assert functional.cross_entropy(logits_BC, golden["labels"]).item() == pytest.approx(
        1.2199273, abs=1e-5
    )
    assert (logits_BC.argmax(dim=1) == golden["labels"]).sum() == 5  # of 9


@pytest.mark.parametrize(("layers", "directions"), [(1, "mixed"), (3, "mixed"), (2, "separate")])
@pytest.mark.parametrize("bidirectional", [False, True])
@every_pooling
def test_padding_never_changes_the_scores(pooling, bidirectional, layers, directions):
    network = lively_network(
        pooling=pooling, bidirectional=bidirectional, layers=layers, directions=directions
    )
    with torch.no_grad():
        alone_BC = torch.cat([network(*padded([text])) for text in TEXTS])
        batch_BC = network(*padded(TEXTS))
        more_padding_BC = torch.cat([network(*padded([text], extra=5)) for text in TEXTS])
    assert alone_BC.std(dim=0).min() > 0.01  # the texts differ, or nothing would be shown
    torch.testing.assert_close(batch_BC, alone_BC, rtol=0, atol=1e-5)
    torch.testing.assert_close(more_padding_BC, alone_BC, rtol=0, atol=1e-5)


@every_pooling
def test_a_text_without_tokens_has_finite_scores_whatever_its_padding(pooling):
    network = lively_network(pooling=pooling, bidirectional=True, layers=2)
    with torch.no_grad():
        alone_BC = network(*padded([[]]))
        batch_BC = network(*padded([[], [3, 4, 5, 6]]))
    assert alone_BC.isfinite().all()
    torch.testing.assert_close(batch_BC[:1], alone_BC, rtol=0, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
@every_pooling
def test_every_token_reaches_the_scores(pooling, bidirectional):
    network = lively_network(pooling=pooling, bidirectional=bidirectional, layers=2)
    text = [11, 12, 13, 14, 15]
    with torch.no_grad():
        scores_BC = network(*padded([text] + [[*text[:n], 20, *text[n + 1 :]] for n in range(5)]))
    changes_B = (scores_BC[1:] - scores_BC[0]).abs().amax(dim=1)
    # A maximum keeps the largest states alone, so that one token or another may not show in it.
    assert (changes_B > 1e-6).sum() >= (3 if pooling == "max" else 5)


def test_the_backward_direction_reads_the_text_from_its_end():
    network = lively_network(bidirectional=True)
    layer = network.lstm[0]
    layer.backwards.load_state_dict(layer.forwards.state_dict())
    tokens_BT, lengths_B = padded([[3, 4, 5], [5, 4, 3]], extra=2)
    with torch.no_grad():
        states_BTH = layer(network.embedding(tokens_BT), lengths_B)
        pooled_BP = network.pooling(states_BTH, lengths_B, tokens_BT != 0)
    forward_BH, backward_BH = pooled_BP.chunk(2, dim=1)
    torch.testing.assert_close(backward_BH[0], forward_BH[1])
    torch.testing.assert_close(backward_BH[1], forward_BH[0])


@every_pooling
def test_every_trainable_parameter_gets_a_gradient(pooling):
    network = small_network(pooling=pooling, bidirectional=True, layers=2, head=[6])
    functional.cross_entropy(network(*padded(TEXTS)), torch.tensor([0, 1, 2, 0])).backward()
    without = [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any())
    ]
    assert without == []


def test_a_step_moves_the_weights_but_not_the_padding_row_or_the_second_bias():
    network = small_network(bidirectional=True, word_dropout=0.5)
    before = network.embedding.weight.detach().clone()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    functional.cross_entropy(
        network(*padded([*TEXTS, []])), torch.tensor([0, 1, 2, 0, 1])
    ).backward()
    optimizer.step()
    assert not network.embedding.weight[0].any()
    assert not torch.equal(network.embedding.weight, before)
    for lstm in network.lstm[0].directions():
        assert not lstm.bias_hh_l0.any()
        assert not lstm.bias_hh_l0.requires_grad
        assert lstm.bias_ih_l0.requires_grad


def test_the_start_is_keras_start():
    network = small_network(hidden=8, bidirectional=True)
    for lstm in network.lstm[0].directions():
        i, f, g, o = lstm.bias_ih_l0.detach().chunk(4)
        assert f.tolist() == [1.0] * 8
        assert torch.cat([i, g, o]).tolist() == [0.0] * 24
        recurrent = lstm.weight_hh_l0.detach()
        torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(8), rtol=0, atol=1e-5)
        bound = (6 / (5 + 32)) ** 0.5  # Glorot's
        assert 0.8 * bound < lstm.weight_ih_l0.abs().max() <= bound
    assert not network.output.bias.any()
    assert not network.embedding.weight[0].any()


def test_the_articles_model_has_584932_parameters():
    network = small_network(
        vocab_size=8000, classes=4, embedding_dim=45, hidden=128, layers=2, head=[32]
    )
    assert trainable(network) == 584_932
    assert layer_table([network], 35) == [
        ("Embedding", "35 × 45", 360_000),
        ("LSTM 1", "35 × 128", 89_088),
        ("LSTM 2", "128", 131_584),
        ("Dense 1", "32", 4_128),
        ("Dense 2", "4", 132),
    ]


@every_pooling
def test_the_layer_table_adds_up(pooling):
    network = small_network(pooling=pooling, bidirectional=True, layers=2, head=[6, 5])
    rows = layer_table([network], None)
    assert sum(count for *_, count in rows) == trainable(network)
    assert rows[1][:2] == ("Bidirectional LSTM 1", "T × 8")
    if pooling != "last":
        assert rows[3][:2] == (f"Pooling ({pooling})", "24" if pooling == "concat" else "8")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("hidden", 0, "model.hidden must be at least 1, got 0"),
        ("hidden", 4.0, "model.hidden must be a whole number or null, got 4.0"),
        ("hidden", True, "model.hidden must be a whole number or null, got True"),
        ("layers", 0, "model.layers must be at least 1, got 0"),
        ("embedding_dim", -3, "model.embedding_dim must be at least 1, got -3"),
        (
            "pooling",
            "lst",
            "model.pooling must be one of last, mean, max, concat, attention, got 'lst'.*'last'",
        ),
        ("pooling", None, "model.pooling must be one of .* got None"),
        ("dropout", 1.0, "model.dropout must be at least 0 and below 1, got 1"),
        ("dropout", "a", "model.dropout must be a number, got 'a'"),
        ("dropout", float("nan"), "model.dropout must be a finite number, got nan."),
        (
            "embedding_dropout",
            1.5,
            "model.embedding_dropout must be at least 0 and below 1, got 1.5",
        ),
        ("word_dropout", -0.1, "model.word_dropout must be at least 0 and below 1, got -0.1"),
        ("head", [0], "each size in model.head must be at least 1, got 0"),
        ("head", ["a"], "each size in model.head must be a whole number, got 'a'"),
        ("head", 32, r"model.head must be a list of layer sizes such as \[32\] or \[\], got 32"),
        ("head", "32", "model.head must be a list .* got '32'"),
        ("bidirectional", "yes", "model.bidirectional must be true or false, got 'yes'"),
        ("sequence_dropout", 1, "model.sequence_dropout must be true or false, got 1"),
        ("vocab_size", 1, "data.vocab_size must be at least 2, got 1"),
        ("head", (32,), r"model.head must be a list .* got \(32,\)"),
        ("classes", 1, "number of classes must be at least 2, got 1"),
    ],
)
def test_bad_values_are_refused_by_key_and_value(key, value, message):
    with pytest.raises(InputError, match=message):
        small_network(**{key: value})


def test_sequence_dropout_has_one_mask_per_text():
    torch.manual_seed(0)
    layer = SequenceDropout(0.5)
    dropped_BTH = layer(torch.ones(6, 9, 40))
    assert torch.equal(dropped_BTH, dropped_BTH[:, :1].expand(6, 9, 40))
    assert set(dropped_BTH.unique().tolist()) == {0.0, 2.0}  # what is kept is scaled up
    assert 0.35 < (dropped_BTH == 0).float().mean() < 0.65
    assert not torch.equal(dropped_BTH[0], dropped_BTH[1])
    assert torch.equal(layer.eval()(torch.ones(6, 9, 40)), torch.ones(6, 9, 40))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_token_dropout_is_torchs_dropout(rate):
    torch.manual_seed(0)
    layer = TokenDropout(rate)
    states = torch.ones(7, 31, 301, requires_grad=True)  # no multiple of four values
    dropped = layer(states)
    dropped.sum().backward()
    assert states.grad is not None
    assert torch.equal(states.grad, dropped)  # ones: each value passes on what it was multiplied by
    torch.testing.assert_close(dropped.unique(), torch.tensor([0, 1 / (1 - rate)]))
    assert (dropped == 0).float().mean().item() == pytest.approx(
        rate, abs=0.006
    )  # five standard deviations
    neighbours = (dropped[..., :-1] == 0) & (dropped[..., 1:] == 0)
    assert neighbours.float().mean().item() == pytest.approx(
        rate**2, abs=0.01
    )  # each drawn for itself
    assert not torch.equal(layer(states), dropped)
    torch.manual_seed(0)
    assert torch.equal(layer(states), dropped)
    assert torch.equal(layer.eval()(states), states)


@pytest.mark.parametrize(
    "rates",
    [
        {"word_dropout": 0.5},
        {"embedding_dropout": 0.5},
        {"dropout": 0.5},
        {"dropout": 0.5, "embedding_dropout": 0.5, "sequence_dropout": True},
    ],
)
def test_dropout_of_each_kind_acts_in_training_alone(rates):
    network = lively_network(**rates)
    plain = lively_network()
    batch = padded(TEXTS)
    with torch.no_grad():
        torch.testing.assert_close(network(*batch), plain(*batch), rtol=0, atol=0)
        network.train()
        assert not torch.equal(network(*batch), network(*batch))


def test_word_dropout_reads_tokens_as_unknown():
    network = lively_network(word_dropout=0.9999999).train()
    with torch.no_grad():
        unknown_BC = lively_network()(*padded([[1] * len(text) for text in TEXTS]))
        torch.testing.assert_close(network(*padded(TEXTS)), unknown_BC, rtol=0, atol=1e-5)


# Of five tokens, 2 begins as 4, and 2 and 3 end as 5.
AFFIXES_KV = torch.tensor([[0, 1, 4, 1, 1, 1], [0, 1, 5, 5, 1, 1]])


@pytest.mark.parametrize(
    ("affixes_KV", "token", "shares"),
    [
        (None, 2, {2: 0.6, 1: 0.4}),
        (AFFIXES_KV[:0], 2, {2: 0.6, 1: 0.4}),
        (AFFIXES_KV[:1], 2, {2: 0.6, 4: 0.2, 1: 0.2}),
        (AFFIXES_KV, 2, {2: 0.6, 4: 0.2, 5: 0.1, 1: 0.1}),
        (AFFIXES_KV, 3, {3: 0.6, 5: 0.1, 1: 0.3}),
        (AFFIXES_KV, 4, {4: 0.6, 1: 0.4}),
        (AFFIXES_KV, 1, {1: 1}),
        (AFFIXES_KV, 0, {0: 1}),
    ],
)
def test_word_dropout_reads_words_as_their_beginnings_their_ends_or_unknown(
    affixes_KV, token, shares
):
    torch.manual_seed(0)
    read_BT = WordDropout(0.4, affixes_KV)(torch.full((100, 200), token))
    counts = read_BT.flatten().bincount(minlength=6) / read_BT.numel()
    expected = [shares.get(number, 0) for number in range(6)]
    assert counts.tolist() == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("affixes_KV", [None, AFFIXES_KV])
def test_words_are_read_as_they_are_outside_of_training_or_without_word_dropout(affixes_KV):
    tokens_BT = torch.tensor([[2, 3, 0], [1, 4, 0]])
    assert torch.equal(WordDropout(0.9, affixes_KV).eval()(tokens_BT), tokens_BT)
    assert torch.equal(WordDropout(0.0, affixes_KV)(tokens_BT), tokens_BT)
    assert not WordDropout(0.9, affixes_KV).state_dict()


@pytest.mark.parametrize("place", [0, 1])
def test_dropout_stands_after_each_lstm_layer(place):
    network = lively_network(layers=2, hidden=40, dropout=0.5).train()
    if place == 0:  # the rate between the layers alone
        network.head[0].rate = 0.0
    else:
        network.dropout.rate = 0.0
    with torch.no_grad():
        assert not torch.equal(network(*padded(TEXTS)), network(*padded(TEXTS)))


def test_separate_directions_are_two_networks_of_one_direction_side_by_side():
    network = lively_network(layers=3, bidirectional=True, directions="separate")
    tokens_BT, lengths_B = padded(TEXTS)
    states_BTH = network.embedding(tokens_BT)
    one_way_BTH, other_way_BTH = states_BTH, states_BTH
    with torch.no_grad():
        for layer in network.lstm:
            states_BTH = layer(states_BTH, lengths_B)
            one_way_BTH = layer.forwards(one_way_BTH)[0]
        text = TEXTS[2]
        other_way_BTH = network.embedding(torch.tensor([text[::-1]]))
        for layer in network.lstm:
            other_way_BTH = layer.backwards(other_way_BTH)[0]
    torch.testing.assert_close(states_BTH[2, : len(text), :4], one_way_BTH[2, : len(text)])
    torch.testing.assert_close(states_BTH[2, : len(text), 4:], other_way_BTH[0].flip(0))
    mixed = lively_network(layers=3, bidirectional=True)
    assert trainable(network) == trainable(mixed) - 2 * 2 * (4 * 4 * 4)


def test_one_direction_or_one_layer_is_the_same_separate_or_mixed():
    for sizes in ({"layers": 2}, {"layers": 1, "bidirectional": True}):
        mixed, separate = (
            lively_network(**sizes, directions=directions) for directions in ("mixed", "separate")
        )
        assert torch.equal(mixed(*padded(TEXTS)), separate(*padded(TEXTS)))
