"""The data module: what is learned from which split, what is held out, dropped, weighted, cut,
evened out and kept.
"""

import errno
import logging
from collections import Counter

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value

from helpers.small import data_module
from textlstm.checks import InputError
from textlstm.data.duplicates import normalise

TRAIN = [(f"goal {n} in the match", "sports") for n in range(40)] + [
    (f"shares fall {n}", "money") for n in range(60)
]
OTHER = [(f"keeper saves penalty {n}", "sports") for n in range(9)] + [
    (f"bank lends {n}", "money") for n in range(9)
]


@pytest.fixture
def prepare(write_rows, tmp_path):
    """A data module after setup, on TRAIN unless told otherwise."""

    def prepare(train=TRAIN, **options):
        cache = options.pop("cache", tmp_path / "cache")
        data = data_module(cache, **{"train": write_rows("train.csv", train), **options})
        data.setup()
        return data

    return prepare


def texts(data, split):
    return data.splits[split]["text"][:]


def ids(data, split):
    """The ids of the texts of a split as training sees them."""
    encoded = data.encoded[split]
    batch = encoded.__getitems__(list(range(len(encoded))))
    return [
        tokens[:length]
        for tokens, length in zip(batch.tokens_BT.tolist(), batch.lengths_B.tolist(), strict=True)
    ]


def test_a_tenth_each_is_held_out_and_all_three_are_encoded(prepare):
    data = prepare()
    assert {split: facts["rows"] for split, facts in data.facts["splits"].items()} == {
        "train": 80,
        "validation": 10,
        "test": 10,
    }
    assert data.facts["splits"]["train"]["classes"] == {"money": 48, "sports": 32}
    assert data.class_names == ["money", "sports"]
    assert sorted(texts(data, "train") + texts(data, "validation") + texts(data, "test")) == sorted(
        t for t, _ in TRAIN
    )
    assert {split: len(encoded) for split, encoded in data.encoded.items()} == {
        "train": 80,
        "validation": 10,
        "test": 10,
    }


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


@pytest.mark.parametrize("tokenizer", ["word", "bpe"])
def test_vocabulary_and_training_ids_never_see_validation_and_test(prepare, write_rows, tokenizer):
    def prepared(validation, test):
        files = {
            "validation": write_rows("validation.csv", validation),
            "test": write_rows("test.csv", test),
        }
        return prepare(tokenizer=tokenizer, vocab_size=400, class_weights="balanced", **files)

    one = prepared(OTHER[::2], OTHER[1::2])
    other = prepared([("zebra zebra", "money")] * 30, [("quagga quagga quagga", "sports")] * 30)
    assert other.tokenizer.to_str() == one.tokenizer.to_str()
    assert ids(other, "train") == ids(one, "train")
    assert other.class_weights == one.class_weights
    if tokenizer == "word":
        assert ids(other, "test") == [[1, 1, 1]] * 30


def test_held_out_rows_are_not_in_the_vocabulary(prepare):
    data = prepare([(f"word{n}", "ab"[n % 2]) for n in range(100)])
    known = set(data.tokenizer.get_vocab())
    assert set(texts(data, "train")) <= known
    assert not known & {*texts(data, "validation"), *texts(data, "test")}
    assert data.facts["splits"]["train"]["unknown_share"] == 0.0
    assert data.facts["splits"]["test"]["unknown_share"] == 1.0


def test_validation_is_cut_from_train_where_only_test_is_given(prepare, write_rows):
    data = prepare(test=write_rows("test.csv", OTHER))
    assert texts(data, "test") == [text for text, _ in OTHER]
    assert len(texts(data, "validation")) == 10
    assert len(texts(data, "train")) == 90
    assert sorted(texts(data, "train") + texts(data, "validation")) == sorted(
        text for text, _ in TRAIN
    )


def test_the_test_rows_do_not_depend_on_how_many_validate(prepare):
    assert texts(prepare(val_fraction=0.1), "test") == texts(prepare(val_fraction=0.3), "test")


