"""Scores a finished run again: on one of its own splits, or on another file."""

import glob
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from textlstm.checks import InputError, parse_settings
from textlstm.commandline.settings import EvaluateSettings, read_as
from textlstm.data.batching import EncodedTexts, batch_loader
from textlstm.data.classes import unseen_sentence
from textlstm.data.datamodule import TextDataModule
from textlstm.data.encoding import describe, encode_source
from textlstm.data.facts import DataFacts, SourceFacts
from textlstm.data.reading.checksums import changed_sources
from textlstm.data.rows import Places
from textlstm.data.settings import DataSettings
from textlstm.data.sources import load_labelled
from textlstm.data.tokenizer import load_tokenizer
from textlstm.model.bundle import TextClassifier
from textlstm.model.bundle_parts import read_tokenizer
from textlstm.model.calibration import describe_calibration
from textlstm.model.metrics import Predictions
from textlstm.model.mixing import score_mixture
from textlstm.model.scores import Calibration
from textlstm.model.settings import ModelSettings
from textlstm.model.significance import intervals_of
from textlstm.model.wide import WideChannel
from textlstm.places import CACHE
from textlstm.runs.checkpoint_schema import strange_states_refused
from textlstm.runs.folder import RunFolder, folder_name
from textlstm.runs.record import Record, ScoredName, evaluation_record, read_record, write_record
from textlstm.runs.report import write_report
from textlstm.runs.results import print_results
from textlstm.training.module import TextClassificationModule
from textlstm.training.process import prepare_process
from textlstm.training.settings import OptimizerSettings
from textlstm.training.trainer import quiet_trainer
from textlstm.writing import make_folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scored:
    """The labelled texts that are scored.

    Args:
        name: what the report calls them, and its folder's name.
        split: where their scores stand in the record.
        texts: as they were read.
        places: their files, and the numbers of their rows there.
        encoded: the same texts for the network.
        facts: what the record says about them.
    """

    name: str
    split: ScoredName
    texts: list[str]
    places: Places
    encoded: EncodedTexts
    facts: DataFacts


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
        _refuse_missing(settings.split, record, run)
    data_settings, batch_size = _data_settings(settings, record)

    prepare_process(record["seed"], settings.threads)
    module = _kept_module(run, record)
    if settings.file is None:
        scored = _own_split(settings, data_settings, record, module)
    else:
        scored = _other_file(settings.file, settings, data_settings, record["data"], module)
    split, texts = scored.split, scored.texts

    loader = batch_loader(
        scored.encoded,
        batch_size,
        shuffle=False,
        max_tokens=data_settings.max_tokens_per_batch,
    )
    calibration, wide = record.get("calibration"), record.get("wide")
    temperature = 1.0 if calibration is None else calibration["temperature"]
    module.temperature = temperature if wide is None else wide["lstm_temperature"]
    quiet_trainer(settings.accelerator).test(module, loader, verbose=False)
    predictions, scores = module.predictions, module.scores
    channel = None if wide is None else _channel(run)
    if wide is not None and channel is not None:
        predictions, scores, alone = score_mixture(
            predictions, texts, channel, wide, temperature, module.labels
        )
        wide = {**wide, "alone": {**wide["alone"], split: alone}}
    else:
        scores = {**scores, "intervals": intervals_of(predictions)}

    evaluation = evaluation_record(
        record,
        split,
        scores,
        shown_name=scored.name,
        data=scored.facts,
        calibration=_extended(calibration, split, predictions),
        wide=wide,
    )
    if settings.changed_data:
        evaluation.pop("paired", None)  # a test of rows that may be others now
    folder = run.path / "evaluation" / scored.name
    make_folder(folder, inside=run.path)
    write_report(
        folder,
        evaluation,
        split,
        texts,
        predictions,
        scored.places,
        spreadsheet=settings.spreadsheet,
        classifier=_classifier(module, data_settings, evaluation, channel),
    )
    write_record(folder, evaluation)
    print_results(evaluation, split, folder)


def _kept_module(run: RunFolder, record: Record) -> TextClassificationModule:
    """The module of the kept checkpoint or, in a run without one, of the saved model."""
    checkpoint = run.kept_checkpoint(refit=record["refit"])
    if not checkpoint.is_file() and run.bundle == run.model:
        return _saved_module(TextClassifier.load(run.model), record["config"])
    module = TextClassificationModule.restored(checkpoint)
    with strange_states_refused(checkpoint):
        read_tokenizer(module.hparams["tokenizer_json"], module.hparams["vocab_size"])
    return module


def _saved_module(classifier: TextClassifier, config: dict[str, Any]) -> TextClassificationModule:
    """A module with the network of a saved model, whose weights are those of the kept epoch."""
    network = classifier.network
    rest = {"ensemble": 1, **network.plain_values()}
    sizes = {name: rest.pop(name) for name in ("vocab_size", "classes", "ensemble")}
    module = TextClassificationModule(
        model=parse_settings(ModelSettings, {**rest, "label_smoothing": 0.0}, "model"),
        optimizer=parse_settings(OptimizerSettings, config["optimizer"], "optimizer"),
        labels=classifier.labels,
        tokenizer_json=classifier.tokenizer.to_str(),
        vocab_size=sizes["vocab_size"],
        ensemble=sizes["ensemble"],
    )
    module.network.load_state_dict(network.state_dict())
    return module


