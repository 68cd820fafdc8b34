"""Sweeps that tests write themselves: run folders with what the leaderboard reads of them; and
trials as they stand.
"""

import json
import os
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from textlstm.runs.folder import folder_name
from textlstm.sweeps.study import open_storage

SPLITS = {"train": {"rows": 80}, "validation": {"rows": 20}}


def job(sweep: Path, overrides: list[str]) -> Path:
    """The folder of a job that has begun."""
    folder = sweep / folder_name(",".join(overrides))
    (folder / ".hydra").mkdir(parents=True)
    return folder


def finished(
    sweep: Path,
    overrides: list[str],
    score: float,
    *,
    ended: int = 0,
    seconds: float = 10.0,
    parameters: int = 1000,
    best_epoch: int = 3,
    config: dict[str, Any] | None = None,
    predicted: list[tuple[str, str, str]] | None = None,
) -> Path:
    """A finished run; `predicted` are text, gold and predicted class of its validation rows."""
    folder = job(sweep, overrides)
    record = {
        "score": score,
        "best_epoch": best_epoch,
        "seconds": {"train": seconds, "total": seconds + 5},
        "parameters": parameters,
        "overrides": [*overrides, "sweep=grid", "test=False", "baselines=False"],
        "config": config or {},
        "data": {"splits": SPLITS},
    }
    if predicted is not None:
        lines = [
            "text,gold,predicted,probability_a",
            *(",".join([*row, "0.5"]) for row in predicted),
        ]
        (folder / "predictions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write(folder / "metrics.json", record, ended)
    return folder


def pruned(sweep: Path, overrides: list[str], score: float, *, ended: int = 0) -> Path:
    """A run that a search ended early."""
    folder = job(sweep, overrides)
    _write(folder / "pruned.json", {"score": score, "overrides": overrides, "history": []}, ended)
    return folder


def failed(sweep: Path, overrides: list[str]) -> Path:
    """A job whose log ends with an error."""
    folder = job(sweep, overrides)
    log = (
        "2026-01-01 10:00:00,000 INFO a: begins\n"
        "2026-01-01 10:00:01,000 ERROR a: error: x\nTraceback …\n  x\n"
    )
    (folder / "train.log").write_text(log, encoding="utf-8")
    return folder


def trials_of(name: str, folder: Path, url: str | None = None) -> list[FrozenTrial]:
    """The trials of a study in a sweep's folder, or in the storage at `url`."""
    storage = open_storage(url, folder)
    try:
        return optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    finally:
        storage.remove_session()
        storage.engine.dispose()  # type: ignore[attr-defined]


def _write(file: Path, content: dict[str, Any], ended: int) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")
    os.utime(file, (1_700_000_000 + ended, 1_700_000_000 + ended))
