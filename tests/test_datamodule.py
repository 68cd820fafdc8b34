"""The data module: what is learned from which split, what is held out, dropped, weighted, cut and cached."""

import csv
import logging

import datasets
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value
from small import DATA as OPTIONS

from textlstm.checks import InputError
from textlstm.datamodule import TextDataModule
from textlstm.splits import normalise

TRAIN = [(f"goal {n} in the match", "sports") for n in range(40)] + [(f"shares fall {n}", "money") for n in range(60)]
OTHER = [(f"keeper saves penalty {n}", "sports") for n in range(9)] + [(f"bank lends {n}", "money") for n in range(9)]


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf_cache")


@pytest.fixture
def write(tmp_path):
    def write(name, rows):
        with open(tmp_path / name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return str(tmp_path / name)

    return write


@pytest.fixture
def prepare(write):
    """A data module after setup, on TRAIN unless told otherwise."""

    def prepare(train=TRAIN, **options):
        data = TextDataModule(**{**OPTIONS, "train": write("train.csv", train), **options})
        data.setup()
        return data

    return prepare


def texts(data, split):
    return data.splits[split]["text"][:]


def test_a_tenth_each_is_held_out_and_all_three_are_encoded(prepare):
    data = prepare()
    assert {split: facts["rows"] for split, facts in data.facts["splits"].items()} == {
        "train": 80,
        "validation": 10,
        "test": 10,
    }
    assert data.facts["splits"]["train"]["classes"] == {"money": 48, "sports": 32}
    assert data.labels == ["money", "sports"]
    assert sorted(texts(data, "train") + texts(data, "validation") + texts(data, "test")) == sorted(t for t, _ in TRAIN)
    assert {split: len(encoded) for split, encoded in data.encoded.items()} == {
        "train": 80,
        "validation": 10,
        "test": 10,
    }


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
            for tokens_T, length, label, row in zip(*batch, strict=True):
                ids = data.tokenizer.encode(data.splits[split][int(row)]["text"]).ids
                assert tokens_T.tolist() == ids + [0] * (len(tokens_T) - len(ids))
                assert length == len(ids)
                assert label == data.splits[split][int(row)]["label"]


@pytest.mark.parametrize("tokenizer", ["word", "bpe"])
def test_vocabulary_and_training_ids_never_see_validation_and_test(prepare, write, tokenizer):
    def prepared(validation, test):
        files = {"validation": write("validation.csv", validation), "test": write("test.csv", test)}
        return prepare(tokenizer=tokenizer, vocab_size=400, class_weights="balanced", **files)

    one = prepared(OTHER[::2], OTHER[1::2])
    other = prepared([("zebra zebra", "money")] * 30, [("quagga quagga quagga", "sports")] * 30)
    assert other.tokenizer.to_str() == one.tokenizer.to_str()
    assert torch.equal(other.encoded["train"].tokens, one.encoded["train"].tokens)
    assert other.class_weights == one.class_weights
    if tokenizer == "word":
        assert set(other.encoded["test"].tokens.tolist()) == {1}


def test_held_out_rows_are_not_in_the_vocabulary(prepare):
    data = prepare([(f"word{n}", "ab"[n % 2]) for n in range(100)])
    known = set(data.tokenizer.get_vocab())
    assert set(texts(data, "train")) <= known
    assert not known & {*texts(data, "validation"), *texts(data, "test")}
    assert data.facts["splits"]["train"]["unknown_share"] == 0.0
    assert data.facts["splits"]["test"]["unknown_share"] == 1.0


def test_validation_is_cut_from_train_where_only_test_is_given(prepare, write):
    data = prepare(test=write("test.csv", OTHER))
    assert texts(data, "test") == [text for text, _ in OTHER]
    assert len(texts(data, "validation")) == 10
    assert len(texts(data, "train")) == 90
    assert sorted(texts(data, "train") + texts(data, "validation")) == sorted(text for text, _ in TRAIN)


def test_the_test_rows_do_not_depend_on_how_many_validate(prepare):
    assert texts(prepare(val_fraction=0.1), "test") == texts(prepare(val_fraction=0.3), "test")


def test_test_is_cut_from_train_where_only_validation_is_given(prepare, write):
    data = prepare(validation=write("validation.csv", OTHER))
    assert texts(data, "validation") == [text for text, _ in OTHER]
    assert (len(texts(data, "test")), len(texts(data, "train"))) == (10, 90)


def test_validation_rows_that_stand_in_test_are_dropped_and_counted(prepare, write):
    files = {"validation": write("validation.csv", OTHER[:6] + OTHER[10:]), "test": write("test.csv", OTHER[4:])}
    data = prepare(**files)
    assert data.facts["dropped"] == {"validation": 10, "train": 0}
    assert texts(data, "validation") == [text for text, _ in OTHER[:4]]
    assert len(texts(data, "test")) == 14


def test_training_rows_that_stand_in_test_are_dropped_and_counted(prepare, write, caplog):
    test = [*OTHER, (TRAIN[0][0].upper(), "sports"), (f" {TRAIN[1][0]} ", "sports"), TRAIN[99]]
    with caplog.at_level(logging.INFO):
        data = prepare(test=write("test.csv", test))
    assert data.facts["dropped"] == {"train": 3}
    assert "3 train rows also stand in test: dropped." in caplog.text
    tested = {normalise(text) for text in texts(data, "test")}
    assert not tested & {normalise(text) for text in texts(data, "train") + texts(data, "validation")}
    assert len(texts(data, "train")) + len(texts(data, "validation")) == 97


def test_nothing_is_left_when_test_is_train(prepare, write):
    with pytest.raises(InputError, match="Every train row also stands in test: no row of train is left"):
        prepare(test=write("test.csv", TRAIN))


@pytest.mark.parametrize(("fractions", "missing"), [((0, 0.1), "validation"), ((0.1, 0), "test")])
def test_a_missing_split_is_not_borrowed(prepare, fractions, missing):
    with pytest.raises(InputError, match=f"There is no {missing} set: give data.{missing}=FILE or data.{missing[:3]}"):
        prepare(val_fraction=fractions[0], test_fraction=fractions[1])


def test_no_fractions_are_needed_where_both_files_are_given(prepare, write):
    files = {"validation": write("validation.csv", OTHER[::2]), "test": write("test.csv", OTHER[1::2])}
    data = prepare(**files, val_fraction=0, test_fraction=0)
    assert texts(data, "train") == [text for text, _ in TRAIN]


def test_the_split_seed_alone_decides_what_is_held_out(prepare):
    first, same, other = prepare(seed=1), prepare(seed=2), prepare(seed=1, split_seed=43)
    assert texts(first, "test") == texts(same, "test")
    assert texts(first, "test") != texts(other, "test")
    orders = [[batch.rows_B.tolist() for batch in data.train_dataloader()] for data in (first, same)]
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(None, None), ("balanced", [80 / (2 * 48), 80 / (2 * 32)]), ([1, 2.5], [1.0, 2.5])],
)
def test_class_weights(prepare, weights, expected):
    found = prepare(class_weights=weights).class_weights
    assert found == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("weights", [[1.0], [1.0, 2.0, 3.0], "balancd"])
