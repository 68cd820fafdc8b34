"""Words of a text as it was typed, and the tokens and terms that belong to them."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textlstm.data.tokenizer import KINDS, train_tokenizer
from textlstm.model.wide import n_grams
from textlstm.model.word_spans import find_words, located_n_grams, token_words

LEARNED = ["the cat sat on the mat", "café naïve don't stop", "Fußball in Zürich (live)"]
ODD = [
    "Cafe\u0301  Naïve!",
    "  The ﬁrst ½ (x) don't ",
    "İstanbul 😀 cat👨\u200d👩\u200d👧mat",
    "日本語 ｆｕｌｌ",
    "a\u200bb \x00c\x85d",
    "ΟΔΟΣ €5",
    "\u0301 \u0301x",
    "ﷺ ①②",
    "ヿ ㍿が",  # one letter becomes several
    "\u1106\u1161\u1109\u1175\u11af\u1101\u1161 해요",  # several letters become one
]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return train_tokenizer(LEARNED, kind=request.param, vocab_size=320)


def spans(tokenizer, text):
    words = find_words(text, tokenizer.encode_batch([text])[0])
    return [(text[start:end], start, end) for start, end in zip(*words, strict=True)]


def test_words_are_cut_from_the_text_as_typed(tokenizer):
    found = spans(tokenizer, "  Cafe\u0301, NAÏVE  ﬁsh ½ 😀")
    assert [word for word, _, _ in found] == ["Cafe\u0301", ",", "NAÏVE", "ﬁsh", "½", "😀"]
    assert found[2] == ("NAÏVE", 9, 14)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_a_text_without_words_has_none(tokenizer, text):
    assert spans(tokenizer, text) == []


def check_words(tokenizer, text):
    """Each character but spaces is in one word, and each token is part of a word."""
    encoding = tokenizer.encode_batch([text])[0]
    words = find_words(text, encoding)
    covered = Counter(
        place
        for start, end in zip(*words, strict=True)
        for place in range(start, end)
        if not text[place].isspace()
    )
    assert covered == Counter(place for place, letter in enumerate(text) if not letter.isspace())
    of_token = token_words(words, text, encoding)
    assert len(of_token) == len(encoding.ids)
    assert all(0 <= word < len(words.starts) for word in of_token)
    assert of_token == sorted(of_token)


@pytest.mark.parametrize("text", ODD)
def test_every_character_belongs_to_one_word_and_every_token_to_a_word(tokenizer, text):
    check_words(tokenizer, text)


WORD_TOKENIZER = train_tokenizer(LEARNED, kind="word", vocab_size=50)


@given(text=st.text(max_size=30))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_words_of_any_text(text):
    check_words(WORD_TOKENIZER, text)


def check_terms(text, unit, longest):
    located = list(located_n_grams(text, unit, longest))
    assert Counter(term for term, _ in located) == Counter(n_grams(text, unit, longest))
    for _, places in located:
        assert all(not text[place].isspace() for place in places)


@pytest.mark.parametrize("unit", ["word", "character", "both"])
@pytest.mark.parametrize("text", [*ODD, *LEARNED, "", "a b", "the the the cat"])
def test_located_terms_are_the_terms_of_the_wide_channel(text, unit):
    check_terms(text, unit, 3)


@given(text=st.text(max_size=30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_located_terms_of_any_text(text):
    check_terms(text, "both", 2)


def test_terms_stand_at_their_words_and_characters():
    located = list(located_n_grams("İs on ok", "both", 2))
    assert ("on ok", [3, 6]) in located
    assert ("ok", [6]) in located
    assert (" on ", [3, 3, 4, 4]) in located
    assert ("i̇s", [0, 0, 1]) in located
