"""What evens out classes of different sizes: weights in the loss, or rows that repeat."""

import torch
from torch import Tensor

from textlstm.checks import InputError, flag, number


def check_balance(class_weights: object, oversample: object) -> None:
    """Refuses to even the classes out twice."""
    flag("data.oversample", oversample)
    if oversample and class_weights == "balanced":
        raise InputError(
            "data.oversample=true and data.class_weights=balanced both even the classes out; give "
            "one."
        )


def class_weights(
    given: str | list[float] | None, rows_of_class: dict[str, int]
) -> list[float] | None:
    """The weights of data.class_weights by class; `balanced` is rows / (classes × rows of the
    class).

    Raises:
        InputError: neither null, nor balanced, nor a list of one number per class that is not all
            zeros.
    """
    if given is None:
        return None
    classes = len(rows_of_class)
    if given == "balanced":
        rows = torch.tensor(list(rows_of_class.values()))
        return (rows.sum() / (classes * rows.clamp(min=1).double())).tolist()
    if not isinstance(given, list) or len(given) != classes:
        raise InputError(
            f"data.class_weights must be null, balanced or a list of {classes} numbers "
            f"(for {', '.join(rows_of_class)}), got {given!r}."
        )
    for weight in given:
        number("each of data.class_weights", weight, minimum=0)
    if not any(given):
        raise InputError("data.class_weights are all zero: nothing would be learned.")
    return [float(weight) for weight in given]


def evened_out(labels: Tensor, seed: int) -> Tensor:
    """Rows of which each class has as many as the largest; no row of a class repeats twice more
    than another.
    """
    generator = torch.Generator().manual_seed(seed)
    largest = int(labels.bincount().max())
    rows = []
    for label in labels.unique():
        of_class = (labels == label).nonzero().flatten()
        times, rest = divmod(largest, len(of_class))
        rows += [
            of_class.repeat(times),
            of_class[torch.randperm(len(of_class), generator=generator)[:rest]],
        ]
    return torch.cat(rows)
