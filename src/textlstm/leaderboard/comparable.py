"""Tells which runs can be compared: those that were scored on the same validation rows."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from textlstm.keys import value_in
from textlstm.runs.record import Record

# How validation rows are cut from the training rows. The number of the fold is left out: the folds
# of a cross-validation stand for one score.
CUT = ("split_seed", "val_fraction", "test_fraction", "max_rows", "folds")
OF_THE_HUB = ("name", "config")
SHOWN = 8  # digits of a checksum


def validated_rows(record: Record) -> Hashable:
    """Makes a key that runs have in common if their validation rows are the same.

    The rows of a file of their own are known by its checksum, others by that of the training file
    and how they were cut from it.
    """
    facts, config = record["data"], value_in(record["config"], "data")
    sources, validation = facts["sources"], facts["splits"].get("validation")
    checksums = {split: source["sha256"] for split, source in sources.items()}
    columns = facts["columns"]
    key: list[Any] = [sorted(record["labels"]), columns["label"]]

    if "validation" in checksums:
        key.append(checksums["validation"])
    else:
        key += [checksums.get("train"), checksums.get("test"), columns["text"]]
        key += [config.get(name) for name in CUT]
    if not checksums:
        key += [config.get(name) for name in OF_THE_HUB]
    if facts["fold"] is None and validation is not None:
        key.append(sorted(validation["classes"].items()))
    return repr(key)


def described_rows(record: Record) -> str:
    """Describes the validation rows of a run in a few words."""
    facts, config = record["data"], value_in(record["config"], "data")
    sources, fold = facts["sources"], facts["fold"]
    name = data_name(record)
    if fold is not None:
        return f"{name}, {fold['folds']} folds"
    if "validation" not in facts["splits"]:
        return name
    rows = f"{facts['splits']['validation']['rows']:,} rows"
    if "validation" in sources or not config.get("split_seed"):
        return f"{name}, {rows}"
    return f"{name}, {rows}, data.split_seed={config['split_seed']}"


def data_name(record: Record) -> str:
    """Names the data of a run by the file that validates, or by the data set of the hub."""
    sources = record["data"]["sources"]
    for split in ("validation", "train"):
        if split in sources:
            return Path(sources[split]["path"]).name
    return str(value_in(record["config"], "data").get("name") or "data")


def checksum_of(record: Record) -> str:
    """Gives the first digits of the checksum of the file that `data_name` names."""
    sources = record["data"]["sources"]
    source = sources.get("validation") or sources.get("train")
    return "" if source is None else source["sha256"][:SHOWN]
