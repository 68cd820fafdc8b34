"""The scikit-learn estimator: what it learns, and how scikit-learn's own tools use it."""

import copy
import os
import pickle
import pickletools
import random
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.validation import has_fit_parameter

import textlstm
from helpers.commands import call
from helpers.headlines import OTHER, TRAIN
from textlstm import TextClassifier, TextClassifierEstimator
from textlstm.checks import InputError
from textlstm.places import CONF, OUTPUTS

TEXTS = [text for text, _ in TRAIN]
NAMES = [label for _, label in TRAIN]
NUMBERS = [7 if label == "sports" else 3 for label in NAMES]
SMALL: dict[str, Any] = {
    "hidden": 8,
    "embedding_dim": 8,
    "max_epochs": 3,
    "lr": 0.02,
    "wide": False,
    "random_state": 1,
}


def small(**changes: Any) -> TextClassifierEstimator:
    return TextClassifierEstimator(**{**SMALL, **changes})


@pytest.fixture(scope="module")
def fitted() -> TextClassifierEstimator:
    torch.set_num_threads(1)
    return small().fit(TEXTS, np.array(NUMBERS))


def test_it_learns_and_returns_labels_of_the_type_that_it_was_given(fitted):
    assert fitted.classes_.tolist() == [3, 7]
    assert fitted.predict(["keeper saves goal in the match", "shares fall"]).tolist() == [7, 3]
    assert fitted.score(TEXTS, NUMBERS) > 0.9

    probabilities_NC = fitted.predict_proba(pd.Series(TEXTS))
    assert probabilities_NC.shape == (100, 2)
    np.testing.assert_allclose(probabilities_NC.sum(axis=1), 1)
    assert (fitted.classes_[probabilities_NC.argmax(axis=1)] == fitted.predict(TEXTS)).all()
    assert fitted.predict_proba([]).shape == (0, 2)


def test_a_copy_from_a_pickle_predicts_the_same(fitted, tmp_path):
    expected = fitted.predict_proba(TEXTS)
    joblib.dump(fitted, tmp_path / "estimator.joblib")
    for copied in (
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
        joblib.load(tmp_path / "estimator.joblib"),
    ):
        assert (copied.predict_proba(TEXTS) == expected).all()
        assert copied.get_params() == fitted.get_params()


def test_a_pickle_names_no_code_but_the_estimator_and_numpy(fitted):
    operations = pickletools.genops(pickle.dumps(fitted, protocol=2))
    named = {argument for operation, argument, _ in operations if operation.name == "GLOBAL"}
    own = {name for name in named if "torch" in name or "textlstm" in name or "tokenizers" in name}
    assert own == {"textlstm.estimator.estimator TextClassifierEstimator"}


def test_a_clone_is_not_fitted_and_says_so(fitted):
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copied.predict(TEXTS)


def test_scikit_learns_own_checks_that_feed_no_numbers():
    """Those that fit feed tables of numbers, so that `check_estimator` skips all of them."""
    name = "TextClassifierEstimator"
    for check in (
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_mixin_order,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
    ):
        check(name, small())
    assert not has_fit_parameter(small(), "sample_weight")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden": 0}, r"model\.hidden must be at least 1, got 0"),
        ({"settings": {"model.poolin": "max"}}, r"Did you mean 'model\.pooling'"),
        ({"settings": {"model.hidden": 8}}, r"model\.hidden is the parameter hidden"),
        ({"settings": {"data.train": "my.csv"}}, r"data\.train has no meaning for an estimator"),
        ({"settings": "model.pooling=max"}, r"settings must map keys to values"),
        ({"experiment": "bset"}, r"no experiment 'bset'\. Did you mean 'best'"),
        ({"validation_fraction": 0}, r"validation_fraction must be above 0, got 0"),
        ({"random_state": -1}, r"random_state must be at least 0"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused_in_fit(parameters, message):
    with pytest.raises(InputError, match=message):
        small(**parameters).fit(TEXTS, NAMES)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (TEXTS, ["money"] * 100, "y has one class, money"),
        (TEXTS, NAMES[1:], "inconsistent numbers of samples"),
        (TEXTS, np.linspace(0, 1, 100), "continuous"),
        (np.zeros((100, 2)), NAMES, r"texts\[0\] is array\(\[0\., 0\.\]\)"),
        ("one text", ["money"], "fit takes a list of texts, got one string"),
        ([" "] * 100, NAMES, "X has no text that is not empty"),
        (["nul\0", *TEXTS[1:]], NAMES, r"X\[0\] holds a NUL byte"),
        (TEXTS[:2], ["money", "sports"], "too few to split"),
    ],
)
def test_texts_or_labels_that_cannot_be_used_are_refused(texts, labels, message):
    with pytest.raises(ValueError, match=message):
        small().fit(texts, labels)


def test_weights_of_rows_are_refused_with_what_there_is_instead():
    with pytest.raises(InputError, match=r"rows have no weights here.*class_weights"):
        small().fit(TEXTS, NAMES, sample_weight=np.ones(100))


