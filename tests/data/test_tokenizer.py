"""Tokenizers: special tokens, normalisation, any language, unseen characters, saving and
repeatability.
"""

import random
import unicodedata

import pytest
import torch

from textlstm.checks import InputError
from textlstm.data.tokenizer import (
    KINDS,
    encode,
    kind_for,
    kind_of,
    load_tokenizer,
    train_tokenizer,
)

TEXTS = [
    "The striker scored twice in Porto.",
    "Shares fell as the bank warned!",
    "A bank, a striker; a win",
] * 20
every_kind = pytest.mark.parametrize("kind", KINDS)
subword_kinds = pytest.mark.parametrize("kind", ["bpe", "unigram"])
repeatable_kinds = pytest.mark.parametrize("kind", ["word", "bpe"])  # unigram's training is not


@pytest.fixture(scope="module")
def tokenizers():
    return {kind: train_tokenizer(TEXTS, kind=kind, vocab_size=300) for kind in KINDS}


@every_kind
def test_padding_is_0_and_unknown_is_1(tokenizers, kind):
    assert tokenizers[kind].token_to_id("[PAD]") == 0
    assert tokenizers[kind].token_to_id("[UNK]") == 1


@subword_kinds
@pytest.mark.parametrize(
    "text", ["[PAD]", "[UNK]", "win [PAD] win", "<0x41>", "[unk]", "<unk>", "</s>"]
)
def test_no_text_spells_a_special_token(tokenizers, kind, text):
    ids = tokenizers[kind].encode(text).ids
    assert ids
    assert not {0, 1} & set(ids)
    assert tokenizers[kind].token_to_id("<0x41>") not in ids


@pytest.mark.parametrize("text", ["[PAD]", "win [PAD] win", "[pad]"])
def test_no_text_spells_padding_in_words(tokenizers, text):
    ids = tokenizers["word"].encode(text).ids
    assert ids
    assert 0 not in ids


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("STRIKER", ["striker"]),
        ("Ｓｔｒｉｋｅｒ", ["striker"]),  # full width
        ("striker,bank!", ["striker", ",", "bank", "!"]),
        ("  the\tbank\n", ["the", "bank"]),
        ("the goalkeeper", ["the", "[UNK]"]),
    ],
)
def test_words_are_lower_case_nfkc_and_apart_from_punctuation(tokenizers, text, tokens):
    assert tokenizers["word"].encode(text).tokens == tokens


def test_an_unknown_word_is_1(tokenizers):
    assert tokenizers["word"].encode("goalkeeper").ids == [1]


@subword_kinds
def test_subwords_are_lower_case_and_nfkc(tokenizers, kind):
    plain = tokenizers[kind].encode("the striker").ids
    assert tokenizers[kind].encode("THE Striker").ids == plain
    assert tokenizers[kind].encode("ｔｈｅ striker").ids == plain


@subword_kinds
@pytest.mark.parametrize(
    "text", ["日本語のニュース", "Новости дня", "أخبار", "goal 😀👩‍🚒", "x\x00\u200b\ufffd"]
)
def test_unseen_scripts_and_emoji_become_bytes_not_unknown(tokenizers, kind, text):
    encoding = tokenizers[kind].encode(text)
    assert 1 not in encoding.ids
    assert any(token.startswith("<0x") for token in encoding.tokens)


@subword_kinds
def test_different_unseen_texts_stay_different(tokenizers, kind):
    assert tokenizers[kind].encode("日本").ids != tokenizers[kind].encode("中国").ids


@every_kind
def test_a_saved_tokenizer_gives_the_same_ids(tokenizers, kind):
    saved = tokenizers[kind].to_str()
    loaded = load_tokenizer(saved)
    for text in [*TEXTS[:3], "[PAD] 日本 😀", ""]:
        assert loaded.encode(text).ids == tokenizers[kind].encode(text).ids
    assert loaded.to_str() == saved


