"""Finds the classes that labels stand for: names, whole numbers, or numbers with given names."""

import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from textlstm.checks import NUMBER, InputError, nearest
from textlstm.data.duplicates import normalise
from textlstm.data.rows import Origin, Rows
from textlstm.data.settings import ColumnSettings, LabelNames

log = logging.getLogger(__name__)

WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
BOOLEANS = ("false", "true")
LISTED = 10  # classes that a sentence names, of those that training has no row of
MANY_CLASSES = 50  # more than these, with fewer than four rows each, do not look like classes


class Classes(NamedTuple):
    """The classes of a run, and how labels stand for them.

    Args:
        names: the classes in order.
        by_label: the class number of each label that data.label_names names; None where labels are
            names already.
        first_number: the number that the first of a list of data.label_names names, 0 or 1.
        merges: whether labels that differ only in case or spaces stand for one class.
        merged_groups: labels of training rows that became one class each.
    """

    names: list[str]
    by_label: dict[str, int] | None = None
    first_number: int = 0
    merges: bool = False
    merged_groups: list[list[str]] = []  # noqa: RUF012 (never changed)

    def numbers_of(self, labels: list[str]) -> tuple[list[int], list[str]]:
        """Finds the class number of each label.

        Returns:
            The numbers; and the names of the unseen classes, those that no training row has, whose
            numbers follow those of the classes, in this order.
        """
        form = normalise if self.merges else str
        by_name = {form(name): place for place, name in enumerate(self.names)}
        given = {form(label): place for label, place in (self.by_label or {}).items()}
        numbers, unseen = [], dict[str, str]()

        for label in labels:
            place = given.get(form(_plain(label)))
            if place is None and (self.by_label is None or _number(label) is None):
                place = by_name.get(form(label), by_name.get(form(_whole(label))))
            if place is None:
                unseen.setdefault(form(_whole(label)), _whole(label))
                place = len(self.names) + list(unseen).index(form(_whole(label)))
            numbers.append(place)
        return numbers, list(unseen.values())


def trained_classes(names: list[str], settings: ColumnSettings, first_number: int) -> Classes:
    """The classes of a model that is trained already.

    Args:
        names: its classes in order.
        settings: how labels stand for them.
        first_number: the label that the first of a list of data.label_names stood for in training.
    """
    by_label = None
    if settings.label_names is not None:
        by_label = _by_label(settings.label_names, names, first_number)
    return Classes(names, by_label, first_number, settings.merge_labels)


def find_classes(
    train: Rows, origin: Origin, settings: ColumnSettings, rows_of_label: Mapping[str, int]
) -> Classes:
    """Finds the classes that the labels of the training rows stand for.

    Args:
        train: the training rows.
        origin: where they come from.
        settings: names for the labels, and whether those are joined that differ in case or spaces.
        rows_of_label: how many rows have each label.

    Raises:
        InputError: labels that do not look like classes, or that do not fit data.label_names.
    """
    classes = _found(train, origin, settings.label_names)
    groups = similar_groups(classes.names)
    if not groups:
        return classes._replace(merges=settings.merge_labels)
    if not settings.merge_labels:
        log.warning("%s: %s", origin.key, similar_sentence(groups))
        return classes

    names = _merged(classes.names, rows_of_label)
    if len(names) < 2:
        raise origin.fail(
            f"has one class, {names[0]!r}, since data.merge_labels=true joins all its labels "
            f"({', '.join(classes.names)}); at least two classes were expected."
        )
    log.info("%s: %s", origin.key, merged_sentence(groups))
    return classes._replace(names=names, merges=True, merged_groups=groups)


