"""The classifier as a scikit-learn estimator: fit, predict, clone, cross-validate, pickle."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from textlstm.checks import MOST_SEED, InputError, check_whole
from textlstm.estimator.composed import compose_settings
from textlstm.estimator.fitting import Bundle, load_bundle, train_bundle
from textlstm.model.bundle import TextClassifier
from textlstm.model.texts import listed_texts

KEYS = {
    "hidden": "model.hidden",
    "layers": "model.layers",
    "embedding_dim": "model.embedding_dim",
    "dropout": "model.dropout",
    "lr": "optimizer.lr",
    "batch_size": "data.batch_size",
    "max_epochs": "trainer.max_epochs",
    "max_length": "data.max_length",
    "validation_fraction": "data.val_fraction",
    "wide": "wide",
}
"""The key of the command `train` that each parameter stands for."""

OF_FILES = {
    *("data", "logger", "resume", "calibration_from", "spreadsheet", "sweep"),
    *(f"data.{key}" for key in ("source", "train", "validation", "test", "name", "config")),
    *(f"data.{key}" for key in ("text_column", "label_column", "format", "header", "columns")),
    *(f"data.{key}" for key in ("streaming", "unlabelled", "refit", "folds", "fold")),
}
"""Keys that have no meaning for texts in memory, or for a run that leaves no folder."""


class TextClassifierEstimator(ClassifierMixin, BaseEstimator):
    """An LSTM that classifies texts, with the interface of scikit-learn.

    >>> from textlstm import TextClassifierEstimator
    >>> TextClassifierEstimator(max_epochs=5).fit(texts, labels).predict(["Striker signs"])

    `fit` trains as the command `train` does, without a test set: a part of the rows of each
    class validates and chooses the epoch. It leaves no files and shows nothing. A parameter
    that is None has the value that the command has.

    Args:
        hidden: units of each LSTM layer and direction.
        layers: how many LSTM layers.
        embedding_dim: numbers that stand for a token.
        dropout: the share of values that each training step drops.
        lr: the learning rate; of a one-cycle schedule, its highest value.
        batch_size: texts in each training step.
        max_epochs: how often the training texts are read.
        max_length: the number of tokens after which a text is cut.
        validation_fraction: the share of rows that validates, above 0 and below 1.
        wide: whether TF-IDF with logistic regression is fitted beside the LSTM, and mixed with it.
        experiment: a preset of the command, such as "best".
        settings: values of other keys of the command by their names, such as
            {"model.pooling": "max", "data.class_weights": "balanced"}.
        random_state: a number for the same result each time, a RandomState to draw it from, or None
            for another result each time.
        verbose: whether epochs are logged, and progress is shown on a terminal.

    Attributes:
        classes_: the labels that were found, sorted, with their type.
        bundle_: the files of the saved model by their names, as a run's folder `model` has them.
    """

    def __init__(
        self,
        *,
        hidden: int | None = None,
        layers: int | None = None,
        embedding_dim: int | None = None,
        dropout: float | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        max_epochs: int | None = None,
        max_length: int | None = None,
        validation_fraction: float = 0.1,
        wide: bool | None = None,
        experiment: str | None = None,
        settings: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden, self.layers, self.embedding_dim = hidden, layers, embedding_dim
        self.dropout, self.lr, self.batch_size = dropout, lr, batch_size
        self.max_epochs, self.max_length = max_epochs, max_length
        self.validation_fraction, self.wide = validation_fraction, wide
        self.experiment, self.settings = experiment, settings
        self.random_state, self.verbose = random_state, verbose

    def fit(self, X: Any, y: Any, **others: Any) -> Self:
        """Trains on texts and their labels.

        Args:
            X: N texts: a list, an array, or a column of a table.
            y: N labels: texts, numbers or booleans.

        Raises:
            InputError: texts, labels or parameters that cannot be used, or weights of rows; it is a
                ValueError.
        """
        _refuse(others)
        texts, labels = _texts(X, "fit"), column_or_1d(y, warn=True)
        check_consistent_length(texts, labels)
        _check_texts(texts)
        check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise InputError(f"y has one class, {classes[0]}; at least two were expected.")

        settings = compose_settings(self.experiment, self._values(_names(classes)))
        self.bundle_: Bundle = train_bundle(settings, texts, codes, verbose=bool(self.verbose))
        self.classes_ = classes
        self._classifier: TextClassifier | None = None
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Gives the most probable label of each text."""
        probabilities_NC = self.predict_proba(X)
        return self.classes_[probabilities_NC.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Gives the probability of each class for each text (N, C), in the order of `classes_`."""
        probabilities = self.classifier_.probabilities(_texts(X, "predict"))
        probabilities_NC = probabilities.numpy().astype(float)
        return probabilities_NC / probabilities_NC.sum(axis=1, keepdims=True)

    @property
    def classifier_(self) -> TextClassifier:
        """The classifier itself, which explains predictions, too; its labels are texts."""
        check_is_fitted(self, "bundle_")
        if self._classifier is None:
            self._classifier = load_bundle(self.bundle_)
        return self._classifier

    def _values(self, names: list[str]) -> dict[str, Any]:
        """Gives the values of all keys that are not as the command has them.

        Args:
            names: of the classes.
        """
        if not isinstance(self.settings, Mapping | None):
            raise InputError(
                f"settings must map keys to values, such as {{'model.pooling': 'max'}}, got "
                f"{self.settings!r}."
            )
        given = {key: _plain(getattr(self, name)) for name, key in KEYS.items()}
        values = {key: value for key, value in given.items() if value is not None}
        if not values.get("data.val_fraction"):
            raise InputError(
                f"validation_fraction must be above 0, got {self.validation_fraction!r}: the epoch "
                f"that is kept is chosen by validation."
            )
        seed = _seed(self.random_state)
        own = {
            "seed": seed,
            "data.split_seed": seed,
            "data.label_names": names,
            "data.drop_empty": True,
            "data.test_fraction": 0.0,
            "test": False,
            "baselines": False,
            "threads": torch.get_num_threads(),  # joblib has chosen it for its workers
        }
        settings = {key: _plain(value) for key, value in (self.settings or {}).items()}
        _check_keys(settings, own)
        return {**settings, **values, **own}

    def __getstate__(self) -> dict[str, Any]:
        """Gives parameters and the files of the model, from which the classifier is made anew."""
        state: dict[str, Any] = dict(super().__getstate__())
        return {**state, "_classifier": None} if "_classifier" in state else state

    def __sklearn_tags__(self) -> Any:
        """Says that texts are expected, and no table of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.non_deterministic = self.random_state is None
        return tags


def _refuse(others: dict[str, Any]) -> None:
    """Refuses what other estimators of scikit-learn take beside texts and labels.

    `fit` does not declare sample_weight, so that scikit-learn, too, knows that it takes none.
    """
    if others.get("sample_weight") is not None:
        raise InputError(
            "sample_weight: rows have no weights here. Classes may have some: "
            'settings={"data.class_weights": "balanced"}.'
        )
    unknown = [name for name in others if name != "sample_weight"]
    if unknown:
        raise TypeError(f"fit takes X and y, got {', '.join(unknown)}.")


def _texts(X: Any, method: str) -> list[str]:
    """Lists texts, also those of a table with one column, as a pipeline passes it on."""
    if getattr(X, "ndim", 1) == 2 and X.shape[1] == 1:
        X = np.asarray(X).ravel()
    return [str(text) for text in listed_texts(X, method)]  # no subclass, such as NumPy's


def _check_texts(texts: list[str]) -> None:
    """Refuses texts that nothing can be learned from, and those with a NUL byte."""
    if not any(text.strip() for text in texts):
        raise InputError("X has no text that is not empty; at least two were expected.")
    for position, text in enumerate(texts):
        if "\0" in text:
            raise InputError(f"X[{position}] holds a NUL byte, which no text has: remove it.")


def _names(classes: np.ndarray) -> list[str]:
    """Names classes for messages and for the saved model; numbers where labels are no names."""
    names = [str(label) for label in classes]
    if all(name.strip() and name.isprintable() for name in names):
        return names
    return [f"class {number}" for number in range(len(classes))]


def _seed(random_state: int | np.random.RandomState | None) -> int:
    """Gives the seed that a random_state stands for: a number is the seed itself."""
    if isinstance(random_state, int | np.integer):
        check_whole("random_state", int(random_state), minimum=0, maximum=MOST_SEED)
        return int(random_state)
    return int(check_random_state(random_state).randint(MOST_SEED, dtype=np.int64))


def _plain(value: Any) -> Any:
    """Takes a number of NumPy, as a search draws it, for the number that it is."""
    return value.item() if isinstance(value, np.generic) else value


def _check_keys(settings: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuses keys that have a parameter, that `fit` sets, or that are about files.

    Args:
        settings: what the user gives.
        own: what `fit` sets.
    """
    parameters = {key: name for name, key in KEYS.items()}
    parameters |= {"seed": "random_state", "data.split_seed": "random_state"}
    for key in settings:
        if key in parameters:
            raise InputError(f"settings: {key} is the parameter {parameters[key]}; give that.")
        if key in own or key in OF_FILES:
            raise InputError(f"settings: {key} has no meaning for an estimator: leave it out.")