def test_a_tokenizer_of_someone_elses_is_refused(tokenizers):
    with pytest.raises(InputError, match=r"no \[PAD\] at id 0 and \[UNK\] at id 1"):
        load_tokenizer(tokenizers["word"].to_str().replace("[PAD]", "<pad>"))


@repeatable_kinds
def test_training_twice_gives_the_same_tokenizer(tokenizers, kind):
    assert train_tokenizer(TEXTS, kind=kind, vocab_size=300).to_str() == tokenizers[kind].to_str()


@pytest.mark.parametrize(
    ("kind", "vocab_size"), [("word", 7), ("bpe", 262), ("bpe", 290), ("unigram", 290)]
)
def test_the_vocabulary_has_the_size_asked_for(kind, vocab_size):
    tokenizer = train_tokenizer(TEXTS, kind=kind, vocab_size=vocab_size)
    assert tokenizer.get_vocab_size() <= vocab_size
    assert (
        max(tokenizer.get_vocab().values()) == tokenizer.get_vocab_size() - 1
    )  # no id beyond the embedding
    if kind != "unigram":
        assert tokenizer.get_vocab_size() == vocab_size


def test_a_vocabulary_of_words_keeps_the_most_frequent():
    tokenizer = train_tokenizer(["a a a b b c"], kind="word", vocab_size=4)
    assert tokenizer.get_vocab() == {"[PAD]": 0, "[UNK]": 1, "a": 2, "b": 3}


@pytest.mark.parametrize(
    ("kind", "vocab_size", "least"), [("word", 2, 2), ("bpe", 258, 258), ("unigram", 100, 258)]
)
def test_too_small_a_vocabulary_is_refused(kind, vocab_size, least):
    message = f"data.vocab_size must be above {least} for data.tokenizer={kind}.*got {vocab_size}"
    with pytest.raises(InputError, match=message):
        train_tokenizer(TEXTS, kind=kind, vocab_size=vocab_size)


def test_an_unknown_kind_is_refused():
    with pytest.raises(
        InputError, match=r"data.tokenizer must be one of word, bpe, unigram, got 'bpee'.*'bpe'"
    ):
        train_tokenizer(TEXTS, kind="bpee", vocab_size=300)


LANGUAGES = {
    "Chinese": ["阿里巴巴收购饿了么，市场反应热烈。", "球队在北京夺冠！", "股市大跌3.5%"],
    "Japanese": ["サッカー日本代表がワールドカップで勝利", "株価が急落した。", "ｶﾞｿﾘﾝ価格"],
    "Thai": ["ทีมชาติไทยชนะการแข่งขันน้ำใจ", "ตลาดหุ้นตก"],
    "Arabic": ["فاز الفريق بالمباراة،", "انخفضت أسعار الأسهم؟"],
    "Hindi": ["भारतीय टीम ने मैच जीता।", "शेयर बाज़ार गिरा"],
    "German": ["Größere Maßnahmen: Übung macht den Meister", "ẞTRASSE  und  Öl"],
    "emoji": ["goal 👩‍🚒🏽 wins 🇵🇹!", "😡😡 loss ❤️"],
}


def spelled(tokens):
    """The text that tokens of pieces and bytes stand for."""
    parts = [
        bytes.fromhex(token[3:5]) if token.startswith("<0x") else token.encode() for token in tokens
    ]
    return b"".join(parts).decode().replace("▁", " ").strip()


@subword_kinds
@pytest.mark.parametrize("language", LANGUAGES)
def test_subwords_spell_each_language_without_unknowns(kind, language):
    tokenizer = train_tokenizer(LANGUAGES[language] * 20, kind=kind, vocab_size=400)
    for text in [*LANGUAGES[language], "unseen: 𐍈ქ ʘ 쀍 🪿"]:
        encoding = tokenizer.encode(text)
        assert spelled(encoding.tokens) == " ".join(
            unicodedata.normalize("NFKC", text).lower().split()
        )
        assert not {0, 1} & set(encoding.ids)


