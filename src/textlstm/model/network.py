"""The network: token ids in, one score per class out. Pure torch: no Lightning, no Hydra, no files.

Shape suffixes: B texts of a batch, T tokens (padded), E embedding size, H states of a layer
(twice model.hidden when bidirectional), P pooled features, C classes.
"""

import itertools
from dataclasses import asdict, fields
from typing import Any

import torch
from torch import Tensor, nn

from textlstm.checks import check_choice, check_whole
from textlstm.data.vocabulary import PAD, UNK
from textlstm.model.layers import (
    SequenceDropout,
    TokenDropout,
    WordDropout,
    dense,
    mirrored,
)
from textlstm.model.pooling import POOLINGS, Last, Pooling
from textlstm.model.settings import NetworkSettings


class LSTMLayer(nn.Module):
    """One LSTM layer over padded texts, in one direction or two, with one bias per gate.

        i, f, o = sigmoid(W x_t + R h_{t-1} + b)     g = tanh(W x_t + R h_{t-1} + b)
        c_t = f * c_{t-1} + i * g                    h_t = o * tanh(c_t)

    The source is Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000. The second
    bias of `nn.LSTM` is redundant: it is frozen at zero. The start is Keras': Glorot-uniform input
    weights, orthogonal recurrent weights, biases zero but for the forget gate's, which is one
    (Jozefowicz et al. 2015).

    Args:
        inputs: features of a token that each direction reads.
        separate: whether the tokens have twice as many, of which the forward direction reads the
            first half and the backward direction the second.
    """

    def __init__(
        self, inputs: int, hidden: int, *, bidirectional: bool, separate: bool = False
    ) -> None:
        super().__init__()
        self.separate = separate
        self.forwards = nn.LSTM(inputs, hidden, batch_first=True)
        self.backwards = nn.LSTM(inputs, hidden, batch_first=True) if bidirectional else None
        for lstm in self.directions():
            input_weights, recurrent_weights, bias, second_bias = lstm.parameters()
            nn.init.xavier_uniform_(input_weights)
            nn.init.orthogonal_(recurrent_weights)
            nn.init.zeros_(bias)
            nn.init.ones_(bias[hidden : 2 * hidden])
            nn.init.zeros_(second_bias).requires_grad_(False)

    def directions(self) -> list[nn.LSTM]:
        """The LSTM that reads forwards, then the one that reads backwards, if there is one."""
        return [self.forwards] if self.backwards is None else [self.forwards, self.backwards]

    def forward(self, inputs_BTE: Tensor, lengths_B: Tensor) -> Tensor:
        """Gives the states (B, T, H); those beyond a text's length mean nothing: mask them."""
        backward_BTE = inputs_BTE
        if self.separate:
            inputs_BTE, backward_BTE = inputs_BTE.chunk(2, dim=-1)
        states_BTH, _ = self.forwards(inputs_BTE)
        if self.backwards is None:
            return states_BTH
        # Padding, which comes last in a mirrored text, too, never reaches a state that counts.
        mirrored_BT = mirrored(lengths_B, inputs_BTE.shape[1])
        reversed_BTE = backward_BTE.gather(1, mirrored_BT[..., None].expand_as(backward_BTE))
        backward_BTH, _ = self.backwards(reversed_BTE)
        backward_BTH = backward_BTH.gather(1, mirrored_BT[..., None].expand_as(backward_BTH))
        return torch.cat([states_BTH, backward_BTH], dim=-1)


