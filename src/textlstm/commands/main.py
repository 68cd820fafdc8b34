"""Runs a command through Hydra: one error for a mistake, and exit codes."""

import errno
import importlib
import io
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException, SearchPathException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from textlstm.checks import InputError, JobsFailed
from textlstm.commands.arguments import prepare, quote_literal
from textlstm.commands.help import key_lines
from textlstm.escaping import VisibleRecord, visible
from textlstm.parent import end_worker_with_parent, is_worker
from textlstm.places import CONF, OUTPUTS, pass_outputs_on
from textlstm.ranks import (
    end_with_parent,
    is_rank_zero,
    let_rank_zero_speak,
    pass_on,
    passed_on,
)
from textlstm.runs.folder import folder_name, new_run_folder
from textlstm.terminal import loading
from textlstm.typed import as_typed

log = logging.getLogger(__name__)

NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)  # to a file or folder

# What torch says where a number of elements, or the memory for them, is too large.
OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Storage size calculation overflowed",
)

WITHOUT_HYDRA = ("leaderboard", "benchmark")

# How the threads of a parallel step wait for each other; OpenMP reads it when torch is first
# imported. Spinning for long, as is the default, a step takes up to forty times as long on a
# machine with other work to do; not spinning at all, two threads are no faster than one. A thousand
# turns are GNU's own choice for more threads than cores.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


def main(command: str) -> None:
    """Runs a command with the arguments on the command line.

    A command is the function of that name in this package's module of that name. Through Hydra it
    gets conf/COMMAND.yaml with the overrides of the command line, as plain values; `leaderboard`
    and `benchmark`, which have no configuration, get none.

    A mistake prints one error and exits with 2. In a sweep it is logged in the job's own log, the
    other jobs go on, and the exit code is 1 at the end.
    """
    if is_worker():
        end_worker_with_parent()
    _register_resolvers()
    prepare_screen()
    if command in WITHOUT_HYDRA:
        try:
            _job(command)()
        except Exception as error:
            mistake = _users_error(error)
            if mistake is None:
                raise
            fail(mistake)
        return

    if not os.environ.keys() & WAITING.keys():
        os.environ |= WAITING
    pass_outputs_on()
    sys.argv[1:] = _arguments(command)
    failed: dict[str, Exception] = {}
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come back here, where a sweep's are summed up
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=command)(
            _guarded(command, failed)
        )()
    except Exception as error:
        _end_sweep(error, failed)
        raise


def _arguments(command: str) -> list[str]:
    """Gives the command line for Hydra: as typed or, on a rank above 0, as rank 0 has left it."""
    passed = passed_on()
    if passed is not None:
        end_with_parent()
    try:
        arguments = prepare(command, sys.argv[1:]) if passed is None else passed[1:]
    except InputError as error:
        fail(error)

    if command == "train" and "--multirun" not in arguments:
        pass_on(command, arguments)
        if not is_rank_zero():
            return silenced(arguments)
    return arguments


def _end_sweep(error: Exception, failed: dict[str, Exception]) -> None:
    """Ends the process with one error if jobs of a sweep failed or the sweep itself is a mistake.

    It returns only if the error is a bug, whose traceback is then shown.
    """
    if failed:
        said = f"{len(failed)} of the sweep's jobs failed; train.log in the folder says why:"
        print(f"error: {said}", *map(visible, failed), sep="\n  ", file=sys.stderr)
        if isinstance(error, JobsFailed) or any(error is of_job for of_job in failed.values()):
            sys.exit(1)
    if isinstance(error, JobsFailed):
        print(f"error: {visible(error)}", file=sys.stderr)
        sys.exit(1)
    mistake = _users_error(error)
    if mistake is not None:
        fail(mistake)


