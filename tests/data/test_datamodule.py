"""The data module: what is learned from which split, cut, counted and recorded."""

import logging
import re

import pytest

from helpers.headlines import OTHER, TRAIN, ids, texts
from helpers.small import data_module
from textlstm.checks import InputError
from textlstm.runs.data_report import data_warnings


def test_the_facts_of_the_splits_are_counted_on_whole_texts(prepare):
    rows = [*TRAIN[:10], *(("shares " * 20 + str(n), "money") for n in range(10, 20))]
    facts = prepare(rows, val_fraction=0.2, test_fraction=0.2, max_length=10).facts
    assert facts["splits"]["train"] == {
        "rows": 12,
        "classes": {"money": 6, "sports": 6},
        "mean_length": 7.5,
        "longest": 21,
        "cut_share": 0.5,
        "unknown_share": 0.0,
    }
    # Of each class the number alone is unknown: 4 of 2 × 5 + 2 × 21 tokens.
    assert facts["splits"]["test"]["unknown_share"] == 0.0769
    assert facts["columns"] == {"text": ["text"], "label": "label"}
    assert facts["empty"] == facts["duplicates"] == facts["dropped"] == {"train": 0}
    assert facts["conflicts"] == {"train": {"texts": 0, "rows": 0}}
    assert facts["rare"] == {}


def test_setup_again_changes_nothing(prepare):
    data = prepare(tokenizer="unigram")
    splits, encoded, tokenizer = data.splits, data.encoded, data.tokenizer
    for stage in ("fit", "validate", "test", None):
        data.setup(stage)
    assert data.splits is splits
    assert data.encoded is encoded
    assert data.tokenizer is tokenizer


