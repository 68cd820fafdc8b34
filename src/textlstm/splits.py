"""Which rows train, validate and test: stratified, deterministic, and no text on two sides."""

import unicodedata
from collections.abc import Sequence

import numpy as np


def normalise(text: str) -> str:
    """What makes two texts duplicates: equal up to compatibility forms, case and white space."""
    if text.isascii():  # where the two steps below change nothing but case
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def split_rows(
    duplicate_of: np.ndarray, labels: np.ndarray, fractions: Sequence[float], *, seed: int
) -> tuple[list[np.ndarray], dict[int, int]]:
    """Cuts N rows into len(fractions) + 1 parts, the last of which is the rest; each part keeps the row order.

    Each class is spread over the parts in proportion to `fractions`, at least one text of it in each. Duplicates
    (rows with the same number in `duplicate_of`) count as one and go together, under the label of their first
    row. A class with fewer distinct texts than there are parts stays in the rest as a whole.

    Returns:
        The rows of each part, and the classes that stay in the rest, with their numbers of distinct texts.
    """
    groups, first_rows = _duplicate_groups(duplicate_of)
    parts = len(fractions) + 1
    generator = np.random.default_rng(seed)
    part_of_group = np.full(len(first_rows), parts - 1, dtype=np.int64)
    label_of_group, rare = labels[first_rows], {}
    for label in np.unique(labels):
        members = np.flatnonzero(label_of_group == label)
        if len(members) < parts:
            if len(members):  # else its texts all stand under another label first
                rare[int(label)] = len(members)
            continue
        sizes = [max(1, round(fraction * len(members))) for fraction in fractions]
        while sum(sizes) >= len(members):  # the last part gets a text of each class, too
            sizes[sizes.index(max(sizes))] -= 1
        bounds = np.cumsum([*sizes, len(members) - sum(sizes)])
        part_of_group[generator.permutation(members)] = np.searchsorted(bounds, np.arange(len(members)), side="right")
    part_of_row = part_of_group[groups]
    return [np.flatnonzero(part_of_row == part) for part in range(parts)], rare


def fold_rows(
    duplicate_of: np.ndarray, labels: np.ndarray, folds: int, *, seed: int
) -> tuple[list[np.ndarray], dict[int, int]]:
    """Divides N rows into parts of like size, each of which validates once while the others train.

    Each class is dealt to the folds in turn, so that no fold has two texts of it more than another. Duplicates go
    together as in `split_rows`. A class with fewer distinct texts than folds stands in none: it trains in each.

    Returns:
        The rows of each fold, in their order, and the classes that stand in none, with their numbers of distinct texts.
    """
    groups, first_rows = _duplicate_groups(duplicate_of)
    generator = np.random.default_rng(seed)
    fold_of_group = np.full(len(first_rows), -1, dtype=np.int64)
    label_of_group, rare, dealt = labels[first_rows], {}, 0
    for label in np.unique(label_of_group):
        members = np.flatnonzero(label_of_group == label)
        if len(members) < folds:
            rare[int(label)] = len(members)
            continue
        # Each class goes on where the one before it ended: else the first folds would get the odd texts of all.
        fold_of_group[generator.permutation(members)] = (dealt + np.arange(len(members))) % folds
        dealt += len(members)
    fold_of_row = fold_of_group[groups]
    return [np.flatnonzero(fold_of_row == fold) for fold in range(folds)], rare


def label_conflicts(duplicate_of: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which of N rows have a text that stands with another label elsewhere, as N booleans."""
    order = np.lexsort((labels, duplicate_of))
    same_text = np.diff(duplicate_of[order]) == 0
    other_label = np.diff(labels[order]) != 0
    return np.isin(duplicate_of, duplicate_of[order][1:][same_text & other_label])


def _duplicate_groups(duplicate_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group of each row, numbered by first appearance, and the first row of each group."""
    _, first_rows, groups = np.unique(duplicate_of, return_index=True, return_inverse=True)
    order = first_rows.argsort()
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return number[groups], first_rows[order]
