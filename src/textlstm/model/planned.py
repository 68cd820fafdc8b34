"""Makes a network without memory for its weights, so that its shapes can be compared first."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from textlstm.checks import InputError, check_whole
from textlstm.model.ensemble import Network, make_network
from textlstm.model.settings import NetworkSettings

DRAWS = ("uniform_", "normal_", "kaiming_uniform_")


class _NothingDrawn(TorchFunctionMode):
    """Leaves out the drawing of first weights.

    On the meta device there is nothing to draw, and torch would import its compiler for it.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def planned_network(
    settings: NetworkSettings, *, vocab_size: int, classes: int, ensemble: int, tensors: int
) -> Network:
    """Makes a network on torch's meta device, which takes no memory for its weights.

    `load_state_dict(…, assign=True)` gives it weights.

    Args:
        tensors: how many tensors there are for it; a network of more layers is not begun.

    Raises:
        InputError: a size that no network can have.
    """
    check_whole("ensemble", ensemble, minimum=1)
    layers = settings.layers + len(settings.head)
    if layers * ensemble > tensors:
        raise InputError(
            f"its settings ask for {ensemble} × {layers} layers, and there are {tensors} tensors."
        )
    try:
        with torch.device("meta"), _NothingDrawn():
            return make_network(settings, vocab_size=vocab_size, classes=classes, ensemble=ensemble)
    except (RuntimeError, TypeError, OverflowError) as error:
        raise InputError("its settings ask for a network that is too large.") from error