def test_batches_hold_the_ids_and_labels_of_their_rows(prepare):
    data = prepare()
    for split, loader in (("train", data.train_dataloader()), ("test", data.test_dataloader())):
        for batch in loader:
            columns = (batch.tokens_BT, batch.lengths_B, batch.labels_B, batch.rows_B)
            for tokens_T, length, label, row in zip(*columns, strict=True):
                expected = data.tokenizer.encode(data.splits[split][int(row)]["text"]).ids
                assert tokens_T.tolist() == expected + [0] * (len(tokens_T) - len(expected))
                assert length == len(expected)
                assert label == data.splits[split][int(row)]["label"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_fraction": 1.0}, "data.val_fraction must be at least 0 and below 1, got 1"),
        ({"test_fraction": -0.1}, "data.test_fraction must be at least 0 and below 1, got -0.1"),
        (
            {"val_fraction": 0.5, "test_fraction": 0.5},
            r"val_fraction \+ data.test_fraction must be below 1.*0.5 \+ 0.5",
        ),
        ({"batch_size": 0}, "data.batch_size must be at least 1, got 0"),
        ({"max_length": 0}, "data.max_length must be at least 1, got 0"),
        ({"max_tokens_per_batch": 0}, "data.max_tokens_per_batch must be at least 1, got 0"),
        (
            {"truncate": "tial"},
            "data.truncate must be one of head, tail, head_tail, got 'tial'. Did you mean 'tail'",
        ),
        ({"drop_empty": "yes"}, "data.drop_empty must be true or false, got 'yes'"),
        ({"oversample": 1}, "data.oversample must be true or false, got 1"),
        (
            {"oversample": True, "class_weights": "balanced"},
            "data.oversample=true and data.class_weights=balanced both even the classes out; give "
            "one",
        ),
        ({"folds": 1, "fold": 0}, "data.folds must be at least 2, got 1"),
        (
            {"folds": 5},
            "data.folds=5 needs data.fold, the part that validates: data.fold=0,1,2,3,4 trains "
            "once for",
        ),
        ({"fold": 0}, "data.fold=0 needs data.folds, the number of parts, such as data.folds=5"),
        (
            {"folds": 5, "fold": 5},
            "data.fold must be below data.folds=5, got 5: the first fold is 0",
        ),
        ({"folds": 5, "fold": -1}, "data.fold must be at least 0, got -1"),
        ({"folds": 5, "fold": "0,1"}, "data.fold must be a whole number, got '0,1'"),
        (
            {"folds": 5, "fold": 0, "validation": "v.csv"},
            "data.validation=v.csv is given. Leave data.folds and",
        ),
        (
            {"folds": 5, "fold": 0, "refit": True},
            "data.refit=true trains on the rows of all folds together: leave",
        ),
        ({"refit": "yes"}, "data.refit must be true or false, got 'yes'"),
        ({"max_rows": 0}, "data.max_rows must be at least 1, got 0"),
        ({"train_share": 0}, "data.train_share must be above 0 and at most 1, got 0"),
        ({"train_share": 1.5}, "data.train_share must be above 0 and at most 1, got 1.5"),
        ({"vocab_size": "many"}, "data.vocab_size must be a whole number, got 'many'"),
        (
            {"tokenizer": "words"},
            "data.tokenizer must be one of word, bpe, unigram, got 'words'.*'word'",
        ),
        (
            {"pad_to": 35, "max_length": None},
            "data.pad_to=35 needs data.max_length of at most 35, got None",
        ),
        (
            {"pad_to": 35, "max_length": 36},
            "data.pad_to=35 needs data.max_length of at most 35, got 36",
        ),
    ],
)
def test_bad_values_are_refused_before_any_file_is_read(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        data_module(tmp_path, **{"train": "gone.csv", **options})


def test_max_rows_takes_so_many_and_always_the_same(prepare):
    one, again = prepare(max_rows=50), prepare(max_rows=50)
    assert sum(facts["rows"] for facts in one.facts["splits"].values()) == 50
    assert texts(one, "train") == texts(again, "train")
    assert {text.split()[0] for text in texts(one, "train")} == {
        "goal",
        "shares",
    }  # not the first 50


def test_max_rows_leaves_a_given_test_file_whole(prepare, write_rows):
    data = prepare(max_rows=50, test=write_rows("test.csv", OTHER))
    assert (
        len(texts(data, "test")),
        len(texts(data, "train")) + len(texts(data, "validation")),
    ) == (18, 50)


def test_train_share_takes_rows_from_training_alone_and_other_rows_for_other_seeds(prepare):
    whole, half, other = prepare(), prepare(train_share=0.5), prepare(train_share=0.5, seed=1)
    for split in ("validation", "test"):
        assert texts(half, split) == texts(whole, split)
    assert set(texts(half, "train")) < set(texts(whole, "train"))
    assert set(texts(half, "train")) != set(texts(other, "train"))
    rows = whole.facts["splits"]["train"]["rows"]
    assert half.facts["splits"]["train"]["rows"] == rows - half.facts["unused"] == rows // 2
    assert "unused" not in whole.facts
    assert data_warnings(half.facts) == [
        f"data.train_share: {rows // 2} training rows were left out."
    ]


def test_max_length_cuts_and_pad_to_fills(prepare):
    data = prepare(max_length=4, pad_to=6)
    assert {batch.tokens_BT.shape[1] for batch in data.train_dataloader()} == {6}
    assert int(data.encoded["train"].lengths.max()) == 4
    assert (
        data.facts["splits"]["train"]["cut_share"] == 0.4
    )  # "goal 7 in the match" has five tokens


def test_a_given_tokenizer_is_used(prepare, write_rows):
    first = prepare(tokenizer="unigram")
    second = prepare(OTHER, tokenizer="unigram", tokenizer_json=first.tokenizer.to_str())
    assert second.tokenizer.to_str() == first.tokenizer.to_str()


@pytest.mark.parametrize("batch_size", [1, 7, 8, 80, 1000])
def test_steps_per_epoch_are_the_loaders_batches(prepare, batch_size):
    data = prepare(batch_size=batch_size)
    assert (
        data.steps_per_epoch() == len(data.train_dataloader()) == len(list(data.train_dataloader()))
    )


def test_sources_are_recorded_with_whole_path_and_checksum(prepare, write_rows):
    test = write_rows("test.csv", OTHER)
    sources = prepare(test=test).facts["sources"]
    assert list(sources) == ["train", "test"]
    assert sources["test"]["path"] == test
    assert len(sources["test"]["sha256"]) == 64


def test_a_batch_size_of_one_and_a_test_file_of_one_row(prepare, write_rows):
    data = prepare(batch_size=1, test=write_rows("test.csv", OTHER[:1]))
    assert [batch.rows_B.tolist() for batch in data.test_dataloader()] == [[0]]


@pytest.mark.parametrize(
    ("truncate", "expected"),
    [
        ("head", ["one", "two", "three"]),
        ("tail", ["five", "six", "seven"]),
        ("head_tail", ["one", "two", "seven"]),
    ],
)
def test_truncate_says_which_tokens_stay(prepare, write_rows, truncate, expected):
    data = prepare(
        [*TRAIN, *((f"one two three four five six seven {n}", "money") for n in range(9))],
        test=write_rows("test.csv", [("one two three four five six seven", "money")]),
        max_length=3,
        truncate=truncate,
    )
    assert [data.tokenizer.id_to_token(token) for token in ids(data, "test")[0]] == expected
    assert data.facts["splits"]["test"]["cut_share"] == 1.0
    assert data.facts["splits"]["test"]["longest"] == 7


def test_no_batch_has_more_tokens_than_max_tokens_per_batch(prepare):
    data = prepare(
        [*TRAIN, *((f"word {'and ' * n} word {n}", "money") for n in range(60))],
        max_tokens_per_batch=40,
    )
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        sizes = [batch.tokens_BT.shape for batch in loader]
        assert len(sizes) == len(loader)
        assert all(rows == 1 or rows * width <= 40 for rows, width in sizes)
        assert max(rows for rows, _ in sizes) == 8


def test_many_unknown_words_are_named_with_the_rate_and_a_way_out(prepare, caplog):
    rows = [(f"word{n} the", "ab"[n % 2]) for n in range(100)]
    with caplog.at_level(logging.WARNING):
        prepare(rows)
    assert caplog.messages == [
        "50.0% of the words of validation are unknown to the vocabulary of 83 learned from "
        "training; "
        "data.tokenizer=bpe splits words into known parts."
    ]


def test_unknown_words_of_new_texts_are_about_those_that_stand_once_in_training(prepare):
    rows = [(f"word{n} the rare{n // 2}", "ab"[n % 2]) for n in range(1000)]
    data = prepare(rows, vocab_size=2000)
    train = " ".join(texts(data, "train")).split()
    once = sum(train.count(word) == 1 for word in {*train})
    assert data.unknown_words() == once / data.learned_rows() == pytest.approx(1.2, abs=0.1)
    validation = data.facts["splits"]["validation"]
    assert validation["unknown_share"] * 3 == pytest.approx(data.unknown_words(), abs=0.1)

    without_place = prepare(rows, vocab_size=10)  # for "the" and a few of the others
    assert without_place.unknown_words() == pytest.approx(2, abs=0.02)


def test_a_refit_counts_the_unknown_words_of_the_run_that_chose_its_epochs(prepare):
    rows = [(f"word{n} the rare{n // 2}", "ab"[n % 2]) for n in range(1000)]
    chosen = prepare(rows, vocab_size=2000)
    assert prepare(rows, vocab_size=2000, refit=True).unknown_words() == chosen.unknown_words()


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({}, "data.max_length=9 reads 90% of them whole, and takes longer."),
        ({"pad_to": 5}, "data.max_length=9 reads 90% of them whole with data.pad_to=9, and takes"),
    ],
)
def test_a_length_that_cuts_most_texts_is_named_with_one_that_does_not(
    prepare, caplog, options, remedy
):
    rows = [(f"{'goal ' * (n % 9)}{n}", "ab"[n % 2]) for n in range(180)]
    with caplog.at_level(logging.WARNING):
        prepare(rows, max_length=3, **options)
    [said] = [line for line in caplog.messages if "max_length" in line]
    assert re.match(
        r"6\d\.\d% of the training texts are longer than data\.max_length=3 tokens", said
    )
    assert f"and are cut; {remedy}" in said

    caplog.clear()
    with caplog.at_level(logging.WARNING):
        prepare(rows, max_length=6)
    assert not [line for line in caplog.messages if "max_length" in line]


