"""Reads tensors of a safetensors file whose header says just what was expected."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from textlstm.checks import InputError
from textlstm.foreign_files import opened, parse_json, size

DTYPES = ("F32", "F64", "F16", "BF16")
LONGEST_HEADER = 1_000_000  # bytes; a network of a thousand layers has half of it

Shapes = dict[str, tuple[int, ...]]


def shapes_of(network: nn.Module) -> Shapes:
    """Gives the shape of each tensor of a network's state."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def read_shapes(file: Path) -> Shapes:
    """Reads the shape of each tensor from the header of a safetensors file, and nothing else.

    Raises:
        InputError: the header is damaged, or a tensor has another type than floating point.
    """
    with opened(file) as content:
        length = int.from_bytes(content.read(8), "little")
        if not 0 < length <= min(LONGEST_HEADER, size(content) - 8):
            raise InputError(f"{file.name} does not begin with the header of a safetensors file.")
        header = parse_json(content.read(length), f"the header of {file.name}")

    if not isinstance(header, dict):
        raise InputError(f"the header of {file.name} does not name tensors.")
    header.pop("__metadata__", None)
    return {name: _shape(name, facts) for name, facts in header.items()}


def _shape(name: str, facts: object) -> tuple[int, ...]:
    if not isinstance(facts, dict) or not isinstance(shape := facts.get("shape"), list):
        raise InputError(f"the tensor {name[:50]!r} has no shape.")
    if facts.get("dtype") not in DTYPES:
        raise InputError(
            f"the tensor {name[:50]!r} has the type {str(facts.get('dtype'))[:50]!r}; expected one "
            f"of {', '.join(DTYPES)}."
        )
    if not all(type(side) is int and side >= 0 for side in shape):
        raise InputError(f"the tensor {name[:50]!r} has a shape that is not one.")
    return tuple(shape)


def check_shapes(found: Shapes, expected: Shapes) -> None:
    """Refuses tensors whose names and shapes are not those that were expected.

    Raises:
        InputError: the first difference.
    """
    for name, shape in expected.items():
        if name not in found:
            raise InputError(f"the tensor {name!r} is missing.")
        if found[name] != shape:
            raise InputError(
                f"the tensor {name!r} has the shape {_shown(found[name])}, where its settings ask "
                f"for {_shown(shape)}."
            )
    for name in found:
        if name not in expected:
            raise InputError(f"its settings ask for no tensor {name[:50]!r}.")


def _shown(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "of a single number"


def parse_tensors(content: bytes, name: str) -> dict[str, Tensor]:
    """Reads the tensors of a safetensors file, as numbers of 32 bits.

    Raises:
        InputError: sizes that do not agree with each other.
    """
    try:
        return {key: tensor.float() for key, tensor in load(content).items()}
    except SafetensorError as error:
        raise InputError(f"{name} cannot be read: {error}.") from error
