"""The network: token ids in, one score per class out. Pure torch: no Lightning, no Hydra, no files.

Shape suffixes: B texts of a batch, T tokens (padded), E embedding size, H states of a layer
(twice model.hidden when bidirectional), P pooled features, C classes.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textlstm.checks import InputError, choice, flag, number, whole
from textlstm.data.vocabulary import PAD, UNK

POOLINGS = ("last", "mean", "max", "concat", "attention")


class LSTMLayer(nn.Module):
    """One LSTM layer over padded texts, in one direction or two, with one bias per gate.

        i, f, o = sigmoid(W x_t + R h_{t-1} + b)     g = tanh(W x_t + R h_{t-1} + b)
        c_t = f * c_{t-1} + i * g                    h_t = o * tanh(c_t)

    The source is Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000. The second
    bias of `nn.LSTM` is redundant: it is frozen at zero. The start is Keras': Glorot-uniform input
    weights, orthogonal recurrent weights, biases zero but for the forget gate's, which is one
    (Jozefowicz et al. 2015).
    """

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
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
        return [self.forwards] if self.backwards is None else [self.forwards, self.backwards]

    def forward(self, inputs_BTE: Tensor, lengths_B: Tensor) -> Tensor:
        """States (B, T, H); those beyond a text's length mean nothing and are for the caller to
        mask.
        """
        states_BTH, _ = self.forwards(inputs_BTE)
        if self.backwards is None:
            return states_BTH
        # The backward direction reads each text reversed inside its own length, so that padding,
        # which then still comes last, never reaches a state that counts.
        positions_T = torch.arange(inputs_BTE.shape[1], device=inputs_BTE.device)
        mirrored_BT = lengths_B[:, None] - 1 - positions_T
        mirrored_BT = torch.where(mirrored_BT >= 0, mirrored_BT, positions_T)
        reversed_BTE = inputs_BTE.gather(1, mirrored_BT[..., None].expand_as(inputs_BTE))
        backward_BTH, _ = self.backwards(reversed_BTE)
        backward_BTH = backward_BTH.gather(1, mirrored_BT[..., None].expand_as(backward_BTH))
        return torch.cat([states_BTH, backward_BTH], dim=-1)


class TokenDropout(nn.Module):
    """`nn.Dropout`, each value by a draw of its own, from 16 random bits: on a CPU in half the
    time.

    The rate is that asked for to within 1 / 65,536.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, states: Tensor) -> Tensor:
        if not self.training or self.rate == 0 or states.device.type != "cpu":
            return nn.functional.dropout(states, self.rate, self.training)
        draws = (
            torch.empty(-(-states.numel() // 4), dtype=torch.int64)
            .random_(-(2**63), None)
            .view(torch.int16)
        )
        kept = draws[: states.numel()].view(states.shape) >= round(self.rate * 2**16) - 2**15
        return states * kept.to(states.dtype).div_(1 - self.rate)


class SequenceDropout(nn.Module):
    """Dropout with one mask per text, the same at every token (Gal & Ghahramani 2016)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, states_BTH: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return states_BTH
        mask_B1H = states_BTH.new_empty(states_BTH.shape[0], 1, states_BTH.shape[2])
        return states_BTH * mask_B1H.bernoulli_(1 - self.rate).div_(1 - self.rate)


class LSTMClassifier(nn.Module):
    """Embedding → stacked LSTM → pooling → dense head.

    Args:
        vocab_size: rows of the embedding; id 0 is padding (its row stays zero), id 1 the unknown
            token.
        classes: number of classes.
        embedding_dim, hidden: sizes of an embedding and of one direction's state.
        layers, bidirectional: how many LSTM layers are stacked, and whether each reads both ways.
        pooling: how the states of the last layer become one vector: the state after the last token
            (`last`), their `mean` or `max` over the text, all three side by side (`concat`), or
            `attention` (a learned weighted mean, Yang et al. 2016).
        head: sizes of the dense layers with ReLU and dropout between pooling and the class scores;
            may be empty.
        dropout: rate after each LSTM layer and each dense layer of the head.
        embedding_dropout: rate after the embedding.
        sequence_dropout: one dropout mask per text in place of one per token.
        word_dropout: share of tokens read as unknown in training (Iyyer et al. 2015).

    Raises:
        InputError: a value outside its range, with its config key.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        classes: int,
        embedding_dim: int,
        hidden: int,
        layers: int,
        bidirectional: bool,
        pooling: str,
        head: Sequence[int],
        dropout: float,
        embedding_dropout: float,
        sequence_dropout: bool,
        word_dropout: float,
    ) -> None:
        super().__init__()
        whole("data.vocab_size", vocab_size, minimum=2)
        whole("the number of classes", classes, minimum=2)
        whole("model.embedding_dim", embedding_dim, minimum=1)
        whole("model.hidden", hidden, minimum=1)
        whole("model.layers", layers, minimum=1)
        flag("model.bidirectional", bidirectional)
        choice("model.pooling", pooling, POOLINGS)
        if isinstance(head, str) or not isinstance(head, Sequence):
            raise InputError(
                f"model.head must be a list of layer sizes such as [32] or [], got {head!r}."
            )
        for size in head:
            whole("each size in model.head", size, minimum=1)
        number("model.dropout", dropout, minimum=0, below=1)
        number("model.embedding_dropout", embedding_dropout, minimum=0, below=1)
        flag("model.sequence_dropout", sequence_dropout)
        number("model.word_dropout", word_dropout, minimum=0, below=1)

        token_dropout = SequenceDropout if sequence_dropout else TokenDropout
        states = 2 * hidden if bidirectional else hidden
        self.word_dropout = word_dropout
        self.hidden, self.pooling = hidden, pooling
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=PAD)
        self.embedding_dropout = token_dropout(embedding_dropout)
        self.lstm = nn.ModuleList(
            LSTMLayer(embedding_dim if layer == 0 else states, hidden, bidirectional=bidirectional)
            for layer in range(layers)
        )
        self.dropout = token_dropout(dropout)
        self.attention = (
            nn.Sequential(dense(states, states), nn.Tanh(), dense(states, 1))
            if pooling == "attention"
            else None
        )
        sizes = [3 * states if pooling == "concat" else states, *head]
        self.head = nn.Sequential(TokenDropout(dropout))
        for inputs, outputs in itertools.pairwise(sizes):
            self.head.extend([dense(inputs, outputs), nn.ReLU(), TokenDropout(dropout)])
        self.output = dense(sizes[-1], classes)

        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0

    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Class scores before the softmax (B, C), of texts of `lengths_B` tokens padded with id 0
        to T >= 1.
        """
        lengths_B = lengths_B.clamp(min=1)  # a text without tokens is read as one of padding
        mask_BT = torch.arange(tokens_BT.shape[1], device=tokens_BT.device) < lengths_B[:, None]
        if self.training and self.word_dropout:
            dropped_BT = torch.rand(tokens_BT.shape, device=tokens_BT.device) < self.word_dropout
            tokens_BT = tokens_BT.masked_fill(dropped_BT & mask_BT, UNK)
        states_BTH = self.embedding_dropout(self.embedding(tokens_BT))
        for depth, layer in enumerate(self.lstm):
            states_BTH = layer(self.dropout(states_BTH) if depth else states_BTH, lengths_B)
        return self.output(self.head(self.pool(states_BTH, lengths_B, mask_BT)))

    def pool(self, states_BTH: Tensor, lengths_B: Tensor, mask_BT: Tensor) -> Tensor:
        """The states of each text (B, T, H) as one vector (B, P)."""
        outside_BT1 = ~mask_BT[..., None]
        if self.attention is not None:
            weights_BT1 = (
                self.attention(states_BTH).masked_fill(outside_BT1, -torch.inf).softmax(dim=1)
            )
            return (weights_BT1 * states_BTH).sum(dim=1)
        pooled = []
        if self.pooling in ("mean", "concat"):
            pooled.append(states_BTH.masked_fill(outside_BT1, 0).sum(dim=1) / lengths_B[:, None])
        if self.pooling in ("max", "concat"):
            pooled.append(states_BTH.masked_fill(outside_BT1, -torch.inf).amax(dim=1))
        if self.pooling in ("last", "concat"):
            pooled.append(self.last(states_BTH, lengths_B))
        return torch.cat(pooled, dim=-1)

    def last(self, states_BTH: Tensor, lengths_B: Tensor) -> Tensor:
        """The state after reading the whole text: at its last token, and at its first in the
        backward direction.
        """
        ends_B1H = (lengths_B - 1)[:, None, None].expand(-1, 1, self.hidden)
        forward_BH = states_BTH[..., : self.hidden].gather(1, ends_B1H).squeeze(1)
        return torch.cat([forward_BH, states_BTH[:, 0, self.hidden :]], dim=-1)


def dense(inputs: int, outputs: int) -> nn.Linear:
    """A dense layer with Keras' start: Glorot-uniform weights, zero bias."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def layer_table(network: LSTMClassifier, length: int | None) -> list[tuple[str, str, int]]:
    """Layer, output shape of one text and trainable parameters, from the embedding to the class
    scores.

    `length` is the fixed number of tokens, or None where it is each batch's own and shown as T.
    """
    tokens = length or "T"
    states = network.hidden * (1 if network.lstm[0].backwards is None else 2)
    name = "LSTM" if network.lstm[0].backwards is None else "Bidirectional LSTM"
    rows = [
        ("Embedding", f"{tokens} × {network.embedding.embedding_dim}", trainable(network.embedding))
    ]
    rows += [
        (f"{name} {n}", f"{tokens} × {states}", trainable(layer))
        for n, layer in enumerate(network.lstm, start=1)
    ]
    if network.pooling == "last":
        rows[-1] = (rows[-1][0], f"{states}", rows[-1][2])
    else:
        pooled = 3 * states if network.pooling == "concat" else states
        rows.append((f"Pooling ({network.pooling})", f"{pooled}", trainable(network.attention)))
    layers = [layer for layer in [*network.head, network.output] if isinstance(layer, nn.Linear)]
    return rows + [
        (f"Dense {n}", f"{layer.out_features}", trainable(layer))
        for n, layer in enumerate(layers, start=1)
    ]


def trainable(module: nn.Module | None) -> int:
    """How many trainable parameters a module has."""
    return 0 if module is None else sum(p.numel() for p in module.parameters() if p.requires_grad)
