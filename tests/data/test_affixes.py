"""Beginnings and ends of words: which tokens they are, and which words are read by them."""

import json
import random

import pytest
import torch
from tokenizers import pre_tokenizers

from textlstm.checks import InputError
from textlstm.data.tokenizer import encode, load_tokenizer, text_normalizer, train_tokenizer
from textlstm.data.vocabulary import PAD, UNK, affixes_of, token_ids

TEXTS = ["Craters craterlet the strike ......", "striker naïvely привет goal's 東京タワー界隈"]


def tokenizer_of(prefix_length=5, suffix_length=3, *, kind="word", vocab_size=300):
    return train_tokenizer(
        TEXTS,
        kind=kind,
        vocab_size=vocab_size,
        prefix_length=prefix_length,
        suffix_length=suffix_length,
    )


def names(tokenizer, text):
    return [tokenizer.id_to_token(number) for number in encode(tokenizer, [text]).tokens.tolist()]


def edited(tokenizer, change):
    described = json.loads(tokenizer.to_str())
    vocabulary = described["model"]["vocab"]
    tokens = change(sorted(vocabulary, key=vocabulary.__getitem__))
    described["model"]["vocab"] = {token: number for number, token in enumerate(tokens)}
    return json.dumps(described)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("craters, CRATER", ["craters", "[UNK]", "crate…"]),
        ("crate cratermaker", ["crate…", "crate…"]),
        ("crat strikes", ["[UNK]", "strik…"]),
        ("naïve приветы", ["naïve…", "приве…"]),
        ("naïvete\u0301 nai\u0308veté", ["naïve…", "naïve…"]),
        ("................. ..", [".....…", "[UNK]"]),
        ("東京タワーへ", ["東京タワー…"]),
        ("goal goalie", ["goal", "[UNK]"]),
        ("waters booklet WATERS", ["…ers", "…let", "…ers"]),
        ("cratelet", ["crate…"]),
        ("ers letter yes", ["…ers", "[UNK]", "[UNK]"]),
        ("совет 新界隈", ["…вет", "[UNK]"]),
        ("!?...", ["…..."]),
        ("the soothe", ["the", "[UNK]"]),
    ],
)
def test_an_unknown_word_is_read_as_its_beginning_or_else_its_end(text, tokens):
    assert names(tokenizer_of(), text) == tokens


@pytest.mark.parametrize("length", [1, 3, 8])
def test_beginnings_and_ends_have_the_lengths_that_are_asked_for(length):
    assert names(tokenizer_of(length, None), "craterlets") == ["craterlets"[:length] + "…"]
    assert names(tokenizer_of(None, length), "xcraterlet") == ["…" + "xcraterlet"[-length:]]
    found = affixes_of(tokenizer_of(length, 2))
    assert [{*map(len, affixes.ids)} for affixes in found] == [{length}, {2}]


def test_words_keep_their_ids_and_beginnings_and_then_ends_follow_them():
    plain, tokenizer = tokenizer_of(None, None), tokenizer_of()
    assert affixes_of(plain) == ()
    vocabulary, first = tokenizer.get_vocab(), plain.get_vocab_size()
    assert plain.get_vocab().items() <= vocabulary.items()
    beginnings, ends = affixes_of(tokenizer)
    assert beginnings.ids.keys() == {"crate", "strik", ".....", "naïve", "приве", "東京タワー"}
    assert ends.ids.keys() == {"ers", "let", "ike", "...", "ker", "ely", "вет", "oal", "ー界隈"}
    numbers = [*beginnings.ids.values(), *ends.ids.values()]
    assert sorted(numbers) == [*range(first, tokenizer.get_vocab_size())]
    assert max(beginnings.ids.values()) < min(ends.ids.values())


