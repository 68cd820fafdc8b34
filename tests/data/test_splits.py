"""Splits: stratified, complete, a function of the seed, and no text on two sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textlstm.data.duplicates import label_conflicts, normalise
from textlstm.data.stratified import fold_rows, rows_of_share, split_rows

TEXTS = np.arange(400)  # no two of them duplicates
LABELS = np.arange(400) % 4


def test_a_tenth_a_tenth_and_the_rest_of_each_class():
    parts, rare = split_rows(TEXTS, LABELS, [0.1, 0.1], seed=42)
    assert [np.bincount(LABELS[rows]).tolist() for rows in parts] == [[10] * 4, [10] * 4, [80] * 4]
    assert sorted(np.concatenate(parts).tolist()) == list(range(400))
    assert rare == {}


def test_parts_keep_the_row_order():
    assert all(
        (np.diff(rows) > 0).all() for rows in split_rows(TEXTS, LABELS, [0.1, 0.1], seed=42)[0]
    )


def test_uneven_classes_keep_their_shares():
    labels = np.array([0] * 360 + [1] * 40)
    parts, _ = split_rows(TEXTS, labels, [0.2], seed=0)
    assert [np.bincount(labels[rows]).tolist() for rows in parts] == [[72, 8], [288, 32]]


def test_the_seed_alone_decides():
    first, again, other = (
        split_rows(TEXTS, LABELS, [0.1, 0.1], seed=seed)[0] for seed in (1, 1, 2)
    )
    assert [rows.tolist() for rows in first] == [rows.tolist() for rows in again]
    assert all(rows.tolist() != others.tolist() for rows, others in zip(first, other, strict=True))


def test_the_numbers_of_the_duplicates_do_not_matter():
    numbers = np.random.default_rng(0).permutation(400).astype(np.uint64) + np.uint64(2**63)
    one, other = (split_rows(texts, LABELS, [0.1, 0.1], seed=0)[0] for texts in (TEXTS, numbers))
    assert [rows.tolist() for rows in one] == [rows.tolist() for rows in other]


def test_nothing_is_held_out_where_nothing_is_asked_for():
    (rows,), rare = split_rows(TEXTS, LABELS, [], seed=0)
    assert rows.tolist() == list(range(400))
    assert rare == {}


def test_duplicates_never_straddle_a_split():
    parts, _ = split_rows(np.tile(TEXTS, 2), np.tile(LABELS, 2), [0.1, 0.1], seed=0)
    assert [len(rows) for rows in parts] == [80, 80, 640]
    for rows in parts:
        assert sorted(rows % 400) == sorted([*rows[rows < 400]] * 2)


def test_duplicates_under_different_labels_go_together_under_the_first():
    labels = np.concatenate([LABELS, (LABELS + 1) % 4])
    parts, _ = split_rows(np.tile(TEXTS, 2), labels, [0.1, 0.1], seed=0)
    for rows, of_each in zip(parts, [10, 10, 80], strict=True):
        assert sorted(rows % 400) == sorted([*rows[rows < 400]] * 2)
        assert np.bincount(labels[rows[rows < 400]]).tolist() == [of_each] * 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "CAFE\u0301"),
        ("ﬁnal", "Final"),
        ("１２ goals", "12\u00a0 goals "),
        ("Straße", "STRASSE"),
        ("the\tBANK\n", "The  bank"),
        ("ｶﾞｿﾘﾝ", "ガソリン"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_normalise_ignores_compatibility_forms_case_and_white_space(one, other):
    assert normalise(one) == normalise(other)


def test_normalise_keeps_different_texts_apart():
    assert (
        len(
            {
                normalise(text)
                for text in ["the bank", "thebank", "the bank.", "the-bank", "thé bank"]
            }
        )
        == 5
    )


def test_rare_classes_stay_in_the_last_part_and_are_counted():
    texts = np.concatenate([TEXTS, [1000, 1000, 1001, 1002, 1002]])
    labels = np.concatenate([LABELS, [4, 4, 4, 5, 5]])
    parts, rare = split_rows(texts, labels, [0.1, 0.1], seed=0)
    assert rare == {4: 2, 5: 1}
    assert [np.bincount(labels[rows], minlength=6).tolist()[4:] for rows in parts] == [
        [0, 0],
        [0, 0],
        [3, 2],
    ]
    assert [len(rows) for rows in parts] == [40, 40, 325]


def test_a_class_whose_texts_all_stand_first_under_another_has_no_text_of_its_own():
    texts, labels = np.array([*TEXTS, 0, 4]), np.array([*LABELS, 4, 4])
    parts, rare = split_rows(texts, labels, [0.1, 0.1], seed=0)
    assert rare == {}
    assert sorted(np.concatenate(parts).tolist()) == list(range(402))


def test_a_class_with_a_text_for_each_part_stands_in_each_part():
    texts = np.arange(403)
    labels = np.concatenate([LABELS, [4, 4, 4]])
    for fractions in ([0.1, 0.1], [0.45, 0.45], [0.01, 0.01]):
        parts, rare = split_rows(texts, labels, fractions, seed=0)
        assert [(labels[rows] == 4).sum() for rows in parts] == [1, 1, 1]
        assert rare == {}


@settings(max_examples=100, deadline=None, database=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=40),
    fractions=st.lists(st.floats(0.01, 0.49), max_size=2),
    seed=st.integers(0, 2**32),
)
def test_parts_are_disjoint_complete_and_hold_each_class_that_is_not_rare(rows, fractions, seed):
    texts, labels = (np.array(column) for column in zip(*rows, strict=True))
    parts, rare = split_rows(texts, labels, fractions, seed=seed)
    assert len(parts) == len(fractions) + 1
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(rows)))
    sides = [set(texts[part].tolist()) for part in parts]
    assert sum(map(len, sides)) == len(set.union(*sides))
    first_labels = list(dict(reversed(rows)).values())
    counts = {label: first_labels.count(label) for label in sorted(set(labels.tolist()))}
    assert rare == {label: count for label, count in counts.items() if 0 < count <= len(fractions)}
    spread = {label for label, count in counts.items() if count > len(fractions)}
    assert all(spread <= set(labels[part].tolist()) for part in parts)


def test_folds_hold_each_row_once_in_the_shares_of_the_classes():
    labels = np.array([0] * 303 + [1] * 97)
    folds, rare = fold_rows(TEXTS, labels, 5, seed=42)
    assert sorted(np.concatenate(folds).tolist()) == list(range(400))
    counts = np.array([np.bincount(labels[rows]) for rows in folds])
    assert counts.min(axis=0).tolist() == [60, 19]
    assert counts.max(axis=0).tolist() == [61, 20]
    assert [len(rows) for rows in folds] == [80] * 5
    assert all((np.diff(rows) > 0).all() for rows in folds)
    assert rare == {}


def test_the_seed_alone_decides_the_folds():
    first, again, other = (fold_rows(TEXTS, LABELS, 4, seed=seed)[0] for seed in (1, 1, 2))
    assert [rows.tolist() for rows in first] == [rows.tolist() for rows in again]
    assert all(rows.tolist() != others.tolist() for rows, others in zip(first, other, strict=True))


def test_classes_with_fewer_texts_than_folds_stand_in_none():
    texts = np.concatenate([TEXTS, [1000, 1000, 1001, 1002, 1003, 1004, 1005, 1006]])
    labels = np.concatenate([LABELS, [4, 4, 4, 5, 5, 5, 5, 5]])
    folds, rare = fold_rows(texts, labels, 5, seed=0)
    assert rare == {4: 2}
    assert sorted(np.concatenate(folds).tolist()) == [*range(400), *range(403, 408)]
    assert [(labels[rows] == 5).sum() for rows in folds] == [1] * 5


def test_classes_with_fewer_texts_than_folds_can_be_dealt_to_some_of_them():
    texts = np.concatenate([TEXTS, [1000, 1000, 1001, 1002, 1003]])
    labels = np.concatenate([LABELS, [4, 4, 4, 5, 5]])
    folds, rare = fold_rows(texts, labels, 5, seed=0, every_row=True)
    assert rare == {}
    assert sorted(np.concatenate(folds).tolist()) == [*range(405)]
    assert sorted((labels[rows] == 4).sum() for rows in folds) == [0, 0, 0, 1, 2]
    assert sorted((labels[rows] == 5).sum() for rows in folds) == [0, 0, 0, 1, 1]


@settings(max_examples=100, deadline=None, database=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=60),
    folds=st.integers(2, 6),
    seed=st.integers(0, 2**32),
)
def test_folds_are_disjoint_hold_all_but_rare_classes_and_no_text_twice(rows, folds, seed):
    texts, labels = (np.array(column) for column in zip(*rows, strict=True))
    parts, rare = fold_rows(texts, labels, folds, seed=seed)
    first_label = dict(reversed(rows))
    counts = {label: list(first_label.values()).count(label) for label in set(first_label.values())}
    assert rare == {label: count for label, count in counts.items() if count < folds}
    held_out = [row for row, (text, _) in enumerate(rows) if first_label[text] not in rare]
    if not parts:
        return
    assert sorted(np.concatenate(parts).tolist()) == held_out
    sides = [set(texts[part].tolist()) for part in parts]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert max(map(len, sides)) - min(map(len, sides)) <= 1


def test_a_share_is_that_of_each_class_with_other_rows_for_another_seed():
    labels = np.array([0] * 300 + [1] * 99 + [2])
    half, again, other = (rows_of_share(TEXTS, labels, 0.5, seed=seed) for seed in (1, 1, 2))
    assert np.bincount(labels[half]).tolist() == [150, 50, 1]  # of one text none can be left out
    assert half.tolist() == again.tolist() == sorted(half.tolist())
    assert half.tolist() != other.tolist()
    assert rows_of_share(TEXTS, labels, 1, seed=1).tolist() == list(range(400))


@settings(max_examples=100, deadline=None, database=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=60),
    shares=st.tuples(st.floats(1e-9, 1), st.floats(1e-9, 1)),
    seed=st.integers(0, 2**32),
)
def test_a_smaller_share_is_part_of_a_larger_and_has_each_class_and_whole_duplicates(
    rows, shares, seed
):
    texts, labels = (np.array(column) for column in zip(*rows, strict=True))
    smaller, larger = (rows_of_share(texts, labels, share, seed=seed) for share in sorted(shares))
    assert set(smaller.tolist()) <= set(larger.tolist())
    assert set(labels[smaller].tolist()) == set(labels.tolist())
    assert np.isin(texts, texts[smaller]).nonzero()[0].tolist() == smaller.tolist()


@pytest.mark.parametrize(
    ("texts", "labels", "conflicting"),
    [
        ([7, 8, 7, 9], [0, 1, 1, 0], [True, False, True, False]),
        ([7, 7, 7, 8, 8], [0, 0, 1, 1, 1], [True, True, True, False, False]),
        ([7, 8, 9], [0, 1, 0], [False, False, False]),
        ([7], [0], [False]),
    ],
)
def test_conflicts_are_all_rows_of_a_text_with_two_labels(texts, labels, conflicting):
    assert (
        label_conflicts(np.array(texts, dtype=np.uint64), np.array(labels)).tolist() == conflicting
    )
