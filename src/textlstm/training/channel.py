"""The wide channel of a run: fitted on its training rows after the LSTM, and mixed with it."""

import logging
from typing import NamedTuple

import numpy as np

from textlstm.data.datamodule import TextDataModule
from textlstm.model.baselines import choose_settings
from textlstm.model.calibration import at_temperature, fit_temperature
from textlstm.model.metrics import Predictions
from textlstm.model.mixing import (
    Mixture,
    Rows,
    channel_settings,
    fit_channel,
    fit_mixture,
    score_mixture,
)
from textlstm.model.scores import Alone, BaselineSettings, Wide
from textlstm.model.wide import WideChannel
from textlstm.runs.record import Record, ScoredName
from textlstm.training.recording import ScoredSplit

log = logging.getLogger(__name__)


class MixedRun(NamedTuple):
    """A run whose LSTM has a wide channel beside it."""

    channel: WideChannel
    """What was fitted."""
    temperature: float
    """The temperature of the mixture."""
    wide: Wide
    """What the record says of it."""
    scored: dict[ScoredName, ScoredSplit]
    """The splits, as the mixture predicts them."""


def mix_channel(
    data: TextDataModule,
    scored: dict[ScoredName, ScoredSplit],
    lstm_temperature: float,
    *,
    calibrate: bool,
    settings: BaselineSettings | None,
    taken: Record | None,
) -> MixedRun:
    """Fits the channel on training rows, and chooses its share on validation.

    Args:
        scored: the splits, as the LSTM predicts them at `lstm_temperature`.
        calibrate: whether the mixture has a temperature, too.
        settings: those of the baseline, if they have been chosen on validation already.
        taken: for a refit, the record of the run whose settings and mixture are taken.
    """
    train, classes = _rows(data, "train"), len(data.class_names)
    if taken is not None:
        other = taken["wide"]
        mixture = Mixture(other["weight"], taken["calibration"]["temperature"])
        settings, wide_temperature = other["settings"], other["wide_temperature"]
        channel = fit_channel(train, settings, classes, size=other["terms"])
    else:
        settings = channel_settings(settings or choose_settings(data.splits))
        log.info("Fitting the wide channel…")
        validation = _rows(data, "validation")
        channel = fit_channel(train, settings, classes, validation=validation)
        lstm = at_temperature(scored["validation"].predictions, 1 / lstm_temperature)
        wide_NC = channel.log_probabilities(validation.texts)
        mixture = fit_mixture(lstm, wide_NC, calibrate=calibrate)
        wide_temperature = 1.0
        if calibrate:
            wide_temperature = fit_temperature(Predictions(wide_NC, lstm.gold_N, lstm.unseen))

    wide: Wide = {
        "weight": mixture.weight,
        "lstm_temperature": lstm_temperature,
        "wide_temperature": wide_temperature,
        "terms": len(channel.columns),
        "settings": settings,
        "alone": {},
    }
    found: dict[ScoredName, ScoredSplit] = {}
    alone: dict[str, Alone] = {}
    for name, split in scored.items():
        predictions, scores, alone[name] = score_mixture(
            split.predictions, split.texts, channel, wide, mixture.temperature, data.class_names
        )
        found[name] = ScoredSplit(split.texts, predictions, scores)
    return MixedRun(channel, mixture.temperature, {**wide, "alone": alone}, found)


def _rows(data: TextDataModule, split: str) -> Rows:
    rows = data.splits[split]
    return Rows(rows["text"][:], np.asarray(rows["label"][:]))
