"""Finds the checkpoint that a run goes on from, also if the last one is damaged."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from textlstm.checks import InputError
from textlstm.data.datamodule import TextDataModule
from textlstm.data.reading.checksums import changed_sources
from textlstm.model.settings import ModelSettings
from textlstm.ranks import is_rank_zero
from textlstm.runs import tensorboard
from textlstm.runs.checkpoint_schema import (
    STRANGE,
    check_training_state,
    not_as_saved,
    strange_states_refused,
)
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import Record
from textlstm.training.checkpoints import damage, put_in_place, read_checkpoint
from textlstm.training.module import TextClassificationModule, saved_arguments
from textlstm.training.progress import EpochHistory
from textlstm.training.settings import RunSettings
from textlstm.training.stopping import ended_inside_epoch
from textlstm.writing import as_json, write_json

log = logging.getLogger(__name__)

BEGUN = "begun.json"  # beside the checkpoints of a trial: the configuration that it began with


def checkpoint_to_resume(run: RunFolder, *, refit: bool) -> Path | None:
    """Finds the newest whole checkpoint of a run; None if the run has saved none yet.

    That is last.ckpt. If it is damaged or missing, a line says so, and the newest other checkpoint
    takes its place; the epochs after that one are trained again. Files that a killed process left
    unfinished are removed.

    Raises:
        InputError: no checkpoint is whole, or the best epoch so far is lost.
    """
    if is_rank_zero():
        for left in run.checkpoints.glob(".*.ckpt.*"):
            left.unlink(missing_ok=True)
    if not run.has_checkpoint():
        return None

    last = run.last_checkpoint
    wrong = damage(last)
    chosen = last if wrong is None else _newest_other(run, f"{last.name} {wrong}")
    saved = read_checkpoint(chosen, mmap=True)

    if wrong is not None:
        with strange_states_refused(chosen):
            epoch = saved["epoch"] + 1
        log.warning("%s %s: the run goes on from %s, of epoch %d.", last, wrong, chosen.name, epoch)
        _take_in_place(chosen, last)
    if not refit and (lost := damage(run.best_checkpoint)):
        _restore_best(run, chosen, saved, lost)
    return chosen


def check_goes_on(run: RunFolder, finished: Record, max_epochs: int | None) -> None:
    """Refuses to resume a finished run that has nothing left to do, or nothing to go on from.

    Args:
        run: its folder.
        finished: its record.
        max_epochs: how many epochs it is to have now; None for as many as it had.
    """
    resolved = finished.get("resolved")
    recorded = (resolved or finished["config"]["trainer"])["max_epochs"]
    if (max_epochs or recorded) <= recorded:
        raise InputError(
            f"resume: {run.path} is finished, after {len(finished['history'])} of at most "
            f"{recorded} epochs; there is nothing left to do. With a constant or plateau "
            f"schedule, trainer.max_epochs above {recorded} goes on."
        )
    if not run.has_checkpoint():
        raise InputError(
            f"resume: {run.path} is finished and has no checkpoint: of a finished trial, a sweep "
            f"keeps the saved model alone. Train a new run with trainer.max_epochs={max_epochs}."
        )
    last = run.last_checkpoint
    if damage(last) is None and ended_inside_epoch(last):
        raise InputError(
            f"resume: {run.path} ended inside an epoch, by trainer.max_steps or "
            f"trainer.max_time, and only a whole epoch can be gone on from. Start a new run "
            f"that is longer."
        )


def checkpoint_of_trial(run: RunFolder, settings: RunSettings) -> Path | None:
    """Finds the checkpoint that an interrupted trial of a sweep goes on from.

    Returns:
        None if the trial begins anew: there is no whole checkpoint, or those that are there come
            from another configuration or from other data. What they and the logger had written is
            then removed.
    """
    begun = run.checkpoints / BEGUN
    try:
        if json.loads(begun.read_text(encoding="utf-8")) == _as_json(settings):
            found = checkpoint_to_resume(run, refit=False)
            if found is not None and not _changed_data(found):
                log.info("The trial was interrupted, and goes on from %s.", found.name)
                return found
    except FileNotFoundError:
        pass  # nothing was begun
    except (OSError, ValueError) as error:  # a damaged file of any kind
        log.warning("The trial begins anew: %s", error)
    tensorboard.forget_after(run.path, None)
    for left in (run.checkpoints, run.path / "tensorboard"):  # the latter of an older version
        shutil.rmtree(left, ignore_errors=True)
    run.checkpoints.mkdir(parents=True)
    write_json(begun, settings.plain())
    return None


def check_resumed(checkpoint: Path | None, module: TextClassificationModule) -> None:
    """Refuses a checkpoint of another model than the one that the run's configuration makes."""
    if checkpoint is None:
        return
    with strange_states_refused(checkpoint):
        content = read_checkpoint(checkpoint, mmap=True)
        saved_arguments(content)
        check_training_state(content, module, module.labels)