def test_test_is_cut_from_train_where_only_validation_is_given(prepare, write_rows):
    data = prepare(validation=write_rows("validation.csv", OTHER))
    assert texts(data, "validation") == [text for text, _ in OTHER]
    assert (len(texts(data, "test")), len(texts(data, "train"))) == (10, 90)


def test_validation_rows_that_stand_in_test_are_dropped_and_counted(prepare, write_rows):
    files = {
        "validation": write_rows("validation.csv", OTHER[:6] + OTHER[10:]),
        "test": write_rows("test.csv", OTHER[4:]),
    }
    data = prepare(**files)
    assert data.facts["dropped"] == {"validation": 10, "train": 0}
    assert texts(data, "validation") == [text for text, _ in OTHER[:4]]
    assert len(texts(data, "test")) == 14


def test_training_rows_that_stand_in_test_are_dropped_and_counted(prepare, write_rows, caplog):
    test = [*OTHER, (TRAIN[0][0].upper(), "sports"), (f" {TRAIN[1][0]} ", "sports"), TRAIN[99]]
    with caplog.at_level(logging.INFO):
        data = prepare(test=write_rows("test.csv", test))
    assert data.facts["dropped"] == {"train": 3}
    assert "3 train rows also stand in test: dropped." in caplog.text
    tested = {normalise(text) for text in texts(data, "test")}
    assert not tested & {
        normalise(text) for text in texts(data, "train") + texts(data, "validation")
    }
    assert len(texts(data, "train")) + len(texts(data, "validation")) == 97


def test_nothing_is_left_when_test_is_train(prepare, write_rows):
    message = (
        r"data\.train: each text of /.*/train\.csv also stands in /.*/test\.csv, so none is left "
        r"to train on\. Give"
    )
    with pytest.raises(InputError, match=message):
        prepare(test=write_rows("test.csv", TRAIN))


@pytest.mark.parametrize(("fractions", "missing"), [((0, 0.1), "validation"), ((0.1, 0), "test")])
def test_a_missing_split_is_not_borrowed(prepare, fractions, missing):
    with pytest.raises(
        InputError,
        match=f"There is no {missing} set: give data.{missing}=FILE or data.{missing[:3]}",
    ):
        prepare(val_fraction=fractions[0], test_fraction=fractions[1])


def test_no_fractions_are_needed_where_both_files_are_given(prepare, write_rows):
    files = {
        "validation": write_rows("validation.csv", OTHER[::2]),
        "test": write_rows("test.csv", OTHER[1::2]),
    }
    data = prepare(**files, val_fraction=0, test_fraction=0)
    assert texts(data, "train") == [text for text, _ in TRAIN]


def test_the_split_seed_alone_decides_what_is_held_out(prepare):
    first, same, other = prepare(seed=1), prepare(seed=2), prepare(seed=1, split_seed=43)
    assert texts(first, "test") == texts(same, "test")
    assert texts(first, "test") != texts(other, "test")
    orders = [
        [batch.rows_B.tolist() for batch in data.train_dataloader()] for data in (first, same)
    ]
    assert orders[0] != orders[1]


def test_folds_leave_the_test_rows_and_validate_each_other_row_once(prepare):
    plain = prepare()
    folds = [prepare(folds=5, fold=fold, val_fraction=0) for fold in range(5)]
    others = sorted(texts(plain, "train") + texts(plain, "validation"))
    for data in folds:
        assert texts(data, "test") == texts(plain, "test")
        assert sorted(texts(data, "train") + texts(data, "validation")) == others
        assert data.facts["splits"]["validation"]["rows"] == 18
    assert sorted(text for data in folds for text in texts(data, "validation")) == others
    assert [data.facts["fold"] for data in folds] == [
        {"fold": fold, "folds": 5} for fold in range(5)
    ]
    assert plain.facts["fold"] is None
    assert folds[0].tokenizer.to_str() != folds[1].tokenizer.to_str()
    assert texts(prepare(folds=5, fold=0, split_seed=7), "validation") != texts(
        folds[0], "validation"
    )


