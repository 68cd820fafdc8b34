"""How good predictions are: collected over batches and processes, scored once over all rows."""

from typing import Any

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.functional import classification
from torchmetrics.utilities import dim_zero_cat

from textlstm.model.scores import Scores


class Predictions:
    """Predictions for N texts in the order of their split.

    It is no dataclass: torchmetrics would squeeze the tensors of a split of one row.

    Args:
        log_probabilities_NC: the logarithm of each text's probability of each class.
        gold_N: the class that each text has.
    """

    def __init__(self, log_probabilities_NC: Tensor, gold_N: Tensor) -> None:
        self.log_probabilities_NC, self.gold_N = log_probabilities_NC, gold_N

    @property
    def predicted_N(self) -> Tensor:
        """The most probable class of each text."""
        return self.log_probabilities_NC.argmax(dim=1)

    @property
    def probabilities_NC(self) -> Tensor:
        """The probability of each class for each text."""
        return self.log_probabilities_NC.exp()


class PredictionCollector(torchmetrics.Metric):
    """Gathers predictions batch by batch, with rows in any order and in several processes."""

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
    probabilities_NC = predictions.probabilities_NC
    confusion_CC = classification.multiclass_confusion_matrix(
        predicted_N, gold_N, num_classes=classes
    )
    rows_C = confusion_CC.sum(dim=1)
    present = [c for c in range(classes) if rows_C[c] > 0]

    options: dict[str, Any] = {"num_classes": classes, "average": "none"}
    precision_C = classification.multiclass_precision(predicted_N, gold_N, **options)
    recall_C = classification.multiclass_recall(predicted_N, gold_N, **options)
    f1_C = classification.multiclass_f1_score(predicted_N, gold_N, **options)

    gold_log_N = predictions.log_probabilities_NC.double()[torch.arange(len(gold_N)), gold_N]
    calibration = classification.multiclass_calibration_error(
        probabilities_NC, gold_N, num_classes=classes
    )
    rankings = [
        classification.binary_auroc(probabilities_NC[:, c], (gold_N == c).long())
        for c in (present if len(present) > 1 else [])
    ]
    return {
        "accuracy": (predicted_N == gold_N).double().mean().item(),
        "macro_f1": f1_C[present].double().mean().item(),
        "log_loss": -gold_log_N.mean().item(),
        "calibration_error": calibration.item(),
        "auroc": torch.stack(rankings).double().mean().item() if rankings else None,
        "classes": {
            label: {
                "precision": precision_C[c].item(),
                "recall": recall_C[c].item(),
                "f1": f1_C[c].item(),
                "rows": int(rows_C[c]),
            }
            for c, label in enumerate(labels)
        },
        "confusion_matrix": confusion_CC.tolist(),
        "absent": [labels[c] for c in range(classes) if c not in present],
    }
