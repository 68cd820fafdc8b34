"""Lets several processes train one run: with the same data, shared cores, and one end for all."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import distributed

from textlstm.cache import content_key
from textlstm.checks import InputError
from textlstm.runs.folder import RunFolder
from textlstm.training.stopping import going_on
from textlstm.training.threads import cores

log = logging.getLogger(__name__)

# the logger of Lightning's thread that looks every 5 s whether the processes it started are alive
OBSERVER = "lightning_fabric.strategies.launchers.subprocess_script"
FEW_PROCESSES = 8  # that any machine may be given, whatever its cores
STRATEGIES = ("auto", "ddp")


def check_strategy(trainer: pl.Trainer, strategy: Any) -> None:
    """Refuses a strategy that does not share batches, or processes that the keys do not ask for.

    Raises:
        InputError: names the key.
    """
    started = (
        int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else trainer.world_size
    )
    if started != trainer.world_size:
        raise InputError(
            f"torchrun started {started} processes, and trainer.devices × trainer.num_nodes is "
            f"{trainer.world_size}. Give trainer=ddp with trainer.devices, the processes of a "
            f"machine, and trainer.num_nodes, the machines."
        )
    most = max(FEW_PROCESSES, cores())
    if trainer.strategy.root_device.type == "cpu" and trainer.num_devices > most:
        raise InputError(
            f"trainer.devices={trainer.num_devices} starts as many processes, and this machine has "
            f"{cores()} CPU cores: give at most {most}."
        )
    if trainer.world_size > 1 and not (
        isinstance(trainer.strategy, DDPStrategy) and strategy in STRATEGIES
    ):
        raise InputError(
            f"trainer.strategy={strategy}: several devices train with trainer=ddp, which is "
            f"trainer.strategy=ddp."
        )


def share_threads(trainer: pl.Trainer, threads: int | None) -> None:
    """Gives this process `threads` CPU threads, or its share of the machine's cores."""
    assert isinstance(trainer.strategy, DDPStrategy)
    count = threads or max(1, cores() // trainer.strategy.num_processes)
    torch.set_num_threads(count)
    os.environ["OMP_NUM_THREADS"] = str(count)  # else Lightning sets a number of its own
    log.info("%d processes; CPU threads of each: %d.", trainer.world_size, count)


def computes_bf16() -> bool:
    """Tries whether this CPU can train an LSTM in bf16."""
    try:
        with torch.autocast("cpu", torch.bfloat16):
            torch.nn.LSTM(1, 1)(torch.zeros(1, 1, 1))[0].sum().backward()
    except RuntimeError:
        return False
    return True


def of_each_process(own: Any) -> list[Any]:
    """Gathers plain values and tensors of the processes that train the run together, by rank."""
    ranks = [own] * world()
    if len(ranks) > 1:
        distributed.all_gather_object(ranks, own)
    return ranks


def world() -> int:
    """The number of processes that train the run together."""
    return (
        distributed.get_world_size()
        if distributed.is_available() and distributed.is_initialized()
        else 1
    )


class SameRun(pl.Callback):
    """Makes sure that all processes have the same data.

    Raises:
        InputError: some process has other rows, or a tokenizer with other ids.
    """

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size == 1:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        rows = [
            [len(texts), int(texts.lengths.sum()), int(texts.starts.sum())]
            for texts in data.encoded.values()
        ]
        if len(set(of_each_process(content_key(data.tokenizer.to_str(), rows)))) > 1:
            raise InputError(
                "data: the machines have read different rows or learned different tokenizers. Give "
                "all the same files and a folder outputs/cache that they share."
            )


@contextmanager
def one_end(trainer: pl.Trainer, run: Path) -> Iterator[None]:
    """If one process of the run dies inside this block, all end, and the user sees one error."""
    if trainer.world_size == 1:
        yield
        return
    observer = _Observer(run)
    logger = logging.getLogger(OBSERVER)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(observer)

    try:
        yield
    except Exception as error:
        if not _is_lost_peer(error):
            raise
        if not trainer.is_global_zero:
            sys.exit(1)
        if getattr(trainer.strategy.launcher, "procs", []):
            time.sleep(30)  # until the observer has found out which
        log.error("error: another process of the run has ended. %s", _resume(run))
        sys.exit(1)
    finally:
        observer.over = True


def _is_lost_peer(error: Exception) -> bool:
    """Tells whether the error says that a process could not reach another."""
    # Gloo raises a plain RuntimeError that names its source file.
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError) and "gloo" in str(error)
    )


def _resume(run: Path) -> str:
    """Says how to go on with the run."""
    return going_on(RunFolder(run))


class _Observer(logging.Handler):
    """Ends this process when Lightning logs that a process it started is dead, and says so.

    Lightning would end it, too, but without a word.
    """

    def __init__(self, run: Path) -> None:
        super().__init__()
        self.run, self.over = run, False

    def emit(self, record: logging.LogRecord) -> None:
        while self.over:  # this process ends by itself
            time.sleep(1)
        found = record.getMessage().partition(". ")[0]
        if " code -" in found:  # killed by a signal: it could not say anything
            log.error("error: %s. %s", found, _resume(self.run))
        else:
            log.info("Stopped. %s", _resume(self.run))
        # The main thread may be waiting for the dead process. The others end with this one.
        os._exit(1)
