"""Plain values beside the annotations of the code that takes them."""

from pathlib import Path
from typing import Literal

import pytest

from textlstm.annotations import check_arguments, fits
from textlstm.checks import InputError


class Taking:
    def __init__(self, share: float, *, often: int | None = None, plain=None) -> None:
        pass


class Unreadable:
    def __init__(self, other: "NoSuchName") -> None:  # type: ignore[name-defined]  # noqa: F821
        pass


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, float),
        (True, bool),
        (None, int | None),
        ("warn", bool | Literal["warn"]),
        ([1], list[int] | str),
        ({"days": 1}, dict[str, int]),
        ("folder", Path),  # made of it
        ({"_target_": "x"}, Path),
        (5, "a name that was not resolved"),
    ],
)
def test_values_that_may_be_given(value, hint):
    assert fits(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (True, int),
        (1.0, int),
        (float("nan"), float),
        ("abc", bool),
        (1, bool),
        (None, float),
        (1, Literal[True]),
        (5, Path | str),
        ([1], str),
        ({}, list[int]),
    ],
)
def test_values_of_another_type(value, hint):
    assert not fits(value, hint)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": "x"}, r"^part\.share must be a number, got 'x'\.$"),
        ({"often": 0.5}, r"^part\.often must be a whole number or null, got 0\.5\.$"),
    ],
)
def test_the_argument_is_named(given, message):
    with pytest.raises(InputError, match=message):
        check_arguments("part", given, Taking)


@pytest.mark.parametrize("kind", [Taking, Unreadable])
def test_what_is_not_annotated_is_not_judged(kind):
    check_arguments("part", {"plain": object(), "other": 5, "unknown": 5}, kind)
