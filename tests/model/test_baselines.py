"""Baselines: sane scores, named settings, nothing fitted on test."""

import logging
import math

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, concatenate_datasets

from textlstm.model import baselines
from textlstm.model.baselines import majority, tfidf_logistic_regression

TOPICS = {
    "sports": ["goal", "match", "striker", "cup", "coach"],
    "money": ["bank", "shares", "oil", "profit", "rate"],
}
LABELS = ["money", "nobody", "sports"]


def split_of(rows):
    features = Features({"text": Value("string"), "label": ClassLabel(names=LABELS)})
    columns = {
        "text": [text for text, _ in rows],
        "label": [LABELS.index(label) for _, label in rows],
    }
    return Dataset.from_dict(columns, features=features)


def made_rows(count, start=0):
    return [
        (f"{TOPICS[label][n % 5]} and {TOPICS[label][n // 5 % 5]} on day {n}", label)
        for n in range(start, start + count)
        for label in TOPICS
    ]


@pytest.fixture
def splits():
    train = [*made_rows(20), ("the bank again", "money"), ("oil once more", "money")]
    return DatasetDict(
        train=split_of(train),
        validation=split_of(made_rows(10, 20)),
        test=split_of(made_rows(8, 30)),
    )


def test_majority_gives_the_training_shares(splits):
    found = majority(splits)
    assert found["accuracy"] == 0.5
    assert found["confusion_matrix"] == [[8, 0, 0], [0, 0, 0], [8, 0, 0]]
    assert found["log_loss"] == pytest.approx(-(math.log(22 / 42) + math.log(20 / 42)) / 2)
    assert found["auroc"] == 0.5
    assert found["absent"] == ["nobody"]


def test_rows_of_a_class_that_training_lacks_count_as_wrong(splits):
    odd = Features({"text": Value("string"), "label": ClassLabel(names=[*LABELS, "odd"])})
    more = Dataset.from_dict({"text": ["a goal", "oil"], "label": [3, 3]}, features=odd)
    for split in ("validation", "test"):
        splits[split] = concatenate_datasets([splits[split].cast(odd), more])
    for found in (majority(splits), tfidf_logistic_regression(splits)):
        assert found["unseen"] == {"odd": 2}
    assert found["accuracy"] == pytest.approx(16 / 18)
    assert found["macro_f1"] == pytest.approx((2 * 16 / 17 + 0) / 3)
    assert found["validation_macro_f1"] == pytest.approx((2 * 20 / 21 + 0) / 3)
    assert found["log_loss"] < 0.5


def test_tfidf_separates_what_words_separate(splits):
    found = tfidf_logistic_regression(splits)
    assert found["accuracy"] == found["macro_f1"] == found["auroc"] == 1.0
    assert found["validation_macro_f1"] == 1.0
    assert found["log_loss"] < 0.5
    assert found["absent"] == ["nobody"]


def test_the_chosen_settings_are_named(splits):
    settings = tfidf_logistic_regression(splits)["settings"]
    assert list(settings) == ["unit", "longest", "sublinear", "C"]
    assert settings["unit"] == "word"
    assert settings["longest"] in (1, 2)
    assert settings["sublinear"] in (True, False)
    assert settings["C"] in (1.0, 5.0, 10.0)


def test_fewer_settings_are_tried_where_rows_terms_and_classes_are_many(
    splits, monkeypatch, caplog
):
    whole = tfidf_logistic_regression(splits)
    assert whole["tried"] == 12
    work = sum(len(set(text.split())) for text in splits["train"]["text"]) * len(LABELS)
    monkeypatch.setattr(baselines, "MOST_WORK", 2 * work + 1)
    with caplog.at_level(logging.INFO, "textlstm"):
        fewer = tfidf_logistic_regression(splits)
    assert fewer["tried"] == 2
    assert "2 of 12 settings" in caplog.text
    assert "baselines=thorough tries all" in caplog.text
    assert tfidf_logistic_regression(splits, thorough=True) == whole
    monkeypatch.setattr(baselines, "MOST_WORK", 0)
    assert tfidf_logistic_regression(splits)["tried"] == 1


