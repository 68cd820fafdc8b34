"""Decides which rows train, validate and test: stratified by class, with duplicates together."""

import logging

import numpy as np

from textlstm.checks import InputError
from textlstm.data.duplicates import label_conflicts
from textlstm.data.facts import ConflictFacts, DivisionFacts
from textlstm.data.settings import SplitSettings
from textlstm.data.sources import Source, join, without_unseen
from textlstm.data.stratified import fold_rows, rows_of_share, split_rows
from textlstm.plurals import number_of

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
FRACTION_KEYS = {"validation": "val_fraction", "test": "test_fraction"}


def split_sources(
    sources: dict[str, Source],
    settings: SplitSettings,
    name: str | None,
    *,
    seed: int,
    tested: bool = True,
) -> tuple[dict[str, np.ndarray], DivisionFacts]:
    """Decides which rows train, validate and test.

    Args:
        sources: `train` and, where they have a source of their own, `validation` and `test`.
        settings: how the splits without a source are cut from `train`.
        name: what messages call a data set that brings a validation split.
        seed: draws the training rows that data.train_share keeps.
        tested: whether test rows are needed; where not, a fraction of 0 leaves none out.

    Returns:
        The row numbers of each split (a split with a source of its own counts rows in that source,
        any other in the training source); and facts about them, for the record.

    Raises:
        InputError: too few rows, or a split that neither a source nor a fraction gives.
    """
    if settings.folds is not None and "validation" in sources:
        raise InputError(
            f"data.folds={settings.folds} cuts validation from the training rows, but {name} has a "
            f"validation split of its own. Leave data.folds and data.fold out."
        )

    row_numbers = {"test": np.arange(len(sources["test"].rows))} if "test" in sources else {}
    dropped: dict[str, int] = {}
    for split in ("validation", "train"):
        if split in sources:
            row_numbers[split] = _rows_apart(split, sources, row_numbers)
            dropped[split] = len(sources[split].rows) - len(row_numbers[split])
            _check_known(split, sources[split], row_numbers[split])

    missing = [split for split in ("test", "validation") if split not in sources]
    if not tested and settings.test_fraction == 0 and "test" in missing:
        missing.remove("test")
    cut, rare = _cut_train(sources, row_numbers["train"], missing, settings)
    whole = {split: source for split, source in sources.items() if not source.is_sample}
    facts: DivisionFacts = {
        "duplicates": {split: _count_duplicates(source) for split, source in whole.items()},
        "conflicts": {split: _count_conflicts(split, source) for split, source in whole.items()},
        "dropped": dropped,
        "rare": rare,
        "unseen": {split: source.unseen_rows for split, source in sources.items()},
        "fold": None,
        "refit": settings.refit,
    }
    if settings.folds is not None and settings.fold is not None:
        facts["fold"] = {"fold": settings.fold, "folds": settings.folds}
    if settings.train_share < 1:
        cut["train"], facts["unused"] = _share(sources["train"], cut["train"], settings, seed)
    return row_numbers | cut, facts


def join_validation(sources: dict[str, Source], row_numbers: dict[str, np.ndarray]) -> np.ndarray:
    """Moves the validation rows to train, in both dictionaries.

    Rows of classes that no training row has are left out.

    Returns:
        Which of the N training rows were validation rows, as N booleans.
    """
    train, validation = row_numbers["train"], row_numbers.pop("validation")
    source = sources.pop("validation")
    if source is not sources["train"]:
        validation = (source.known_N.cumsum() - 1)[validation[source.known_N[validation]]]
        source = without_unseen(source)
        validation = validation + len(sources["train"].rows)
        sources["train"] = join(sources["train"], source)
    row_numbers["train"] = np.sort(np.concatenate([train, validation]))
    return np.isin(row_numbers["train"], validation)


