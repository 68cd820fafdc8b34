"""ONNX: the exported network gives PyTorch's probabilities at any batch size and length."""

import pytest
import torch

from helpers.small import lively_network

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from textlstm.model.onnx import SHAPES, TOLERANCE, difference, write_onnx  # noqa: E402  (needs what is skipped for)


def session_of(network, tmp_path):
    write_onnx(network, tmp_path / "model.onnx")
    return onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("pooling", ["last", "concat"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_onnx_gives_pytorchs_probabilities(tmp_path, bidirectional, layers, pooling):
    network = lively_network(bidirectional=bidirectional, layers=layers, pooling=pooling, head=[6])
    session = session_of(network, tmp_path)
    assert [difference(session, network, *shape) <= 1e-5 for shape in SHAPES] == [True] * 3


def test_the_temperature_is_in_the_graph(tmp_path):
    network = lively_network()
    write_onnx(network, tmp_path / "model.onnx", 0.4)
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    assert max(difference(session, network, *shape, 0.4) for shape in SHAPES) <= 1e-5
    assert difference(session, network, 7, 23) > 0.001


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
