"""What predict takes for texts: anything that holds them in an order, and one error otherwise."""

import re

import numpy as np
import pandas
import pyarrow
import pytest

from textlstm.checks import InputError
from textlstm.model.texts import listed_texts

TEXTS = ["late goal", "shares fall"]


@pytest.mark.parametrize(
    "given",
    [
        TEXTS,
        tuple(TEXTS),
        iter(TEXTS),
        (text for text in TEXTS),
        map(str, TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pandas.Series(TEXTS, index=[7, 3]),
        pandas.DataFrame({"text": TEXTS})["text"],
        pandas.Series(TEXTS, dtype="category"),
        pyarrow.array(TEXTS),
        pyarrow.chunked_array([TEXTS[:1], TEXTS[1:]]),
    ],
    ids=lambda given: type(given).__name__,
)
def test_texts_come_in_whatever_has_an_order(given):
    assert listed_texts(given) == TEXTS


def test_no_texts_are_no_mistake():
    assert listed_texts([]) == []
    assert listed_texts([""]) == [""]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("late goal", "got one string; write predict([text])"),
        (b"late goal", "got bytes (decode them first)"),
        (None, "predict takes a list of texts, got None."),
        (float("nan"), "predict takes a list of texts, got nan."),
        (5, "predict takes a list of texts, got 5."),
        (np.array("late goal"), "predict takes a list of texts, got array('late goal'"),
        ({"text": TEXTS}, "got a dict; give one column of it, such as list(d.values())"),
        (set(TEXTS), "got a set; give one column of it"),
        (pandas.DataFrame({"text": TEXTS}), "got a DataFrame; give one column of it"),
        (pyarrow.table({"text": TEXTS}), "got a Table; give one column of it"),
        ([*TEXTS, None], "texts[2] is None (NoneType); a text was expected. Leave it out"),
        ([float("nan"), *TEXTS], "texts[0] is nan (float); a text was expected"),
        (pandas.Series([*TEXTS, None]), "texts[2] is nan (float)"),
        (pandas.Series([*TEXTS, None], dtype="string"), "texts[2] is <NA> (NAType)"),
        (pyarrow.array([*TEXTS, None]), "texts[2] is None (NoneType)"),
        (iter([*TEXTS, 7]), "texts[2] is 7 (int)"),
        ([TEXTS], "texts[0] is ['late goal', 'shares fall'] (list)"),
        ([*TEXTS, b"goal"], "texts[2] is b'goal' (bytes)"),
        ([["goal"] * 99], "texts[0] is ['goal', 'goal', 'goal', 'goal', 'goal',… (list)"),
        (["goal \ud83d"], r"texts[0] holds half of a surrogate pair, '\ud83d' at character 5"),
    ],
)
def test_anything_else_is_one_error_with_the_position(given, message):
    with pytest.raises(InputError, match=re.escape(message)):
        listed_texts(given)