def test_wrong_class_weights_are_refused(prepare, weights):
    message = r"data.class_weights must be null, balanced or a list of 2 numbers \(for money, sports\), got "
    with pytest.raises(InputError, match=message):
        prepare(class_weights=weights)


@pytest.mark.parametrize("weights", [[1.0, -2.0], [1.0, "a"]])
def test_weights_that_are_no_weights_are_refused(prepare, weights):
    with pytest.raises(InputError, match=r"each of data\.class_weights must be"):
        prepare(class_weights=weights)


def test_balanced_weights_stay_finite_for_a_class_without_rows(prepare, tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["money", "nobody", "sports"])})
    rows = {"text": [text for text, _ in TRAIN], "label": [{"money": 0, "sports": 2}[label] for _, label in TRAIN]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "train.parquet")
    weights = prepare(class_weights="balanced").class_weights
    data = TextDataModule(**{**OPTIONS, "train": str(tmp_path / "train.parquet"), "class_weights": "balanced"})
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
        ({"max_rows": 0}, "data.max_rows must be at least 1, got 0"),
        ({"vocab_size": "many"}, "data.vocab_size must be a whole number, got 'many'"),
        ({"tokenizer": "words"}, "data.tokenizer must be one of word, bpe, unigram, got 'words'.*'word'"),
        ({"pad_to": 35, "max_length": None}, "data.pad_to=35 needs data.max_length of at most 35, got None"),
        ({"pad_to": 35, "max_length": 36}, "data.pad_to=35 needs data.max_length of at most 35, got 36"),
    ],
)
def test_bad_values_are_refused_before_any_file_is_read(options, message):
    with pytest.raises(InputError, match=message):
        TextDataModule(**{**OPTIONS, "train": "gone.csv", **options})


