"""Evens out classes of different sizes: by weights in the loss, or by rows that repeat."""

import torch
from torch import Tensor

from textlstm.checks import InputError, check_number


def class_weights(
    given: str | list[float] | None, rows_of_class: dict[str, int]
) -> list[float] | None:
    """Computes the weight of each class in the loss.

    Args:
        given: the value of data.class_weights: None, a number per class, or `balanced`, which is
            rows / (classes × rows of the class), as in scikit-learn.
        rows_of_class: training rows by class name.

    Raises:
        InputError: neither of these, or a list that is all zeros.
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
        check_number("each of data.class_weights", weight, minimum=0)
    if not any(given):
        raise InputError("data.class_weights are all zero: nothing would be learned.")
    return [float(weight) for weight in given]


def oversampled(labels_N: Tensor, seed: int) -> Tensor:
    """Row numbers for oversampling: every class is drawn as often as the largest.

    The rows of a class are repeated equally often (±1); `seed` decides which once more.
    """
    generator = torch.Generator().manual_seed(seed)
    largest = int(labels_N.bincount().max())
    row_numbers = []
    for label in labels_N.unique():
        members = (labels_N == label).nonzero().flatten()
        times, rest = divmod(largest, len(members))
        drawn = torch.randperm(len(members), generator=generator)[:rest]
        row_numbers += [members.repeat(times), members[drawn]]
    return torch.cat(row_numbers)
