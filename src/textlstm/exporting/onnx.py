"""Exports a trained network to ONNX, for any batch and any length, and compares the two."""

import copy
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textlstm.model.ensemble import Network
from textlstm.model.network import LSTMLayer
from textlstm.model.wide import WideChannel

SHAPES = ((1, 1), (3, 50), (7, 23))  # batch × tokens
TOLERANCE = 1e-5


@torch.library.custom_op("textlstm::lstm_layer", mutates_args=())
def lstm_layer(
    inputs_BTE: Tensor,
    lengths_B: Tensor,
    weights: list[Tensor],
    bidirectional: bool,
    separate: bool,
) -> Tensor:
    """An `LSTMLayer` as one operator, so that the exporter need not see through its time loop."""
    hidden, inputs = weights[1].shape[1], weights[0].shape[1]
    layer = LSTMLayer(inputs, hidden, bidirectional=bidirectional, separate=separate)
    for lstm, start in zip(layer.directions(), range(0, len(weights), 4), strict=True):
        for parameter, weight in zip(lstm.parameters(), weights[start : start + 4], strict=True):
            parameter.data = weight
    return layer(inputs_BTE, lengths_B)


@lstm_layer.register_fake
def _(
    inputs_BTE: Tensor,
    lengths_B: Tensor,
    weights: list[Tensor],
    bidirectional: bool,
    separate: bool,
) -> Tensor:
    states = weights[1].shape[1] * (2 if bidirectional else 1)
    return inputs_BTE.new_empty(inputs_BTE.shape[0], inputs_BTE.shape[1], states)


