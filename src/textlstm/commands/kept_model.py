"""Loads the model that a run kept, to score it again: its network, wide channel and classifier."""

from typing import Any

from textlstm.checks import InputError, parse_settings
from textlstm.data.settings import DataSettings
from textlstm.data.tokenizer import load_tokenizer
from textlstm.model.bundle import TextClassifier
from textlstm.model.bundle_parts import read_tokenizer
from textlstm.model.settings import ModelSettings
from textlstm.model.wide import WideChannel
from textlstm.runs.checkpoint_schema import strange_states_refused
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import Record
from textlstm.training.module import TextClassificationModule
from textlstm.training.settings import OptimizerSettings


def kept_module(run: RunFolder, record: Record) -> TextClassificationModule:
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


def wide_channel(run: RunFolder) -> WideChannel:
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


def classifier_of(
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