@subword_kinds
def test_what_was_seen_needs_no_bytes(kind):
    tokenizer = train_tokenizer(LANGUAGES["Chinese"] * 20, kind=kind, vocab_size=400)
    assert not any(
        token.startswith("<0x")
        for text in LANGUAGES["Chinese"]
        for token in tokenizer.encode(text).tokens
    )


def test_a_small_vocabulary_of_bpe_spells_rare_characters_with_bytes():
    tokenizer = train_tokenizer(["aaa aab b", "鹿"], kind="bpe", vocab_size=261)
    assert tokenizer.encode("ab鹿").tokens == ["▁", "a", "b", "<0xE9>", "<0xB9>", "<0xBF>"]


def test_bpe_makes_no_token_of_a_whole_text_where_the_vocabulary_has_room_for_it():
    """Texts without spaces, such as Chinese reviews, that no other text repeats."""
    letters = random.Random(1)
    texts = ["".join(letters.choices("这个产品很好非常喜欢糟失望退货", k=16)) for _ in range(80)]
    encoded = encode(train_tokenizer(texts[:70], kind="bpe", vocab_size=5000), texts)
    learned, new = encoded.lengths[:70].float().mean(), encoded.lengths[70:].float().mean()
    assert learned > 0.7 * new


@pytest.fixture(scope="module")
def letters():
    """a is 2, b is 3, c is 4."""
    return train_tokenizer(["a a a b b c"], kind="word", vocab_size=5)


def test_encode_gives_whole_texts_end_to_end_with_lengths_and_unknowns(letters):
    encoded = encode(letters, ["a b", "", "c c c", "z c y", "z"])
    assert encoded.tokens.tolist() == [2, 3, 4, 4, 4, 1, 4, 1, 1]
    assert encoded.lengths.tolist() == [2, 0, 3, 3, 1]
    assert encoded.unknown.tolist() == [0, 0, 0, 2, 1]
    assert {part.dtype for part in encoded} == {torch.int32}


def test_texts_may_be_many_and_drawn_one_by_one(letters, monkeypatch):
    monkeypatch.setattr("textlstm.data.tokenizer.CHARACTERS", 4)
    encoded = encode(letters, (text for text in ["a b", "c", "", "z", "a a a a a", "b"]))
    assert encoded.tokens.tolist() == [2, 3, 4, 1, 2, 2, 2, 2, 2, 3]
    assert encoded.lengths.tolist() == [2, 1, 0, 1, 5, 1]
    assert encoded.unknown.tolist() == [0, 0, 0, 1, 0, 0]


@every_kind
@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_an_empty_text_has_no_tokens(tokenizers, kind, texts):
    encoded = encode(tokenizers[kind], texts)
    assert [part.tolist() for part in encoded] == [[], [0] * len(texts), [0] * len(texts)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The striker scored twice", "word"),
        ("Der Stürmer traf zweimal für 东京", "word"),
        ("нападающий забил дважды", "word"),
        ("공격수가 두 골을 넣었다", "word"),
        ("前锋进了两球 NBA", "bpe"),
        ("ストライカーが2点を決めた", "bpe"),
        ("กองหน้ายิงสองประตู", "bpe"),
        ("!? :-)", "bpe"),
        ("查余额", "bpe"),
        ("前锋 进 了 两 球", "word"),  # cut into words by another program
        ("体验2D巅峰 倚天屠龙记十大创新概览", "bpe"),
        ("กองหน้า ยิง สอง ประตู", "word"),
    ],
)
def test_texts_without_spaces_between_words_are_cut_into_pieces(text, kind):
    assert kind_for([text] * 3) == kind


def test_the_first_thousand_texts_choose_the_kind():
    assert kind_for(iter(["the striker"] * 1000 + ["前锋进了两球"] * 9000)) == "word"


@every_kind
def test_the_kind_of_a_saved_tokenizer_is_known(tokenizers, kind):
    assert kind_of(load_tokenizer(tokenizers[kind].to_str())) == kind
