"""The settings of the training: one field for each key, checked when they are made.

The sentence under a field is the key's help. Torch is not imported here, so that `--help` is quick.
"""

from dataclasses import asdict, dataclass
from typing import Any

from textlstm.checks import (
    MOST_SEED,
    MOST_THREADS,
    InputError,
    check_flag,
    check_number,
    check_whole,
    parse_settings,
)
from textlstm.data.settings import DataSettings
from textlstm.model.settings import ModelSettings
from textlstm.training.interval import DEFAULT, Interval, parse_interval

MOST_NETWORKS = 1000  # of an ensemble, which trains them at once


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """All keys of `optimizer`.

    Raises:
        InputError: a value outside its range, with its config key. The names of the optimizer and
            of the schedule are checked by the module that is trained, which knows them all.
    """

    name: str
    """adam or adamw"""

    lr: float
    """learning rate, the peak of a one-cycle schedule"""

    weight_decay: float
    """how much weights shrink in each step; decoupled from the gradient with adamw"""

    schedule: str
    """constant, one_cycle or plateau"""

    body_rate: float = 1.0  # what runs had before there was a choice
    """share of the learning rate for embedding and LSTM, such as 0.3 when they are pretrained"""

    def __post_init__(self) -> None:
        check_number("optimizer.body_rate", self.body_rate, minimum=0)
        check_number("optimizer.lr", self.lr, minimum=0)
        check_number("optimizer.weight_decay", self.weight_decay, minimum=0)


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """All keys of `pretrain`: a language model on the run's own texts, before the classifier.

    Raises:
        InputError: a value outside its range, with its config key.
    """

    epochs: int
    """passes of the language model over the texts"""

    lr: float
    """its learning rate, the peak of a one-cycle schedule"""

    batch_size: int
    """texts per step; longer texts come in smaller batches"""

    dropout: float
    """dropout after its embedding and each LSTM layer, one mask per text"""

    weight_drop: float
    """dropout of the recurrent weights"""

    word_dropout: float
    """share of tokens that it reads as unknown"""

    candidates: int
    """words, drawn anew for each step, that each right word is told apart from"""

    seed: int
    """its weights, dropout and order of batches, shared by runs with other seeds"""

    def __post_init__(self) -> None:
        for key in ("epochs", "batch_size", "candidates"):
            check_whole(f"pretrain.{key}", getattr(self, key), minimum=1)
        check_number("pretrain.lr", self.lr, minimum=0)
        for key in ("dropout", "weight_drop", "word_dropout"):
            check_number(f"pretrain.{key}", getattr(self, key), minimum=0, below=1)
        check_whole("pretrain.seed", self.seed, minimum=0, maximum=MOST_SEED)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The whole configuration of one run.

    `trainer`, `logger` and `callbacks` are open: they hold the arguments of Lightning's classes.

    Raises:
        InputError: a value outside its range, or values that exclude each other.
    """

    data: DataSettings
    model: ModelSettings
    optimizer: OptimizerSettings
    trainer: dict[str, Any]
    logger: dict[str, Any]
    callbacks: dict[str, dict[str, Any]]

    seed: int
    """initial weights, dropout, order of batches; which rows are held out is data.split_seed"""

    threads: int | None
    """CPU threads (default: the fastest number, tried before training)"""

    test: bool
    """score the test set once, at the end"""

    baselines: bool | str
    """score the majority class and TF-IDF + logistic regression on the same split: true, false, or
    thorough to try all settings of the latter where fitting each takes long"""

    resume: str | None
    """a run folder to go on with"""

    calibrate: bool = False  # what runs did before there was a choice, here and below
    """fit a temperature on validation, so that probabilities mean what they say"""

    calibration_from: str | None = None
    """data.refit=true: the run folder whose temperature and threshold are taken, and whose mixture
    with wide=true"""

    ensemble: int = 1  # as runs were before there was a choice
    """networks that are trained side by side, whose probabilities are averaged; those that read one
    way read forwards and backwards by turns"""

    wide: bool | None = False
    """fit TF-IDF + logistic regression beside the LSTM, and mix what the two predict (default:
    unless training tokens times classes are more than 50 million; a refit, as calibration_from)"""

    spreadsheet: bool = False
    """true writes predictions.csv for a spreadsheet: = + - @ begin no formula"""

    pretrain: PretrainSettings | None = None
    """own_text starts embedding and LSTM from a language model of the training texts"""

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, minimum=0, maximum=MOST_SEED)
        check_whole("ensemble", self.ensemble, minimum=1, maximum=MOST_NETWORKS)
        if self.threads is not None:
            check_whole("threads", self.threads, minimum=1, maximum=MOST_THREADS)
        check_flag("test", self.test)
        if not isinstance(self.baselines, bool) and self.baselines != "thorough":
            raise InputError(f"baselines must be true, false or thorough, got {self.baselines!r}.")
        check_flag("calibrate", self.calibrate)
        check_flag("spreadsheet", self.spreadsheet)
        if self.wide is not None:
            check_flag("wide", self.wide)
        for key, default in (("max_epochs", None), ("accumulate_grad_batches", 1)):
            value = self.trainer.setdefault(key, default)  # ~trainer.KEY takes it out
            if value is not None or default is not None:
                check_whole(f"trainer.{key}", value, minimum=1)
        parse_interval(self.trainer.setdefault("checkpoint_every", DEFAULT))
        if self.data.refit:
            self._check_refit()
        if self.calibration_from is not None and not (self.data.refit and self.calibrate):
            raise InputError(
                "calibration_from takes the temperature of another run for a refit, which has no "
                "validation: give data.refit=true and calibrate=true beside it, or leave it out."
            )
        self._check_pretraining()

    @classmethod
    def parse(cls, config: dict[str, Any]) -> "RunSettings":
        """Reads a configuration as Hydra composed it, or as a run recorded it.

        Raises:
            InputError: also a key that does not exist, or one that is missing.
        """
        missing = [key for key in ("data", "model", "optimizer", "trainer") if not config.get(key)]
        if missing:
            raise InputError(f"{', '.join(missing)} must be given.")
        groups: dict[str, Any] = {
            "data": parse_settings(DataSettings, config["data"], "data"),
            "model": parse_settings(ModelSettings, config["model"], "model"),
            "optimizer": parse_settings(OptimizerSettings, config["optimizer"], "optimizer"),
        }
        if config.get("pretrain") is not None:
            groups["pretrain"] = parse_settings(PretrainSettings, config["pretrain"], "pretrain")
        return parse_settings(cls, {**config, **groups})

    @property
    def checkpoint_interval(self) -> Interval | None:
        """How often the run saves itself inside an epoch; None if it does so at a signal alone."""
        return parse_interval(self.trainer["checkpoint_every"])

    def plain(self) -> dict[str, Any]:
        """Gives the configuration back as plain values."""
        return asdict(self)

    def _check_refit(self) -> None:
        if self.optimizer.schedule == "plateau":
            raise InputError(
                "optimizer.schedule=plateau lowers the rate by the validation loss, and "
                "data.refit=true has no validation. Give optimizer.schedule=one_cycle or constant."
            )
        if not self.test:
            raise InputError(
                "data.refit=true has no validation: with test=false nothing is left to score. "
                "Leave it out."
            )
        if self.wide and self.calibration_from is None:
            raise InputError(
                "wide=true mixes two channels by validation, and data.refit=true has none: "
                "calibration_from=RUN takes the mixture of the run that chose the epochs."
            )

    def _check_pretraining(self) -> None:
        if self.pretrain is None:
            if self.data.unlabelled is not None:
                raise InputError(
                    f"data.unlabelled={self.data.unlabelled} is read by the language model alone: "
                    f"give pretrain=own_text, too, or leave it out."
                )
        elif self.model.bidirectional and self.model.layers > 1 and not self.model.separate:
            raise InputError(
                f"pretrain=own_text: layers above the first that read the states of both "
                f"directions would see what a language model is to guess. Give "
                f"model.directions=separate, model.layers=1 or model.bidirectional=false; got "
                f"model.layers={self.model.layers}."
            )
