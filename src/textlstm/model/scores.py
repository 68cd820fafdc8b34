"""The types of the scores that metrics.json keeps."""

from typing import Literal, NotRequired, TypedDict

ScoreName = Literal["accuracy", "macro_f1", "log_loss", "calibration_error"]
"""The scores that every split has as a number."""


class ClassScores(TypedDict):
    """Scores of one class against all others."""

    precision: float
    """Share of the texts predicted as this class that have it, from 0 to 1; 0 without any."""
    recall: float
    """Share of the texts of this class that are predicted so, from 0 to 1; 0 without any."""
    f1: float
    """Harmonic mean of precision and recall."""
    rows: int
    """Texts of this class: gold rows, not predicted ones."""


class Intervals(TypedDict):
    """95 % intervals over the rows that were scored: how far a score depends on which rows they
    are. They say nothing about other seeds of training."""

    accuracy: tuple[float, float]
    """The lower and the upper end for accuracy."""
    macro_f1: tuple[float, float]
    """The same for macro F1."""


class Scores(TypedDict):
    """Scores of the predictions for one split, over all of its rows."""

    accuracy: float
    """Share of texts whose class is predicted, from 0 to 1."""
    macro_f1: float
    """Unweighted mean of F1 over the classes that have a gold row; an unseen class counts as 0."""
    log_loss: float
    """Mean cross-entropy in nats over the rows of classes that training has rows of, without label
    smoothing or class weights."""
    calibration_error: float
    """Expected calibration error, 15 equal bins of confidence, from 0 to 1 (Guo et al. 2017). A row
    of an unseen class is wrong, whatever its confidence."""
    auroc: float | None
    """Area under the ROC curve, one class against the rest, unweighted mean over the classes that
    have a gold row; None when only one class has."""
    classes: dict[str, ClassScores]
    """By class name, in the order of the class numbers."""
    confusion_matrix: list[list[int]]
    """Rows by gold class (down) and predicted class (across), both in the order of the classes.
    Rows of unseen classes are left out."""
    absent: list[str]
    """Names of the classes without a gold row, which macro_f1 and auroc leave out."""
    unseen: NotRequired[dict[str, int]]
    """Rows of each class that no training row has, by its name: they count as wrong, in auroc as
    rows of the rest. Records from before such rows were scored have no entry."""
    intervals: NotRequired[Intervals]
    """How sure accuracy and macro F1 are; only final scores have it, and no older record."""


class Uncalibrated(TypedDict):
    """The scores that a split would have without the temperature."""

    log_loss: float
    """Mean cross-entropy in nats."""
    calibration_error: float
    """Expected calibration error, as in `Scores`."""


class Answered(TypedDict):
    """The texts of a split whose largest probability reaches a threshold."""

    right: float | None
    """Share of these texts whose class is predicted, from 0 to 1; None without any."""
    share: float
    """Their share of all texts, from 0 to 1."""


class Threshold(TypedDict):
    """The lowest probability above which enough answers of validation are right."""

    target: float
    """The share of right answers that was looked for: 0.95, or 0.99 where all answers have that."""
    min_probability: float
    """The threshold, from 0 to 0.999."""
    answered: dict[str, Answered]
    """By the name of a scored split or file: the texts above the threshold."""


class Calibration(TypedDict):
    """Temperature and threshold, both fitted on validation, and their effect."""

    temperature: float
    """What class scores are divided by before the softmax (Guo et al. 2017)."""
    chosen_on: str
    """In words: the rows that chose temperature and threshold."""
    before: dict[str, Uncalibrated]
    """By the name of a scored split or file: its scores without the temperature."""
    threshold: Threshold | None
    """The threshold; None where none has enough right answers."""


class BaselineSettings(TypedDict):
    """The settings of TF-IDF with logistic regression that were best on validation."""

    unit: str
    """What n-grams are made of: word or character; in a wide channel also both."""
    longest: int
    """The longest n-gram that is counted; all shorter ones are, too."""
    sublinear: bool
    """Whether a count c weighs 1 + ln c in place of c."""
    C: float
    """Inverse strength of the L2 penalty, as scikit-learn has it."""


class WideSettings(BaselineSettings):
    """Settings of a wide channel: TF-IDF weighted by how much each term says about the class."""

    added: NotRequired[int]
    """Texts of the usual classes that each term is counted in besides its own, so that a rare term
    says little; records from before there was a choice have none."""


class Alone(TypedDict):
    """Scores of each channel of a mixture by itself, at a temperature of its own."""

    lstm: Scores
    """Scores of the LSTM."""
    wide: Scores
    """Scores of the wide channel."""


class Wide(TypedDict):
    """The wide channel beside the LSTM, and how the two are mixed."""

    weight: float
    """Share of the LSTM's log-probabilities in the mixture, from 0 to 1; the rest is the wide
    channel's. The temperature of the mixture is that of `Calibration`."""
    lstm_temperature: float
    """The temperature of the LSTM alone."""
    wide_temperature: float
    """The temperature of the wide channel alone."""
    terms: int
    """Terms that the wide channel knows."""
    settings: WideSettings
    """What its terms are, and how it was fitted, as chosen on validation."""
    alone: dict[str, Alone]
    """By the name of a scored split or file: the scores of each channel by itself."""


class PairedTest(TypedDict):
    """The model against the linear baseline on the same test rows, by McNemar's exact test."""

    right_alone: int
    """Rows on which the model is right and the baseline is wrong."""
    wrong_alone: int
    """Rows on which the baseline is right and the model is wrong."""
    p: float
    """Two-sided p that both are right equally often."""


class Baseline(Scores):
    """Test scores of a simpler model on the same rows.

    Only TF-IDF with logistic regression has settings. In a refit they were chosen before the model
    was fitted again, and no validation score is kept.
    """

    settings: NotRequired[BaselineSettings]
    """The settings that were chosen on validation."""
    validation_macro_f1: NotRequired[float]
    """Macro F1 on validation with these settings."""
    tried: NotRequired[int]
    """How many settings were tried; records from before it could be fewer than 12 have none."""
