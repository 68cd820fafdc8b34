"""Poolings: how the states of a text become one vector. A new one is a class and a table line.

Shape suffixes: B texts of a batch, T tokens (padded), H the size of a state, P pooled features.
"""

import torch
from torch import Tensor, nn

from textlstm.model.layers import dense


class Pooling(nn.Module):
    """Base of all poolings: how they are made, and the size of their result.

    `forward` takes the states (B, T, H), the lengths (B) of at least 1 and the mask (B, T), true at
    a text's own tokens, and gives one vector per text (B, P). States outside the mask mean nothing
    and must not change it.

    Args:
        states: H, the size of a state of the last LSTM layer, both directions together.
        hidden: the size of one direction's state. The forward direction's stand first.
    """

    def __init__(self, states: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.size = states  # P


class Last(Pooling):
    """The state after the whole text: forwards at its last token, backwards at its first."""

    def forward(self, states_BTH: Tensor, lengths_B: Tensor, mask_BT: Tensor) -> Tensor:
        ends_B1H = (lengths_B - 1)[:, None, None].expand(-1, 1, self.hidden)
        forward_BH = states_BTH[..., : self.hidden].gather(1, ends_B1H).squeeze(1)
        return torch.cat([forward_BH, states_BTH[:, 0, self.hidden :]], dim=-1)


class Mean(Pooling):
    """The mean of the states of a text."""

    def forward(self, states_BTH: Tensor, lengths_B: Tensor, mask_BT: Tensor) -> Tensor:
        return states_BTH.masked_fill(~mask_BT[..., None], 0).sum(dim=1) / lengths_B[:, None]


class Max(Pooling):
    """The largest value of each feature over the states of a text."""

    def forward(self, states_BTH: Tensor, lengths_B: Tensor, mask_BT: Tensor) -> Tensor:
        return states_BTH.masked_fill(~mask_BT[..., None], -torch.inf).amax(dim=1)


class Concat(Pooling):
    """Mean, maximum and last state side by side (Howard & Ruder 2018)."""

    def __init__(self, states: int, hidden: int) -> None:
        super().__init__(states, hidden)
        parts = [kind(states, hidden) for kind in (Mean, Max, Last)]
        self.parts = nn.ModuleList(parts)
        self.size = sum(part.size for part in parts)

    def forward(self, states_BTH: Tensor, lengths_B: Tensor, mask_BT: Tensor) -> Tensor:
        return torch.cat([part(states_BTH, lengths_B, mask_BT) for part in self.parts], dim=-1)


class Attention(Pooling):
    """A weighted mean of the states, with weights that are learned (Yang et al. 2016)."""

    def __init__(self, states: int, hidden: int) -> None:
        super().__init__(states, hidden)
        # Saved models know the two dense layers by these names.
        self.add_module("0", dense(states, states))
        self.add_module("2", dense(states, 1))

    def forward(self, states_BTH: Tensor, lengths_B: Tensor, mask_BT: Tensor) -> Tensor:
        transform, score = self.children()
        scores_BT1 = score(transform(states_BTH).tanh())
        weights_BT1 = scores_BT1.masked_fill(~mask_BT[..., None], -torch.inf).softmax(dim=1)
        return (weights_BT1 * states_BTH).sum(dim=1)


# A network holds its pooling under this name, in saved weights, too: "attention.0.weight".
POOLINGS: dict[str, type[Pooling]] = {
    "last": Last,
    "mean": Mean,
    "max": Max,
    "concat": Concat,
    "attention": Attention,
}
