"""Counts batches for the sides of speed.py, and hands their figures over.

Keras' side imports this in an environment without the project: the standard library alone.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP, STEPS = 15, 100  # batches that are not timed, and batches that are
LENGTH, VOCABULARY, BATCH = 35, 8000, 64
PREDICTED, PREDICTED_AT_ONCE = 5_000, 256  # texts; the batch is the project's default


class Watch:
    """Seconds and texts between the end of the warm-up and the end of the timed batches."""

    def __init__(self) -> None:
        self.batches, self.texts = 0, 0

    def done(self, texts: int) -> bool:
        """Counts a batch of so many texts; true once all are counted."""
        self.batches += 1
        if self.batches == WARM_UP:
            self.started = time.perf_counter()
        elif self.batches > WARM_UP:
            self.texts += texts
        return self.batches == WARM_UP + STEPS

    def figures(self) -> dict[str, float]:
        """Texts per second, and milliseconds per batch."""
        seconds = time.perf_counter() - self.started
        return {"texts_per_second": self.texts / seconds, "step_ms": 1000 * seconds / STEPS}


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def answer(figures: dict[str, Any]) -> None:
    """Hands a side's figures to the parent and ends the process at once."""
    Path(os.environ["BENCH_ANSWER"]).write_text(json.dumps(figures), encoding="utf-8")
    os._exit(0)
