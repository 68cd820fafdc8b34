"""Finds the classes that labels stand for: names, whole numbers, or numbers with given names."""

import re
from typing import NamedTuple

from textlstm.checks import NUMBER, InputError, nearest
from textlstm.data.rows import Origin, Rows

WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
BOOLEANS = ("false", "true")
LISTED = 10  # classes that a sentence names, of those that training has no row of
MANY_CLASSES = 50  # more than these, with fewer than four rows each, do not look like classes


class Classes(NamedTuple):
    """The classes of a run, and how labels stand for them.

    Args:
        names: the classes in order.
        label_names: names that were given for numbers; None where labels are names already.
        first_number: the number that the first of `label_names` names, 0 or 1.
    """

    names: list[str]
    label_names: list[str] | None
    first_number: int

    def numbers_of(self, labels: list[str]) -> tuple[list[int], list[str]]:
        """Finds the class number of each label.

        Returns:
            The numbers; and the names of the unseen classes, those that no training row has, whose
            numbers follow those of the classes, in this order.
        """
        places = {name: place for place, name in enumerate(self.names)}
        numbers, unseen = [], dict[str, int]()
        for label in labels:
            place = places.get(label, places.get(_whole(label)))
            if self.label_names is not None:
                number = _number(label)
                place = places.get(label) if number is None else number - self.first_number
            if place is None or place not in range(len(self.names)):
                place = unseen.setdefault(_whole(label), len(self.names) + len(unseen))
            numbers.append(place)
        return numbers, list(unseen)


def find_classes(train: Rows, origin: Origin, label_names: list[str] | None) -> Classes:
    """Finds the classes that the labels of the training rows stand for.

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
        return Classes(train.class_names, None, 0)

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
        return Classes(label_names, label_names, _first_number(labels, origin, label_names))
    if numbers:
        return Classes(sorted(dict.fromkeys(map(_whole, labels)), key=float), None, 0)
    return Classes(sorted(labels), None, 0)


def unseen_sentence(unseen: dict[str, dict[str, int]], class_names: list[str]) -> str:
    """Says which rows have a class that no training row has, and what becomes of them.

    Args:
        unseen: by source, the rows of each such class.
        class_names: the classes that training rows have, among which may be what was meant.
    """
    rows = sum(sum(counts.values()) for counts in unseen.values())
    have = "1 row has" if rows == 1 else f"{rows:,} rows have"
    named = "; ".join(
        f"{'file' if source == 'file' else f'data.{source}'}: {listed(counts)}"
        for source, counts in unseen.items()
        if counts
    )
    hints = (nearest(name, class_names) for counts in unseen.values() for name in counts)
    hint = next(filter(None, hints), "")
    return (
        f"{have} a class that no training row has, so that it cannot be predicted, and will count "
        f"as wrong ({named}).{hint}"
    )


def listed(counts: dict[str, int]) -> str:
    """Names classes with their rows, the first ten of them."""
    named = [f"{name} {rows:,}" for name, rows in list(counts.items())[:LISTED]]
    more = [f"{len(counts) - LISTED} more"] if len(counts) > LISTED else []
    return ", ".join([*named, *more])


def _whole(label: str) -> str:
    """A whole number without its point and zeros, so that 1.0 is 1; any other label as it is."""
    return label.partition(".")[0] if WHOLE.fullmatch(label) else label


def _number(label: str) -> int | None:
    """The number that a whole number or a boolean (0 or 1) stands for; None for other labels."""
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
