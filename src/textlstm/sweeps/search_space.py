"""Divides overrides into those of every job and those that a grid or a search varies."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import OmegaConf

from textlstm.checks import InputError
from textlstm.keys import WHOLE_NUMBERS


@dataclass(frozen=True)
class SearchSpace:
    """The overrides of a sweep; where a key is given twice, the last one counts.

    Attributes:
        fixed: overrides of every job.
        swept: the other overrides, by key.
        whole_numbers: swept keys that take whole numbers alone; `interval(32,256)` is then the
            whole numbers from 32 to 256.
    """

    fixed: list[str]
    swept: dict[str, Override]
    whole_numbers: frozenset[str]

    @classmethod
    def of(cls, overrides: list[str], config: Any) -> "SearchSpace":
        """Reads overrides; a key that has a whole number in `config` takes whole numbers alone."""
        parsed = OverridesParser.create().parse_overrides(overrides)
        by_key = {override.get_key_element(): override for override in parsed}

        swept = {key: override for key, override in by_key.items() if override.is_sweep_override()}
        fixed = [
            f"{key}={override.get_value_element_as_str()}"
            for key, override in by_key.items()
            if key not in swept
        ]
        whole_numbers = {
            key
            for key in swept
            if key in WHOLE_NUMBERS or isinstance(OmegaConf.select(config, key), int)
        }
        return cls(fixed, swept, frozenset(whole_numbers))

    def grid(self) -> Iterator[list[str]]:
        """Yields the overrides of each point, in the order in which they are typed.

        Raises:
            InputError: a range without end, which only a search can take values from.
        """
        for override in self.swept.values():
            if not override.is_discrete_sweep():
                raise InputError(
                    f"{override.input_line}: a grid takes lists of values; "
                    f"an interval needs sweep.trials= or sweep.minutes=, which search it."
                )
        lists = (
            [f"{key}={value}" for value in override.sweep_string_iterator()]
            for key, override in self.swept.items()
        )
        return (list(point) for point in itertools.product(*lists))

    def suggest(self, trial: Any) -> list[str]:
        """Asks an Optuna trial for a value of each swept key; returns them as overrides."""
        return [f"{key}={self._suggested(trial, key)}" for key in self.swept]

    def described(self) -> dict[str, str]:
        """Returns the ranges as they were typed, by key."""
        return {
            key: str(override.input_line).partition("=")[2] for key, override in self.swept.items()
        }

    def _suggested(self, trial: Any, key: str) -> Any:
        """Asks for a value of one key: from its interval, or one of its list."""
        value = self.swept[key].value()
        if isinstance(value, IntervalSweep):
            return self._suggested_between(trial, key, value)
        listed = list(self.swept[key].sweep_string_iterator())
        if isinstance(value, RangeSweep) and all(
            isinstance(number, int) for number in (value.start, value.stop, value.step)
        ):
            return trial.suggest_int(key, int(listed[0]), int(listed[-1]), step=value.step)
        return trial.suggest_categorical(key, listed)

    def _suggested_between(self, trial: Any, key: str, interval: IntervalSweep) -> int | float:
        """Asks for a value between the ends of an interval."""
        start, end = interval.start, interval.end
        assert start is not None
        assert end is not None
        log = "log" in interval.tags
        # A start that is whole, int(interval(…)), serves keys that may be null.
        if key in self.whole_numbers or isinstance(start, int):
            return trial.suggest_int(key, int(start), int(end), log=log)
        return float(f"{trial.suggest_float(key, start, end, log=log):.3g}")  # as a person types it