def test_each_word_has_the_ids_of_its_beginning_and_its_end():
    tokenizer = tokenizer_of()
    beginnings, ends = affixes_of(tokenizer)

    def parts(word):
        number = tokenizer.token_to_id(word)
        rows = [beginnings.of_token_V, ends.of_token_V]
        return [tokenizer.id_to_token(int(of_token_V[number])) for of_token_V in rows]

    assert len(beginnings.of_token_V) == len(ends.of_token_V) == tokenizer.get_vocab_size()
    assert parts("craters") == ["crate…", "…ers"]
    assert parts("craterlet") == ["crate…", "…let"]
    assert parts("goal") == ["[UNK]", "…oal"]
    assert [parts(word) for word in ("the", "s", "crate…", "…ers")] == [["[UNK]", "[UNK]"]] * 4
    for affixes in (beginnings, ends):
        assert affixes.of_token_V[[PAD, UNK]].tolist() == [PAD, UNK]


def test_any_text_has_as_many_ids_as_without_them_and_the_same_for_known_words():
    plain, tokenizer = tokenizer_of(None, None), tokenizer_of()
    beginnings, ends = (affixes.ids for affixes in affixes_of(tokenizer))
    draw = random.Random(0)
    letters = [*"cratesiknïveпривет東京タワ.' \u0301①ﬁ½…\n😀_İ", *["crater", "strike"] * 4]
    texts = ["".join(draw.choices(letters, k=draw.randint(0, 30))) for _ in range(2000)]
    rows = [encoding.ids for encoding in plain.encode_batch(texts)]
    found = token_ids(tokenizer, texts, tokenizer.encode_batch(texts))
    in_parts = 0
    for text, plain_T, found_T in zip(texts, rows, found, strict=True):
        normal = text_normalizer().normalize_str(text)
        pieces = pre_tokenizers.Whitespace().pre_tokenize_str(normal)
        for (word, _), known, number in zip(pieces, plain_T, found_T, strict=True):
            part = beginnings.get(word[:5], ends.get(word[-3:], UNK))
            assert number == (known if known != UNK else part)
            in_parts += known != number
    assert in_parts > 1000


def test_no_text_spells_the_token_of_a_part():
    assert names(tokenizer_of(), "the… …the") == ["the", "…...", "…...", "the"]
    assert names(tokenizer_of(4, None), "the… …the") == ["the", "[UNK]", "[UNK]", "the"]


def test_a_word_that_is_read_as_a_part_of_it_counts_as_known():
    encoded = encode(tokenizer_of(), ["cratered strikes", "goalie the waters", ""])
    assert encoded.lengths.tolist() == [2, 3, 0]
    assert encoded.unknown.tolist() == [0, 1, 0]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_vocabulary_of_parts_of_words_has_no_beginnings_or_ends_besides(kind):
    tokenizer = tokenizer_of(kind=kind, vocab_size=400)
    assert affixes_of(tokenizer) == ()
    assert not any("…" in token for token in tokenizer.get_vocab())


def test_words_that_are_all_shorter_have_no_beginnings_or_ends():
    tokenizer = tokenizer_of(100, 100)
    assert affixes_of(tokenizer) == ()
    assert names(tokenizer, "the stranger") == ["the", "[UNK]"]


def test_a_saved_tokenizer_reads_the_same_parts():
    tokenizer = tokenizer_of()
    text = "cratered waters приветы the unheard"
    again = load_tokenizer(tokenizer.to_str())
    assert again.to_str() == tokenizer.to_str()
    torch.testing.assert_close(encode(again, [text]).tokens, encode(tokenizer, [text]).tokens)


@pytest.mark.parametrize(
    "change",
    [
        lambda tokens: [*tokens[:2], "abcde…", *tokens[2:]],
        lambda tokens: [*tokens[:2], "…abc", *tokens[2:]],
        lambda tokens: [*tokens, "abcde…"],  # after the ends
        lambda tokens: [*tokens, "…ab"],
        lambda tokens: [*tokens, "word"],
        lambda tokens: [token for token in tokens if "…" not in token] + ["…"],
        lambda tokens: [token for token in tokens if "…" not in token] + ["…a…"],
        lambda tokens: [token for token in tokens if "…" not in token] + ["a" * 101 + "…"],
    ],
)
def test_beginnings_and_ends_of_several_lengths_or_before_words_are_refused(change):
    with pytest.raises(InputError, match="beginnings or ends of words before other tokens, or of"):
        load_tokenizer(edited(tokenizer_of(), change))