class _OperatorLayer(nn.Module):
    """An `LSTMLayer` that calls the operator."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs_BTE: Tensor, lengths_B: Tensor) -> Tensor:
        weights = [parameter for lstm in self.layer.directions() for parameter in lstm.parameters()]
        bidirectional = self.layer.backwards is not None
        return lstm_layer(inputs_BTE, lengths_B, weights, bidirectional, self.layer.separate)


class Probabilities(nn.Module):
    """A network with all that makes probabilities of its class scores, as `TextClassifier` does.

    With a wide channel, `terms` and `values` are a text's terms as `Features.padded` gives them.

    Args:
        temperature: what class scores are divided by before the softmax.
        wide, weight: the channel beside the network, and the network's share in their mixture.
    """

    weights_VC: Tensor
    bias_C: Tensor

    def __init__(
        self,
        network: Network,
        temperature: float = 1.0,
        wide: WideChannel | None = None,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.network, self.temperature, self.weight = network, temperature, weight
        if wide is not None:
            self.register_buffer("weights_VC", wide.weights_VC)
            self.register_buffer("bias_C", wide.bias_C)
        self.has_wide = wide is not None

    def forward(
        self,
        tokens: Tensor,
        lengths: Tensor,
        terms: Tensor | None = None,
        values: Tensor | None = None,
    ) -> Tensor:
        scores_BC = self.network(tokens, lengths)
        if terms is not None and values is not None:
            wide_BC = (self.weights_VC[terms] * values[..., None]).sum(dim=1) + self.bias_C
            scores_BC = self.mixed(scores_BC, wide_BC.log_softmax(dim=1))
        return (scores_BC / self.temperature).softmax(dim=1)

    def mixed(self, scores_BC: Tensor, wide_BC: Tensor) -> Tensor:
        """Mixes the network's scores with the logarithm of the wide channel's probabilities."""
        return self.weight * scores_BC.log_softmax(dim=1) + (1 - self.weight) * wide_BC

    def input_names(self) -> list[str]:
        """Names what it takes, in their order."""
        return ["tokens", "lengths", *(["terms", "values"] if self.has_wide else [])]

    def dynamic_axes(self) -> list[list[int]]:
        """Lists the axes of each input that may have any size."""
        return [[*range(tensor.dim())] for tensor in self.random_inputs(1, 1)]

    def random_inputs(self, batch: int, tokens: int) -> tuple[Tensor, ...]:
        """Draws random texts; the first has all the tokens, the others may be shorter."""
        generator = torch.Generator().manual_seed(0)
        largest = self.network.members[0].embedding.num_embeddings
        ids_BT = torch.randint(1, largest, (batch, tokens), generator=generator)
        lengths_B = torch.randint(0, tokens + 1, (batch,), generator=generator)
        lengths_B[0] = tokens
        outside_BT = torch.arange(tokens) >= lengths_B[:, None]
        ids_BT[outside_BT] = 0
        if not self.has_wide:
            return ids_BT, lengths_B
        shape = (batch, tokens + 2)  # another number of terms than of tokens
        terms_BF = torch.randint(len(self.weights_VC), shape, generator=generator)
        values_BF = torch.rand(shape, generator=generator) / shape[1] ** 0.5
        return ids_BT, lengths_B, terms_BF, values_BF


class MixedProbabilities(Probabilities):
    """As `Probabilities` with a wide channel, whose answer is an input in place of its terms.

    That is `linear` (B, C), the logarithm of the wide channel's probabilities.
    """

    def forward(self, tokens: Tensor, lengths: Tensor, linear: Tensor) -> Tensor:  # type: ignore[override]
        scores_BC = self.mixed(self.network(tokens, lengths), linear)
        return (scores_BC / self.temperature).softmax(dim=1)

    def input_names(self) -> list[str]:
        return ["tokens", "lengths", "linear"]

    def dynamic_axes(self) -> list[list[int]]:
        return [[0, 1], [0], [0]]

    def random_inputs(self, batch: int, tokens: int) -> tuple[Tensor, ...]:
        ids_BT, lengths_B, *_ = super().random_inputs(batch, tokens)
        return ids_BT, lengths_B, torch.randn(batch, len(self.bias_C)).log_softmax(dim=1)


def write_onnx(probabilities: Probabilities, file: Path) -> None:
    """Exports with one ONNX LSTM per layer, which knows lengths and both directions by itself.

    A layer whose directions read inputs of their own has two.
    """
    exported = copy.deepcopy(probabilities).eval().requires_grad_(False)
    for member in exported.network.members:
        member.lstm = nn.ModuleList(_OperatorLayer(layer) for layer in member.lstm)
    inputs = exported.random_inputs(3, 7)
    dynamic = torch.export.Dim.DYNAMIC
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # that torchvision is not installed

    with warnings.catch_warnings():
        # The exporter's own use of a class that torch deprecates.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        program = torch.onnx.export(
            exported,
            inputs,
            dynamo=True,
            verbose=False,
            input_names=exported.input_names(),
            output_names=["probabilities"],
            dynamic_shapes=[dict.fromkeys(axes, dynamic) for axes in exported.dynamic_axes()],
            custom_translation_table={torch.ops.textlstm.lstm_layer.default: _translation()},
        )
    if program is None:
        raise RuntimeError("The exporter gave no ONNX model.")
    program.save(file)


def difference(session: Any, probabilities: Probabilities, batch: int, tokens: int) -> float:
    """Finds the largest difference of a probability between ONNX and PyTorch, on random texts.

    Args:
        session: what was exported, as ONNX Runtime runs it.
        batch, tokens: how many texts, and the length of the longest.
    """
    inputs = probabilities.random_inputs(batch, tokens)
    names = probabilities.input_names()
    given = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    ours_BC = session.run(None, given)[0]
    with torch.inference_mode():
        theirs_BC = probabilities.eval()(*inputs)
    return float(np.abs(ours_BC - theirs_BC.numpy()).max())


def _translation() -> Any:
    """Writes the operator in ONNX: gates change from PyTorch's order i, f, g, o to i, o, f, c."""
    from onnxscript import opset20

    op: Any = opset20

    def gates(weight: Any, hidden: int) -> Any:
        i, f, g, o = (op.Slice(weight, [k * hidden], [(k + 1) * hidden], [0]) for k in range(4))
        return op.Concat(i, o, f, g, axis=0)

    def stacked(directions: list[Any]) -> Any:
        return op.Concat(*directions, axis=0) if len(directions) > 1 else directions[0]

    def states(inputs_TBE: Any, lengths_B: Any, weights: list[Any], direction: str) -> Any:
        """Gives the states (B, T, H) of one or two directions that read the same inputs."""
        hidden = weights[1].shape[1]
        inputs, recurrent, biases = [], [], []
        for start in range(0, len(weights), 4):
            w_ih, w_hh, b_ih, b_hh = weights[start : start + 4]
            inputs.append(op.Unsqueeze(gates(w_ih, hidden), [0]))
            recurrent.append(op.Unsqueeze(gates(w_hh, hidden), [0]))
            biases.append(
                op.Unsqueeze(op.Concat(gates(b_ih, hidden), gates(b_hh, hidden), axis=0), [0])
            )
        states_TDBH, _, _ = op.LSTM(
            inputs_TBE,
            stacked(inputs),
            stacked(recurrent),
            stacked(biases),
            op.Cast(lengths_B, to=6),
            hidden_size=hidden,
            direction=direction,
        )
        return op.Reshape(op.Transpose(states_TDBH, perm=[2, 0, 1, 3]), [0, 0, -1])

    def translate(
        inputs_BTE: Any, lengths_B: Any, weights: list[Any], bidirectional: bool, separate: bool
    ) -> Any:
        inputs_TBE = op.Transpose(inputs_BTE, perm=[1, 0, 2])
        if not separate:
            direction = "bidirectional" if bidirectional else "forward"
            return states(inputs_TBE, lengths_B, weights, direction)
        size = weights[0].shape[1]
        halves = [op.Slice(inputs_TBE, [k * size], [(k + 1) * size], [2]) for k in range(2)]
        forward_BTH = states(halves[0], lengths_B, weights[:4], "forward")
        backward_BTH = states(halves[1], lengths_B, weights[4:], "reverse")
        return op.Concat(forward_BTH, backward_BTH, axis=2)

    return translate