def similar_groups(names: list[str]) -> list[list[str]]:
    """Groups of names that differ only in case or spaces, each with two names or more."""
    groups = dict[str, list[str]]()
    for name in names:
        groups.setdefault(normalise(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def similar_sentence(groups: list[list[str]]) -> str:
    """Says which classes have names that differ only in case or spaces, and what joins them."""
    return (
        f"some classes differ only in case or spaces ({_listed_groups(groups)}), and are learned "
        f"apart: data.merge_labels=true joins them."
    )


def merged_sentence(groups: list[list[str]]) -> str:
    """Says which labels data.merge_labels joined."""
    return f"labels that differ only in case or spaces were joined ({_listed_groups(groups)})."


def _listed_groups(groups: list[list[str]]) -> str:
    named = "; ".join(", ".join(map(repr, group)) for group in groups[:LISTED])
    return f"{named}; …" if len(groups) > LISTED else named


def _merged(names: list[str], rows_of_label: Mapping[str, int]) -> list[str]:
    """The names, with the most frequent of each group of similar ones in place of the group."""
    chosen = dict[str, str]()
    for name in names:
        best = chosen.setdefault(normalise(name), name)
        if rows_of_label.get(name, 0) > rows_of_label.get(best, 0):
            chosen[normalise(name)] = name
    return sorted(chosen.values())


def _found(train: Rows, origin: Origin, label_names: LabelNames) -> Classes:
    """The classes of the training rows, none of them joined."""
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
        return Classes(train.class_names)

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
        return _named(labels, origin, label_names)
    if numbers:
        return Classes(sorted(dict.fromkeys(map(_whole, labels)), key=float))
    return Classes(sorted(labels))


def _named(labels: list[str], origin: Origin, label_names: LabelNames) -> Classes:
    """The classes that data.label_names gives for some labels.

    Raises:
        InputError: names that cannot be used, or labels that they do not fit.
    """
    if not _are_pairs(label_names):
        first_number = _first_number(labels, origin, label_names)
        names = list(map(str, label_names or []))
        return Classes(names, _by_label(names, names, first_number), first_number)

    pairs: list[Any] = list(label_names or [])
    names = list(dict.fromkeys(name for _, name in pairs))
    forms = [_plain(str(label)) for label, _ in pairs]
    if not all(isinstance(name, str) and name for name in names) or len(names) < 2:
        raise InputError(
            f"data.label_names must name two or more different classes, each with a text, got "
            f"{dict(map(tuple, pairs))!r}."
        )
    twice = next((form for form in forms if forms.count(form) > 1), None)
    if twice is not None:
        raise InputError(f"data.label_names names the label {twice} twice; once was expected.")

    left = [label for label in labels if _plain(label) not in forms]
    if left:
        raise origin.fail(
            f"has the label {left[0]!r}, which data.label_names does not name; it names "
            f"{', '.join(forms)}. Name it, too, such as {{{left[0]}: name}}."
        )
    return Classes(names, _by_label(label_names, names, 0))


def _are_pairs(label_names: LabelNames) -> bool:
    """Whether these are pairs of a label and its name, as a mapping is kept."""
    return (
        isinstance(label_names, list)
        and bool(label_names)
        and all(isinstance(pair, list) and len(pair) == 2 for pair in label_names)
    )


def _by_label(label_names: LabelNames, names: list[str], first_number: int) -> dict[str, int]:
    """The class number of each label that data.label_names names."""
    given: list[Any] = list(label_names or [])
    if _are_pairs(label_names):
        return {_plain(str(label)): names.index(name) for label, name in given}
    return {
        str(number): place
        for place, number in enumerate(range(first_number, first_number + len(given)))
    }


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
    known = set(map(normalise, class_names))
    if any(normalise(name) in known for counts in unseen.values() for name in counts):
        key = "merge_labels" if "file" in unseen else "data.merge_labels"
        hint = f" {key}=true reads labels that differ only in case or spaces as the same."
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


def _plain(label: str) -> str:
    """The form of a label in which data.label_names finds it: numbers and booleans as a number."""
    number = _number(label)
    return label if number is None else str(number)


def _number(label: str) -> int | None:
    """The number that a whole number or a boolean (0 or 1) stands for; None for other labels."""
    if label.lower() in BOOLEANS:
        return BOOLEANS.index(label.lower())
    return int(_whole(label)) if WHOLE.fullmatch(label) and len(label) < 20 else None


def _first_number(labels: list[str], origin: Origin, label_names: LabelNames) -> int:
    """The number that the first of `label_names` names: 0, or 1 if the labels begin there.

    Raises:
        InputError: names that cannot be used, or labels that they do not fit.
    """
    names: list[Any] = list(label_names) if isinstance(label_names, list) else []
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
            f"names, for 0 to {len(names) - 1} or 1 to {len(names)}. For other numbers give a "
            f"mapping: data.label_names='{{{min(found)}: {names[0]}, {max(found)}: {names[-1]}}}'."
        )
    return first
