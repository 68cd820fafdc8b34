"""Compares the plain values of a configuration with the annotations of the code that takes them."""

import inspect
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from textlstm.checks import InputError

PLAIN = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    NoneType: "null",
    list: "a list",
    dict: "keys with values",
}


def check_arguments(group: str, given: Mapping[str, Any], kind: type) -> None:
    """Refuses a value of another type than the argument of a class that it is for.

    Many classes take any value, and fail at it much later or read it as something else.

    Args:
        group: what stands before the names in messages, such as `trainer`.
        given: plain values by the name of the argument; those of other names are passed over.
        kind: the class.

    Raises:
        InputError: names the key, and what was expected.
    """
    try:
        parameters = inspect.signature(kind, eval_str=True).parameters
    except Exception:  # whatever the annotations of somebody else's class raise
        return
    for name in given.keys() & parameters.keys():
        hint = parameters[name].annotation
        if hint is not inspect.Parameter.empty and not fits(given[name], hint):
            raise InputError(f"{group}.{name} must be {_described(hint)}, got {given[name]!r}.")


def fits(value: Any, hint: Any) -> bool:
    """Tells whether a plain value may be given where an annotation stands.

    An object, such as a path, may be made of a text or of keys with values. NaN is not a number.
    """
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(fits(value, option) for option in inner)
    if kind is Literal:
        return any(type(value) is type(option) and value == option for option in inner)
    if hint is float:
        return type(value) is int or (type(value) is float and not math.isnan(value))

    plain = kind or hint
    if plain in PLAIN:
        return type(value) is plain
    return not isinstance(hint, type) or type(value) in (str, dict)


def _described(hint: Any) -> str:
    """Says in words what an annotation allows, as far as it can be typed."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_described, inner)))
    if kind is Literal:
        return ", ".join(map(str, inner))
    return PLAIN.get(kind or hint, getattr(hint, "__name__", "another"))