def model_settings_of(
    settings: RunSettings, data: TextDataModule, checkpoint: Path | None
) -> ModelSettings:
    """Gives the settings of the model, null replaced by the texts' numbers or those begun with.

    Args:
        checkpoint: the one that the run goes on from; None for a new run.
    """
    model = settings.model
    if checkpoint is None:
        return model.for_texts(data.learned_rows(), data.unknown_words)
    with strange_states_refused(checkpoint):
        begun_with = saved_arguments(read_checkpoint(checkpoint, mmap=True))["model"]
    nulls = {name for name, value in asdict(model).items() if value is None}
    return replace(model, **{name: getattr(begun_with, name) for name in nulls})


@contextmanager
def goes_on_from(checkpoint: Path | None, module: TextClassificationModule) -> Iterator[None]:
    """Names the checkpoint in an error that ends training inside before its first step.

    Lightning gives the parts of the trainer their states then, and relies on what they hold.
    """
    try:
        yield
    except STRANGE as error:
        known = isinstance(error, InputError | torch.OutOfMemoryError)
        if checkpoint is None or module.began or known:
            raise
        raise not_as_saved(checkpoint, error) from error


def _as_json(settings: RunSettings) -> Any:
    """The configuration as it comes back from a file."""
    return json.loads(as_json(settings.plain()))


def _changed_data(checkpoint: Path) -> list[str]:
    """Names the sources of a checkpoint that are gone or hold something else now."""
    with strange_states_refused(checkpoint):
        saved = read_checkpoint(checkpoint, mmap=True)
        return changed_sources(saved[TextDataModule.__qualname__]["sources"])


def _newest_other(run: RunFolder, wrong: str) -> Path:
    """Finds the checkpoint with the most steps beside last.ckpt.

    Args:
        wrong: what is wrong with last.ckpt.

    Raises:
        InputError: there is none that is whole.
    """
    others = {file: damage(file) for file in (run.previous_checkpoint, run.best_checkpoint)}
    whole = [file for file, found in others.items() if found is None]
    if not whole:
        there = [f"{file.name} {said}" for file, said in others.items() if file.exists()]
        raise InputError(
            f"resume: no checkpoint in {run.checkpoints} is whole: {'; '.join([wrong, *there])}. "
            f"{_remedy(run)}"
        )
    return max(whole, key=lambda file: read_checkpoint(file, mmap=True)["global_step"])


def _restore_best(run: RunFolder, chosen: Path, saved: dict[str, Any], lost: str) -> None:
    """Makes best.ckpt anew if the run goes on from its best epoch, or if it had none yet.

    Args:
        saved: the content of the checkpoint `chosen`, which the run goes on from.
        lost: what is wrong with best.ckpt.

    Raises:
        InputError: no other file holds the best epoch.
    """
    best = run.best_checkpoint
    epochs = saved["callbacks"][EpochHistory.__qualname__]["epochs"]
    if not epochs and not best.exists():
        return
    if not _is_best(saved, epochs):
        raise InputError(
            f"resume: {best} {lost}. It is the best epoch so far, which no other file holds. "
            f"{_remedy(run)}"
        )
    log.warning("%s %s: %s, which is of the same epoch, takes its place.", best, lost, chosen.name)
    _take_in_place(chosen, best)


def _is_best(saved: dict[str, Any], epochs: list[dict[str, Any]]) -> bool:
    """Tells whether a checkpoint was saved at the end of the best of its epochs."""
    loop = saved["loops"]["fit_loop"]
    epoch = loop["epoch_progress"]["current"]
    inside = epoch["processed"] < epoch["ready"]
    if inside or not loop["epoch_loop.batch_progress"]["is_last_batch"]:
        return False
    if len(epochs) == 1:
        return True
    for state in saved["callbacks"].values():
        if Path(str(state.get("best_model_path", ""))).name == "best.ckpt":
            scores = [epoch.get(state["monitor"].replace("/", "_")) for epoch in epochs]
            found = float(state["best_model_score"])
            return found in scores and scores.index(found) == len(epochs) - 1
    return False


def _take_in_place(whole: Path, other: Path) -> None:
    if is_rank_zero():
        put_in_place(other, whole.read_bytes())


def _remedy(run: RunFolder) -> str:
    return (
        f"Put an undamaged copy in its place; or delete {run.checkpoints}, and resume={run.path} "
        f"trains from the beginning."
    )
