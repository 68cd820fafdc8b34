"""One error for a user's mistakes, and the checks that settings share."""

import difflib
import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

from textlstm.synonyms import meant_by

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


MOST = 2**31  # of anything that is counted: products of two such numbers fit into 64 bits
MOST_SEED = 2**32 - 1  # NumPy takes no larger one
MOST_THREADS = 1024  # the largest machines have fewer cores, and OpenMP crashes with a few more


class JobsFailed(Exception):
    """Some of a sweep's jobs failed, as the message says; the others are done."""


class InputError(ValueError):
    """A user's mistake: says what is wrong, where, what was expected and how to fix it.

    Commands print it without a traceback and exit with code 2.
    """


def nearest(name: str, names: Iterable[str]) -> str:
    """Asks for the name that is most like a mistyped one; "" when none is like it."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def suggested(typed: str, keys: Iterable[str]) -> str:
    """Asks for the key that was meant: its name in other libraries, or else the nearest one."""
    keys = list(keys)
    meant = [key for key in meant_by(typed) if key in keys]
    meant.sort(key=lambda key: key.partition(".")[0] != typed.partition(".")[0])  # its own group's
    return f" Did you mean {meant[0]!r}?" if meant else nearest(typed, keys)


def check_whole(
    key: str, value: object, *, minimum: int, maximum: int = MOST, null: bool = False
) -> None:
    """Refuses anything but an integer from `minimum` to `maximum`, and null if that is allowed."""
    if null and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{key} must be a whole number{_or_null(null)}, got {value!r}.")
    if value < minimum:
        raise InputError(f"{key} must be at least {minimum}, got {value}.")
    if value > maximum:
        raise InputError(f"{key} must be at most {maximum}, got {value}.")


def check_number(
    key: str,
    value: object,
    *,
    minimum: float,
    below: float = float("inf"),
    null: bool = False,
) -> None:
    """Refuses anything but a number from `minimum` to below `below`, and null if it is allowed."""
    if null and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} must be a number{_or_null(null)}, got {value!r}.")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise InputError(f"{key} must be a number of less than 308 digits.")
    if not math.isfinite(value):
        raise InputError(f"{key} must be a finite number, got {value:g}.")
    if not minimum <= value < below:
        limit = f" and below {below:g}" if below != float("inf") else ""
        raise InputError(f"{key} must be at least {minimum:g}{limit}, got {value:g}.")


def check_flag(key: str, value: object, *, null: bool = False) -> None:
    """Refuses anything but true and false, and null if that is allowed."""
    if null and value is None:
        return
    if not isinstance(value, bool):
        choices = "true, false or null" if null else "true or false"
        raise InputError(f"{key} must be {choices}, got {value!r}.")


def check_choice(key: str, value: object, options: Iterable[str], *, null: bool = False) -> None:
    """Refuses anything but one of `options`, and null if that is allowed."""
    if null and value is None:
        return
    options = list(options)
    if value not in options:
        raise InputError(
            f"{key} must be one of {', '.join(options)}{_or_null(null)}, got "
            f"{value!r}.{nearest(str(value), options)}"
        )


def _or_null(allowed: bool) -> str:
    """Names null among what was expected, where it is."""
    return " or null" if allowed else ""


def parse_settings(kind: type[Settings], values: Mapping[str, Any], group: str = "") -> Settings:
    """Makes settings from the values of their keys.

    A run that was recorded before a key existed takes the default of its field.

    Args:
        kind: the dataclass of the settings.
        values: by key; a key that is missing has the default of its field, if it has one.
        group: what stands before a key in messages, such as `data`.

    Raises:
        InputError: a key that is no field, with the nearest one that is; fields that have neither a
            key nor a default; or what the settings themselves refuse.
    """
    prefix = f"{group}." if group else ""
    keys = {field.name: f"{prefix}{field.name}" for field in fields(kind)}
    for name in values:
        if name not in keys:
            key = f"{prefix}{name}"
            raise InputError(f"There is no key {key!r}.{suggested(key, keys.values())}")
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    missing = [key for name, key in keys.items() if name in needed and name not in values]
    if missing:
        raise InputError(f"{', '.join(missing)} must be given.")
    return kind(**values)
