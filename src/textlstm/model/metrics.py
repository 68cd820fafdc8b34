"""Collects predictions over batches and processes, and scores them once over all rows."""

from collections.abc import Sequence
from typing import Any

import torch
import torchmetrics
from torch import Tensor
from torch.nn.functional import pad
from torchmetrics.functional import classification
from torchmetrics.utilities import dim_zero_cat

from textlstm.model.scores import Scores


class Predictions:
    """Predictions for N texts in the order of their split.

    It is not a dataclass: torchmetrics would squeeze the tensors of a split of one row.

    Args:
        log_probabilities_NC: the logarithm of each text's probability of each class.
        gold_N: the class that each text has.
        unseen: names of classes that no training row has, so that they are not among the C; in
            `gold_N` their numbers follow those of the C classes.
    """

    def __init__(
        self, log_probabilities_NC: Tensor, gold_N: Tensor, unseen: Sequence[str] = ()
    ) -> None:
        self.log_probabilities_NC, self.gold_N = log_probabilities_NC, gold_N
        self.unseen = unseen

    @property
    def predicted_N(self) -> Tensor:
        """The most probable class of each text."""
        return self.log_probabilities_NC.argmax(dim=1)

    @property
    def probabilities_NC(self) -> Tensor:
        """The probability of each class for each text."""
        return self.log_probabilities_NC.exp()

    @property
    def known_N(self) -> Tensor:
        """N booleans that say whether training has seen the class of a text."""
        return self.gold_N < self.log_probabilities_NC.shape[1]

    def gold_names(self, labels: list[str]) -> list[str]:
        """Names the class that each text has; `labels` are the names of the C classes."""
        names = [*labels, *self.unseen]
        return [names[number] for number in self.gold_N.tolist()]


class PredictionCollector(torchmetrics.Metric):
    """Collects predictions batch by batch, with rows in any order and in several processes."""

    full_state_update = False
    log_probabilities: list[Tensor]
    gold: list[Tensor]
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("log_probabilities", "gold", "rows"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, logits_BC: Tensor, gold_B: Tensor, rows_B: Tensor) -> None:
        """Takes in a batch: class scores, gold classes, and each text's place in the split."""
        self.log_probabilities.append(logits_BC.detach().float().log_softmax(dim=1))
        self.gold.append(gold_B)
        self.rows.append(rows_B)

    def compute(self) -> Predictions:
        """Gives the predictions of all processes in the order of the split."""
        rows = dim_zero_cat(self.rows)
        order = rows.argsort()[int((rows < 0).sum()) :]  # without batching.NO_ROW
        return Predictions(
            dim_zero_cat(self.log_probabilities)[order].cpu(), dim_zero_cat(self.gold)[order].cpu()
        )


def scores(predictions: Predictions, labels: list[str]) -> Scores:
    """Scores predictions over all rows.

    Args:
        labels: the names of the C classes.

    Returns:
        The scores, as `model.scores.Scores` explains each.
    """
    gold_N, predicted_N, classes = predictions.gold_N, predictions.predicted_N, len(labels)
    # K classes: the C, and those unseen in training, which are never predicted.
    every = classes + len(predictions.unseen)
    confusion_KK = classification.multiclass_confusion_matrix(
        predicted_N, gold_N, num_classes=every
    )
    rows_K = confusion_KK.sum(dim=1)
    present = [k for k in range(every) if rows_K[k] > 0]
    seen = [c for c in present if c < classes]

    options: dict[str, Any] = {"num_classes": every, "average": "none"}
    precision_K = classification.multiclass_precision(predicted_N, gold_N, **options)
    recall_K = classification.multiclass_recall(predicted_N, gold_N, **options)
    f1_K = classification.multiclass_f1_score(predicted_N, gold_N, **options)
    return {
        "accuracy": (predicted_N == gold_N).double().mean().item(),
        "macro_f1": f1_K[present].double().mean().item(),
        "log_loss": log_loss(predictions),
        "calibration_error": _calibration_error(predictions),
        "auroc": _auroc(predictions, seen) if len(present) > 1 else None,
        "classes": {
            label: {
                "precision": precision_K[c].item(),
                "recall": recall_K[c].item(),
                "f1": f1_K[c].item(),
                "rows": int(rows_K[c]),
            }
            for c, label in enumerate(labels)
        },
        "confusion_matrix": confusion_KK[:classes, :classes].tolist(),
        "absent": [labels[c] for c in range(classes) if c not in present],
        "unseen": {predictions.unseen[k - classes]: int(rows_K[k]) for k in present[len(seen) :]},
    }


def log_loss(predictions: Predictions) -> float:
    """Mean cross-entropy in nats, over the texts whose class training has seen."""
    known = predictions.known_N.nonzero().flatten()
    gold_log_N = predictions.log_probabilities_NC.double()[known, predictions.gold_N[known]]
    return -gold_log_N.mean().item()


def _calibration_error(predictions: Predictions) -> float:
    """The expected calibration error; a class unseen in training has probability 0."""
    unseen = len(predictions.unseen)
    probabilities_NK = pad(predictions.probabilities_NC, (0, unseen))
    return classification.multiclass_calibration_error(
        probabilities_NK, predictions.gold_N, num_classes=probabilities_NK.shape[1]
    ).item()


def _auroc(predictions: Predictions, classes: list[int]) -> float | None:
    """The mean area under the ROC curves of these classes, each against all others."""
    probabilities_NC = predictions.probabilities_NC
    areas = [
        classification.binary_auroc(probabilities_NC[:, c], (predictions.gold_N == c).long())
        for c in classes
    ]
    return torch.stack(areas).double().mean().item() if areas else None
