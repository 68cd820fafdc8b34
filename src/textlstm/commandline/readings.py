"""Refuses lists of values that may not have been meant as a sweep."""

import re

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from textlstm.checks import InputError
from textlstm.keys import LISTS
from textlstm.places import CONF


def refuse_two_readings(command: str, overrides: list[Override]) -> None:
    """Refuses values with commas that can be one list, or one number with a decimal comma.

    Raises:
        InputError: says both readings, and how to type each.
    """
    for override in overrides:
        key, typed = override.key_or_group, str(override.input_line).partition("=")[2].strip()
        if not override.is_sweep_override():
            continue
        if key in LISTS and re.fullmatch(r"[^\[\](){}]+", typed):
            each = ",".join(f"[{value}]" for value in typed.split(","))
            raise _two_readings(key, typed, ("one list", f"[{typed}]"), each)
        if (found := re.fullmatch(r"(\d+),(\d+)", typed)) and _is_decimal(command, key, found[2]):
            whole, decimals = found.groups()
            each = f"choice({int(whole)},{int(decimals)})"
            raise _two_readings(key, typed, ("one number", f"{whole}.{decimals}"), each)


def _two_readings(key: str, typed: str, one: tuple[str, str], each: str) -> InputError:
    return InputError(
        f"{key}={typed} can be read in two ways. As {one[0]} it is {key}={one[1]}; as a sweep, "
        f"with a run for each value, it is {key}={each}."
    )


def _is_decimal(command: str, key: str, decimals: str) -> bool:
    """Tells whether digits after a comma may be decimals: as 001, or of a key with decimals."""
    if len(decimals) > 1 and decimals.startswith("0"):
        return True
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return isinstance(OmegaConf.select(compose(command), key), float)
