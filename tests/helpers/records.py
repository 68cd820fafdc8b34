"""Records that tests write themselves: complete, small, with the values that a test cares about."""

import copy
from typing import Any, cast

from textlstm.model.scores import Scores
from textlstm.runs.record import FORMAT, Record


def small_scores(**changes: Any) -> Scores:
    """Scores of two classes with four rows, three of which are predicted right."""
    scores: Scores = {
        "accuracy": 0.75,
        "macro_f1": 0.7333,
        "log_loss": 0.5,
        "calibration_error": 0.125,
        "auroc": 1.0,
        "classes": {
            "money": {"precision": 1.0, "recall": 0.5, "f1": 0.6667, "rows": 2},
            "sports": {"precision": 0.6667, "recall": 1.0, "f1": 0.8, "rows": 2},
        },
        "confusion_matrix": [[1, 1], [0, 2]],
        "absent": [],
    }
    return cast(Scores, {**scores, **changes})


def small_record(**changes: Any) -> Record:
    """The record of a finished run of two epochs on a file of 40 rows."""
    split = {
        "rows": 32,
        "classes": {"money": 16, "sports": 16},
        "mean_length": 5.5,
        "longest": 9,
        "cut_share": 0.25,
        "unknown_share": 0.0,
    }
    epoch = {
        "train_loss": 0.6,
        "train_accuracy": 0.7,
        "val_loss": 0.5,
        "val_accuracy": 0.75,
        "val_macro_f1": 0.7333,
        "seconds": 1.5,
    }
    record: dict[str, Any] = {
        "format": FORMAT,
        "title": "LSTM text classifier, run small",
        "refit": False,
        "score": 0.7333,
        "best_epoch": 2,
        "chosen_by": "validation cross-entropy (the epoch); nothing by test",
        "labels": ["money", "sports"],
        "validation": small_scores(),
        "test": small_scores(),
        "baselines": {
            "majority class": small_scores(accuracy=0.5),
            "TF-IDF + logistic regression": {
                **small_scores(accuracy=0.625),
                "settings": {"unit": "word", "longest": 2, "sublinear": True, "C": 5.0},
                "validation_macro_f1": 0.7,
            },
        },
        "seconds": {"train": 3.0, "total": 12.4},
        "parameters": 1234,
        "layers": [["Embedding", "T × 5", 1000], ["LSTM 1", "4", 224], ["Dense 1", "2", 10]],
        "steps": 8,
        "history": [{"epoch": 1, **epoch}, {"epoch": 2, **epoch, "val_loss": 0.4}],
        "data": {
            "duplicates": {"train": 0},
            "conflicts": {"train": {"texts": 0, "rows": 0}},
            "dropped": {"train": 0},
            "rare": {},
            "fold": None,
            "refit": False,
            "streaming": None,
            "tokenizer": {
                "kind": "word",
                "size": 1300,
                "read_from": "the training split",
                "reproducible": True,
            },
            "sources": {"train": {"path": "/data/train.csv", "sha256": "0123456789abcdef" * 4}},
            "columns": {"text": ["title", "body"], "label": "desk"},
            "first_number": 0,
            "empty": {"train": 0},
            "splits": {
                "train": split,
                "validation": {**split, "rows": 4},
                "test": {**split, "rows": 4},
            },
        },
        "seed": 7,
        "threads": 2,
        "device": "cpu",
        "devices": 1,
        "environment": {
            "python": "3.11.9",
            "versions": {"torch": "2.9.0"},
            "machine": "x86_64, 2 CPUs",
            "git_commit": "abc+",
        },
        "overrides": ["model.hidden=4"],
        "config": {"data": {"encoding": None}},
    }
    return cast(Record, copy.deepcopy({**record, **changes}))


def places(content: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values inside of JSON."""
    if isinstance(content, dict):
        items: Any = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    else:
        return []
    return [
        place for name, value in items for place in [(*above, name), *places(value, (*above, name))]
    ]


def with_value(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of JSON with another value at a place."""
    changed = copy.deepcopy(content)
    *parents, name = place
    inner = changed
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    return changed
