"""Splits: stratified, complete, a function of the seed, and no text on two sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textlstm.checks import InputError
from textlstm.splits import normalise, rows_not_in, split_rows

TEXTS = [f"text {n}" for n in range(400)]
LABELS = np.arange(400) % 4


def test_a_tenth_a_tenth_and_the_rest_of_each_class():
    parts = split_rows(TEXTS, LABELS, [0.1, 0.1], seed=42)
    assert [np.bincount(LABELS[rows]).tolist() for rows in parts] == [[10] * 4, [10] * 4, [80] * 4]
    assert sorted(np.concatenate(parts).tolist()) == list(range(400))


def test_parts_keep_the_row_order():
    assert all((np.diff(rows) > 0).all() for rows in split_rows(TEXTS, LABELS, [0.1, 0.1], seed=42))


def test_uneven_classes_keep_their_shares():
    labels = np.array([0] * 360 + [1] * 40)
    parts = split_rows(TEXTS, labels, [0.2], seed=0)
    assert [np.bincount(labels[rows]).tolist() for rows in parts] == [[72, 8], [288, 32]]


def test_the_seed_alone_decides():
    first, again, other = (split_rows(TEXTS, LABELS, [0.1, 0.1], seed=seed) for seed in (1, 1, 2))
    assert [rows.tolist() for rows in first] == [rows.tolist() for rows in again]
    assert all(rows.tolist() != others.tolist() for rows, others in zip(first, other, strict=True))


def test_nothing_is_held_out_where_nothing_is_asked_for():
    (rows,) = split_rows(TEXTS, LABELS, [], seed=0)
    assert rows.tolist() == list(range(400))


@pytest.mark.parametrize("variant", [str.upper, "  {} ".format, lambda t: t.replace(" ", "\n "), "{}".format])
def test_duplicates_never_straddle_a_split(variant):
    texts = [*TEXTS, *map(variant, TEXTS)]
    for rows in split_rows(texts, np.concatenate([LABELS, LABELS]), [0.1, 0.1], seed=0):
        assert sorted(rows % 400) == sorted([*rows[rows < 400]] * 2)


def test_duplicates_under_different_labels_go_together():
    texts = [*TEXTS, *TEXTS]
    for rows in split_rows(texts, np.concatenate([LABELS, (LABELS + 1) % 4]), [0.1, 0.1], seed=0):
        assert sorted(rows % 400) == sorted([*rows[rows < 400]] * 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Café", "CAFE\u0301"), ("ﬁnal", "Final"), ("１２ goals", "12\u00a0 goals "), ("Straße", "STRASSE")],
)
def test_normalise_ignores_compatibility_forms_case_and_white_space(one, other):
    assert normalise(one) == normalise(other)


def test_normalise_keeps_different_texts_apart():
    assert len({normalise(text) for text in ["the bank", "thebank", "the bank.", "the-bank"]}) == 4


def test_a_class_with_too_few_texts_is_refused():
    texts = [*TEXTS, "rare one", "Rare  one", "rare two"]
    labels = np.concatenate([LABELS, [4, 4, 4]])
    with pytest.raises(InputError, match=r"2 distinct texts, too few to stand in each of 3 splits.*at least 3"):
        split_rows(texts, labels, [0.1, 0.1], seed=0)


def test_the_rarest_class_stands_in_each_part():
    texts = [*TEXTS, "rare one", "rare two", "rare three"]
    labels = np.concatenate([LABELS, [4, 4, 4]])
    for fractions in ([0.1, 0.1], [0.45, 0.45], [0.01, 0.01]):
        assert [(labels[rows] == 4).sum() for rows in split_rows(texts, labels, fractions, seed=0)] == [1, 1, 1]


@settings(max_examples=100, deadline=None, database=None)
@given(
    rows=st.lists(
        st.tuples(st.builds("{}{}".format, st.sampled_from(["a", "A", " a"]), st.integers(0, 30)), st.integers(0, 1)),
        min_size=20,
        max_size=40,
    ),
    fractions=st.lists(st.floats(0.01, 0.49), max_size=2),
    seed=st.integers(0, 2**32),
)
def test_parts_are_disjoint_complete_and_hold_each_class(rows, fractions, seed):
    texts, labels = [text for text, _ in rows], np.array([label for _, label in rows])
    try:
        parts = split_rows(texts, labels, fractions, seed=seed)
    except InputError:  # rightly so
        firsts = {normalise(text): label for text, label in reversed(rows)}
        counts = [list(firsts.values()).count(label) for label in set(labels.tolist())]
        assert min(counts) <= len(fractions)
        return
    assert len(parts) == len(fractions) + 1
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(rows)))
    assert all(set(labels[part]) == set(labels) for part in parts)
    sides = [{normalise(texts[row]) for row in part} for part in parts]
    assert sum(map(len, sides)) == len(set.union(*sides))


def test_rows_not_in_leaves_out_normalised_texts():
    assert rows_not_in(["A  bank", "a win", "a loss"], {"a bank", "a loss"}).tolist() == [1]
    assert rows_not_in(["a bank"], {"a bank"}).tolist() == []
