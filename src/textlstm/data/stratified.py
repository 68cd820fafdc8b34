"""Divides rows into parts by class: the same for the same seed, and with duplicates together."""

from collections.abc import Sequence

import numpy as np


def split_rows(
    duplicate_of: np.ndarray, labels_N: np.ndarray, fractions: Sequence[float], *, seed: int
) -> tuple[list[np.ndarray], dict[int, int]]:
    """Cuts N rows into a part for each of `fractions`, and the rest; parts keep the row order.

    Each class is spread over the parts in proportion to `fractions`, at least one text of it in
    each. Duplicates (rows with the same number in `duplicate_of`) count as one and go together,
    under the label of their first row. A class with fewer distinct texts than there are parts stays
    in the rest as a whole.

    Returns:
        The row numbers of each part, the rest last; and the classes that stay in the rest, with
        their numbers of distinct texts.
    """
    groups_N, first_rows_G = duplicate_groups(duplicate_of)
    parts = len(fractions) + 1
    generator = np.random.default_rng(seed)
    part_of_group_G = np.full(len(first_rows_G), parts - 1, dtype=np.int64)
    labels_G, rare = labels_N[first_rows_G], {}

    for label in np.unique(labels_N):
        members = np.flatnonzero(labels_G == label)
        if len(members) < parts:
            if len(members):  # else its texts all stand under another label first
                rare[int(label)] = len(members)
            continue
        sizes = [max(1, round(fraction * len(members))) for fraction in fractions]
        while sum(sizes) >= len(members):  # the last part gets a text of each class, too
            sizes[sizes.index(max(sizes))] -= 1
        bounds = np.cumsum([*sizes, len(members) - sum(sizes)])
        places = np.searchsorted(bounds, np.arange(len(members)), side="right")
        part_of_group_G[generator.permutation(members)] = places

    part_of_row_N = part_of_group_G[groups_N]
    return [np.flatnonzero(part_of_row_N == part) for part in range(parts)], rare


def fold_rows(
    duplicate_of: np.ndarray,
    labels_N: np.ndarray,
    folds: int,
    *,
    seed: int,
    every_row: bool = False,
) -> tuple[list[np.ndarray], dict[int, int]]:
    """Divides N rows into folds of similar size, each of which is held out once.

    Each class is dealt to the folds in turn, so that two folds differ by one text of it at most.
    Duplicates go together as in `split_rows`. A class with fewer distinct texts than folds stands
    in none of them, so that it always trains.

    Args:
        every_row: whether such a class is dealt to some of the folds instead.

    Returns:
        The row numbers of each fold, in their order, or no folds if no class has texts enough; and
        the classes that stand in no fold, with their numbers of distinct texts.
    """
    groups_N, first_rows_G = duplicate_groups(duplicate_of)
    generator = np.random.default_rng(seed)
    fold_of_group_G = np.full(len(first_rows_G), -1, dtype=np.int64)
    labels_G, rare, dealt = labels_N[first_rows_G], {}, 0

    for label in np.unique(labels_G):
        members = np.flatnonzero(labels_G == label)
        if len(members) < folds and not every_row:
            rare[int(label)] = len(members)
            continue
        # Each class goes on where the one before it ended: else the first folds would get the odd
        # texts of all classes.
        fold_of_group_G[generator.permutation(members)] = (dealt + np.arange(len(members))) % folds
        dealt += len(members)

    if not dealt:
        return [], rare
    fold_of_row_N = fold_of_group_G[groups_N]
    return [np.flatnonzero(fold_of_row_N == fold) for fold in range(folds)], rare


def rows_of_share(
    duplicate_of: np.ndarray, labels_N: np.ndarray, share: float, *, seed: int
) -> np.ndarray:
    """Draws a share of N rows: the same share of each class, and at least one text of it.

    With the same seed, a smaller share is part of a larger one. Duplicates go together.

    Returns:
        The numbers of the drawn rows, in their order.
    """
    groups_N, first_rows_G = duplicate_groups(duplicate_of)
    generator = np.random.default_rng(seed)
    drawn_G = np.zeros(len(first_rows_G), dtype=bool)
    for label in np.unique(labels_N):
        members = generator.permutation(np.unique(groups_N[labels_N == label]))
        drawn_G[members[: max(1, round(share * len(members)))]] = True
    return np.flatnonzero(drawn_G[groups_N])


def duplicate_groups(duplicate_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the groups of duplicates by first appearance.

    Returns:
        The group of each of N rows, and the first row of each of G groups.
    """
    _, first_rows, groups = np.unique(duplicate_of, return_index=True, return_inverse=True)
    order = first_rows.argsort()
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[groups], first_rows[order]