def test_folds_of_a_given_test_file_divide_all_of_train(prepare, write_rows):
    test = write_rows("test.csv", [*OTHER, TRAIN[0]])
    folds = [prepare(folds=3, fold=fold, test=test) for fold in range(3)]
    assert sorted(text for data in folds for text in texts(data, "validation")) == sorted(
        t for t, _ in TRAIN[1:]
    )
    assert {tuple(texts(data, "test")) for data in folds} == {
        (*(text for text, _ in OTHER), TRAIN[0][0])
    }


def test_classes_with_fewer_texts_than_folds_train_in_each(prepare, caplog):
    rows = [*TRAIN, *((f"odd one {n}", "odd") for n in range(4)), ("alone", "single")]
    data = [prepare(rows, folds=5, fold=fold, tokenizer="bpe") for fold in range(5)]
    assert {of.facts["splits"]["train"]["classes"]["odd"] for of in data} == {3}
    assert data[0].facts["rare"] == {"odd": 3, "single": 1}
    assert caplog.messages[-1] == (
        "2 of 4 classes have fewer texts than the 5 folds; all of these train: odd (3), single (1)."
    )
    with pytest.raises(
        InputError,
        match=r"data\.folds=90: no class has so many texts .* largest has 54\. Give fewer",
    ):
        prepare(folds=90, fold=0)


def test_a_refit_trains_on_validation_rows_too_and_tests_on_the_same(prepare):
    plain, refit = prepare(class_weights="balanced"), prepare(class_weights="balanced", refit=True)
    assert texts(refit, "test") == texts(plain, "test")
    assert sorted(texts(refit, "train")) == sorted(
        texts(plain, "train") + texts(plain, "validation")
    )
    assert [text for text, _ in TRAIN if text in texts(refit, "train")] == texts(
        refit, "train"
    )  # in their order
    assert (
        list(refit.encoded)
        == list(refit.splits)
        == list(refit.facts["splits"])
        == ["train", "test"]
    )
    held_out = [
        text for text, was in zip(texts(refit, "train"), refit.held_out, strict=True) if was
    ]
    assert held_out == texts(plain, "validation")
    assert (
        refit.facts["splits"]["train"]["unknown_share"] == 0.0
    )  # the vocabulary is learned from both
    assert refit.class_weights == pytest.approx([90 / (2 * 54), 90 / (2 * 36)])
    assert (plain.facts["refit"], refit.facts["refit"]) == (False, True)
    for batch in refit.train_dataloader():
        for row, length in zip(batch.rows_B.tolist(), batch.lengths_B.tolist(), strict=True):
            assert length == len(refit.tokenizer.encode(texts(refit, "train")[row]).ids)


def test_a_refit_takes_a_validation_file_into_training(prepare, write_rows):
    files = {
        "validation": write_rows("validation.csv", [*OTHER, TRAIN[3]]),
        "test": write_rows("test.csv", TRAIN[:2]),
    }
    data = prepare(**files, refit=True)
    assert texts(data, "train") == [text for text, _ in TRAIN[2:3] + TRAIN[4:] + OTHER] + [
        TRAIN[3][0]
    ]
    assert data.held_out.tolist() == [False] * 97 + [True] * 19
    assert ids(data, "train") == [data.tokenizer.encode(text).ids for text in texts(data, "train")]
    assert data.encoded["train"].labels_N.tolist() == data.splits["train"]["label"][:]
    assert list(data.facts["sources"]) == ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(None, None), ("balanced", [80 / (2 * 48), 80 / (2 * 32)]), ([1, 2.5], [1.0, 2.5])],
)
def test_class_weights(prepare, weights, expected):
    found = prepare(class_weights=weights).class_weights
    assert found == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("weights", [[1.0], [1.0, 2.0, 3.0], "balancd"])
