"""Several networks that predict as one: the mean of their probabilities, in the bundle as well."""

import pytest
import torch
from torch import nn

from helpers.small import SETTINGS
from textlstm.checks import InputError
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import TextClassifier, save_bundle
from textlstm.model.ensemble import Ensemble, make_network, network_from_plain_values
from textlstm.model.network import LSTMClassifier, layer_table, trainable
from textlstm.model.settings import NetworkSettings

TEXTS = ["the team won the match late", "shares fell", "rain"]


def ensemble(members=3, **changes):
    """Networks with weights so large that each token and its place show in their scores."""
    torch.manual_seed(0)
    network = network_from_plain_values(**{**SETTINGS, **changes, "ensemble": members}).eval()
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.7)
    return network


def batch():
    tokens_BT = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]])
    return tokens_BT, torch.tensor([4, 2])


def test_it_predicts_the_mean_of_its_members_probabilities():
    network = ensemble()
    with torch.no_grad():
        members = [member(*batch()).softmax(dim=1) for member in network.members]
        together_BC = network(*batch()).softmax(dim=1)
    torch.testing.assert_close(together_BC, torch.stack(members).mean(dim=0), rtol=0, atol=1e-6)
    assert not torch.equal(members[0], members[1])


def test_networks_that_read_one_way_read_forwards_and_backwards_by_turns():
    network = ensemble()
    assert [member.backwards for member in network.members] == [False, True, False]

    backwards = network.members[1]
    forwards = LSTMClassifier(backwards.settings, vocab_size=30, classes=3).eval()
    forwards.load_state_dict(backwards.state_dict())
    turned_BT = torch.tensor([[8, 7, 6, 5], [10, 9, 0, 0]])
    with torch.no_grad():
        torch.testing.assert_close(backwards(*batch()), forwards(turned_BT, batch()[1]))

    both = ensemble(bidirectional=True)
    assert [member.backwards for member in both.members] == [False] * 3


def test_an_ensemble_of_one_is_the_network_itself():
    settings = NetworkSettings(
        **{name: value for name, value in SETTINGS.items() if name not in ("vocab_size", "classes")}
    )
    torch.manual_seed(0)
    one = make_network(settings, vocab_size=30, classes=3)
    torch.manual_seed(0)
    several = make_network(settings, vocab_size=30, classes=3, ensemble=2)
    assert isinstance(one, LSTMClassifier)
    assert isinstance(several, Ensemble)
    assert "ensemble" not in one.plain_values()
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, several.members[0].state_dict()[name]), name


def test_the_layer_table_counts_all_members():
    network = ensemble()
    rows = layer_table(network.members, None)
    assert sum(count for *_, count in rows) == trainable(network)
    assert rows[0] == ("3 × Embedding", "T × 5", 3 * 30 * 5)


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "two"])
def test_a_number_of_members_that_cannot_be_is_refused(number):
    with pytest.raises(InputError, match="ensemble must be "):
        network_from_plain_values(**SETTINGS, ensemble=number)


def test_the_saved_model_predicts_as_the_ensemble(tmp_path):
    tokenizer = train_tokenizer(TEXTS, kind="word", vocab_size=30)
    network = ensemble(vocab_size=tokenizer.get_vocab_size())
    save_bundle(
        tmp_path,
        network=network,
        max_length=None,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=["a", "b", "c"],
    )
    made = TextClassifier(
        network, tokenizer, ["a", "b", "c"], max_length=None, truncate="head"
    ).probabilities(TEXTS)
    loaded = TextClassifier.load(tmp_path).probabilities(TEXTS)
    torch.testing.assert_close(loaded, made, rtol=0, atol=1e-6)
