"""Tells the user's mistakes in Hydra's own keys and flags, such as hydra.verbose and --package."""

import re
import traceback
from argparse import Namespace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from textlstm.checks import InputError
from textlstm.places import CONF, PACKAGE
from textlstm.typed import as_typed

OWN_KEY = re.compile(r"[+~]{0,2}hydra[./=]")


def refuse_rerun(parsed: Namespace) -> None:
    """Refuses Hydra's flag that loads a pickle.

    Raises:
        InputError: tells what goes on with a run instead.
    """
    if parsed.experimental_rerun is not None:
        raise InputError(
            f"--experimental-rerun would run the code that a pickle holds. {as_typed('train')} "
            f"resume=RUN goes on with a run, and reads its configuration as plain values."
        )


def check_package(package: str | None, command: str, overrides: list[Override]) -> None:
    """Checks that --package names a part of the configuration, where that is shown.

    Raises:
        InputError: it names none.
    """
    if package is None or package == "_global_":
        return
    lines = [str(given.input_line) for given in overrides if not given.is_sweep_override()]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: DictConfig = compose(command, lines, return_hydra_config=True)
    if _lacks(config, package):
        raise InputError(
            f"--package {package} is no part of the configuration. Give one of "
            f"{', '.join(sorted(map(str, config)))}, or a part of one, such as hydra.run."
        )


def _lacks(config: DictConfig, package: str) -> bool:
    try:
        return OmegaConf.select(config, package, throw_on_missing=False) is None
    except Exception:  # whatever OmegaConf's grammar makes of what was typed
        return True


def refused_by_hydra(error: BaseException, arguments: list[str]) -> InputError | None:
    """Gives the error to show where Hydra fails at one of its own keys, as the user typed it.

    Hydra does not check most of them: it fails where it uses them, before and after the command.

    Returns:
        None if no such key was typed, or if the error comes from our code, which is a bug.
    """
    typed = [argument for argument in arguments if OWN_KEY.match(argument)]
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first has called Hydra
    if not typed or any(Path(frame.filename).is_relative_to(PACKAGE) for frame in frames):
        return None
    return InputError(
        f"Hydra cannot work with {' '.join(typed)} ({_said(error)}). Leave it out, or give another "
        f"value."
    )


def _said(error: BaseException) -> str:
    """The first line of each error that led to this one."""
    said: list[str] = []
    found: Any = error
    while found is not None and len(said) < 3:
        line = next(iter(str(found).strip().splitlines()), "") or type(found).__name__
        if line not in " ".join(said):
            said.append(line.rstrip(".:"))
        found = found.__cause__
    return ": ".join(said)
