"""Several networks that predict as one. Pure torch: no Lightning, no Hydra, no files.

Shape suffixes: B texts of a batch, T tokens (padded), C classes, K members.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from textlstm.checks import check_whole
from textlstm.model.network import LSTMClassifier
from textlstm.model.settings import NetworkSettings


class Ensemble(nn.Module):
    """Networks of the same settings and different first weights, whose probabilities are averaged.

    Networks that read one way take turns: the first reads forwards, the second backwards, and so
    on. The source is Lakshminarayanan et al. 2017.

    Args:
        settings, vocab_size, classes, affixes_KV: as `LSTMClassifier` takes them.
        members: the number of networks.

    Raises:
        InputError: a value outside its range, with its config key.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        *,
        vocab_size: int,
        classes: int,
        members: int,
        affixes_KV: Tensor | None = None,
    ) -> None:
        super().__init__()
        check_whole("ensemble", members, minimum=2)
        self.networks = nn.ModuleList(
            LSTMClassifier(
                settings,
                vocab_size=vocab_size,
                classes=classes,
                backwards=number % 2 == 1 and not settings.bidirectional,
                affixes_KV=affixes_KV,
            )
            for number in range(members)
        )

    @property
    def members(self) -> list[LSTMClassifier]:
        """The networks, in the order in which they were made."""
        return list(self.networks)  # type: ignore[arg-type]

    def plain_values(self) -> dict[str, Any]:
        """Gives the sizes and settings of the networks, and their number, as JSON can hold them."""
        return {**self.members[0].plain_values(), "ensemble": len(self.networks)}

    def forward(
        self, tokens_BT: Tensor, lengths_B: Tensor, known_BT: Tensor | None = None
    ) -> Tensor:
        """Gives the logarithm of the mean probability of each class (B, C)."""
        scores = [member(tokens_BT, lengths_B, known_BT) for member in self.members]
        return mean_log_probabilities(scores)


Network = LSTMClassifier | Ensemble


def make_network(
    settings: NetworkSettings,
    *,
    vocab_size: int,
    classes: int,
    ensemble: int = 1,
    affixes_KV: Tensor | None = None,
) -> Network:
    """Makes one network, or an ensemble of several, with new weights.

    Args:
        settings, vocab_size, classes, affixes_KV: as `LSTMClassifier` takes them.
        ensemble: the number of networks.
    """
    check_whole("ensemble", ensemble, minimum=1)
    if ensemble == 1:
        return LSTMClassifier(
            settings, vocab_size=vocab_size, classes=classes, affixes_KV=affixes_KV
        )
    return Ensemble(
        settings,
        vocab_size=vocab_size,
        classes=classes,
        members=ensemble,
        affixes_KV=affixes_KV,
    )


def network_from_plain_values(
    *, vocab_size: int, classes: int, ensemble: int = 1, **settings: Any
) -> Network:
    """Makes a network, with new weights, from what `plain_values` gave."""
    return make_network(
        NetworkSettings(**settings), vocab_size=vocab_size, classes=classes, ensemble=ensemble
    )


def mean_log_probabilities(scores: list[Tensor]) -> Tensor:
    """Gives the logarithm of the mean probability (B, C) of the class scores of K members."""
    log_KBC = torch.stack([scores_BC.log_softmax(dim=1) for scores_BC in scores])
    return log_KBC.logsumexp(dim=0) - math.log(len(scores))
