"""Makes the objects that a part of the config describes by a class and its arguments."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate

from textlstm.checks import InputError


def class_of(key: str, given: Any, base: type) -> type:
    """Finds the class that a part of the config names, which must be a kind of `base`."""
    if not isinstance(given, dict) or not isinstance(given.get("_target_"), str):
        raise InputError(
            f"{key} names no class: +{key}._target_=CLASS, a kind of pytorch_lightning's "
            f"{base.__name__}, was expected."
        )
    try:
        kind = get_class(given["_target_"])
    except Exception as error:  # whatever importing a module that somebody else wrote raises
        raise InputError(f"{key}: {' '.join(str(error).split())}") from error
    if not issubclass(kind, base):
        raise InputError(
            f"{key}: {given['_target_']} is no kind of pytorch_lightning's {base.__name__}."
        )
    return kind


def made(key: str, settings: dict[str, Any], **arguments: Any) -> Any:
    """Makes the object that `settings` describe; if that fails, one error names their key."""
    try:
        return instantiate(settings, **arguments)
    except InstantiationException as error:
        cause = error.__cause__ or error
        raise cause if isinstance(cause, InputError) else InputError(f"{key}: {cause}") from error