def test_fit_leaves_the_process_the_screen_and_the_disk_as_they_were(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    cached = sorted((OUTPUTS / "cache").glob("*"))
    drawn = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    variables = dict(os.environ)

    with initialize_config_dir(str(CONF), version_base="1.3"):  # a program with Hydra of its own
        opened = GlobalHydra.instance().hydra
        small(max_epochs=1).fit(TEXTS, NAMES)
        assert GlobalHydra.instance().hydra is opened

    assert random.getstate() == drawn[0]
    assert np.random.get_state()[1].tolist() == drawn[1]
    assert torch.get_rng_state().tolist() == drawn[2]
    assert dict(os.environ) == variables
    assert (torch.tensor([1e-40]) * torch.tensor([1.0])).item() > 0
    assert list(tmp_path.iterdir()) == []
    assert sorted((OUTPUTS / "cache").glob("*")) == cached
    assert capfd.readouterr() == ("", "")


def test_ctrl_c_ends_fit_as_it_ends_python(tmp_path):
    stopping = {
        "callbacks.signal": {
            "_target_": "helpers.failing.SignalAt",
            "step": 2,
            "number": 2,
            "place": "step",
        }
    }
    estimator = small(settings=stopping)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(TEXTS, NAMES)
    with pytest.raises(NotFittedError):
        estimator.predict(TEXTS)


@pytest.mark.slow
def test_it_is_the_model_that_the_command_trains(fitted, tmp_path, monkeypatch, write_rows):
    """With the same rows, settings and seed, and no test set, the probabilities are the same."""
    monkeypatch.setattr("textlstm.training.run.CACHE", tmp_path / "cache")
    file = write_rows("train.csv", TRAIN)
    call(
        *("train", f"data.train={file}", "data.test_fraction=0", "test=false", "threads=1"),
        *("model.hidden=8", "model.embedding_dim=8", "trainer.max_epochs=3", "optimizer.lr=0.02"),
        *("wide=false", "seed=1", "data.split_seed=1", f"hydra.run.dir={tmp_path}/run"),
    )
    trained = TextClassifier.load(tmp_path / "run")
    assert (fitted.classifier_.probabilities(TEXTS) == trained.probabilities(TEXTS)).all()


def test_a_pipeline_is_cross_validated():
    """Its folds are the program's: all their rows train or validate, and none is left as a test."""
    pipeline = make_pipeline(FunctionTransformer(), small(max_epochs=4, lr=0.05))
    predicted = cross_val_predict(pipeline, np.array(TEXTS), NAMES, cv=2)
    assert (predicted == np.array(NAMES)).mean() > 0.8


@pytest.mark.slow
def test_a_search_with_several_processes_finds_the_same_as_with_one():
    rows = [*TRAIN, *OTHER]
    texts, labels = np.array([text for text, _ in rows]), [label for _, label in rows]
    scores = []
    for jobs in (1, 2):
        pipeline = make_pipeline(FunctionTransformer(), small())
        grid = {"textclassifierestimator__hidden": [4, 8]}
        search = GridSearchCV(pipeline, grid, cv=2, n_jobs=jobs, scoring="neg_log_loss")
        search.fit(texts, labels)
        scores.append(search.cv_results_["mean_test_score"].tolist())
        copied = copy.deepcopy(search.best_estimator_)
        assert (copied.predict(texts) == search.predict(texts)).all()
    assert scores[0] == scores[1]


@pytest.mark.slow
def test_numbers_that_numpy_draws_are_taken():
    drawn = {"hidden": np.arange(4, 9), "dropout": np.linspace(0, 0.5, 3)}
    search = RandomizedSearchCV(small(), drawn, n_iter=2, cv=2, random_state=0)
    assert search.fit(TEXTS, NAMES).best_score_ > 0.5


@pytest.mark.slow
def test_threads_of_one_process_fit_one_after_the_other(fitted):
    estimators = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(small().fit)(TEXTS, np.array(NUMBERS)) for _ in range(2)
    )
    for estimator in estimators:
        assert (estimator.predict_proba(TEXTS) == fitted.predict_proba(TEXTS)).all()


@pytest.mark.slow
def test_models_vote():
    """The ensemble gives its members numbers in place of labels, and no sample_weight."""
    vote = VotingClassifier([("one", small()), ("other", small(random_state=2))], voting="soft")
    texts, others, labels, right = train_test_split(np.array(TEXTS), NAMES, random_state=0)
    assert vote.fit(texts, labels).score(others, right) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(
    "labels",
    [[True, False], [-1, 1], ["", "x"], [" a", "a"], ["nan", "None"], [1.0, 2.0], ["1.5", "2.5"]],
    ids=repr,
)
def test_labels_of_any_kind_come_back_as_they_were(labels):
    given = [labels[number % 2] for number in range(100)]
    fitted = small(max_epochs=1).fit([f"{label!r} {n}" for n, label in enumerate(given)], given)
    assert fitted.classes_.tolist() == sorted(labels)
    assert {type(label) for label in fitted.predict(TEXTS).tolist()} == {type(labels[0])}


def test_the_package_imports_it_only_when_it_is_asked_for():
    assert "TextClassifierEstimator" in textlstm.__all__
    assert "TextClassifierEstimator" not in vars(textlstm)
