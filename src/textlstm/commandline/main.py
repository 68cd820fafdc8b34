"""Runs a command through Hydra: one error for a mistake, and exit codes."""

import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from textlstm.checks import InputError, JobsFailed
from textlstm.commandline.arguments import (
    RECORDED,
    offer_recorded,
    offered_recorded,
    prepare,
    quote_literal,
)
from textlstm.commandline.begun import begun
from textlstm.commandline.help import help_text, help_topics
from textlstm.commandline.hydras_own import refused_by_hydra
from textlstm.commandline.mistakes import users_error
from textlstm.commandline.options import PARSERS, read_options
from textlstm.commandline.output import (
    end,
    end_without_reader,
    fail,
    tell_errors_once,
    whole_output,
)
from textlstm.escaping import VisibleRecord, visible
from textlstm.parent import end_worker_with_parent, is_worker
from textlstm.places import CONF, OUTPUTS, pass_outputs_on
from textlstm.ranks import (
    end_with_parent,
    is_rank_zero,
    let_rank_zero_speak,
    pass_on,
    passed_on,
    recorded_passed_on,
)
from textlstm.runs.folder import folder_name, new_run_folder
from textlstm.terminal import loading
from textlstm.typed import as_typed

log = logging.getLogger(__name__)

FOLDER_KEYS = ("hydra.run.dir=", "hydra.sweep.dir=")

# How the threads of a parallel step wait for each other; OpenMP reads it when torch is first
# imported. Spinning for long, as is the default, a step takes up to forty times as long on a
# machine with other work to do; not spinning at all, two threads are no faster than one. A thousand
# turns are GNU's own choice for more threads than cores.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


def main(command: str) -> None:
    """Runs a command with the arguments on the command line.

    A command is the function of that name in this package's module of that name. Through Hydra it
    gets conf/COMMAND.yaml with the overrides of the command line, as plain values; those
    in `PARSERS`, which have no configuration, get their options.

    A mistake prints one error and exits with 2. In a sweep it is logged in the job's own log, the
    other jobs go on, and the exit code is 1 at the end.
    """
    if is_worker():
        end_worker_with_parent()
    made = _register_resolvers()
    failed: dict[str, Exception] = {}
    try:
        with whole_output():
            prepare_screen()
            tell_errors_once()
            if command in PARSERS:
                options = read_options(command)  # first, since loading the command takes seconds
                _job(command)(options)
            else:
                _through_hydra(command, failed)
    except Exception as error:
        _end_sweep(error, failed)
        raise
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()  # refused, unless it is empty: the run has not begun


def _through_hydra(command: str, failed: dict[str, Exception]) -> None:
    """Lets Hydra compose the configuration and run the command with it, once or in a sweep."""
    topics = help_topics(sys.argv[1:])
    if topics is not None:
        print(help_text(command, topics))
        return
    if not os.environ.keys() & WAITING.keys():
        os.environ |= WAITING
    pass_outputs_on()
    sys.argv[1:] = _arguments(command)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come back here, where a sweep's are summed up
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=command)(
            _guarded(command, failed)
        )()
    except (FileNotFoundError, FileExistsError) as error:
        typed = [argument for argument in sys.argv if argument.startswith(FOLDER_KEYS)]
        if not any(str(error.filename) in argument for argument in typed):
            raise
        raise InputError(
            f"{error.filename}: no folder can be made there ({error.strerror}). Take another one."
        ) from error
    except Exception as error:
        refused = refused_by_hydra(error, sys.argv[1:])
        if refused is None or users_error(error) is not None:
            raise
        raise refused from error


def _arguments(command: str) -> list[str]:
    """Gives the command line for Hydra: as typed or, on a rank above 0, as rank 0 has left it."""
    passed = passed_on()
    if passed is not None:
        end_with_parent()
        if (recorded := recorded_passed_on()) is not None:
            offer_recorded(recorded)
    try:
        arguments = prepare(command, sys.argv[1:]) if passed is None else passed[1:]
    except InputError as error:
        fail(error)

    if command == "train" and "--multirun" not in arguments:
        resumed = RECORDED in arguments  # the offer of an earlier command may still be there
        pass_on(command, arguments, offered_recorded() if resumed else None)
        if not is_rank_zero():
            return silenced(arguments)
    return arguments


def _end_sweep(error: Exception, failed: dict[str, Exception]) -> None:
    """Ends the process with one error if jobs of a sweep failed or the sweep itself is a mistake.

    It returns only if the error is a bug, whose traceback is then shown.
    """
    if isinstance(error, JobsFailed):
        print(f"error: {visible(error)}", file=sys.stderr)
        sys.exit(1)
    if failed:
        said = f"{len(failed)} of the sweep's jobs failed; train.log in the folder says why:"
        print(f"error: {said}", *map(visible, failed), sep="\n  ", file=sys.stderr)
        if any(error is of_job for of_job in failed.values()):
            sys.exit(1)
    mistake = users_error(error)
    if mistake is not None:
        fail(mistake)


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


def _register_resolvers() -> list[Path]:
    """Registers what conf/ asks for: `${outputs:}`, `${typed:…}` and folders.

    Returns:
        The folder of the new run, once it has been made; a command makes one at most.
    """
    made: list[Path] = []

    def new_run() -> str:
        if not made:
            made.append(new_run_folder())
        return str(made[0])

    OmegaConf.register_new_resolver("outputs", lambda: str(OUTPUTS), replace=True)
    OmegaConf.register_new_resolver("new_run", new_run, replace=True)
    OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
    OmegaConf.register_new_resolver("typed", as_typed, replace=True)
    return made


def _job(command: str) -> Callable[..., Any]:
    """Imports the function of a command; most of them load torch."""
    with loading():
        return getattr(importlib.import_module(f"textlstm.commands.{command}"), command)


def _guarded(command: str, failed: dict[str, Exception]) -> Callable[[DictConfig], Any]:
    """Wraps a command for Hydra: logs its errors, and adds those of a sweep's jobs to `failed`."""

    def guarded(config: DictConfig) -> Any:
        try:
            with begun(config) if command == "train" and is_rank_zero() else nullcontext():
                return _job(command)(OmegaConf.to_container(config, resolve=True))
        except Exception as error:
            end_without_reader(error)
            folder = HydraConfig.get().runtime.output_dir
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                failed[folder] = error
                _log_failed_job(error)
                raise
            let_rank_zero_speak()
            mistake = users_error(error)
            if mistake is not None:
                _tell(mistake)
                end(2)
            raise

    return guarded


def _tell(mistake: InputError) -> None:
    """Logs the mistake that ends a run; on the screen, whatever hydra/job_logging shows there."""
    log.error("error: %s", mistake)
    handlers = [*log.handlers, *logging.getLogger("textlstm").handlers, *logging.root.handlers]
    shown = [
        handler
        for handler in handlers
        if getattr(handler, "stream", None) is sys.stderr and handler.level <= logging.ERROR
    ]
    if not shown or not log.isEnabledFor(logging.ERROR):
        fail(mistake)


def _log_failed_job(error: Exception) -> None:
    """Logs why a job of a sweep failed; the traceback of a user's mistake goes to train.log only.

    The error is the last line: by it the leaderboard tells a failed job from an unfinished one.
    """
    mistake = users_error(error)
    if mistake is not None:
        log.debug("The mistake was met here:", exc_info=error)  # the screen shows no DEBUG
        log.error("error: %s", mistake)
    else:
        log.error("error: %s", error, exc_info=error)


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
