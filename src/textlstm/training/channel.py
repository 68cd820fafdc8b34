"""The wide channel of a run: fitted on its training rows after the LSTM, and mixed with it.

A channel is kept by content in the cache, so that other seeds and the jobs of a sweep pay for it
once.
"""

import json
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textlstm.cache import content_key, kept, one_at_a_time
from textlstm.data.datamodule import TextDataModule
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
from textlstm.model.scores import Alone, Wide, WideSettings
from textlstm.model.wide import WideChannel
from textlstm.runs.record import Record, ScoredName
from textlstm.training.recording import ScoredSplit
from textlstm.training.settings import RunSettings

log = logging.getLogger(__name__)

LAYOUT = 9  # of a channel in the cache: a change of how it is fitted or written must raise it
MOST_WORK = 50_000_000
"""Training tokens times classes up to which a channel is fitted unasked.

Fitting takes about a minute there on one core, as long as that of the baseline.
"""


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


def has_channel(settings: RunSettings, data: TextDataModule, taken: Record | None) -> bool:
    """Tells whether the run has a wide channel.

    Unasked it has one where fitting does not take long; a refit has what the run of the record
    `taken` has, of which it takes the mixture.
    """
    if settings.wide is not None:
        return settings.wide
    if settings.data.refit:
        return taken is not None and "wide" in taken
    train = data.encoded["train"]
    tokens = int((train.lengths + train.skipped).sum())
    return tokens * len(data.class_names) <= MOST_WORK


def mix_channel(
    data: TextDataModule,
    scored: dict[ScoredName, ScoredSplit],
    lstm_temperature: float,
    *,
    calibrate: bool,
    taken: Record | None,
) -> MixedRun:
    """Fits the channel on training rows, and chooses its share on validation.

    Args:
        scored: the splits, as the LSTM predicts them at `lstm_temperature`.
        calibrate: whether the mixture has a temperature, too.
        taken: for a refit, the record of the run whose settings and mixture are taken.
    """
    channel, fitted_with = _kept_channel(data, taken)
    if taken is not None:
        other = taken["wide"]
        mixture = Mixture(other["weight"], taken["calibration"]["temperature"])
        wide_temperature = other["wide_temperature"]
    else:
        lstm = at_temperature(scored["validation"].predictions, 1 / lstm_temperature)
        wide_NC = channel.log_probabilities(scored["validation"].texts)
        mixture = fit_mixture(lstm, wide_NC, calibrate=calibrate)
        wide_temperature = 1.0
        if calibrate:
            wide_temperature = fit_temperature(Predictions(wide_NC, lstm.gold_N, lstm.unseen))

    wide: Wide = {
        "weight": mixture.weight,
        "lstm_temperature": lstm_temperature,
        "wide_temperature": wide_temperature,
        "terms": len(channel.columns),
        "settings": fitted_with,
        "alone": {},
    }
    found: dict[ScoredName, ScoredSplit] = {}
    alone: dict[str, Alone] = {}
    for name, split in scored.items():
        predictions, scores, alone[name] = score_mixture(
            split.predictions, split.texts, channel, wide, mixture.temperature, data.class_names
        )
        found[name] = split._replace(predictions=predictions, scores=scores)
    return MixedRun(channel, mixture.temperature, {**wide, "alone": alone}, found)


def _kept_channel(data: TextDataModule, taken: Record | None) -> tuple[WideChannel, WideSettings]:
    """Takes the channel from the cache, or fits it and keeps it there; and what it was fitted with.

    Its settings follow from the rows, so that the name of the entry need not have them; those of a
    refit are given.
    """
    train, classes = _rows(data, "train"), len(data.class_names)
    validation = None if taken is not None else _rows(data, "validation")
    given = None if taken is None else (taken["wide"]["settings"], taken["wide"]["terms"])
    rows = [[rows.texts, rows.labels_N.tolist()] for rows in (train, validation) if rows]
    name = f"wide-{content_key(LAYOUT, classes, given, rows)}"

    def make(folder: Path) -> None:
        log.info("Fitting the wide channel…")
        found, size = given or (channel_settings(train.texts), None)
        fitted = fit_channel(train, found, classes, validation=validation, size=size)
        fitted.channel.save(folder)
        (folder / "settings.json").write_text(json.dumps(fitted.settings), encoding="utf-8")

    def load(folder: Path) -> tuple[WideChannel, WideSettings]:
        found = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        return WideChannel.load(folder), found

    with one_at_a_time(data.cache, name):  # jobs of a sweep come here at the same time
        return kept(data.cache, name, make, load)[0]


def _rows(data: TextDataModule, split: str) -> Rows:
    rows = data.splits[split]
    return Rows(rows["text"][:], np.asarray(rows["label"][:]))
