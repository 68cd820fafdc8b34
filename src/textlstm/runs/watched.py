"""The scores of validation that early stopping can watch, and that choose the epoch to keep."""

from typing import Literal, NamedTuple


class Watched(NamedTuple):
    """A score of validation that is computed after each epoch."""

    mode: Literal["min", "max"]
    """Whether less is better, or more."""
    words: str
    """What a sentence calls it."""


LOSS, AUROC = "val/loss", "val/auroc"
WATCHED = {
    LOSS: Watched("min", "cross-entropy"),
    "val/accuracy": Watched("max", "accuracy"),
    "val/macro_f1": Watched("max", "macro F1"),
    AUROC: Watched("max", "AUROC"),
    "val/calibration_error": Watched("min", "calibration error"),
}
"""By the name that it is logged under."""


def extreme(name: str) -> str:
    """Says in words what the kept epoch has, such as `lowest cross-entropy`."""
    mode, words = WATCHED[name]
    return f"{'lowest' if mode == 'min' else 'highest'} {words}"