def test_wrong_class_weights_are_refused(prepare, weights):
    message = (
        r"data.class_weights must be null, balanced or a list of 2 numbers "
        r"\(for money, sports\), got "
    )
    with pytest.raises(InputError, match=message):
        prepare(class_weights=weights)


@pytest.mark.parametrize("weights", [[1.0, -2.0], [1.0, "a"]])
def test_weights_that_are_no_weights_are_refused(prepare, weights):
    with pytest.raises(InputError, match=r"each of data\.class_weights must be"):
        prepare(class_weights=weights)


def test_balanced_weights_stay_finite_for_a_class_without_rows(prepare, tmp_path):
    features = Features(
        {"text": Value("string"), "label": ClassLabel(names=["money", "nobody", "sports"])}
    )
    rows = {
        "text": [text for text, _ in TRAIN],
        "label": [{"money": 0, "sports": 2}[label] for _, label in TRAIN],
    }
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "train.parquet")
    weights = prepare(class_weights="balanced").class_weights
    options = {"train": str(tmp_path / "train.parquet"), "class_weights": "balanced"}
    data = data_module(tmp_path / "cache", **options)
    data.setup()
    assert torch.tensor(data.class_weights).isfinite().all()
    assert data.class_weights[0] / data.class_weights[2] == pytest.approx(weights[0] / weights[1])


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


def test_max_length_cuts_and_pad_to_fills(prepare):
    data = prepare(max_length=4, pad_to=6)
    assert {batch.tokens_BT.shape[1] for batch in data.train_dataloader()} == {6}
    assert int(data.encoded["train"].lengths.max()) == 4
    assert (
        data.facts["splits"]["train"]["cut_share"] == 0.4
    )  # "goal 7 in the match" has five tokens


def fail(*arguments, **options):
    pytest.fail("done again")


@pytest.mark.parametrize("tokenizer", ["word", "bpe", "unigram"])
def test_what_is_done_once_is_not_done_again(prepare, monkeypatch, tokenizer):
    first = prepare(tokenizer=tokenizer)
    for work in ("rows._write", "encoding.train_tokenizer", "encoding.encode"):
        monkeypatch.setattr(f"textlstm.data.{work}", fail)
    second = prepare(tokenizer=tokenizer, seed=7, batch_size=3, max_length=2, truncate="tail")
    assert first.facts["tokenizer"]["read_from"] == "the training split"
    assert second.facts["tokenizer"]["read_from"] == "the cache"
    assert second.tokenizer.to_str() == first.tokenizer.to_str()
    assert ids(second, "train") == [text[-2:] for text in ids(first, "train")]


@pytest.mark.parametrize(
    ("change", "work"),
    [
        ({"train": [*TRAIN, ("one more", "money")]}, "rows._write"),
        ({"train": [*TRAIN, ("one more", "money")]}, "encoding.train_tokenizer"),
        ({"split_seed": 43}, "encoding.train_tokenizer"),
        ({"vocab_size": 299}, "encoding.train_tokenizer"),
        ({"tokenizer": "bpe"}, "encoding.train_tokenizer"),
        ({"tokenizer": "bpe"}, "encoding.encode"),
        ({"vocab_size": 20}, "encoding.encode"),
    ],
)
def test_what_depends_on_a_change_is_done_again(prepare, monkeypatch, change, work):
    prepare()
    monkeypatch.setattr(f"textlstm.data.{work}", fail)
    with pytest.raises(pytest.fail.Exception, match="done again"):
        prepare(**change)


