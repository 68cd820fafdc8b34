"""Writes the predictions for a split as predictions.csv, and finds the most confident mistakes."""

from pathlib import Path

from textlstm.data.rows import Places
from textlstm.model.metrics import Predictions
from textlstm.writing import write_csv

MISTAKES = 20  # the most that are listed


def write_predictions(
    file: Path,
    labels: list[str],
    texts: list[str],
    predictions: Predictions,
    places: Places,
    *,
    spreadsheet: bool = False,
) -> None:
    """Writes a row per text: text, gold, predicted, one probability per class, file and row.

    Args:
        places: where the texts stand in the data, so that they can be joined to it.
        spreadsheet: whether the file is written for a spreadsheet, see `write_csv`.
    """
    rows = zip(
        texts,
        predictions.gold_names(labels),
        predictions.predicted_N.tolist(),
        predictions.probabilities_NC.tolist(),
        places.shown(),
        strict=True,
    )
    write_csv(
        file,
        ["text", "gold", "predicted", *(f"probability_{label}" for label in labels), "file", "row"],
        (
            [text, gold, labels[predicted], *(f"{p:.8g}" for p in probabilities), *place]
            for text, gold, predicted, probabilities, place in rows
        ),
        spreadsheet=spreadsheet,
    )


def confident_mistakes(
    labels: list[str], texts: list[str], predictions: Predictions
) -> list[tuple[str, str, str, str]]:
    """Lists the most confident mistakes: probability, gold class, predicted class and text."""
    confidence_N, predicted_N = predictions.probabilities_NC.max(dim=1)
    gold = predictions.gold_names(labels)
    wrong = (predicted_N != predictions.gold_N).nonzero().flatten()
    wrong = wrong[confidence_N[wrong].argsort(descending=True, stable=True)][:MISTAKES]
    return [
        (
            f"{confidence_N[row]:.3f}",
            gold[row],
            labels[predicted_N[row]],
            texts[row],
        )
        for row in wrong.tolist()
    ]
