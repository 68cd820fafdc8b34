"""Trains a run on texts in memory, in a folder that is gone afterwards, and keeps its model."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow
import torch
from pyarrow import parquet

from textlstm.model.bundle import TextClassifier
from textlstm.runs.folder import RunFolder
from textlstm.signals import Stopped
from textlstm.terminal import quiet
from textlstm.training.run import train
from textlstm.training.settings import RunSettings

Bundle = dict[str, bytes]
"""The files of a saved model by their names: weights, settings, tokenizer, class names."""

FITTING = threading.Lock()  # seed, threads and signals belong to the whole process
LIGHTNING = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")  # environment variables that a seed leaves


def train_bundle(
    settings: RunSettings, texts: list[str], codes: np.ndarray, *, verbose: bool
) -> Bundle:
    """Trains a run as a trial of a sweep is trained, and gives the files of its model.

    What the process had is left as it was: random numbers, threads, filters of warnings, handlers
    of logs. Threads that call this at once wait for each other.

    Args:
        settings: those of the run; data.train, the columns and the names of the classes are set
            here.
        texts: N texts.
        codes: N numbers of classes, from 0.
        verbose: whether epochs are logged, and progress is shown on a terminal.

    Raises:
        InputError: texts or settings that cannot be used.
        KeyboardInterrupt: somebody has typed Ctrl-C.
    """
    with (
        FITTING,
        TemporaryDirectory(prefix="textlstm-") as folder,
        _left_as_found(),
        _told(verbose),
    ):
        file, run = Path(folder) / "train.parquet", RunFolder(Path(folder) / "run")
        run.path.mkdir()
        parquet.write_table(pyarrow.table({"text": texts, "label": codes}), file)
        data = replace(
            settings.data, train=str(file), text_column="text", label_column="label", format=None
        )
        try:
            with nullcontext() if verbose else quiet():
                train(
                    replace(settings, data=data),
                    run,
                    overrides=[],
                    sweeping=True,
                    report=False,
                    cache=Path(folder) / "cache",
                )
        except Stopped as stop:
            if stop.number == signal.SIGINT:  # as Python itself ends a program at Ctrl-C
                raise KeyboardInterrupt from None
            raise
        parts = [part for part in run.model.iterdir() if part.suffix != ".md"]
        return {part.name: part.read_bytes() for part in parts}


def load_bundle(bundle: Bundle) -> TextClassifier:
    """Makes the classifier of a saved model from its files."""
    with TemporaryDirectory(prefix="textlstm-") as folder:
        for name, content in bundle.items():
            (Path(folder) / Path(name).name).write_bytes(content)
        return TextClassifier.load(folder)


@contextmanager
def _left_as_found() -> Iterator[None]:
    """After it, random numbers, threads and what else a run sets for its process are as before."""
    python, numpy, threads = random.getstate(), np.random.get_state(), torch.get_num_threads()
    variables = {name: os.environ.get(name) for name in LIGHTNING}
    flushed = _flushes_denormal()
    try:
        with torch.random.fork_rng(), warnings.catch_warnings():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _flushes_denormal() -> bool:
    """Tells whether this process takes the smallest numbers for 0, as a training run does."""
    return not (torch.tensor([1e-40]) * torch.tensor([1.0])).any()


@contextmanager
def _told(verbose: bool) -> Iterator[None]:
    """Shows what a run logs or, unless `verbose`, does not; what a program logs itself is left."""
    logger = logging.getLogger("textlstm")
    if logger.hasHandlers():  # the program has chosen what becomes of its logs
        yield
        return
    handler = logging.StreamHandler(sys.stderr) if verbose else logging.NullHandler()
    level = logger.level
    logger.addHandler(handler)
    if verbose:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