def test_texts_that_are_not_trained_on_do_not_touch_the_tokenizer(prepare, write_rows):
    one = prepare(
        test=write_rows("test.csv", OTHER[2:]), validation=write_rows("validation.csv", OTHER[:2])
    )
    other = prepare(
        test=write_rows("test.csv", OTHER[:3]), validation=write_rows("validation.csv", OTHER[-1:])
    )
    assert other.facts["tokenizer"]["read_from"] == "the cache"
    assert other.tokenizer.to_str() == one.tokenizer.to_str()


def test_the_cache_holds_rows_ids_and_a_tokenizer_and_nothing_unfinished(
    prepare, write_rows, tmp_path
):
    prepare(test=write_rows("test.csv", OTHER))
    kinds = Counter(entry.name.partition("-")[0] for entry in (tmp_path / "cache").iterdir())
    assert kinds == {"rows": 2, "ids": 2, "tokenizer": 1}


@pytest.mark.parametrize(
    ("entry", "file"),
    [("ids", "ids.safetensors"), ("tokenizer", "tokenizer.json"), ("rows", "rows.arrow")],
)
@pytest.mark.parametrize("left", [0, 20, None])
def test_what_is_damaged_in_the_cache_is_made_anew(prepare, tmp_path, entry, file, left):
    first = prepare()
    [damaged] = (tmp_path / "cache").glob(f"{entry}-*/{file}")
    whole = damaged.read_bytes()
    damaged.unlink()  # and not changed in place: the first one has it in its memory
    if left is not None:
        damaged.write_bytes(whole[:left])
    second = prepare()
    assert damaged.read_bytes() == whole
    assert ids(second, "train") == ids(first, "train")
    assert len(list((tmp_path / "cache").iterdir())) == 3


@pytest.mark.parametrize(
    ("work", "left"), [("write_text", []), ("write_bytes", ["rows", "tokenizer"])]
)
def test_a_full_disk_is_an_error_of_the_user_and_leaves_nothing_half_written(
    prepare, monkeypatch, tmp_path, work, left
):
    def full(self, *_, **__):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"pathlib.Path.{work}", full)
    with pytest.raises(
        InputError,
        match=r"^cache: .* could not be written \(ENOSPC\); nothing of it was kept\. Free",
    ):
        prepare()
    assert sorted(entry.name.partition("-")[0] for entry in (tmp_path / "cache").iterdir()) == left


def test_a_tokenizer_that_fails_leaves_no_entry(prepare, monkeypatch, tmp_path):
    monkeypatch.setattr("textlstm.data.encoding.train_tokenizer", fail)
    with pytest.raises(pytest.fail.Exception):
        prepare()
    assert [entry.name.partition("-")[0] for entry in (tmp_path / "cache").iterdir()] == ["rows"]


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


def test_dropped_rows_are_counted(prepare, write_rows):
    data = prepare(
        [*TRAIN, ("", "money"), ("  ", "sports"), ("a text", "")],
        test=write_rows("test.csv", [*OTHER, ("", "money")]),
        drop_empty=True,
    )
    assert data.facts["empty"] == {"train": 3, "test": 1}
    assert sum(data.facts["splits"][split]["rows"] for split in ("train", "validation")) == 100


def test_named_classes_and_joined_columns_in_another_encoding(tmp_path):
    rows = [f"goal {n};in the match;2" for n in range(10)] + [
        f"shares {n};fall;1" for n in range(9)
    ]
    content = "\n".join(["title;body;y", *rows, "Zwölf Tore;;2"])
    (tmp_path / "rows.csv").write_bytes(content.encode("latin-1"))
    columns = {
        "text_column": ["title", "body"],
        "label_column": "y",
        "label_names": ["money", "sports"],
    }
    options = {**columns, "train": str(tmp_path / "rows.csv"), "encoding": "latin-1"}
    data = data_module(tmp_path / "cache", **options)
    data.setup()
    assert data.class_names == ["money", "sports"]
    found = {row["text"]: row["label"] for split in data.splits.values() for row in split}
    assert len(found) == 20
    assert (found["goal 3 in the match"], found["shares 3 fall"], found["Zwölf Tore"]) == (1, 0, 1)
    assert data.facts["columns"] == {"text": ["title", "body"], "label": "y"}


