"""Refuses checkpoints that training cannot have saved: a run folder may come from a stranger.

A checkpoint that loads with `weights_only=True` runs no code. It can still claim a network of any
size, weights that are none, or files to delete. So what it claims is compared with what it holds,
before memory is taken for it.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

import torch
from torch import Tensor, nn

from textlstm.checks import InputError, check_number, parse_settings
from textlstm.model.bundle_parts import check_class_names
from textlstm.model.planned import planned_network
from textlstm.model.settings import ModelSettings
from textlstm.model.tensors import Shapes, check_shapes, shapes_of

VALUES = {"model", "optimizer", "labels", "tokenizer_json", "vocab_size", "class_weights"}
LATER = {"ensemble": 1}  # what checkpoints had before there was a choice
COUNTS = 100_000  # counters of a training loop, at most: a list that holds itself has no end
REMEDY = "Put the checkpoint that the run has saved in its place, or train the run anew."
STRANGE = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, OverflowError)


@contextmanager
def strange_states_refused(checkpoint: Path) -> Iterator[None]:
    """Turns errors inside, where the content of a checkpoint is used, into one that names it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{checkpoint} cannot be used: {_short(error)} {REMEDY}") from error
    except STRANGE as error:
        raise not_as_saved(checkpoint, error) from error


def not_as_saved(checkpoint: Path, error: Exception) -> InputError:
    """Makes the user's error of one that the content of a checkpoint led to."""
    return InputError(
        f"{checkpoint} cannot be used: it is not as training saves it ({type(error).__name__}: "
        f"{_short(error)}). {REMEDY}"
    )


def _short(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said if len(said) <= 500 else f"{said[:500]}…"


def module_values(content: Any) -> dict[str, Any]:
    """Reads the arguments of a module in training from the content of its checkpoint.

    Those of the optimizer are left as they are.

    Raises:
        InputError: arguments that training cannot have saved, or weights of another network.
    """
    saved = content.get("hyper_parameters") if isinstance(content, dict) else None
    if not isinstance(saved, dict):
        raise InputError("it has no hyper_parameters.")
    values = {**LATER, **saved}
    if values.keys() != VALUES | LATER.keys():
        raise InputError(f"its hyper_parameters are not {', '.join(sorted(VALUES))}.")

    values["model"] = parse_settings(ModelSettings, _keys(values["model"]), "model")
    values["optimizer"] = _keys(values["optimizer"])
    state = _keys(content.get("state_dict"))
    planned = planned_network(
        values["model"],
        vocab_size=values["vocab_size"],
        classes=len(values["labels"]) if isinstance(values["labels"], list) else 0,
        ensemble=values["ensemble"],
        tensors=len(state),
    )
    classes = planned.members[0].output.out_features
    check_class_names(values["labels"], classes, "labels")
    _check_class_weights(values["class_weights"], classes)

    expected = {f"network.{name}": shape for name, shape in shapes_of(planned).items()}
    if values["class_weights"] is not None:
        expected["loss.weight"] = (classes,)
    _check_tensors(state, expected)
    if not all(tensor.isfinite().all() for tensor in state.values()):
        raise InputError("its weights are no numbers: its training failed.")
    if not isinstance(values["tokenizer_json"], str):
        raise InputError("it has no tokenizer.")
    return values


def _keys(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError("one of its parts has no named values.")
    return value


def _check_class_weights(weights: Any, classes: int) -> None:
    if weights is None:
        return
    if not isinstance(weights, list) or len(weights) != classes:
        raise InputError("its class weights are not one for each class.")
    for weight in weights:
        check_number("each class weight", weight, minimum=0)


def _check_tensors(state: dict[str, Any], expected: Shapes) -> None:
    """Refuses anything but tensors of these shapes, each with memory of its own."""
    for name, tensor in state.items():
        if not _is_plain(tensor) or not tensor.is_floating_point():
            raise InputError(f"{name[:50]!r} is not a tensor of numbers.")
    check_shapes({name: tuple(tensor.shape) for name, tensor in state.items()}, expected)


def _is_plain(value: Any) -> bool:
    """Tells whether a value is a tensor whose numbers are all in the file."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.is_contiguous()
    )


def check_training_state(content: dict[str, Any], module: nn.Module, labels: list[str]) -> None:
    """Refuses the checkpoint of another run, or one with counters or paths that cannot be.

    Args:
        content: what the file holds.
        module: what is trained further, as the run's configuration and data make it.
        labels: its class names.

    Raises:
        InputError: the first thing that does not fit.
    """
    if content["hyper_parameters"]["labels"] != labels:
        raise InputError(
            f"its classes are not those of the run's data, which are {', '.join(labels)}."
        )
    _check_tensors(_keys(content["state_dict"]), shapes_of(module))
    for count in ("epoch", "global_step"):
        _check_count(content[count])
    _check_counters(content["loops"])
    _check_optimizers(content["optimizer_states"], module)
    for state in content["callbacks"].values():
        _check_paths(state)


def _check_counters(loops: Any) -> None:
    """Refuses anything but whole numbers, true and false in named groups and lists of such."""
    groups: list[Any] = [_keys(loops)]
    seen = 0
    while groups:
        group = groups.pop()
        values = group if isinstance(group, list) else list(_keys(group).values())
        seen += len(values) + 1
        if seen > COUNTS:
            raise InputError("the counters of its training loop have no end.")
        for value in values:
            if isinstance(value, dict | list):
                groups.append(value)
            else:
                _check_count(value)


def _check_count(value: Any) -> None:
    if not isinstance(value, int) or not 0 <= value < 2**53:
        raise InputError("a counter of its training loop is not a whole number.")


def _check_optimizers(states: Any, module: nn.Module) -> None:
    """Refuses an optimizer's state of other parameters than those that are trained."""
    trained = [tuple(each.shape) for each in module.parameters() if each.requires_grad]
    if not isinstance(states, list) or len(states) != 1:
        raise InputError("it does not have the state of one optimizer.")
    known = {(), *trained}
    for state in states[0]["state"].values():
        for value in state.values():
            if not _is_plain(value) or tuple(value.shape) not in known:
                raise InputError("the state of its optimizer is of other parameters.")
    for group in states[0]["param_groups"]:
        for key, value in group.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"its optimizer has {key}={value}.")


def _check_paths(state: Any) -> None:
    """Refuses paths of checkpoints that lead elsewhere: Lightning deletes what they name."""
    named = [state.get(key) for key in state if key.endswith("_path")]
    named += list(state.get("best_k_models", {}))
    for path in named:
        if ".." in PurePath(str(path)).parts:
            raise InputError(f"a callback names the file {str(path)[:200]!r}.")
