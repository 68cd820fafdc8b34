"""What a sweep tries: overrides apart into those of every job, the points of a grid, and ranges to
search.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import OmegaConf

from textlstm.checks import InputError


@dataclass(frozen=True)
class SearchSpace:
    """`fixed` overrides of every job, and the `swept` ones by their key; of a key given twice the
    last one counts.

    `whole` are the keys that take whole numbers alone, so that `interval(32,256)` means those in
    between.
    """

    fixed: list[str]
    swept: dict[str, Override]
    whole: frozenset[str]

    @classmethod
    def of(cls, overrides: list[str], config: Any) -> "SearchSpace":
        """The space of `overrides` to `config`, whose values say which keys are whole numbers."""
        parsed = OverridesParser.create().parse_overrides(overrides)
        by_key = {override.get_key_element(): override for override in parsed}
        swept = {key: override for key, override in by_key.items() if override.is_sweep_override()}
        fixed = [
            f"{key}={of.get_value_element_as_str()}"
            for key, of in by_key.items()
            if key not in swept
        ]
        whole = {key for key in swept if isinstance(OmegaConf.select(config, key), int)}
        return cls(fixed, swept, frozenset(whole))

    def grid(self) -> Iterator[list[str]]:
        """The overrides of each point, in the order in which they are typed.

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
            [f"{key}={value}" for value in of.sweep_string_iterator()]
            for key, of in self.swept.items()
        )
        return (list(point) for point in itertools.product(*lists))

    def suggest(self, trial: Any) -> list[str]:
        """The overrides that an Optuna trial shall try."""
        return [
            f"{key}={self._suggested(trial, key, override)}" for key, override in self.swept.items()
        ]

    def described(self) -> dict[str, str]:
        """The ranges as they were typed, by key."""
        return {
            key: str(override.input_line).partition("=")[2] for key, override in self.swept.items()
        }

    def _suggested(self, trial: Any, key: str, override: Override) -> Any:
        """A value of one key: between the ends of an interval, or of those that are listed."""
        value = override.value()
        if isinstance(value, IntervalSweep):
            assert value.start is not None
            assert value.end is not None
            log = "log" in value.tags
            if key in self.whole or isinstance(
                value.start, int
            ):  # int(interval(…)) for a key that may be null
                return trial.suggest_int(key, int(value.start), int(value.end), log=log)
            return float(
                f"{trial.suggest_float(key, value.start, value.end, log=log):.3g}"
            )  # as a person types it
        if isinstance(value, RangeSweep) and all(
            isinstance(of, int) for of in (value.start, value.stop, value.step)
        ):
            values = [int(of) for of in override.sweep_string_iterator()]
            return trial.suggest_int(key, values[0], values[-1], step=value.step)
        return trial.suggest_categorical(key, list(override.sweep_string_iterator()))
