"""Near duplicates: what counts as one, which of a group is taken, and in what order."""

import random

import numpy as np
import pytest

from textlstm.model import near_duplicates
from textlstm.model.near_duplicates import first_of_each_group

NEWS = "Dockers in Antwerp vote to end their strike after the owners offer a new contract"


@pytest.mark.parametrize(
    ("other", "near"),
    [
        (
            "  DOCKERS in Antwerp vote to end their strike after the owners offer a new contract",
            True,
        ),
        (NEWS.replace("Antwerp", "Bremen"), True),
        (NEWS + "!", True),
        (NEWS.replace("a new contract", "nothing"), True),
        ("Dockers in Antwerp vote for a strike since the owners refuse a new contract", False),
        ("Shares of three shipping companies fall after the vote of the dockers", False),
        ("", False),
    ],
)
def test_texts_of_mostly_the_same_words_are_near_duplicates(other, near):
    assert len(first_of_each_group([NEWS, other], np.arange(2), 9)) == (1 if near else 2)


def test_chinese_texts_without_spaces_are_compared_as_well():
    texts = [
        "北京大学的研究人员发现了一种新的材料",
        "北京大学的研究人员发现了一种新的材料。",
        "股市今天下跌",
    ]
    assert first_of_each_group(texts, np.arange(3), 9) == [0, 2]


def test_the_first_in_order_stands_for_its_group():
    texts = [NEWS, "nothing like it", NEWS.replace("Antwerp", "Bremen"), "nothing like it"]
    assert first_of_each_group(texts, np.array([3, 2, 1, 0]), 9) == [3, 2]
    assert first_of_each_group(texts, np.array([0, 1, 2, 3]), 9) == [0, 1]
    assert first_of_each_group(texts, np.array([0, 1, 2, 3]), 1) == [0]
    assert first_of_each_group([], np.arange(0), 1) == []


def test_blocks_that_are_compared_at_once_change_nothing(monkeypatch):
    chance = random.Random(0)
    words = ["dockers", "owners", "strike", "contract", "harbour", "vote", "wages", "ships"]
    texts = [" ".join(chance.choices(words, k=6)) for _ in range(300)]
    order = np.random.default_rng(0).permutation(300)
    whole = first_of_each_group(texts, order, 300)
    assert 20 < len(whole) < 200
    monkeypatch.setattr(near_duplicates, "TOGETHER", 7)
    assert first_of_each_group(texts, order, 300) == whole
    assert first_of_each_group(texts, order, 9) == whole[:9]