def _cut_train(
    sources: dict[str, Source], train: np.ndarray, missing: list[str], settings: SplitSettings
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Cuts the splits that have no source, those in `missing`, from the training rows `train`.

    Returns:
        The row numbers of these splits and of what is left to train on; and the classes that are
        too small to be cut, with their numbers of distinct texts.
    """
    source = sources["train"]
    # Test is cut first, so that its rows do not depend on how many validate.
    _check_fractions(missing, settings)
    if settings.max_rows is not None and settings.max_rows < len(train):
        generator = np.random.default_rng(settings.split_seed)
        train = np.sort(generator.choice(train, settings.max_rows, replace=False))

    fractions = [getattr(settings, FRACTION_KEYS[split]) for split in missing]
    parts, rare = split_rows(
        source.duplicate_of[train], source.labels_N[train], fractions, seed=settings.split_seed
    )
    _check_parts(source, train, parts, settings.max_rows)
    row_numbers = {
        split: train[part] for split, part in zip([*missing, "train"], parts, strict=True)
    }
    if settings.folds is not None:
        # Cut from what was first split as without folds: the test rows are the same.
        rare = _take_fold(source, row_numbers, settings)

    class_names = source.class_names
    named = {class_names[label]: texts for label, texts in rare.items()}
    if named:
        counts = ", ".join(f"{label} ({texts})" for label, texts in named.items())
        log.warning(
            "%d of %d classes have fewer texts than the %d %s; all of these train: %s.",
            len(named),
            len(class_names),
            settings.folds or len(parts),
            "folds" if settings.folds else "splits",
            counts,
        )
    return row_numbers, named


def _take_fold(
    source: Source, row_numbers: dict[str, np.ndarray], settings: SplitSettings
) -> dict[int, int]:
    """Divides the training and validation rows into folds, one of which validates.

    Returns:
        The classes that stand in no fold, with their numbers of distinct texts.
    """
    assert settings.folds is not None
    assert settings.fold is not None
    left = np.sort(np.concatenate([row_numbers["train"], row_numbers["validation"]]))
    folded, rare = fold_rows(
        source.duplicate_of[left], source.labels_N[left], settings.folds, seed=settings.split_seed
    )
    if not folded:
        raise InputError(
            f"data.folds={settings.folds}: no class has so many texts beside the test set, the "
            f"largest has {max(rare.values())}. Give fewer folds, or more rows."
        )
    row_numbers["train"] = np.delete(left, folded[settings.fold])
    row_numbers["validation"] = left[folded[settings.fold]]
    return rare


def _share(
    source: Source, train: np.ndarray, settings: SplitSettings, seed: int
) -> tuple[np.ndarray, int]:
    """Draws the training rows that data.train_share keeps; and counts those that it leaves out."""
    drawn = rows_of_share(
        source.duplicate_of[train], source.labels_N[train], settings.train_share, seed=seed
    )
    return train[drawn], len(train) - len(drawn)


def _check_fractions(missing: list[str], settings: SplitSettings) -> None:
    for split in missing:
        key = FRACTION_KEYS[split]
        if getattr(settings, key) == 0 and (split == "test" or settings.folds is None):
            raise InputError(
                f"There is no {split} set: give data.{split}=FILE or data.{key} above 0."
            )


def _check_parts(
    source: Source, train: np.ndarray, parts: list[np.ndarray], max_rows: int | None
) -> None:
    if not all(map(len, parts)):
        texts = len(np.unique(source.duplicate_of[train]))
        raise InputError(
            f"data.train has {texts} different texts in {len(train)} rows, too few to split: give "
            f"at least {len(parts)} of a class, or files of your own with data.validation and "
            f"data.test."
        )
    if len(np.unique(source.labels_N[train[parts[-1]]])) < 2:
        more = "" if max_rows is None else f" than data.max_rows={max_rows}"
        raise InputError(
            f"data.train has one class of {len(source.class_names)} left to train on, in "
            f"{len(parts[-1])} rows; give more rows{more}."
        )


def _rows_apart(
    split: str, sources: dict[str, Source], held_out: dict[str, np.ndarray]
) -> np.ndarray:
    """The row numbers of a source, without rows whose text also stands in a split held out."""
    duplicate_of = sources[split].duplicate_of
    if not held_out:
        return np.arange(len(duplicate_of))
    others = [sources[other].duplicate_of[rows] for other, rows in held_out.items()]
    apart = np.flatnonzero(~np.isin(duplicate_of, np.concatenate(others)))

    if not len(apart):
        theirs = " or ".join(_name(other, sources[other]) for other in held_out)
        raise InputError(
            f"data.{split}: each text of {_name(split, sources[split])} also stands in "
            f"{theirs}, so none is left to {'train on' if split == 'train' else 'validate on'}. "
            f"Give files that do not overlap."
        )
    if len(apart) < len(duplicate_of):
        dropped = len(duplicate_of) - len(apart)
        rows = number_of(dropped, f"{split} row")
        stand = "stands" if dropped == 1 else "stand"
        log.info("%s also %s in %s: dropped.", rows, stand, " or ".join(held_out))
    return apart


def _check_known(split: str, source: Source, row_numbers: np.ndarray) -> None:
    """Refuses a split of which each row has a class that no training row has."""
    if not source.known_N[row_numbers].any():
        raise InputError(
            f"data.{split}: the rows of {_name(split, source)} whose classes training rows have "
            f"also stand in test, and none is left of them. Give files that do not overlap."
        )


def _name(split: str, source: Source) -> str:
    return split if source.origin is None else source.origin["path"]


def _count_duplicates(source: Source) -> int:
    return len(source.duplicate_of) - len(np.unique(source.duplicate_of))


def _count_conflicts(split: str, source: Source) -> ConflictFacts:
    """Counts the texts that stand with more than one label, and the rows in which they stand."""
    conflicting = label_conflicts(source.duplicate_of, source.labels_N)
    texts, rows = len(np.unique(source.duplicate_of[conflicting])), int(conflicting.sum())
    if rows:
        example = source.rows[int(conflicting.argmax())]["text"]
        log.warning(
            "data.%s: %s with more than one label, in %d rows, such as %.60r.",
            split,
            "1 text stands" if texts == 1 else f"{texts} texts stand",
            rows,
            example,
        )
    return {"texts": texts, "rows": rows}
