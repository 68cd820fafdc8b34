"""A language model for each direction of reading, from which a classifier's LSTM can start.

Pure torch: no Lightning, no Hydra, no files.

Shape suffixes: B texts of a batch, T tokens (padded), E embedding size, N targets of a batch,
V tokens of the vocabulary, K candidates that were drawn.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from textlstm.data.vocabulary import PAD, UNK
from textlstm.model.layers import SequenceDropout, WordDropout, mirrored
from textlstm.model.network import LSTMClassifier, LSTMLayer
from textlstm.model.settings import NetworkSettings

DAMPED = 0.75  # power of a token's frequency: rare ones are drawn more often than they occur


class Stack(nn.Module):
    """Stacked LSTM layers that read texts in one direction and guess each next token.

    Args:
        settings: those of the classifier's network that is to start from this one.
        dropout: after the embedding and each layer, with one mask per text.
        weight_drop: dropout of the recurrent weights (Merity et al. 2018).
    """

    def __init__(self, settings: NetworkSettings, *, dropout: float, weight_drop: float) -> None:
        super().__init__()
        embedding_dim, hidden = settings.sizes
        self.layers = nn.ModuleList(
            LSTMLayer(hidden if depth else embedding_dim, hidden, bidirectional=False)
            for depth in range(settings.layers)
        )
        self.dropout, self.weight_drop = SequenceDropout(dropout), weight_drop
        self.projection: nn.Module = nn.Identity()
        if hidden != embedding_dim:  # the output's weights are the embedding's
            self.projection = nn.Linear(hidden, embedding_dim, bias=False)

    def forward(self, embedded_BTE: Tensor) -> Tensor:
        """Gives at each place the guessed embedding of the token that follows (B, T, E)."""
        states = self.dropout(embedded_BTE)
        for lstm in self.lstms():
            states = self.dropout(self._read(lstm, states))
        return self.projection(states)

    def lstms(self) -> list[nn.LSTM]:
        """The LSTMs of the layers, from the one that reads the embedding to the last."""
        return [lstm for layer in self.layers for lstm in cast(LSTMLayer, layer).directions()]

    def _read(self, lstm: nn.LSTM, inputs: Tensor) -> Tensor:
        if not self.training or not self.weight_drop:
            return lstm(inputs)[0]
        input_weights, recurrent_weights, *biases = lstm.parameters()
        weights = [input_weights, functional.dropout(recurrent_weights, self.weight_drop), *biases]
        start = inputs.new_zeros(1, inputs.shape[0], lstm.hidden_size)
        # One layer, no dropout between layers, training, one direction, batch first.
        return torch.lstm(inputs, (start, start), weights, True, 1, 0.0, True, False, True)[0]


class LanguageModel(nn.Module):
    """Guesses each token of a text from those before it and, backwards, from those after it.

    Each direction has a stack of its own, since stacked layers that mix directions would see what
    they are to guess. Both share one embedding, which is the weights of their output, too (Press &
    Wolf 2017). Padding and unknown tokens are read, but never guessed.

    Args:
        settings: those of the classifier's network that is to start from this one.
        vocab_size: rows of the embedding.
        dropout, weight_drop: as `Stack` takes them.
        word_dropout, affixes_KV: as `WordDropout` takes them.
        absent_V: which tokens no text has, so that they are never guessed; None if all occur.
    """

    absent_V: Tensor | None

    def __init__(
        self,
        settings: NetworkSettings,
        *,
        vocab_size: int,
        dropout: float,
        weight_drop: float,
        word_dropout: float,
        affixes_KV: Tensor | None = None,
        absent_V: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("absent_V", absent_V, persistent=False)
        self.word_dropout = WordDropout(word_dropout, affixes_KV)
        self.embedding = nn.Embedding(vocab_size, settings.sizes[0], padding_idx=PAD)
        self.stacks = nn.ModuleList(
            Stack(settings, dropout=dropout, weight_drop=weight_drop)
            for _ in range(2 if settings.bidirectional else 1)
        )
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0

    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Gives for each direction the guesses (B, T, E) and the texts as it reads them (B, T).

        The guess at a place is of the token that the direction reads next.
        """
        read = [tokens_BT, tokens_BT.gather(1, mirrored(lengths_B, tokens_BT.shape[1]))]
        guesses = []
        for stack, read_BT in zip(self.stacks, read, strict=False):
            seen_BT = self.word_dropout(read_BT)
            guesses.append((stack(self.embedding(seen_BT)), read_BT))
        return guesses

    def losses(
        self, tokens_BT: Tensor, lengths_B: Tensor, chances_V: Tensor | None = None
    ) -> list[Tensor]:
        """Gives, for each direction, the cross-entropy in nats of each of its N targets.

        Args:
            chances_V: how likely each token is drawn as a candidate (`drawing_chances`); a target
                competes with the drawn candidates alone. None takes the whole vocabulary.
        """
        drawn_K = None
        if chances_V is not None:
            drawn_K = (torch.rand_like(chances_V) < chances_V).nonzero().flatten()

        losses = []
        for guesses_BTE, read_BT in self(tokens_BT, lengths_B):
            next_BT = read_BT[:, 1:]
            asked_BT = (next_BT != PAD) & (next_BT != UNK)
            guesses_NE, targets_N = guesses_BTE[:, :-1][asked_BT], next_BT[asked_BT]
            if drawn_K is None or chances_V is None:
                losses.append(self._whole_loss(guesses_NE, targets_N))
            else:
                losses.append(self._sampled_loss(guesses_NE, targets_N, drawn_K, chances_V))
        return losses

    def _whole_loss(self, guesses_NE: Tensor, targets_N: Tensor) -> Tensor:
        logits_NV = functional.linear(guesses_NE, self.embedding.weight, self.bias)
        logits_NV[:, : UNK + 1] = -torch.inf  # never guessed
        if self.absent_V is not None:
            logits_NV[:, self.absent_V] = -torch.inf
        return functional.cross_entropy(logits_NV, targets_N, reduction="none")

    def _sampled_loss(
        self, guesses_NE: Tensor, targets_N: Tensor, drawn_K: Tensor, chances_V: Tensor
    ) -> Tensor:
        """Cross-entropy over each target and the candidates (Jean et al. 2015).

        The logarithm of its chance to be drawn is subtracted from a candidate's score, so that the
        sum over the candidates has the whole vocabulary's sum as its mean. The target always
        counts.
        """
        tokens = torch.cat([targets_N, drawn_K])
        weights = functional.embedding(tokens, self.embedding.weight)
        biases, count = self.bias[tokens], len(targets_N)
        targets_N1 = ((guesses_NE * weights[:count]).sum(dim=1) + biases[:count])[:, None]
        corrected_K = biases[count:] - chances_V[drawn_K].log()
        drawn_NK = torch.addmm(corrected_K, guesses_NE, weights[count:].T)
        drawn_NK = drawn_NK.masked_fill(drawn_K == targets_N[:, None], -torch.inf)
        logits = torch.cat([targets_N1, drawn_NK], dim=1)
        return functional.cross_entropy(logits, torch.zeros_like(targets_N), reduction="none")

    def classifier_weights(self) -> dict[str, Tensor]:
        """Gives embedding and LSTM under the names that they have in an `LSTMClassifier`."""
        weights = {"embedding.weight": self.embedding.weight.detach()}
        for name, stack in zip(("forwards", "backwards"), self.stacks, strict=False):
            for depth, lstm in enumerate(cast(Stack, stack).lstms()):
                for key, tensor in lstm.state_dict().items():
                    weights[f"lstm.{depth}.{name}.{key}"] = tensor
        return weights


