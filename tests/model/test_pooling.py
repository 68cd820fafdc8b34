"""Poolings, all by the same tests: padding is never seen, texts stay apart, and weights learn."""

import pytest
import torch
from torch import Tensor

from textlstm.model.pooling import POOLINGS, Attention, Pooling

HIDDEN = 3
LENGTHS = torch.tensor([4, 1, 6, 2])
every_pooling = pytest.mark.parametrize("name", POOLINGS)
every_state_size = pytest.mark.parametrize("states", [HIDDEN, 2 * HIDDEN])  # one direction, two


def made(name: str, states: int = 2 * HIDDEN) -> Pooling:
    torch.manual_seed(0)
    return POOLINGS[name](states, HIDDEN)


def states_of(lengths: Tensor, size: int, *, extra: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """States of texts, the same for each text and length whatever the padding, and their masks."""
    width = int(lengths.max()) + extra
    states_BTH = torch.full((len(lengths), width, size), 1e6)  # what no result may show
    for row, length in enumerate(lengths.tolist()):
        generator = torch.Generator().manual_seed(length)
        states_BTH[row, :length] = torch.randn(length, size, generator=generator)
    return states_BTH, lengths, torch.arange(width) < lengths[:, None]


def test_the_table_holds_every_pooling():
    assert list(POOLINGS) == ["last", "mean", "max", "concat", "attention"]
    assert set(POOLINGS.values()) == set(Pooling.__subclasses__())


@every_state_size
@every_pooling
def test_a_text_pools_to_one_vector_of_the_size_that_is_told(name, states):
    pooling = made(name, states)
    assert pooling(*states_of(LENGTHS, states)).shape == (4, pooling.size)


@every_state_size
@every_pooling
def test_padding_and_other_texts_never_change_a_result(name, states):
    pooling = made(name, states)
    alone_BP = torch.cat([pooling(*states_of(length[None], states)) for length in LENGTHS])
    assert alone_BP.std(dim=0).min() > 0.01  # the texts differ, or nothing would be shown
    for extra in (0, 1, 9):
        together_BP = pooling(*states_of(LENGTHS, states, extra=extra))
        torch.testing.assert_close(together_BP, alone_BP, rtol=0, atol=1e-6)


@every_pooling
def test_gradients_reach_every_parameter_and_no_padding(name):
    pooling = made(name)
    states_BTH, lengths_B, mask_BT = states_of(LENGTHS, 2 * HIDDEN, extra=2)
    states_BTH.requires_grad_()
    pooling(states_BTH, lengths_B, mask_BT).square().sum().backward()
    assert states_BTH.grad is not None
    assert not states_BTH.grad[~mask_BT].any()
    assert states_BTH.grad.flatten(1).any(dim=1).all()  # each text gets one
    assert all(parameter.grad is not None for parameter in pooling.parameters())
    if isinstance(pooling, Attention):
        transform, score = pooling.children()
        assert transform.weight.grad.any()
        assert score.weight.grad.any()  # its bias has none: the softmax takes it out


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", [[3.0, 10.0], [7.0, 8.0]]),
        ("mean", [[2.0, 20.0], [7.0, 8.0]]),
        ("max", [[3.0, 30.0], [7.0, 8.0]]),
        ("concat", [[2.0, 20.0, 3.0, 30.0, 3.0, 10.0], [7.0, 8.0, 7.0, 8.0, 7.0, 8.0]]),
        ("attention", [[2.0, 20.0], [7.0, 8.0]]),  # with weights that are equal
    ],
)
def test_poolings_by_hand(name, expected):
    pooling = POOLINGS[name](2, 1)  # a forward and a backward direction of one unit each
    for parameter in pooling.parameters():
        torch.nn.init.zeros_(parameter)
    states_BTH = torch.tensor([[[1.0, 10], [2, 20], [3, 30]], [[7, 8], [99, 99], [99, 99]]])
    mask_BT = torch.tensor([[True, True, True], [True, False, False]])
    pooled_BP = pooling(states_BTH, torch.tensor([3, 1]), mask_BT)
    torch.testing.assert_close(pooled_BP, torch.tensor(expected))


def test_attention_weighs_states_by_their_scores():
    attention = made("attention", HIDDEN)
    states_BTH, lengths_B, mask_BT = states_of(torch.tensor([5]), HIDDEN)
    transform, score = attention.children()
    weights_T = torch.tanh(states_BTH[0] @ transform.weight.T) @ score.weight[0]
    expected_P = weights_T.softmax(dim=0) @ states_BTH[0]
    torch.testing.assert_close(attention(states_BTH, lengths_B, mask_BT)[0], expected_P)
    assert list(attention.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
