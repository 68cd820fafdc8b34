"""Numbers with the noun that they count."""

import pytest

from textlstm.plurals import number_of


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 texts"), (1, "1 text"), (2, "2 texts"), (11_000, "11,000 texts")]
)
def test_a_noun_follows_its_number(count, said):
    assert number_of(count, "text") == said


def test_a_noun_has_its_own_plural():
    assert number_of(2, "other class", "es") == "2 other classes"