def test_duplicates_and_conflicts_are_counted_and_the_conflicts_named(prepare, caplog):
    rows = [
        *TRAIN,
        TRAIN[0],
        ("GOAL 1  in the match", "sports"),
        ("Goal 2 in the match", "money"),
        ("oil", "money"),
    ]
    with caplog.at_level(logging.WARNING):
        data = prepare([*rows, ("OIL", "sports"), ("Oil", "sports")], tokenizer="bpe")
    assert data.facts["duplicates"] == {"train": 5}
    assert data.facts["conflicts"] == {"train": {"texts": 2, "rows": 5}}
    assert caplog.messages == [
        "data.train: 2 texts stand with more than one label, in 5 rows, such as 'goal 2 in the "
        "match'."
    ]
    sides = [
        {normalise(text) for text in texts(data, split)}
        for split in ("train", "validation", "test")
    ]
    assert len(set.union(*sides)) == sum(map(len, sides)) == 101


def test_rare_classes_are_all_in_training_with_one_warning(prepare, caplog):
    rare = [("only text", "odd"), ("Only  TEXT", "odd"), ("one", "few"), ("two", "few")]
    with caplog.at_level(logging.WARNING):
        data = prepare([*TRAIN, *rare], tokenizer="bpe")
    assert data.facts["rare"] == {"few": 2, "odd": 1}
    assert caplog.messages == [
        "2 of 4 classes have fewer texts than the 3 splits; all of these train: few (2), odd (1)."
    ]
    assert data.class_names == ["few", "money", "odd", "sports"]
    assert data.facts["splits"]["train"]["classes"] == {
        "few": 2,
        "money": 48,
        "odd": 2,
        "sports": 32,
    }
    assert data.facts["splits"]["validation"]["classes"] == {
        "few": 0,
        "money": 6,
        "odd": 0,
        "sports": 4,
    }
    assert data.facts["splits"]["test"]["classes"] == {"few": 0, "money": 6, "odd": 0, "sports": 4}


UNSEEN = [("a goal in time", "sport"), ("a profit in time", "money"), ("an odd thing", "odd")]


def test_rows_of_classes_that_training_lacks_are_kept_with_one_warning(prepare, write_rows, caplog):
    test = write_rows("test.csv", UNSEEN)
    validation = write_rows("validation.csv", [("another odd thing", "odd"), ("a cup", "sports")])
    data = prepare(validation=validation, test=test, tokenizer="bpe")
    assert data.class_names == ["money", "sports"]
    assert data.encoded["test"].labels_N.tolist() == [2, 0, 3]
    assert data.encoded["test"].unseen == ["sport", "odd"]
    assert data.facts["unseen"] == {
        "train": {},
        "validation": {"odd": 1},
        "test": {"sport": 1, "odd": 1},
    }
    assert data.facts["splits"]["test"]["rows"] == 3
    assert sum(data.facts["splits"]["test"]["classes"].values()) == 1
    said = [line.message for line in caplog.records if line.levelname == "WARNING"]
    assert said == [
        "3 rows have a class that no training row has, so that it cannot be predicted, and will "
        "count as wrong (data.validation: odd 1; data.test: sport 1, odd 1). Did you mean 'sports'?"
    ]


def test_a_refit_leaves_out_validation_rows_of_classes_that_training_lacks(prepare, write_rows):
    rows = [
        ("odd thing", "odd"),
        ("a late goal", "sports"),
        ("more odd", "odd"),
        ("a loss", "money"),
    ]
    data = prepare(validation=write_rows("validation.csv", rows), refit=True)
    trained = [text for text in data.splits["train"]["text"][:] if text in dict(rows)]
    assert trained == ["a late goal", "a loss"]
    late = [row for row, held_out in enumerate(data.held_out) if held_out]
    assert [data.splits["train"]["text"][row] for row in late] == trained
    assert [data.class_names[data.encoded["train"].labels_N[row]] for row in late] == [
        "sports",
        "money",
    ]
    assert data.facts["unseen"]["validation"] == {"odd": 2}


