"""Starts several workers on one machine, each a process with the same command line.

The process that starts them reads and tokenizes the texts while they import torch; they wait until
it writes to their standard input. They end when it closes that, which it does however it ends.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from textlstm.checks import JobsFailed, parse_settings
from textlstm.data.settings import DataSettings
from textlstm.model.settings import MANY_UNITS
from textlstm.parent import WORKER, wait_for_parent
from textlstm.passwords import without_password
from textlstm.places import CACHE
from textlstm.plurals import number_of
from textlstm.sweeps.progress import Progress
from textlstm.sweeps.search_space import SearchSpace
from textlstm.sweeps.study import Study
from textlstm.terminal import loading, status
from textlstm.training.threads import cores

log = logging.getLogger(__name__)

MEMORY = 2 * 2**30  # bytes that a worker may need
# Bytes of recurrent weights that fit into a core's cache, so that one thread computes fastest.
CACHED = 1_000_000


def suitable_number(config: DictConfig) -> int:
    """Finds how many workers suit this machine: one if the trials train on a GPU.

    Otherwise each has a core of its own, or several for a large network, and enough memory.
    """
    import torch

    if torch.cuda.is_available() and config.trainer.accelerator in ("auto", "gpu", "cuda"):
        return 1
    if not hasattr(os, "sysconf"):
        return 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    recurrent_weights = 4 * 4 * (config.model.hidden or MANY_UNITS) ** 2  # bytes
    cores_each = max(1, recurrent_weights // CACHED)
    return max(1, min(memory // MEMORY, cores() // cores_each))


def wait_for_texts() -> None:
    """Imports, in a worker, what a run needs; then waits until the texts are tokenized."""
    with loading():
        import textlstm.training.run  # noqa: F401
    wait_for_parent()


def work_in_processes(
    study: Study,
    progress: Progress,
    *,
    folder: Path,
    count: int,
    config: DictConfig,
    space: SearchSpace,
) -> None:
    """Starts `count` workers, each with its share of the cores, and logs their progress.

    Raises:
        InputError: a mistake in the data, which ends the sweep.
        JobsFailed: workers that ended before their time, with their logs.
    """
    threads = max(1, cores() // count)
    logs = [folder / f"worker-{number}.log" for number in range(1, count + 1)]
    log.info(
        "%s, each with %s; they log to %s.",
        number_of(count, "worker"),
        number_of(threads, "CPU thread"),
        folder,
    )

    with _started(logs, threads) as processes:
        tokenize_for_all(config, space)
        for process in processes:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # the worker has ended
                process.stdin.write(b"\n")
        _follow(processes, study, progress)

    ended = [file for file, process in zip(logs, processes, strict=True) if process.returncode]
    if ended:
        raise JobsFailed(
            f"Workers ended before their time; these say why: {', '.join(map(str, ended))}"
        )


def worker_command() -> list[str]:
    """Repeats the command line of this process: a script, a module or an installed program.

    A worker has the storage's password from a variable: everybody can read command lines.
    """
    typed = [
        without_password(argument) if "sweep.storage=" in argument else argument
        for argument in sys.orig_argv[1:]
    ]
    return [sys.executable, *typed, "sweep.workers=1"]


def tokenize_for_all(config: DictConfig, space: SearchSpace) -> None:
    """Reads and tokenizes the texts once, into the cache where all workers find them.

    If folds are swept, it prepares the first one: each fold has a tokenizer of its own.

    Raises:
        InputError: as `TextDataModule.setup`.
    """
    with loading():
        from textlstm.data.datamodule import TextDataModule

    settings: dict[str, Any] = OmegaConf.to_container(config.data, resolve=True)  # type: ignore[assignment]
    for key in ("folds", "fold"):
        if f"data.{key}" in space.swept:
            settings[key] = int(next(space.swept[f"data.{key}"].sweep_string_iterator()))
    data_settings = parse_settings(DataSettings, settings, "data")
    TextDataModule(data_settings, cache=CACHE, seed=config.seed, tested=False).setup()


@contextmanager
def _started(logs: list[Path], threads: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Starts a worker for each log; those that still run when the block ends are told to end.

    The terminal's Ctrl-C does not reach their group: this process tells them.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number, file in enumerate(logs, start=1):
            environment = {**os.environ, "OMP_NUM_THREADS": str(threads), WORKER: str(number)}
            with open(file, "ab") as output:
                process = subprocess.Popen(
                    worker_command(),
                    env=environment,
                    stdin=subprocess.PIPE,
                    bufsize=0,
                    stdout=output,
                    stderr=output,
                    process_group=0,
                )
            processes.append(process)
        yield processes
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            process.terminate()  # it may not read yet
        for process in processes:
            process.wait()


def _follow(processes: list[subprocess.Popen[bytes]], study: Study, progress: Progress) -> None:
    """Logs each run that ends, and keeps a line of progress, until no worker runs."""
    with status() as tell:
        working = True
        while working:
            # In this order: once a worker has ended, all of its trials are read below.
            working = any(process.poll() is None for process in processes)
            trials = study.trials()
            for line in progress.ended(trials):
                log.info("%s", line)
            tell(progress.line(trials))
            if working:
                time.sleep(1)
