"""Finds how many CPU threads train fastest: for a small network often fewer than there are."""

import copy
import json
import logging
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from textlstm.cache import content_key, kept
from textlstm.data.datamodule import TextDataModule
from textlstm.training.module import TextClassificationModule

log = logging.getLogger(__name__)

ROUNDS = 9  # each tries every number of threads; the first round does not count
# More threads are taken only if a step then lasts at most this share: where other work runs, few
# threads wait less for each other.
GAIN = 0.9


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_threads(
    step: Callable[[], object], shape: Any, cache: Path
) -> tuple[int, dict[int, float]]:
    """Finds the number of threads that a training step is fastest with.

    It tries 1, 2, 4, … and the number that torch would take. The answer is kept for this machine
    and `shape` (what the step's cost depends on): another run with the same seed has to use the
    same number, since another one adds sums in another order. Torch keeps its number and its random
    numbers, even if `step` draws some.

    Returns:
        The number, and the milliseconds of one step with each number tried.
    """
    most = torch.get_num_threads()
    counts = sorted({most, *(2**power for power in range(most.bit_length()) if 2**power < most)})
    waiting = [os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")]
    processor = [platform.machine(), platform.processor(), os.cpu_count()]
    machine = [*processor, most, torch.__version__, *waiting]

    def measure(folder: Path) -> None:
        seconds: dict[int, list[float]] = {count: [] for count in counts}
        with torch.random.fork_rng(devices=[]):
            for _ in range(ROUNDS):
                for count in counts:
                    torch.set_num_threads(count)
                    started = time.perf_counter()
                    step()
                    seconds[count].append(time.perf_counter() - started)
        torch.set_num_threads(most)
        found = {
            count: round(1000 * statistics.median(times[1:]), 2) for count, times in seconds.items()
        }
        (folder / "milliseconds.json").write_text(json.dumps(found), encoding="utf-8")

    def load(folder: Path) -> dict[int, float]:
        found = json.loads((folder / "milliseconds.json").read_text(encoding="utf-8"))
        return {int(count): milliseconds for count, milliseconds in found.items()}

    found, _ = kept(cache, f"threads-{content_key(machine, shape)}", measure, load)
    best = min(found.values())
    return min(count for count, milliseconds in found.items() if milliseconds * GAIN <= best), found


def take_fastest_threads(
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    cache: Path,
    level: int,
) -> None:
    """Tries training steps on a copy of the network, and sets the fastest number of CPU threads."""
    if trainer.strategy.root_device.type != "cpu":
        return
    batch, copied = next(iter(data.train_dataloader())), copy.deepcopy(module)
    trained = [parameter for parameter in copied.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        copied.loss(copied(batch.tokens_BT, batch.lengths_B), batch.labels_B).backward()
        optimizer.step()

    mean_length = data.facts["splits"]["train"]["mean_length"]
    shape = [data.batch_size, mean_length, module.network.plain_values()]
    count, milliseconds = choose_threads(step, shape, cache)
    torch.set_num_threads(count)
    tried = ", ".join(f"{time:.1f} ms with {threads}" for threads, time in milliseconds.items())
    log.log(
        level,
        "CPU threads: %d, the fastest here (a step takes %s); threads=N takes another number.",
        count,
        tried,
    )
