"""Which rows train, validate and test: stratified, deterministic, and no text on two sides."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textlstm.checks import InputError, flag, number, whole
from textlstm.data.sources import Source, joined

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Splitter:
    """Divides the sources of a run.

    Args:
        fractions: of the training source, held out as `validation` and `test` where they have no
            source of their own.
        folds, fold: how many parts are made of what test leaves, and which of them validates, in
            place of a fraction.
        refit: whether validation rows will train, too.
        max_rows: at most so many rows of the training source, drawn at random.
        seed: of what is drawn.
        validation: the file that was given, if one was.

    Raises:
        InputError: a value outside its range, with its config key.
    """

    fractions: dict[str, float]
    folds: int | None
    fold: int | None
    refit: bool
    max_rows: int | None
    seed: int
    validation: str | None

    def __post_init__(self) -> None:
        val_fraction, test_fraction = self.fractions["validation"], self.fractions["test"]
        number("data.val_fraction", val_fraction, minimum=0, below=1)
        number("data.test_fraction", test_fraction, minimum=0, below=1)
        if val_fraction + test_fraction >= 1:
            raise InputError(
                f"data.val_fraction + data.test_fraction must be below 1 so that rows are left to "
                f"train on, "
                f"got {val_fraction:g} + {test_fraction:g}."
            )
        flag("data.refit", self.refit)
        _check_folds(self.folds, self.fold, refit=self.refit, validation=self.validation)
        whole("data.split_seed", self.seed, minimum=0)
        if self.max_rows is not None:
            whole("data.max_rows", self.max_rows, minimum=1)

    def split(
        self, sources: dict[str, Source], name: str | None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The rows of each split in its source, its own or the training source that it is cut from;
        and facts of them.

        Args:
            name: what messages call a data set that brings a validation split.

        Raises:
            InputError: too few rows, or a split that neither a source nor a fraction gives.
        """
        if self.folds is not None and "validation" in sources:
            raise InputError(
                f"data.folds={self.folds} cuts validation from the training rows, but {name} has a "
                f"validation split of "
                f"its own. Leave data.folds and data.fold out."
            )
        facts: dict[str, Any] = {"dropped": {}, "conflicts": {}, "duplicates": {}}
        facts["fold"] = None if self.folds is None else {"fold": self.fold, "folds": self.folds}
        facts["refit"] = self.refit
        for split, source in sources.items():
            facts["duplicates"][split] = len(source.duplicate_of) - len(
                np.unique(source.duplicate_of)
            )
            facts["conflicts"][split] = _conflicts(split, source)
        rows = {"test": np.arange(len(sources["test"].rows))} if "test" in sources else {}
        for split in ("validation", "train"):
            if split in sources:
                rows[split] = _apart(split, sources, rows)
                facts["dropped"][split] = len(sources[split].rows) - len(rows[split])
        # Test is cut first, so that its rows do not depend on how many validate.
        missing = [split for split in ("test", "validation") if split not in sources]
        cut, facts["rare"] = self._cut(sources["train"], rows["train"], missing)
        return rows | cut, facts

    def _cut(
        self, source: Source, train: np.ndarray, missing: list[str]
    ) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """The `missing` splits and what they leave to train, and the classes too small for it with
        their texts.
        """
        for split in missing:
            if self.fractions[split] == 0 and (split == "test" or self.folds is None):
                key = {"validation": "val", "test": "test"}[split]
                raise InputError(
                    f"There is no {split} set: give data.{split}=FILE or data.{key}_fraction above "
                    f"0."
                )
        if self.max_rows is not None and self.max_rows < len(train):
            train = np.sort(
                np.random.default_rng(self.seed).choice(train, self.max_rows, replace=False)
            )
        fractions = [self.fractions[split] for split in missing]
        parts, rare = split_rows(
            source.duplicate_of[train], source.labels[train], fractions, seed=self.seed
        )
        labels = source.rows.features["label"].names
        if not all(map(len, parts)):
            texts = len(np.unique(source.duplicate_of[train]))
            raise InputError(
                f"data.train has {texts} different texts in {len(train)} rows, too few to split: "
                f"give at least "
                f"{len(parts)} of a class, or files of your own with data.validation and data.test."
            )
        if len(np.unique(source.labels[train[parts[-1]]])) < 2:
            raise InputError(
                f"data.train has one class of {len(labels)} left to train on, in {len(parts[-1])} "
                f"rows; give more "
                f"rows{'' if self.max_rows is None else f' than data.max_rows={self.max_rows}'}."
            )
        rows = {split: train[part] for split, part in zip([*missing, "train"], parts, strict=True)}
        if self.folds is not None:
            # Cut from what was first split as without folds: the test rows are the same.
            left = np.sort(np.concatenate([rows["train"], rows["validation"]]))
            folded, rare = fold_rows(
                source.duplicate_of[left], source.labels[left], self.folds, seed=self.seed
            )
            if not len(folded[0]):
                raise InputError(
                    f"data.folds={self.folds}: no class has so many texts beside the test set, the "
                    f"largest has "
                    f"{max(rare.values())}. Give fewer folds, or more rows."
                )
            assert self.fold is not None
            rows |= {
                "train": np.delete(left, folded[self.fold]),
                "validation": left[folded[self.fold]],
            }
        named = {labels[label]: texts for label, texts in rare.items()}
        if named:
            counts = ", ".join(f"{label} ({texts})" for label, texts in named.items())
            log.warning(
                "%d of %d classes have fewer texts than the %d %s; all of these train: %s.",
                *(
                    len(named),
                    len(labels),
                    self.folds or len(parts),
                    "folds" if self.folds else "splits",
                    counts,
                ),
            )
        return rows, named


