"""Scores a finished run again: on one of its own splits, or on another file."""

from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

from textlstm.checks import parse_settings
from textlstm.commandline.settings import EvaluateSettings
from textlstm.commands.drift import drift_lines
from textlstm.commands.kept_model import classifier_of, kept_module, wide_channel
from textlstm.commands.scored_texts import (
    ScoredTexts,
    other_file,
    own_split,
    refuse_missing_split,
)
from textlstm.data.batching import batch_loader
from textlstm.data.settings import DataSettings
from textlstm.escaping import visible
from textlstm.model.calibration import describe_calibration
from textlstm.model.metrics import Predictions
from textlstm.model.mixing import score_mixture
from textlstm.model.scores import Calibration, Scores, Wide
from textlstm.model.significance import intervals_of
from textlstm.model.wide import WideChannel
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import Record, evaluation_record, read_record, write_record
from textlstm.runs.report import write_report
from textlstm.runs.results import print_results
from textlstm.runs.tally import TextSample
from textlstm.training.module import TextClassificationModule
from textlstm.training.process import prepare_process
from textlstm.training.trainer import quiet_trainer
from textlstm.writing import make_folder


class ScoredAgain(NamedTuple):
    """What comes of texts that are scored with a run's model."""

    predictions: Predictions
    scores: Scores
    wide: Wide | None
    """What the record says of the wide channel, with its scores on these texts."""
    channel: WideChannel | None
    """The channel itself; None without one."""


def evaluate(config: dict[str, Any]) -> None:
    """Scores the model that a run kept, and writes the run's report anew in RUN/evaluation/.

    Raises:
        InputError: no finished run, a split or file that cannot be used, or data that changed since
            the run.
    """
    settings = parse_settings(EvaluateSettings, config)
    run = RunFolder.finished(settings.run)
    record = read_record(run.path)
    if settings.file is None:
        refuse_missing_split(settings.split, record, run)
    data_settings, batch_size = _data_settings(settings, record)

    prepare_process(record["seed"], settings.threads)
    module = kept_module(run, record)
    if settings.file is None:
        texts = own_split(settings, data_settings, record, module)
    else:
        texts = other_file(settings.file, settings, data_settings, record["data"], module)

    scored = _score(texts, module, run, record, data_settings, batch_size, settings.accelerator)
    evaluation = _evaluation(record, texts, scored)
    if settings.changed_data:
        evaluation.pop("paired", None)  # a test of rows that may be others now

    drift = _drift(texts.texts, scored.predictions, module, record) if settings.drift else []
    folder = run.path / "evaluation" / texts.name
    make_folder(folder, inside=run.path)
    write_report(
        folder,
        evaluation,
        texts.split,
        texts.texts,
        scored.predictions,
        texts.places,
        spreadsheet=settings.spreadsheet,
        classifier=classifier_of(module, data_settings, evaluation, scored.channel),
        drift=drift,
    )
    write_record(folder, evaluation)
    print_results(evaluation, texts.split, folder)
    for line in drift:
        print(visible(line))


def _drift(
    texts: list[str], predictions: Predictions, module: TextClassificationModule, record: Record
) -> list[str]:
    """Says in some lines whether the texts look like those of training."""
    sample = TextSample()
    sample.add(texts)
    predicted = Counter(module.labels[place] for place in predictions.predicted_N.tolist())
    return drift_lines(sample, predicted, record, module.hparams["tokenizer_json"])


def _score(
    texts: ScoredTexts,
    module: TextClassificationModule,
    run: RunFolder,
    record: Record,
    data_settings: DataSettings,
    batch_size: int,
    accelerator: str,
) -> ScoredAgain:
    """Scores texts with the network and, where the run has one, with its wide channel."""
    calibration, wide = record.get("calibration"), record.get("wide")
    temperature = 1.0 if calibration is None else calibration["temperature"]
    module.temperature = temperature if wide is None else wide["lstm_temperature"]

    loader = batch_loader(
        texts.encoded, batch_size, shuffle=False, max_tokens=data_settings.max_tokens_per_batch
    )
    quiet_trainer(accelerator).test(module, loader, verbose=False)
    predictions, scores = module.predictions, module.scores
    if wide is None:
        scores = {**scores, "intervals": intervals_of(predictions)}
        return ScoredAgain(predictions, scores, wide=None, channel=None)

    channel = wide_channel(run)
    predictions, scores, alone = score_mixture(
        predictions, texts.texts, channel, wide, temperature, module.labels
    )
    wide = {**wide, "alone": {**wide["alone"], texts.split: alone}}
    return ScoredAgain(predictions, scores, wide, channel)


def _evaluation(record: Record, texts: ScoredTexts, scored: ScoredAgain) -> Record:
    """The record of the evaluation: the run's, with what came of the texts."""
    return evaluation_record(
        record,
        texts.split,
        scored.scores,
        shown_name=texts.name,
        data=texts.facts,
        calibration=_extended(record.get("calibration"), texts.split, scored.predictions),
        wide=scored.wide,
    )


def _data_settings(settings: EvaluateSettings, record: Record) -> tuple[DataSettings, int]:
    """The `data` keys of the run, and the batch size: the one given now, else the run's."""
    data_settings = parse_settings(DataSettings, record["config"]["data"], "data")
    batch_size = settings.batch_size or data_settings.batch_size or record["resolved"]["batch_size"]
    return replace(data_settings, batch_size=batch_size), batch_size


def _extended(
    calibration: Calibration | None, split: str, predictions: Predictions
) -> Calibration | None:
    """The calibration of a run, with what it makes of one more scored split."""
    if calibration is None:
        return None
    found = describe_calibration(
        calibration["temperature"],
        calibration["threshold"],
        calibration["chosen_on"],
        {split: predictions},
    )
    return {**found, "before": {**calibration["before"], **found["before"]}}
