"""Predicts training rows by runs that have not seen them: one run for each fold of the rows."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from datasets import Dataset

from textlstm.checks import InputError
from textlstm.data.settings import DataSettings
from textlstm.data.sources import Source
from textlstm.data.stratified import fold_rows
from textlstm.runs.folder import RunFolder
from textlstm.terminal import counted
from textlstm.training import run as training
from textlstm.training.settings import RunSettings

FIRST_PROBABILITY = 3  # the column of predictions.csv, behind text, gold and predicted


class OutOfFold(NamedTuple):
    """What was predicted for N rows out of C classes.

    Args:
        row_numbers: the numbers of the rows in their source.
        probabilities_NC: the probabilities that the run which has not seen a row gives its classes.
    """

    row_numbers: np.ndarray
    probabilities_NC: np.ndarray


def predict_out_of_fold(
    source: Source, settings: RunSettings, *, folds: int, folder: Path
) -> OutOfFold:
    """Trains a run for each fold of the rows of a source, on all other rows.

    Duplicates are in the same fold. The fold is the test set of its run, so that no choice depends
    on it. Runs that were finished or begun before with the same settings and rows are gone on with.

    Args:
        settings: of each run, but for where its rows are.
        folder: keeps the runs until all are finished.

    Raises:
        InputError: too few rows, or a value or device that cannot be used.
    """
    row_numbers = _drawn(source, settings.data)
    texts = len(np.unique(source.duplicate_of[row_numbers]))
    if texts < folds:
        raise InputError(
            f"folds={folds}: data.train has {texts} different texts, too few for so many folds. "
            f"Give fewer folds, or more rows."
        )
    divided, _ = fold_rows(
        source.duplicate_of[row_numbers],
        source.labels_N[row_numbers],
        folds,
        seed=settings.data.split_seed,
        every_row=True,
    )
    probabilities_NC = np.empty((len(row_numbers), len(source.class_names)))
    with messages_of_training_off():
        for number, fold in enumerate(counted(divided, "folds predicted", total=folds), start=1):
            others = np.delete(np.arange(len(row_numbers)), fold)
            run = _finished_run(
                source.rows.select(row_numbers[others]),
                source.rows.select(row_numbers[fold]),
                settings,
                folder / f"{number}-of-{folds}",
            )
            probabilities_NC[fold] = _probabilities(run, len(source.class_names))
    shutil.rmtree(folder)
    return OutOfFold(row_numbers, probabilities_NC)


def _drawn(source: Source, settings: DataSettings) -> np.ndarray:
    """The numbers of the rows that are predicted: all, or as many as data.max_rows allows."""
    rows = len(source.rows)
    if settings.max_rows is None or settings.max_rows >= rows:
        return np.arange(rows)
    generator = np.random.default_rng(settings.split_seed)
    return np.sort(generator.choice(rows, settings.max_rows, replace=False))


def _finished_run(
    train: Dataset, held_out: Dataset, settings: RunSettings, folder: Path
) -> RunFolder:
    """Trains on some rows and scores others, unless a run in the folder has done so before."""
    run = RunFolder(folder / "run")
    run.path.mkdir(parents=True, exist_ok=True)
    train.to_parquet(folder / "train.parquet")
    held_out.to_parquet(folder / "test.parquet")
    of_fold = replace(settings, data=_read_from(folder, settings.data))
    training.train(of_fold, run, overrides=[], sweeping=True)
    return run


def _read_from(folder: Path, settings: DataSettings) -> DataSettings:
    """The settings of a run whose rows, checked already, are in train.parquet and test.parquet."""
    return replace(
        settings,
        train=str(folder / "train.parquet"),
        test=str(folder / "test.parquet"),
        source="files",
        name=None,
        config=None,
        text_column="text",
        label_column="label",
        label_names=None,
        merge_labels=False,
        format=None,
        encoding=None,
        header=None,
        columns=None,
        quoting=None,
        max_rows=None,
    )


def _probabilities(run: RunFolder, classes: int) -> np.ndarray:
    """Reads the probabilities (N, C) of the test rows of a finished run, in their order."""
    columns = range(FIRST_PROBABILITY, FIRST_PROBABILITY + classes)
    return pd.read_csv(run.predictions, usecols=[*columns], dtype=float).to_numpy()


@contextmanager
def messages_of_training_off() -> Iterator[None]:
    """Within it, only errors are logged: what there is to say of the rows was said before."""
    log = logging.getLogger("textlstm")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
