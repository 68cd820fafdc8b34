"""The commands as tests run them: in a process of their own or, where a process is not the point,
in the test's.
"""

import contextlib
import csv
import io
import json
import logging
import os
import runpy
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

TESTS = Path(__file__).parents[1]
SRC = TESTS.parent / "src"
MANY_CORES = TESTS / "many_cores"
# How far scores of the same weights may lie apart, by the device that the run's record names: a GPU
# adds sums in another order with each batch size.
TOLERANCE = {"cpu": 1e-6, "cuda": 1e-4}
QUICK = [  # a small model that learns something; without the last, the baselines are fitted, too
    "model.hidden=16",
    "model.embedding_dim=16",
    "trainer.max_epochs=3",
    "optimizer.lr=0.02",
    "data.vocab_size=1000",
    "data.tokenizer=word",
    "wide=false",
    "baselines=false",
]
COLUMNS = ["data.text_column=headline", "data.label_column=desk"]  # of the file `my_csv`
KILL = [
    "+callbacks.fail._target_=helpers.failing.Fail",
    "+callbacks.fail.rank=null",
    "+callbacks.fail.how=kill",
]


def events_folder(run: Path) -> Path:
    """The one folder of a run that TensorBoard's events are in."""
    [folder] = {file.parent for file in run.rglob("events.out.tfevents.*")}
    return folder


def environment() -> dict[str, str]:
    """The environment of the tests, with one thread for each process: they share the cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def claim_cores(patch: pytest.MonkeyPatch, count: int) -> None:
    """Lets each process that is started from now on claim so many cores; with 0, its own."""
    patch.setenv("TEXTLSTM_TEST_CORES", str(count))
    patch.setenv("PYTHONPATH", str(MANY_CORES), prepend=os.pathsep)


def run(
    command: str,
    *arguments: object,
    launcher: tuple[str, ...] = ("-W", "default"),
    cwd: Path | None = None,
    stdin: str = "",
    code: int = 0,
    src: Path = SRC,
) -> tuple[str, str]:
    """Runs `python src/COMMAND.py ARGUMENTS`, which must end with `code`.

    Returns:
        Its standard output and standard error.
    """
    script = src / f"{command}.py"
    return run_process(
        *(sys.executable, *launcher, script, *arguments),
        cwd=cwd,
        stdin=stdin,
        code=code,
        env=environment(),
    )


def run_process(
    *command: object, env: dict[str, str], cwd: Path | None = None, stdin: str = "", code: int = 0
) -> tuple[str, str]:
    """Runs a command in a process of its own, which must end with `code`.

    Returns:
        Its standard output and standard error.
    """
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        env=env,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def call(
    command: str, *arguments: object, cwd: Path | None = None, code: int = 0
) -> tuple[str, str]:
    """As `run`, but in this process, which has imported everything already.

    Not for what starts processes with the same command line, or joins some: workers of a sweep,
    trainer=ddp.
    """
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(as_before())
        stack.enter_context(contextlib.chdir(cwd or Path.cwd()))
        stack.enter_context(patch.object(sys, "argv", [f"{command}.py", *map(str, arguments)]))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(errors))
        warned = stack.enter_context(warnings.catch_warnings(record=True, action="default"))
        torch.set_num_threads(1)
        try:
            runpy.run_path(str(SRC / f"{command}.py"), run_name="__main__")
            ended: object = 0
        except SystemExit as stop:
            ended = stop.code or 0
        for warning in warned:
            errors.write(
                warnings.formatwarning(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
            )
    assert ended == code, errors.getvalue()
    return out.getvalue(), errors.getvalue()


@contextlib.contextmanager
def as_before() -> Iterator[None]:
    """After it, what a command has set for its process is as it was: variables, logging, threads,
    Hydra.
    """
    root, own = logging.getLogger(), logging.getLogger("textlstm")
    handlers, levels, threads = root.handlers[:], (root.level, own.level), torch.get_num_threads()
    made = logging._handlerList[:]
    hooks = threading.excepthook, sys.unraisablehook
    try:
        with patch.dict(os.environ):
            yield
    finally:
        # Those of a configuration that failed belong to no logger.
        for reference in [new for new in logging._handlerList if new not in made]:
            handler = reference()
            if handler is not None:
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])
        threading.excepthook, sys.unraisablehook = hooks
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None


def train_and_kill(
    folder: Path, *arguments: object, rank: str = "null", code: int = -signal.SIGKILL
) -> tuple[str, str]:
    """As `run`, a training run in `folder` of which one process (null: each) is killed inside its
    second epoch.

    Its record is then as of a run that somebody else has killed: resumed, it goes on to its end.
    """
    said = run(
        "train",
        *arguments,
        *KILL,
        f"callbacks.fail.rank={rank}",
        f"hydra.run.dir={folder}",
        code=code,
    )
    forget(folder, "fail")
    return said


def train_and_stop(folder: Path, *arguments: object, epoch: int) -> None:
    """Trains in this process up to a mistake inside the epoch of this number, from 0.

    The run's record is as that of `train_and_kill`.
    """
    options = [*KILL[:-1], "+callbacks.fail.how=mistake", f"+callbacks.fail.epoch={epoch}"]
    call("train", *arguments, *options, f"hydra.run.dir={folder}", code=2)
    forget(folder, "fail")


def signal_at(step: int, number: int, place: str = "step", rank: str = "null") -> list[str]:
    """Options of a run that gets a signal: see `helpers.failing.SignalAt`."""
    values = {"step": step, "number": int(number), "place": place, "rank": rank}
    options = [f"+callbacks.signal.{key}={value}" for key, value in values.items()]
    return ["+callbacks.signal._target_=helpers.failing.SignalAt", *options]


def forget(folder: Path, callback: str) -> None:
    """Takes a callback out of a run's record: resumed, it goes on to its end."""
    file = folder / ".hydra" / "config.yaml"
    config = OmegaConf.load(file)
    del config.callbacks[callback]
    OmegaConf.save(config, file)


def record(folder: Path) -> dict:
    """What a finished run has recorded."""
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def table(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with open(file, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """The weights in the checkpoint NAME.ckpt of a run."""
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]