def _channel(run: RunFolder) -> WideChannel:
    """The wide channel of the saved model.

    Raises:
        InputError: the model is damaged, or has none.
    """
    channel = TextClassifier.load(run.model).wide
    if channel is None:
        raise InputError(
            f"The record of {run.path} tells of a wide channel, and its model has none: they are "
            f"of different runs. Copy the run again, or train it anew."
        )
    return channel


def _classifier(
    module: TextClassificationModule,
    data_settings: DataSettings,
    record: Record,
    channel: WideChannel | None,
) -> TextClassifier:
    """The classifier whose probabilities the record tells of."""
    return TextClassifier(
        module.network.cpu(),
        load_tokenizer(module.hparams["tokenizer_json"]),
        module.labels,
        max_length=data_settings.max_length,
        truncate=data_settings.truncate,
        temperature=record["calibration"]["temperature"] if "calibration" in record else 1.0,
        wide=channel,
        weight=record["wide"]["weight"] if "wide" in record else 1.0,
    )


def _data_settings(settings: EvaluateSettings, record: Record) -> tuple[DataSettings, int]:
    """The `data` keys of the run, and the batch size: the one given now, else the run's."""
    data_settings = parse_settings(DataSettings, record["config"]["data"], "data")
    batch_size = settings.batch_size or data_settings.batch_size or record["resolved"]["batch_size"]
    return replace(data_settings, batch_size=batch_size), batch_size


def _own_split(
    settings: EvaluateSettings,
    data_settings: DataSettings,
    record: Record,
    module: TextClassificationModule,
) -> Scored:
    """A split of the run, read and cut again as the run did."""
    if not settings.changed_data:
        refuse_changed(record["data"]["sources"])
    data = TextDataModule(
        data_settings,
        cache=CACHE,
        seed=record["seed"],
        tokenizer_json=module.hparams["tokenizer_json"],
    )
    data.setup()
    split = settings.split
    texts = data.splits[split]["text"][:]
    return Scored(split, split, texts, data.places[split], data.encoded[split], record["data"])


def _other_file(
    path: str,
    settings: EvaluateSettings,
    data_settings: DataSettings,
    facts: DataFacts,
    module: TextClassificationModule,
) -> Scored:
    """The rows of `file=`, read as the run's own were where the keys do not say otherwise."""
    merge_labels = settings.merge_labels
    columns = replace(
        read_as(path, data_settings, settings, data_settings.train),
        text_column=settings.text_column or facts["columns"]["text"],
        label_column=settings.label_column or facts["columns"]["label"],
        merge_labels=data_settings.merge_labels if merge_labels is None else merge_labels,
    )
    source = load_labelled(
        path,
        columns,
        class_names=module.labels,
        first_number=facts["first_number"],
        cache=CACHE,
    )

    ids = encode_source(load_tokenizer(module.hparams["tokenizer_json"]), source, CACHE)
    labels_N = torch.from_numpy(source.labels_N)
    encoded = EncodedTexts(ids, labels_N, cut=data_settings, unseen=source.unseen)
    facts = {**facts, "splits": {"file": describe(encoded, module.labels)}}
    facts["sources"] = {} if source.origin is None else {"file": source.origin}
    facts["unseen"] = {"file": source.unseen_rows}
    facts["damaged"] = {"file": source.damaged} if source.damaged["rows"] else {}
    if source.unseen:
        log.warning("%s", unseen_sentence(facts["unseen"], module.labels))
    name, texts = folder_name(Path(path).name), list(source.texts())
    return Scored(name, "file", texts, source.places, encoded, facts)


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


def _refuse_missing(split: str, record: Record, run: RunFolder) -> None:
    """Refuses a split that the run does not have, or did not keep."""
    if record["refit"] and split == "validation":
        raise InputError(
            f"split=validation: {run.path} is a refit (data.refit=true): it trained on the "
            f"validation rows, too, and has no validation. Give split=test, split=train or file=…"
        )
    if record["config"]["data"]["streaming"] and split == "train":
        raise InputError(
            f"split=train: {run.path} was streamed (data.streaming=true), and keeps no training "
            f"rows. Give file=…"
        )


def refuse_changed(sources: dict[str, SourceFacts]) -> None:
    """Refuses the run's own splits if one of its files is gone or has other content."""
    for split in changed_sources(sources):
        file = sources[split]["path"]
        if not glob.glob(file) and not Path(file).exists():
            raise InputError(
                f"The run's {split} file {file} is gone; file=OTHER.csv scores another one."
            )
        raise InputError(
            f"The run's {split} file {file} has changed since the run, so its splits may differ. "
            f"changed_data=true scores it all the same; file={file} scores all of its rows."
        )