class LSTMClassifier(nn.Module):
    """Embedding → stacked LSTM → pooling → dense head.

    Args:
        settings: sizes, kinds and dropout rates; each field says what it is.
        vocab_size: rows of the embedding. Id 0 is padding, whose row stays zero, and id 1 the
            unknown token.
        classes: number of classes.
        backwards: whether each text is read from its end to its beginning.
        affixes_KV: as `WordDropout` takes them.

    Raises:
        InputError: a value outside its range, with its config key.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        *,
        vocab_size: int,
        classes: int,
        backwards: bool = False,
        affixes_KV: Tensor | None = None,
    ) -> None:
        super().__init__()
        check_whole("data.vocab_size", vocab_size, minimum=2)
        check_whole("the number of classes", classes, minimum=2)
        check_choice("model.pooling", settings.pooling, POOLINGS)
        self.settings, self.backwards = settings, backwards

        # The order of the layers is that of their random draws: another one would give another
        # network for the same seed.
        (embedding_dim, hidden), states = settings.sizes, settings.state_size
        layer_dropout = SequenceDropout if settings.sequence_dropout else TokenDropout
        self.word_dropout = WordDropout(settings.word_dropout, affixes_KV)
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=PAD)
        self.embedding_dropout = layer_dropout(settings.embedding_dropout)
        below = hidden if settings.separate else states
        self.lstm = nn.ModuleList(
            LSTMLayer(
                below if depth else embedding_dim,
                hidden,
                bidirectional=settings.bidirectional,
                separate=settings.separate and depth > 0,
            )
            for depth in range(settings.layers)
        )
        self.dropout = layer_dropout(settings.dropout)

        pooling = POOLINGS[settings.pooling](states, hidden)
        self.add_module(settings.pooling, pooling)
        sizes = [pooling.size, *settings.head]
        self.head = nn.Sequential(TokenDropout(settings.dropout))
        for inputs, outputs in itertools.pairwise(sizes):
            self.head.extend([dense(inputs, outputs), nn.ReLU(), TokenDropout(settings.dropout)])
        self.output = dense(sizes[-1], classes)

        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0

    @property
    def members(self) -> list["LSTMClassifier"]:
        """This network alone, as an `Ensemble` has several."""
        return [self]

    def plain_values(self) -> dict[str, Any]:
        """Gives the sizes and settings of this network as JSON can hold them."""
        names = {field.name for field in fields(NetworkSettings)}  # without those of the loss
        settings = {name: value for name, value in asdict(self.settings).items() if name in names}
        return {
            "vocab_size": self.embedding.num_embeddings,
            "classes": self.output.out_features,
            **settings,
        }

    @property
    def pooling(self) -> Pooling:
        """The layer that makes one vector of a text's states."""
        return getattr(self, self.settings.pooling)

    def forward(
        self, tokens_BT: Tensor, lengths_B: Tensor, known_BT: Tensor | None = None
    ) -> Tensor:
        """Gives class scores before the softmax (B, C).

        Args:
            tokens_BT: ids of each text, padded with id 0 to T >= 1.
            lengths_B: the number of tokens of each text.
            known_BT: for explanations, how far each token is read as itself (1) and how far as
                unknown (0): its vector lies that far between the two. None reads all as they are.
        """
        return self.classify(self.embed(tokens_BT, lengths_B, known_BT), lengths_B)

    def embed(self, tokens_BT: Tensor, lengths_B: Tensor, known_BT: Tensor | None = None) -> Tensor:
        """Gives the vectors of the tokens (B, T, E), in the order in which they are read.

        In training word dropout has replaced some. The arguments are those of `forward`.
        """
        tokens_BT = self.word_dropout(tokens_BT)
        if self.backwards:
            mirrored_BT = mirrored(lengths_B.clamp(min=1), tokens_BT.shape[1])
            tokens_BT = tokens_BT.gather(1, mirrored_BT)
            known_BT = None if known_BT is None else known_BT.gather(1, mirrored_BT)

        embedded_BTE = self.embedding(tokens_BT)
        if known_BT is not None:
            unknown_BTE = self.embedding(tokens_BT.masked_fill(tokens_BT != PAD, UNK))
            embedded_BTE = torch.lerp(unknown_BTE, embedded_BTE, known_BT[..., None])
        return embedded_BTE

    def classify(self, embedded_BTE: Tensor, lengths_B: Tensor) -> Tensor:
        """Gives the class scores (B, C) of texts that `embed` has read."""
        states_BTH = self.embedding_dropout(embedded_BTE)
        lengths_B = lengths_B.clamp(min=1)
        for depth, layer in enumerate(self.lstm):
            states_BTH = layer(self.dropout(states_BTH) if depth else states_BTH, lengths_B)
        pooled_BP = self.pooling(states_BTH, lengths_B, _mask(embedded_BTE, lengths_B))
        return self.output(self.head(pooled_BP))


def _mask(texts: Tensor, lengths_B: Tensor) -> Tensor:
    """Tells which places of padded texts (B, T, …) are inside; the first one always is."""
    places_T = torch.arange(texts.shape[1], device=texts.device)
    return places_T < lengths_B.clamp(min=1)[:, None]


def layer_table(members: list[LSTMClassifier], length: int | None) -> list[tuple[str, str, int]]:
    """Lists the layers: name, shape of the output for one text, number of trainable parameters.

    Args:
        members: networks of the same settings; of several, the parameters of all are counted.
        length: the fixed number of tokens; None shows T, where each batch has its own.
    """
    network, settings, tokens = members[0], members[0].settings, length or "T"
    name = "Bidirectional LSTM" if settings.bidirectional else "LSTM"
    rows = [("Embedding", f"{tokens} × {settings.sizes[0]}", trainable(network.embedding))]
    for number, layer in enumerate(network.lstm, start=1):
        rows.append((f"{name} {number}", f"{tokens} × {settings.state_size}", trainable(layer)))

    pooling = network.pooling
    if isinstance(pooling, Last):  # no layer of its own: the LSTM gives its last state alone
        rows[-1] = (rows[-1][0], f"{pooling.size}", rows[-1][2])
    else:
        rows.append((f"Pooling ({settings.pooling})", f"{pooling.size}", trainable(pooling)))

    layers = [layer for layer in [*network.head, network.output] if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(layers, start=1):
        rows.append((f"Dense {number}", f"{layer.out_features}", trainable(layer)))
    count = len(members)
    times = f"{count} × " if count > 1 else ""
    return [(times + name, shape, count * parameters) for name, shape, parameters in rows]


def trainable(module: nn.Module) -> int:
    """Counts the trainable parameters of a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