def _users_error(error: Exception) -> InputError | None:
    """Gives the error to show the user for a mistake, or a file without access; None for a bug."""
    if isinstance(error, InputError):
        return error
    if isinstance(error, (MissingConfigException, SearchPathException)):
        what = str(error).splitlines()[0].rstrip(".")
        return InputError(
            f"{what}. --config-path and --config-dir take an absolute path of a folder that is "
            f"there, and --config-name a file of it."
        )
    if isinstance(error, OSError) and error.errno in NO_ACCESS and error.filename is not None:
        return InputError(
            f"{error.filename}: {error.strerror}. Give this user access to it, or take another "
            f"folder."
        )
    if isinstance(error, MemoryError) or any(said in str(error) for said in OUT_OF_MEMORY):
        said = " ".join(str(error).split())[:200] or "it could not be claimed"
        return InputError(
            f"The memory of this machine does not suffice ({said}). Give a smaller model, such as "
            f"by model.hidden, model.layers or data.vocab_size, or smaller batches, by "
            f"data.batch_size, data.max_tokens_per_batch or, to other commands, batch_size."
        )
    return None


def prepare_screen() -> None:
    """Makes sure that any text can be shown, whatever the locale, and silences matplotlib.

    A file or pipe gets UTF-8; a terminal that cannot show a character shows its code. Log lines
    show the code of each control character.
    """
    logging.setLogRecordFactory(VisibleRecord)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):  # what a test or a notebook has put there
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
        else:
            stream.reconfigure(encoding="utf-8")
    # It would say that it looks for fonts or, at each start, that it cannot write in HOME.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def _register_resolvers() -> None:
    """Registers what conf/ asks for: `${outputs:}`, `${typed:…}`, `${keys:…}` and folders."""
    OmegaConf.register_new_resolver("outputs", lambda: str(OUTPUTS), replace=True)
    OmegaConf.register_new_resolver("new_run", new_run_folder, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
    OmegaConf.register_new_resolver("typed", as_typed, replace=True)
    OmegaConf.register_new_resolver("keys", key_lines, replace=True)


def _job(command: str) -> Callable[..., Any]:
    """Imports the function of a command; most of them load torch."""
    with loading():
        return getattr(importlib.import_module(f"textlstm.commands.{command}"), command)


def _guarded(command: str, failed: dict[str, Exception]) -> Callable[[DictConfig], Any]:
    """Wraps a command for Hydra: logs its errors, and adds those of a sweep's jobs to `failed`."""

    def guarded(config: DictConfig) -> Any:
        try:
            return _job(command)(OmegaConf.to_container(config, resolve=True))
        except Exception as error:
            folder = HydraConfig.get().runtime.output_dir
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                failed[folder] = error
                _log_failed_job(error)
                raise
            let_rank_zero_speak()
            mistake = _users_error(error)
            if mistake is not None:
                log.error("error: %s", mistake)
                if command == "train" and is_rank_zero():
                    _leave_the_log(Path(folder))
                sys.exit(2)
            raise

    return guarded


def _log_failed_job(error: Exception) -> None:
    """Logs why a job of a sweep failed; the traceback of a user's mistake goes to train.log only.

    The error is the last line: by it the leaderboard tells a failed job from an unfinished one.
    """
    if isinstance(error, InputError):
        log.debug("The mistake was met here:", exc_info=error)  # the screen shows no DEBUG
        log.error("error: %s", error)
    else:
        log.error("error: %s", error, exc_info=error)


def _leave_the_log(run: Path) -> None:
    """Removes the config of a run that never began, which nothing can be resumed from."""
    if not (run / "checkpoints").is_dir():
        shutil.rmtree(run / ".hydra", ignore_errors=True)


def fail(error: InputError) -> NoReturn:
    """Ends the command with one error and code 2."""
    let_rank_zero_speak()
    print(f"error: {visible(error)}", file=sys.stderr)
    sys.exit(2)


def silenced(arguments: list[str]) -> list[str]:
    """Gives the arguments for a rank above 0, which logs errors alone and writes nothing.

    Hydra needs a folder all the same, so it gets one that exists.
    """
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    kept = [argument for argument in arguments if not argument.startswith("hydra/job_logging=")]
    folder = quote_literal(f"output={OUTPUTS}").partition("=")[2]
    return [
        *kept,
        "hydra/job_logging=screen",
        f"hydra.run.dir={folder}",
        "hydra.output_subdir=null",
    ]