def test_max_rows_takes_so_many_and_always_the_same(prepare):
    one, again = prepare(max_rows=50), prepare(max_rows=50)
    assert sum(facts["rows"] for facts in one.facts["splits"].values()) == 50
    assert texts(one, "train") == texts(again, "train")
    assert {text.split()[0] for text in texts(one, "train")} == {"goal", "shares"}  # not the first 50


def test_max_rows_leaves_a_given_test_file_whole(prepare, write):
    data = prepare(max_rows=50, test=write("test.csv", OTHER))
    assert (len(texts(data, "test")), len(texts(data, "train")) + len(texts(data, "validation"))) == (18, 50)


def test_max_length_cuts_and_pad_to_fills(prepare):
    data = prepare(max_length=4, pad_to=6)
    assert {batch.tokens_BT.shape[1] for batch in data.train_dataloader()} == {6}
    assert int(data.encoded["train"].lengths.max()) == 4
    assert data.facts["splits"]["train"]["cut_share"] == 0.4  # "goal 7 in the match" has five tokens


@pytest.mark.parametrize("tokenizer", ["word", "bpe", "unigram"])
def test_a_tokenizer_is_cached_by_content(prepare, tmp_path, tokenizer):
    options = {"tokenizer": tokenizer, "cache": tmp_path / "cache"}
    first, second = prepare(**options), prepare(**options)
    assert first.facts["tokenizer"]["read_from"] == "the training split"
    assert second.facts["tokenizer"]["read_from"] == "the cache"
    assert second.tokenizer.to_str() == first.tokenizer.to_str()
    assert torch.equal(second.encoded["train"].tokens, first.encoded["train"].tokens)
    for change in ({"split_seed": 43}, {"vocab_size": 299}, {"train": [*TRAIN, ("one more", "money")]}):
        assert prepare(**{**options, **change}).facts["tokenizer"]["read_from"] == "the training split"
    assert len(list((tmp_path / "cache").iterdir())) == 4  # nothing half-written beside them


def test_without_a_cache_nothing_is_kept(prepare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prepare().facts["tokenizer"]["read_from"] == "the training split"
    assert not list(tmp_path.glob("tokenizer*"))


def test_a_given_tokenizer_is_used(prepare, write):
    first = prepare(tokenizer="unigram")
    second = prepare(OTHER, tokenizer="unigram", tokenizer_json=first.tokenizer.to_str())
    assert second.tokenizer.to_str() == first.tokenizer.to_str()


@pytest.mark.parametrize("batch_size", [1, 7, 8, 80, 1000])
def test_steps_per_epoch_are_the_loaders_batches(prepare, batch_size):
    data = prepare(batch_size=batch_size)
    assert data.steps_per_epoch() == len(data.train_dataloader()) == len(list(data.train_dataloader()))


def test_sources_are_recorded_with_whole_path_and_checksum(prepare, write):
    test = write("test.csv", OTHER)
    sources = prepare(test=test).facts["sources"]
    assert list(sources) == ["train", "test"]
    assert sources["test"]["path"] == test
    assert len(sources["test"]["sha256"]) == 64


def test_a_batch_size_of_one_and_a_test_file_of_one_row(prepare, write):
    data = prepare(batch_size=1, test=write("test.csv", OTHER[:1]))
    assert [batch.rows_B.tolist() for batch in data.test_dataloader()] == [[0]]
