"""Finished runs that tests write themselves: a record with its scores, and predictions.csv."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from helpers.records import small_record, small_scores

GOLD = ["money"] * 6 + ["sports"] * 6
TEXTS = [f"text {number}" for number in range(12)]


def scored_run(
    folder: Path,
    predicted: Sequence[str],
    *,
    gold: Sequence[str] = GOLD,
    texts: Sequence[str] = TEXTS,
    split: str = "test",
    file: str | None = "/data/train.csv",
    rows: Sequence[int] | None = None,
    sha256: str = "0123456789abcdef" * 4,
    **changes: Any,
) -> Path:
    """Writes a finished run whose scores are those of its predictions.

    Args:
        file, rows: where the texts stand; without a file, the table has no such columns.
        sha256: the checksum of the file.
        changes: of the record.
    """
    labels = sorted({*gold, *predicted})
    right = sum(one == other for one, other in zip(gold, predicted, strict=True)) / len(gold)
    found = precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
    names = ("precision", "recall", "f1", "rows")
    classes = {
        label: {name: float(values[at]) for name, values in zip(names, found, strict=True)}
        for at, label in enumerate(labels)
    }
    for scores in classes.values():
        scores["rows"] = int(scores["rows"])
    present = [scores["f1"] for scores in classes.values() if scores["rows"]]
    scores = small_scores(
        accuracy=right,
        macro_f1=sum(present) / len(present),
        classes=classes,
        confusion_matrix=confusion_matrix(gold, predicted, labels=labels).tolist(),
        intervals={"accuracy": [right - 0.1, right + 0.1], "macro_f1": [0.1, 0.9]},
    )
    record: dict[str, Any] = {**small_record(labels=labels), split: scores, **changes}
    if split != "test":
        del record["test"]
    if "data" not in changes:
        record["data"]["sources"]["train"] = {"path": str(file), "sha256": sha256}

    folder.mkdir(parents=True)
    (folder / ".hydra").mkdir()
    (folder / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    with open(folder / "predictions.csv", "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        placed = [] if file is None else ["file", "row"]
        writer.writerow(
            ["text", "gold", "predicted", *(f"probability_{name}" for name in labels), *placed]
        )
        numbers = rows or range(1, len(texts) + 1)
        for text, label, chosen, number in zip(texts, gold, predicted, numbers, strict=True):
            shares = [0.75 if name == chosen else 0.25 for name in labels]
            writer.writerow([text, label, chosen, *shares, *([file, number] if placed else [])])
    return folder
