"""Reads the labelled texts that are scored again: a split of a run, or another file."""

import glob
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from textlstm.checks import InputError
from textlstm.commandline.settings import EvaluateSettings, read_as
from textlstm.data.batching import EncodedTexts
from textlstm.data.classes import unseen_sentence
from textlstm.data.datamodule import TextDataModule
from textlstm.data.encoding import describe, encode_source
from textlstm.data.facts import DataFacts, SourceFacts
from textlstm.data.reading.checksums import changed_sources
from textlstm.data.rows import Places
from textlstm.data.settings import DataSettings
from textlstm.data.sources import load_labelled
from textlstm.data.tokenizer import load_tokenizer
from textlstm.places import CACHE
from textlstm.runs.folder import RunFolder, folder_name
from textlstm.runs.record import Record, ScoredName
from textlstm.training.module import TextClassificationModule

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoredTexts:
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


def own_split(
    settings: EvaluateSettings,
    data_settings: DataSettings,
    record: Record,
    module: TextClassificationModule,
) -> ScoredTexts:
    """A split of the run, read and cut again as the run did."""
    if not settings.changed_data:
        refuse_changed(record["data"]["sources"])
    data = TextDataModule(
        data_settings,
        cache=CACHE,
        seed=record["seed"],
        tokenizer_json=module.hparams["tokenizer_json"],
        tested=settings.split == "test",
    )
    data.setup()
    split = settings.split
    texts = data.splits[split]["text"][:]
    return ScoredTexts(split, split, texts, data.places[split], data.encoded[split], record["data"])


def other_file(
    path: str,
    settings: EvaluateSettings,
    data_settings: DataSettings,
    facts: DataFacts,
    module: TextClassificationModule,
) -> ScoredTexts:
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
    return ScoredTexts(name, "file", texts, source.places, encoded, facts)


def refuse_missing_split(split: str, record: Record, run: RunFolder) -> None:
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
