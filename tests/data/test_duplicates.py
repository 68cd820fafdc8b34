"""Duplicates: which texts count as the same."""

import pytest

from textlstm.data.duplicates import duplicate_numbers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café  win", "CAFE\u0301 win "),
        ("ﬁnal", "Final"),
        ("１２ goals", "12\u00a0 goals "),
        ("Straße", "STRASSE"),
    ],
)
def test_duplicates_differ_in_case_white_space_and_compatibility_forms_alone(one, other):
    first, second, third = duplicate_numbers([one, other, f"{one}!"])
    assert first == second
    assert first != third


def test_duplicate_numbers_are_the_same_in_each_process():
    assert (
        duplicate_numbers(["a bank"]).tolist()
        == duplicate_numbers(["A  BANK "]).tolist()
        == [17850115218400004455]
    )
