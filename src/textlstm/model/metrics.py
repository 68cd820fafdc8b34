"""How good predictions are: collected over batches and processes, scored once over all rows."""

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.functional import classification
from torchmetrics.utilities import dim_zero_cat

from textlstm.model.scores import Scores


class Predictions:
    """Predictions of N texts in the order of their split: log-probabilities (N, C) and gold classes
    (N).

    No dataclass: torchmetrics would squeeze the tensors of a split of one row.
    """

    def __init__(self, log_probabilities_NC: Tensor, gold_N: Tensor) -> None:
        self.log_probabilities_NC, self.gold_N = log_probabilities_NC, gold_N

    @property
    def predicted_N(self) -> Tensor:
        return self.log_probabilities_NC.argmax(dim=1)

    @property
    def probabilities_NC(self) -> Tensor:
        return self.log_probabilities_NC.exp()


class PredictionCollector(torchmetrics.Metric):
    """Gathers scores batch by batch, in any order of rows; `compute` gives `Predictions` in order,
    of all processes.
    """

    full_state_update = False
    log_probabilities: list[Tensor]
    gold: list[Tensor]
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("log_probabilities", "gold", "rows"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, logits_BC: Tensor, gold_B: Tensor, rows_B: Tensor) -> None:
        self.log_probabilities.append(logits_BC.detach().float().log_softmax(dim=1))
        self.gold.append(gold_B)
        self.rows.append(rows_B)

    def compute(self) -> Predictions:
        rows = dim_zero_cat(self.rows)
        order = rows.argsort()[int((rows < 0).sum()) :]  # without batching.NO_ROW
        return Predictions(
            dim_zero_cat(self.log_probabilities)[order].cpu(), dim_zero_cat(self.gold)[order].cpu()
        )


def scores(predictions: Predictions, labels: list[str]) -> Scores:
    """Scores over all rows, as plain values.

    Args:
        labels: the C class names.

    Returns:
        The scores, as `model.scores.Scores` explains each.
    """
    gold, predicted, classes = predictions.gold_N, predictions.predicted_N, len(labels)
    confusion = classification.multiclass_confusion_matrix(predicted, gold, num_classes=classes)
    rows = confusion.sum(dim=1)
    present = [c for c in range(classes) if rows[c] > 0]
    per_class = {
        name: score(predicted, gold, num_classes=classes, average="none")
        for name, score in (
            ("precision", classification.multiclass_precision),
            ("recall", classification.multiclass_recall),
            ("f1", classification.multiclass_f1_score),
        )
    }
    rankings = [
        classification.binary_auroc(predictions.probabilities_NC[:, c], (gold == c).long())
        for c in (present if len(present) > 1 else [])
    ]
    return {
        "accuracy": (predicted == gold).double().mean().item(),
        "macro_f1": per_class["f1"][present].double().mean().item(),
        "log_loss": -predictions.log_probabilities_NC.double()[torch.arange(len(gold)), gold]
        .mean()
        .item(),
        "calibration_error": classification.multiclass_calibration_error(
            predictions.probabilities_NC, gold, num_classes=classes
        ).item(),
        "auroc": torch.stack(rankings).double().mean().item() if rankings else None,
        "classes": {
            label: {
                "precision": per_class["precision"][c].item(),
                "recall": per_class["recall"][c].item(),
                "f1": per_class["f1"][c].item(),
                "rows": int(rows[c]),
            }
            for c, label in enumerate(labels)
        },
        "confusion_matrix": confusion.tolist(),
        "absent": [labels[c] for c in range(classes) if c not in present],
    }