def test_no_known_class_left_to_validate_on_is_refused(prepare, write_rows):
    test = write_rows("test.csv", [("a cup", "sports")])
    validation = write_rows("validation.csv", [("a cup", "sports"), ("odd thing", "odd")])
    with pytest.raises(InputError, match=r"data\.validation: the rows of .*validation\.csv whose"):
        prepare(validation=validation, test=test)


def test_too_few_rows_to_split_are_refused(prepare):
    message = (
        r"data\.train has 3 different texts in 4 rows, too few to split: give at least 3 of a "
        r"class, or files of your"
    )
    with pytest.raises(InputError, match=message):
        prepare([("one", "a"), ("ONE", "a"), ("three", "b"), ("four", "b")])


def test_one_class_left_by_max_rows_is_refused(prepare):
    message = (
        r"data\.train has one class of 2 left to train on, in 3 rows; give more rows than "
        r"data\.max_rows=5\.$"
    )
    with pytest.raises(InputError, match=message):
        prepare([("one", "money"), *((f"goal {n}", "sports") for n in range(200))], max_rows=5)


def test_one_class_left_by_the_test_file_is_refused(prepare, write_rows):
    rows = [*((f"goal {n}", "sports") for n in range(9)), ("one", "money")]
    with pytest.raises(
        InputError, match=r"data\.train has one class of 2 left to train on, in 8 rows;"
    ):
        prepare(rows, test=write_rows("test.csv", [("ONE", "money")]))


def test_oversampling_evens_the_classes_out_in_training_alone(prepare):
    rows = [(f"goal {n}", "sports") for n in range(10)] + [
        (f"fall {n}", "money") for n in range(47)
    ]
    data = prepare([*rows, *((f"law {n}", "world") for n in range(20))], oversample=True)
    assert data.facts["splits"]["train"]["classes"] == {"money": 37, "sports": 8, "world": 16}
    for epoch in range(2):
        loader = data.train_dataloader()
        loader.batch_sampler.set_epoch(epoch)
        drawn = Counter(row for batch in loader for row in batch.rows_B.tolist())
        assert set(drawn) == set(range(61))
        times = {label: [] for label in (0, 1, 2)}
        for row, count in drawn.items():
            times[data.splits["train"][row]["label"]].append(count)
        assert [sum(of_class) for of_class in times.values()] == [37, 37, 37]
        assert set(times[0]) == {1}
        assert set(times[1]) == {4, 5}
        assert set(times[2]) == {2, 3}
    assert data.steps_per_epoch() == len(list(data.train_dataloader())) == 14
    for split, loader in (("validation", data.val_dataloader()), ("test", data.test_dataloader())):
        assert sorted(row for batch in loader for row in batch.rows_B.tolist()) == list(
            range(len(data.splits[split]))
        )


def test_oversampling_repeats_the_same_rows_in_every_run(prepare):
    rows = [*TRAIN[:10], *TRAIN[40:]]
    one, again = prepare(rows, oversample=True, seed=1), prepare(rows, oversample=True, seed=2)
    drawn = [
        sorted(r for batch in data.train_dataloader() for r in batch.rows_B.tolist())
        for data in (one, again)
    ]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 96


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


@pytest.mark.parametrize("tokenizer", ["bpe", "unigram"])
def test_subwords_know_all_words(prepare, caplog, tokenizer):
    with caplog.at_level(logging.WARNING):
        data = prepare([(f"word{n} the", "ab"[n % 2]) for n in range(100)], tokenizer=tokenizer)
    assert caplog.messages == []
    assert data.facts["splits"]["test"]["unknown_share"] == 0.0


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
