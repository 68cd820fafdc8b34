"""ONNX: the exported network gives PyTorch's probabilities at any batch size and length."""

import pytest
import torch

from helpers.small import lively_network

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from textlstm.exporting.onnx import (  # noqa: E402  (needs what is skipped for)
    SHAPES,
    TOLERANCE,
    Probabilities,
    write_onnx,
)
from textlstm.exporting.onnx import difference as largest_difference  # noqa: E402
from textlstm.model.wide import WideChannel, mixed  # noqa: E402


def session_of(network, tmp_path, *mixture):
    write_onnx(Probabilities(network, *mixture), tmp_path / "model.onnx")
    return onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])


def difference(session, network, batch, tokens, *mixture):
    return largest_difference(session, Probabilities(network, *mixture), batch, tokens)


@pytest.mark.parametrize("pooling", ["last", "concat"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_onnx_gives_pytorchs_probabilities(tmp_path, bidirectional, layers, pooling):
    network = lively_network(bidirectional=bidirectional, layers=layers, pooling=pooling, head=[6])
    session = session_of(network, tmp_path)
    assert [difference(session, network, *shape) <= 1e-5 for shape in SHAPES] == [True] * 3


@pytest.mark.parametrize("layers", [2, 3])
def test_directions_that_stay_separate_are_exported_so(tmp_path, layers):
    network = lively_network(bidirectional=True, directions="separate", layers=layers)
    session = session_of(network, tmp_path)
    assert [difference(session, network, *shape) <= 1e-5 for shape in SHAPES] == [True] * 3


def test_the_temperature_is_in_the_graph(tmp_path):
    network = lively_network()
    session = session_of(network, tmp_path, 0.4)
    assert max(difference(session, network, *shape, 0.4) for shape in SHAPES) <= 1e-5
    assert difference(session, network, 7, 23) > 0.001


def test_a_wide_channel_is_exported_with_inputs_of_its_own(tmp_path):
    network = lively_network()
    torch.manual_seed(1)
    terms = ["goal", "bank", "late goal", "star"]
    wide = WideChannel(
        *(terms, torch.ones(4), torch.randn(4, 3), torch.randn(3)),
        unit="word",
        longest=2,
        sublinear=False,
    )
    mixture = (0.7, wide, 0.4)
    session = session_of(network, tmp_path, *mixture)
    assert max(difference(session, network, *shape, *mixture) for shape in SHAPES) <= 1e-5
    names = [given.name for given in session.get_inputs()]
    assert names == ["tokens", "lengths", "terms", "values"]

    # As the bundle mixes them.
    texts = ["A late goal", "", "the bank, the bank"]
    tokens_BT, lengths_B = torch.tensor([[3, 4], [5, 0], [6, 7]]), torch.tensor([2, 1, 2])
    terms_BF, values_BF = wide.features(texts).padded()
    given = [tokens_BT, lengths_B, terms_BF, values_BF]
    found = session.run(None, {n: t.numpy() for n, t in zip(names, given, strict=True)})[0]
    with torch.no_grad():
        lstm_NC = network(tokens_BT, lengths_B).log_softmax(dim=1)
    expected_NC = mixed(lstm_NC, wide.log_probabilities(texts), weight=0.4, temperature=0.7).exp()
    torch.testing.assert_close(torch.from_numpy(found), expected_NC.float(), rtol=0, atol=1e-5)


def test_the_attention_of_a_network_in_training_is_exported_without_dropout(tmp_path):
    network = lively_network(
        pooling="attention", dropout=0.5, embedding_dropout=0.5, word_dropout=0.5
    ).train()
    session = session_of(network, tmp_path)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.output.parameters())
    assert max(difference(session, network, *shape) for shape in SHAPES) <= 1e-5
    assert [given.name for given in session.get_inputs()] == ["tokens", "lengths"]
    assert [given.name for given in session.get_outputs()] == ["probabilities"]
    with torch.no_grad():
        network.output.bias[0] += 0.1
    assert difference(session, network, 7, 23) > 0.001  # it sees what it should


def test_the_shapes_and_tolerance_of_the_check():
    assert SHAPES == ((1, 1), (3, 50), (7, 23))
    assert TOLERANCE == 1e-5
