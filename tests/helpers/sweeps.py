"""Sweeps that tests write themselves: run folders as the leaderboard reads them, and trials."""

import json
import os
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from helpers.records import small_record
from textlstm.runs.folder import folder_name
from textlstm.sweeps.storage import open_storage


def job(sweep: Path, overrides: list[str]) -> Path:
    """The folder of a job that has begun."""
    folder = sweep / folder_name(",".join(overrides))
    (folder / ".hydra").mkdir(parents=True)
    return folder


def finished(
    sweep: Path,
    overrides: list[str],
    score: float | None,
    *,
    ended: int = 0,
    seconds: float = 10.0,
    parameters: int = 1000,
    best_epoch: int = 3,
    config: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    predicted: list[tuple[str, str, str]] | None = None,
) -> Path:
    """A finished run; `predicted` are text, gold and predicted class of its validation rows.

    `data` are facts about its data in place of those of all other runs; seed and fold are typed.
    """
    folder = job(sweep, overrides)
    typed = dict(override.partition("=")[::2] for override in overrides)
    record = small_record(
        score=score,
        best_epoch=best_epoch,
        seconds={"train": seconds, "total": seconds + 5},
        parameters=parameters,
        overrides=[*overrides, "sweep=grid", "test=False", "baselines=False"],
        config=config or {},
        seed=int(typed.get("seed", 42)),
    )
    if "data.fold" in typed:
        folds = int(typed.get("data.folds", 9))
        record["data"]["fold"] = {"fold": int(typed["data.fold"]), "folds": folds}
    record["data"]["splits"]["train"]["rows"] = 80
    record["data"]["splits"]["validation"]["rows"] = 20
    record["data"].update(data or {})  # type: ignore[typeddict-item]
    if predicted is not None:
        lines = [
            "text,gold,predicted,probability_a",
            *(",".join([*row, "0.5"]) for row in predicted),
        ]
        (folder / "predictions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write(folder / "metrics.json", record, ended)
    return folder


def repeats(
    sweep: Path, overrides: list[str], scores: list[float], *, key: str = "seed", **values: Any
) -> None:
    """A finished run for each score, with seed or fold 0, 1, …"""
    for number, score in enumerate(scores):
        finished(sweep, [*overrides, f"{key}={number}"], score, ended=number, **values)


def pruned(sweep: Path, overrides: list[str], score: float, *, ended: int = 0) -> Path:
    """A run that a search ended early."""
    folder = job(sweep, overrides)
    content = {"format": 1, "score": score, "overrides": overrides, "history": []}
    _write(folder / "pruned.json", content, ended)
    return folder


def failed(sweep: Path, overrides: list[str]) -> Path:
    """A job whose log ends with an error."""
    folder = job(sweep, overrides)
    log = (
        "2026-01-01 10:00:00,000 INFO a: begins\n"
        "2026-01-01 10:00:01,000 ERROR a: error: x\n"
        "Traceback …\n  x\n"
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


def _write(file: Path, content: Any, ended: int) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")
    os.utime(file, (1_700_000_000 + ended, 1_700_000_000 + ended))
