"""How often a run saves itself inside an epoch, as trainer.checkpoint_every says."""

import re
from dataclasses import dataclass

from textlstm.checks import InputError

DEFAULT = "15m"
SECONDS = {"s": 1, "m": 60, "h": 3600}
FORM = re.compile(r"([1-9][0-9]{0,8}) ?(s|m|h|steps)")


@dataclass(frozen=True)
class Interval:
    """So many seconds, or so many steps of the optimizer; the other is None."""

    seconds: int | None = None
    steps: int | None = None


def parse_interval(value: object) -> Interval | None:
    """Reads trainer.checkpoint_every, such as 15m; None says that it is switched off.

    Raises:
        InputError: a value without a unit, or anything else that is no interval.
    """
    if value is None or value is False or value == "off":  # YAML reads a bare off as false
        return None
    found = FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InputError(
            f"trainer.checkpoint_every must be a whole number with its unit, such as 30s, 15m, 2h "
            f"or 500steps, or off, got {value!r}."
        )
    number, unit = int(found[1]), found[2]
    if unit == "steps":
        return Interval(steps=number)
    return Interval(seconds=number * SECONDS[unit])