@pytest.mark.parametrize("tokenizer", ["bpe", "unigram"])
def test_subwords_know_all_words(prepare, caplog, tokenizer):
    with caplog.at_level(logging.WARNING):
        data = prepare([(f"word{n} the", "ab"[n % 2]) for n in range(100)], tokenizer=tokenizer)
    assert caplog.messages == []
    assert data.facts["splits"]["test"]["unknown_share"] == 0.0


CHINESE = [(f"前锋{n % 7}进了{n % 5}球", "体育") for n in range(50)]
CHINESE += [(f"银行{n % 7}下调{n % 5}利率", "财经") for n in range(50)]


def test_texts_without_spaces_are_cut_into_pieces_unless_another_kind_is_named(prepare, caplog):
    with caplog.at_level(logging.INFO):
        data = prepare(CHINESE, tokenizer=None, vocab_size=400)
        words = prepare(CHINESE, tokenizer="word")
    assert data.facts["tokenizer"]["kind"] == "bpe"
    assert words.facts["tokenizer"]["kind"] == "word"
    said = [line for line in caplog.messages if "pieces" in line]
    assert said == [
        "The texts put no spaces between words, and are cut into pieces (bpe); data.tokenizer "
        "takes another kind."
    ]
    assert data.facts["splits"]["test"]["unknown_share"] == 0
    assert words.facts["splits"]["test"]["mean_length"] == 1


def test_a_given_tokenizer_says_its_own_kind(prepare):
    first = prepare(CHINESE, tokenizer="unigram")
    again = prepare(CHINESE, tokenizer_json=first.tokenizer.to_str())
    assert again.facts["tokenizer"]["kind"] == "unigram"
    assert not again.facts["tokenizer"]["reproducible"]


def test_a_run_is_not_resumed_on_other_rows(prepare, write_rows):
    data = prepare(test=write_rows("test.csv", OTHER))
    kept = data.state_dict()
    assert kept["sources"] == data.facts["sources"]
    data.load_state_dict(kept)
    other = prepare([*TRAIN, ("one more", "money")], test=write_rows("test.csv", OTHER))
    with pytest.raises(
        InputError, match=r"data\.train: .*train\.csv has changed since the run began"
    ):
        other.load_state_dict(kept)
    with pytest.raises(
        InputError, match=r"data\.test: .*test\.csv has changed since the run began"
    ):
        prepare().load_state_dict(kept)


def test_a_run_is_resumed_on_a_file_that_has_moved(prepare, write_rows):
    kept = prepare(test=write_rows("test.csv", OTHER)).state_dict()
    prepare(test=write_rows("moved.csv", OTHER)).load_state_dict(kept)
    other = prepare(test=write_rows("other.csv", OTHER[1:]))
    with pytest.raises(
        InputError,
        match=r"data\.test: .*other\.csv does not hold what .*test\.csv held when the run began",
    ):
        other.load_state_dict(kept)
