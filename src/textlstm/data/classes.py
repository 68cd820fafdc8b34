"""Finds the classes that labels stand for: names, whole numbers, or numbers with given names."""

import re

from textlstm.checks import NUMBER, InputError, nearest
from textlstm.data.rows import Origin, Rows, place_of

WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
BOOLEANS = ("false", "true")
MANY_CLASSES = 50  # more than these, with fewer than four rows each, do not look like classes


def find_classes(
    train: Rows, origin: Origin, label_names: list[str] | None
) -> tuple[list[str], int]:
    """Finds the classes, in order, and the number that the first of `label_names` names: 0 or 1.

    Raises:
        InputError: labels that do not look like classes, or that do not fit `label_names`.
    """
    labels = list(dict.fromkeys(train.labels))
    numbers = all(NUMBER.fullmatch(label) for label in labels)
    if len({_whole(label) for label in labels} if numbers else labels) < 2:
        raise origin.fail(
            f"has the label {labels[0]!r} in each row; at least two classes were expected: name "
            f"another column with data.label_column=…, or, of a folder, give one sub-folder per "
            f"class."
        )

    if train.class_names is not None:
        if label_names is not None:
            raise origin.fail("brings names for its labels; leave data.label_names out.")
        return train.class_names, 0

    fractions = [label for label in labels if numbers and not WHOLE.fullmatch(label)]
    if fractions:
        raise origin.fail(
            f"has fractions as labels (such as {fractions[0]}): they look like a quantity to "
            f"regress, classes were expected. Name another column with data.label_column=…, or "
            f"write classes as names, such as low and high."
        )
    if len(labels) > max(MANY_CLASSES, len(train.rows) / 4):
        look = "like a quantity to regress" if numbers else "like free text or identifiers"
        raise origin.fail(
            f"has {len(labels):,} different labels in {len(train.rows):,} rows (such as "
            f"{labels[0]!r:.50}): they look {look}, classes were expected. Name another column "
            f"with data.label_column=…"
        )

    if label_names is not None:
        return label_names, _first_number(labels, origin, label_names)
    if numbers:
        return sorted(dict.fromkeys(map(_whole, labels)), key=float), 0
    return sorted(labels), 0


def _whole(label: str) -> str:
    """A whole number without its point and zeros, so that 1.0 is 1; any other label as it is."""
    return label.partition(".")[0] if WHOLE.fullmatch(label) else label


def _number(label: str) -> int | None:
    """The value of a label that is a whole number or a boolean; None for any other."""
    if label.lower() in BOOLEANS:
        return BOOLEANS.index(label.lower())
    return int(_whole(label)) if WHOLE.fullmatch(label) and len(label) < 20 else None


def _first_number(labels: list[str], origin: Origin, label_names: list[str]) -> int:
    """The number that the first of `label_names` names: 0, or 1 if the labels begin there.

    Raises:
        InputError: names that cannot be used, or labels that they do not fit.
    """
    names = label_names if isinstance(label_names, list) else []
    if (
        len(names) < 2
        or not all(isinstance(name, str) and name for name in names)
        or len(set(names)) < len(names)
    ):
        raise InputError(
            f"data.label_names must be a list of two or more different names, got {label_names!r}."
        )

    numbers = {label: _number(label) for label in labels}
    named = [label for label, number in numbers.items() if number is None]
    if named:
        raise origin.fail(
            f"has the label {named[0]!r}; data.label_names names whole numbers and booleans. Leave "
            f"it out: these labels are names already."
        )

    found = {number for number in numbers.values() if number is not None}
    first = next(
        (first for first in (0, 1) if found <= set(range(first, first + len(names)))), None
    )
    if first is None:
        raise origin.fail(
            f"has labels from {min(found)} to {max(found)}; data.label_names gives {len(names)} "
            f"names, for 0 to {len(names) - 1} or 1 to {len(names)}."
        )
    return first


def class_numbers(
    origin: Origin, rows: Rows, labels: list[str], label_names: list[str] | None, first_number: int
) -> list[int]:
    """The class number of each of `rows.labels`.

    Args:
        labels: the classes in order.
        label_names, first_number: names of numbers, if they were given, and the first number.

    Raises:
        InputError: a label that is none of the classes, with its row.
    """
    classes = {label: n for n, label in enumerate(labels)}
    numbers = []
    for label in rows.labels:
        if label_names is not None:
            number = _number(label)
            place = classes.get(label) if number is None else number - first_number
            place = place if place in range(len(labels)) else None
        else:
            place = classes.get(label, classes.get(_whole(label)))
        if place is None:
            raise InputError(
                f"{origin.key}: {place_of(origin, rows, label)} has the label {label!r}, which no "
                f"training row has.{nearest(label, labels)} The classes are {', '.join(labels)}."
            )
        numbers.append(place)
    return numbers
