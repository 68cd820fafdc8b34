"""Which rows train, validate and test: stratified, deterministic, and no text on two sides."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from textlstm.checks import InputError


def normalise(text: str) -> str:
    """What makes two texts duplicates: equal up to compatibility forms, case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def split_rows(texts: Iterable[str], labels: np.ndarray, fractions: Sequence[float], *, seed: int) -> list[np.ndarray]:
    """Cuts rows into len(fractions) + 1 parts, the last of which is the rest; each part keeps the row order.

    Each class is spread over the parts in proportion to `fractions`. Duplicate texts count as one and go
    together, under the label of their first row. Every part gets at least one text of each class.

    Raises:
        InputError: a class with fewer distinct texts than there are parts.
    """
    groups, first_rows = _duplicate_groups(texts)
    parts = len(fractions) + 1
    generator = np.random.default_rng(seed)
    part_of_group = np.empty(len(first_rows), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels[first_rows] == label)
        if len(members) < parts:
            raise InputError(
                f"One class has {len(members)} distinct texts, too few to stand in each of {parts} splits: "
                f"give at least {parts} of each class, or files of your own with data.validation and data.test."
            )
        sizes = [max(1, round(fraction * len(members))) for fraction in fractions]
        while sum(sizes) >= len(members):  # the last part gets a text of each class, too
            sizes[sizes.index(max(sizes))] -= 1
        bounds = np.cumsum([*sizes, len(members) - sum(sizes)])
        part_of_group[generator.permutation(members)] = np.searchsorted(bounds, np.arange(len(members)), side="right")
    part_of_row = part_of_group[groups]
    return [np.flatnonzero(part_of_row == part) for part in range(parts)]


def rows_not_in(texts: Iterable[str], held_out: Collection[str]) -> np.ndarray:
    """The rows whose text does not stand among `held_out` (normalised texts)."""
    return np.array([row for row, text in enumerate(texts) if normalise(text) not in held_out], dtype=np.int64)


def _duplicate_groups(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """The group of each row, numbered by first appearance, and the first row of each group."""
    number: dict[str, int] = {}
    groups = np.array([number.setdefault(normalise(text), len(number)) for text in texts], dtype=np.int64)
    return groups, np.unique(groups, return_index=True)[1]