def test_settings_are_chosen_by_validation():
    # Only word pairs tell these classes apart: each has the same words equally often.
    train = [("red car blue bike", "money"), ("blue car red bike", "sports")] * 10
    splits = DatasetDict(
        train=split_of(train), validation=split_of(train[:4]), test=split_of(train[:4])
    )
    found = tfidf_logistic_regression(splits)
    assert found["settings"]["longest"] == 2
    assert found["accuracy"] == 1.0


def test_of_a_refit_settings_are_chosen_on_what_was_validation_and_fitted_on_all():
    train, validation, test = (
        split_of(made_rows(12)),
        split_of(made_rows(8, 12)),
        split_of(made_rows(8, 20)),
    )
    chosen = tfidf_logistic_regression(DatasetDict(train=train, validation=validation, test=test))
    both = DatasetDict(train=concatenate_datasets([train, validation]), test=test)
    found = tfidf_logistic_regression(both, np.arange(40) >= 24)
    assert found["settings"] == chosen["settings"]
    assert "validation_macro_f1" not in found
    assert found["log_loss"] < chosen["log_loss"]  # it has seen more rows


def test_texts_without_spaces_are_separated_by_their_characters():
    train = [(f"第{n}天：今天下午球队在北京夺得冠军，球迷欢呼。", "sports") for n in range(10)]
    train += [(f"第{n}天：今天下午银行下调存款利率，股市下跌。", "money") for n in range(10)]
    test = [
        ("球迷在上海庆祝球队夺冠，气氛十分热烈。", "sports"),
        ("利率下跌以后，股市和银行都受到影响。", "money"),
    ]
    found = tfidf_logistic_regression(
        DatasetDict(train=split_of(train), validation=split_of(train[::2]), test=split_of(test))
    )
    assert found["settings"]["unit"] == "character"
    assert found["settings"]["longest"] in (2, 3)
    assert found["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["股市大跌", "球队夺冠"], "character"),
        (["😀", "😡"], "character"),
        (["a", "b"], "character"),
        (["株価が急落した。", "サッカー日本代表が勝利"], "character"),
        (["ทีมชาติไทยชนะ", "ตลาดหุ้นตก"], "character"),
        (["Donaudampfschifffahrt sinkt", "Porto gewinnt das Spiel"], "word"),
        (["주가가 급락했다", "대표팀이 이겼다"], "word"),
        (["Shares of 阿里 fall again", "The striker of 北京 scores"], "word"),
    ],
)
def test_terms_are_characters_where_the_script_has_no_spaces(texts, unit):
    rows = split_of(
        [(text, label) for text, label in zip(texts, ["money", "sports"], strict=True)] * 5
    )
    splits = DatasetDict(train=rows, validation=rows, test=rows)
    assert tfidf_logistic_regression(splits)["settings"]["unit"] == unit


def test_nothing_is_fitted_on_test(splits):
    first = tfidf_logistic_regression(splits)
    for rows in (
        [("bank goal new words", "sports")] * 5 + [("striker", "money")] * 3,
        made_rows(1),
    ):
        other = tfidf_logistic_regression(DatasetDict({**splits, "test": split_of(rows)}))
        assert other["settings"] == first["settings"]
        assert other["validation_macro_f1"] == first["validation_macro_f1"]


def test_scores_of_test_rows_do_not_depend_on_the_other_test_rows(splits):
    rows = made_rows(3, 30)
    one = tfidf_logistic_regression(DatasetDict({**splits, "test": split_of(rows)}))
    doubled = tfidf_logistic_regression(DatasetDict({**splits, "test": split_of(rows * 2)}))
    assert doubled["log_loss"] == pytest.approx(one["log_loss"], abs=1e-9)
