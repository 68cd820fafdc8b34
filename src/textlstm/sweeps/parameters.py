"""Describes a grid's points as Optuna's parameters, which only its dashboard reads."""

import math
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


def grid_distributions(points: list[list[str]]) -> dict[str, BaseDistribution]:
    """Finds the range of each key whose values are numbers, and lists the values of any other."""
    values_by_key: dict[str, list[Any]] = {}
    for key, value in (override.split("=", 1) for point in points for override in point):
        values_by_key.setdefault(key, []).append(_parsed(value))

    found: dict[str, BaseDistribution] = {}
    for key, values in values_by_key.items():
        if all(isinstance(value, int) for value in values):
            found[key] = IntDistribution(min(values), max(values))
        elif all(isinstance(value, int | float) for value in values):
            found[key] = FloatDistribution(min(values), max(values))
        else:
            found[key] = CategoricalDistribution(sorted({str(value) for value in values}))
    return found


def point_parameters(
    point: list[str], distributions: dict[str, BaseDistribution]
) -> dict[str, dict[str, Any]]:
    """Returns a point's values and their ranges as `optuna.trial.create_trial` takes them."""
    typed = dict(override.split("=", 1) for override in point)
    values = {
        key: value if isinstance(distributions[key], CategoricalDistribution) else _parsed(value)
        for key, value in typed.items()
    }
    return {"params": values, "distributions": {key: distributions[key] for key in typed}}


def _parsed(value: str) -> int | float | str:
    """The number that a value stands for; the text itself if it is not a finite number."""
    for kind in (int, float):
        try:
            if math.isfinite(number := kind(value)):
                return number
        except ValueError:
            continue
    return value
