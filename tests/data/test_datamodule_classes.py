"""Classes in the data module: weights, oversampling, rare ones, and such as training lacks."""

import logging
from collections import Counter

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value

from helpers.headlines import TRAIN, texts
from helpers.small import data_module
from textlstm.checks import InputError
from textlstm.data.duplicates import normalise


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
