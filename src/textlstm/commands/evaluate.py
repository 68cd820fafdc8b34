"""A finished run scored again: on one of its own splits, or on another file."""

import glob
from pathlib import Path
from typing import Any

import torch

from textlstm.checks import InputError, choice, flag, whole
from textlstm.data.batching import EncodedTexts, batch_loader
from textlstm.data.datamodule import TextDataModule
from textlstm.data.encoding import describe, encode_source
from textlstm.data.facts import DataFacts, SourceFacts
from textlstm.data.sources import Source, changed, load_labelled
from textlstm.data.splits import SPLITS
from textlstm.data.tokenizer import load_tokenizer
from textlstm.places import CACHE
from textlstm.runs.folder import RunFolder, folder_name
from textlstm.runs.record import Record, ScoredName, evaluation_record, read_record, write_record
from textlstm.runs.report import print_results, write_report
from textlstm.training.module import TextClassificationModule
from textlstm.training.process import prepare_process
from textlstm.training.trainer import quiet_trainer


def evaluate(config: dict[str, Any]) -> None:
    """Scores the best checkpoint of `run` and writes the run's report anew, in RUN/evaluation/.

    Raises:
        InputError: no finished run, a split or file that cannot be used, or data that changed since
            the run.
    """
    run = RunFolder.finished(config["run"])
    record = read_record(run.path)
    choice("split", config["split"], SPLITS)
    if config["file"] is None:
        _refuse_missing(config["split"], record, run)
    flag("changed_data", config["changed_data"])
    settings = dict(record["config"]["data"])
    if config["batch_size"] is not None:
        whole("batch_size", config["batch_size"], minimum=1)
        settings["batch_size"] = config["batch_size"]
    prepare_process(record["seed"], config["threads"])
    checkpoint = run.kept_checkpoint(refit=record["refit"])
    module = TextClassificationModule.load_from_checkpoint(
        checkpoint, map_location="cpu", weights_only=True
    )
    tokenizer_json = module.hparams["tokenizer_json"]

    name: str
    split: ScoredName
    if config["file"] is None:
        name = split = config["split"]
        facts = record["data"]
        if not config["changed_data"]:
            _refuse_changed(record["data"]["sources"])
        data = TextDataModule(
            **settings, cache=CACHE, seed=record["seed"], tokenizer_json=tokenizer_json
        )
        data.setup()
        texts, encoded = data.splits[split]["text"][:], data.encoded[split]
    else:
        name, split = folder_name(Path(config["file"]).name), "file"
        source = _other_file(config, settings, record["data"], module.labels)
        ids = encode_source(load_tokenizer(tokenizer_json), source, CACHE)
        cut = {key: settings[key] for key in ("max_length", "truncate", "pad_to")}
        texts, encoded = (
            list(source.texts()),
            EncodedTexts(ids, torch.from_numpy(source.labels), **cut),
        )
        facts = {
            **record["data"],
            "splits": {split: describe(encoded, module.labels)},
            "sources": {split: {"path": source.origin["path"], "sha256": source.origin["sha256"]}},
        }

    loader = batch_loader(
        encoded, settings["batch_size"], shuffle=False, max_tokens=settings["max_tokens_per_batch"]
    )
    quiet_trainer(config["accelerator"]).test(module, loader, verbose=False)
    evaluation = evaluation_record(record, split, module.scores, shown_name=name, data=facts)
    folder = run.path / "evaluation" / name
    write_report(folder, evaluation, split, texts, module.predictions)
    write_record(folder, evaluation)
    print_results(evaluation, split, folder)


def _refuse_missing(split: str, record: Record, run: RunFolder) -> None:
    """Refuses a split that the run has not, or has not kept."""
    if record["refit"] and split == "validation":
        raise InputError(
            f"split=validation: {run.path} is a refit (data.refit=true): it trained on the "
            f"validation rows, too, and "
            f"has no validation. Give split=test, split=train or file=…"
        )
    if record["config"]["data"]["streaming"] and split == "train":
        raise InputError(
            f"split=train: {run.path} was streamed (data.streaming=true), and keeps no training "
            f"rows. Give file=…"
        )


def _other_file(
    config: dict[str, Any], settings: dict[str, Any], facts: DataFacts, labels: list[str]
) -> Source:
    """The rows of `file=`, read as the run's own were where the config does not say otherwise."""
    return load_labelled(
        config["file"],
        text_column=config["text_column"] or facts["columns"]["text"],
        label_column=config["label_column"] or facts["columns"]["label"],
        first_number=facts["first_number"],
        **{key: settings[key] for key in ("label_names", "encoding", "drop_empty")},
        labels=labels,
        cache=CACHE,
    )


def _refuse_changed(sources: dict[str, SourceFacts]) -> None:
    for split in changed(sources):
        file = sources[split]["path"]
        if not glob.glob(file) and not Path(file).exists():
            raise InputError(
                f"The run's {split} file {file} is gone; file=OTHER.csv scores another one."
            )
        raise InputError(
            f"The run's {split} file {file} has changed since the run, so its splits may differ. "
            f"changed_data=true scores it all the same; file={file} scores all of its rows."
        )
