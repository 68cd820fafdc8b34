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
    """the learning rate; with optimizer.schedule=one_cycle, its highest value"""

    weight_decay: float
    """how strongly each step pulls the weights towards 0; with adamw, apart from the gradient"""

    schedule: str
    """constant, one_cycle (up, then down to 0) or plateau (down when validation gets no better)"""

    body_rate: float = 1.0  # what runs had before there was a choice
    """the share of the learning rate that embedding and LSTM get, such as 0.3 when they are
    pretrained"""

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

    epochs: int | None
    """how often the language model reads its texts (default: 0 to 10 times, by their tokens)"""

    lr: float
    """the highest learning rate of the language model, whose schedule is one_cycle"""

    batch_size: int
    """texts in each step of the language model; longer texts come in smaller batches"""

    dropout: float
    """dropout of the language model after its embedding and each LSTM layer, one mask per text"""

    weight_drop: float
    """dropout of the recurrent weights of the language model"""

    word_dropout: float
    """the share of tokens that the language model reads as unknown"""

    candidates: int
    """how many words, drawn anew in each step, each right word is told apart from"""

    seed: int
    """the seed of the language model, which runs with other seeds share"""

    def __post_init__(self) -> None:
        check_whole("pretrain.epochs", self.epochs, minimum=1, null=True)
        for key in ("batch_size", "candidates"):
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
    """the seed of initial weights, dropout and the order of batches (data.split_seed decides which
    rows are held out)"""

    threads: int | None
    """CPU threads (default: the fastest number, which is tried before training)"""

    test: bool
    """true scores the test set once, at the end"""

    baselines: bool | str
    """whether the majority class and TF-IDF + logistic regression are scored on the same rows:
    true, false, or thorough, which tries all settings of the latter, however long that takes (in a
    sweep false, unless it is given)"""

    resume: str | None
    """the folder of a run to go on with"""

    calibrate: bool = False  # what runs did before there was a choice, here and below
    """true fits a temperature on validation, so that of answers with p = 0.9 about 9 in 10 are
    right"""

    calibration_from: str | None = None
    """with data.refit=true: the folder of the run whose temperature, threshold and (with wide=true)
    mixture are taken"""

    ensemble: int = 1  # as runs were before there was a choice
    """how many networks are trained side by side, whose probabilities are averaged; those that read
    one way read forwards and backwards by turns"""

    wide: bool | None = False
    """true fits TF-IDF + logistic regression beside the LSTM and mixes what the two predict
    (default: true, unless training tokens times classes are more than 50 million; a refit does as
    the run of calibration_from)"""

    spreadsheet: bool = False
    """true writes predictions.csv so that a spreadsheet takes no text for a formula"""

    pretrain: PretrainSettings | None = None
    """own_text trains a language model on the training texts first, from which embedding and LSTM
    start"""

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, minimum=0, maximum=MOST_SEED)
        check_whole("ensemble", self.ensemble, minimum=1, maximum=MOST_NETWORKS)
        check_whole("threads", self.threads, minimum=1, maximum=MOST_THREADS, null=True)
        check_flag("test", self.test)
        if not isinstance(self.baselines, bool) and self.baselines != "thorough":
            raise InputError(f"baselines must be true, false or thorough, got {self.baselines!r}.")
        check_flag("calibrate", self.calibrate)
        check_flag("spreadsheet", self.spreadsheet)
        check_flag("wide", self.wide, null=True)
        for key, default in (("max_epochs", None), ("accumulate_grad_batches", 1)):
            value = self.trainer.setdefault(key, default)  # ~trainer.KEY takes it out
            check_whole(f"trainer.{key}", value, minimum=1, null=default is None)
        parse_interval(self.trainer.setdefault("checkpoint_every", DEFAULT))
        if self.data.refit:
            self._check_refit()
        if self.calibration_from is not None and not (self.data.refit and self.calibrate):
            raise InputError(
                "calibration_from takes the temperature of another run for a refit, which has no "
                "validation: give data.refit=true and calibrate=true beside it, or leave it out."
            )
        self._check_pretraining()
        self._check_affixes()

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

    def _check_affixes(self) -> None:
        """Refuses beginnings and ends of words that nothing would train."""
        if self.model.word_dropout != 0 or (self.pretrain and self.pretrain.word_dropout):
            return
        for key in ("prefix_length", "suffix_length"):
            length = getattr(self.data, key)
            if length is not None:
                raise InputError(
                    f"data.{key}={length} reads unknown words as some of their letters, which "
                    f"training learns from the words that model.word_dropout takes, and it is 0: "
                    f"give model.word_dropout=0.5, or data.{key}=null."
                )
