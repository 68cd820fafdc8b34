"""LSTM text classification: text → splits → ids → batches → logits → loss → run folder → bundle."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textlstm.estimator.estimator import TextClassifierEstimator
    from textlstm.model.bundle import Explanation, Prediction, TextClassifier

__all__ = ["Explanation", "Prediction", "TextClassifier", "TextClassifierEstimator"]


def __getattr__(name: str) -> object:
    """Imports torch only when a classifier is first asked for, so that `--help` is quick."""
    if name == "TextClassifierEstimator":
        from textlstm.estimator import estimator

        return getattr(estimator, name)
    if name in __all__:
        from textlstm.model import bundle

        return getattr(bundle, name)
    raise AttributeError(f"module 'textlstm' has no attribute {name!r}")