def as_read_by(network: LSTMClassifier, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Picks of `classifier_weights` what a network starts from.

    One that reads one way takes the stack of that way, under the name that its own has.
    """
    if network.settings.bidirectional:
        return weights
    other, own = (
        (".forwards.", ".backwards.") if network.backwards else (".backwards.", ".forwards.")
    )
    return {
        name.replace(own, ".forwards."): tensor
        for name, tensor in weights.items()
        if other not in name
    }


def drawing_chances(counts_V: Tensor, candidates: int) -> Tensor:
    """Computes how likely each token is drawn as a candidate, `candidates` of them on average.

    Every token is drawn for itself, so that its chance is known exactly. Frequent ones are always
    drawn; padding, unknown and absent tokens never.
    """
    weights_V = counts_V.double() ** DAMPED
    weights_V[: UNK + 1] = 0
    chances_V = (weights_V > 0).double()
    if chances_V.sum() <= candidates:
        return chances_V.float()
    low, high = 0.0, candidates / weights_V[weights_V > 0].min().item()
    for _ in range(60):  # bisects the factor that every weight is multiplied by
        factor = (low + high) / 2
        chances_V = (weights_V * factor).clamp(max=1)
        low, high = (factor, high) if chances_V.sum() < candidates else (low, factor)
    return chances_V.float()
