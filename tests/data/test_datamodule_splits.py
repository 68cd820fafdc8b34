"""What is held out: fractions, files, folds and refits, and no text on two sides."""

import csv
import logging
from pathlib import Path

import pytest

from helpers.headlines import OTHER, TRAIN, ids, texts
from helpers.small import data_module
from textlstm.checks import InputError
from textlstm.data.duplicates import normalise


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


def test_a_run_that_scores_no_test_set_need_not_hold_rows_out_for_one(prepare):
    data = prepare(test_fraction=0.0, tested=False)
    assert {split: len(rows) for split, rows in data.splits.items()} == {
        "train": 90,
        "validation": 10,
    }
    held_out = prepare(tested=False)
    assert len(held_out.splits["test"]) == 10


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


def test_dropped_rows_are_counted(prepare, write_rows):
    data = prepare(
        [*TRAIN, ("", "money"), ("  ", "sports"), ("a text", "")],
        test=write_rows("test.csv", [*OTHER, ("", "money")]),
        drop_empty=True,
    )
    assert data.facts["empty"] == {"train": 3, "test": 1}
    assert sum(data.facts["splits"][split]["rows"] for split in ("train", "validation")) == 100


def at_their_places(data, split):
    """The texts of a split, read again from the file and row of each."""
    found = []
    for file, row in data.places[split].shown():
        if row == "":
            found.append(Path(file).read_text(encoding="utf-8"))
        else:
            with open(file, encoding="utf-8", newline="") as lines:
                found.append(list(csv.DictReader(lines))[row - 1]["text"])
    return found


def test_each_row_has_the_file_and_the_row_number_that_it_was_read_from(prepare, write_rows):
    rows = [("", "money"), *TRAIN[:70], ("two\nlines", "money"), *TRAIN[70:]]
    data = prepare(rows, drop_empty=True, test=write_rows("test.csv", OTHER))
    for split in ("train", "validation", "test"):
        assert at_their_places(data, split) == texts(data, split)


def test_a_refit_names_both_files(prepare, write_rows):
    data = prepare(validation=write_rows("validation.csv", OTHER), refit=True)
    assert at_their_places(data, "train") == texts(data, "train")
    assert len({file for file, _ in data.places["train"].shown()}) == 2


def test_the_files_of_a_glob_are_named_where_they_are_now(write_rows, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name, rows in (("a.csv", TRAIN[:50]), ("b.csv", TRAIN[50:])):
            write_rows(f"{folder}/{name}", rows)
        data = data_module(tmp_path / "cache", train=f"{tmp_path}/{folder}/*.csv")
        data.setup()
        assert at_their_places(data, "train") == texts(data, "train")
        files = {file for file, _ in data.places["train"].shown()}
        assert files == {str(tmp_path / folder / name) for name in ("a.csv", "b.csv")}


def test_a_text_that_is_a_file_of_its_own_is_named_without_a_row(tmp_path):
    for n, (text, label) in enumerate(TRAIN[:60]):
        (tmp_path / "texts" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / label / f"{n}.txt").write_text(text, encoding="utf-8")
    data = data_module(tmp_path / "cache", train=f"{tmp_path}/texts")
    data.setup()
    assert {row for _, row in data.places["train"].shown()} == {""}
    for split in ("train", "validation", "test"):
        assert at_their_places(data, split) == texts(data, split)