def join_validation(origins: dict[str, Source], rows: dict[str, np.ndarray]) -> np.ndarray:
    """Joins validation to train in `origins` and `rows`; which of the N training rows it was, as N
    booleans.
    """
    train, validation = rows["train"], rows.pop("validation")
    source = origins.pop("validation")
    if source is not origins["train"]:
        validation = validation + len(origins["train"].rows)
        origins["train"] = joined(origins["train"], source)
    rows["train"] = np.sort(np.concatenate([train, validation]))
    return np.isin(rows["train"], validation)


def split_rows(
    duplicate_of: np.ndarray, labels: np.ndarray, fractions: Sequence[float], *, seed: int
) -> tuple[list[np.ndarray], dict[int, int]]:
    """Cuts N rows into len(fractions) + 1 parts, the last of which is the rest; each part keeps the
    row order.

    Each class is spread over the parts in proportion to `fractions`, at least one text of it in
    each. Duplicates (rows with the same number in `duplicate_of`) count as one and go together,
    under the label of their first row. A class with fewer distinct texts than there are parts stays
    in the rest as a whole.

    Returns:
        The rows of each part, and the classes that stay in the rest, with their numbers of distinct
        texts.
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
        part_of_group[generator.permutation(members)] = np.searchsorted(
            bounds, np.arange(len(members)), side="right"
        )
    part_of_row = part_of_group[groups]
    return [np.flatnonzero(part_of_row == part) for part in range(parts)], rare


def fold_rows(
    duplicate_of: np.ndarray, labels: np.ndarray, folds: int, *, seed: int
) -> tuple[list[np.ndarray], dict[int, int]]:
    """Divides N rows into parts of like size, each of which validates once while the others train.

    Each class is dealt to the folds in turn, so that no fold has two texts of it more than another.
    Duplicates go together as in `split_rows`. A class with fewer distinct texts than folds stands
    in none: it trains in each.

    Returns:
        The rows of each fold, in their order, and the classes that stand in none, with their
        numbers of distinct texts.
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
        # Each class goes on where the one before it ended: else the first folds would get the odd
        # texts of all.
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


def _apart(split: str, sources: dict[str, Source], held_out: dict[str, np.ndarray]) -> np.ndarray:
    """The rows of a source whose texts do not stand in those held out as well."""
    duplicate_of = sources[split].duplicate_of
    others = [sources[other].duplicate_of[rows] for other, rows in held_out.items()]
    kept = (
        np.flatnonzero(~np.isin(duplicate_of, np.concatenate(others)))
        if others
        else np.arange(len(duplicate_of))
    )
    if not len(kept):
        raise InputError(
            f"data.{split}: each text of {sources[split].origin.get('path', split)} also stands in "
            f"{' or '.join(sources[other].origin.get('path', other) for other in held_out)}, so "
            f"none is left to "
            f"{'train on' if split == 'train' else 'validate on'}. Give files that do not overlap."
        )
    if len(kept) < len(duplicate_of):
        dropped = len(duplicate_of) - len(kept)
        log.info("%d %s rows also stand in %s: dropped.", dropped, split, " or ".join(held_out))
    return kept


def _conflicts(split: str, source: Source) -> dict[str, int]:
    """How many texts stand with more than one label, and in how many rows."""
    conflicting = label_conflicts(source.duplicate_of, source.labels)
    texts, rows = len(np.unique(source.duplicate_of[conflicting])), int(conflicting.sum())
    if rows:
        example = source.rows[int(conflicting.argmax())]["text"]
        log.warning(
            "data.%s: %d texts stand with more than one label, in %d rows, such as %.60r.",
            *(split, texts, rows, example),
        )
    return {"texts": texts, "rows": rows}


def _check_folds(
    folds: int | None, fold: int | None, *, refit: bool, validation: str | None
) -> None:
    if folds is None:
        if fold is not None:
            raise InputError(
                f"data.fold={fold} needs data.folds, the number of parts, such as data.folds=5."
            )
        return
    whole("data.folds", folds, minimum=2)
    if refit:
        raise InputError(
            f"data.refit=true trains on the rows of all folds together: leave data.folds={folds} "
            f"and data.fold out."
        )
    if validation is not None:
        raise InputError(
            f"data.folds={folds} cuts validation from data.train, but data.validation={validation} "
            f"is given. Leave "
            f"data.folds and data.fold out, or data.validation; a glob as data.train divides the "
            f"rows of both files."
        )
    if fold is None:
        every = ",".join(map(str, range(folds)))
        raise InputError(
            f"data.folds={folds} needs data.fold, the part that validates: data.fold={every} "
            f"trains once for each."
        )
    whole("data.fold", fold, minimum=0)
    if fold >= folds:
        raise InputError(
            f"data.fold must be below data.folds={folds}, got {fold}: the first fold is 0."
        )
