"""Finds what differs between runs before their scores: configuration, data and versions."""

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from textlstm.data.settings import DataSettings
from textlstm.keys import leaf_values
from textlstm.leaderboard.compared_run import ComparedRun
from textlstm.model.settings import ModelSettings

ABSENT = "–"
SHOWN = 8  # digits of a checksum
Row = tuple[str, list[str]]
"""What differs, and its value in each run."""


def config_differences(runs: list[ComparedRun]) -> list[Row]:
    """Lists the keys of the configuration whose values differ.

    A run that was recorded before a key existed did what the default of the key does.
    """
    known = {**_defaults(DataSettings, "data"), **_defaults(ModelSettings, "model")}
    return _different([known | leaf_values(run.record["config"]) for run in runs])


def data_differences(runs: list[ComparedRun]) -> list[Row]:
    """Lists the files (by checksum), rows, classes, columns and tokenizers that differ."""
    return [*_different_files(runs), *_different([_data(run) for run in runs])]


def version_differences(runs: list[ComparedRun]) -> list[Row]:
    """Lists what differs of versions, machine, device, threads and git commit."""
    return _different([_versions(run) for run in runs])


def _different(found: list[dict[str, Any]]) -> list[Row]:
    names = dict.fromkeys(name for values in found for name in values)
    rows = [(name, [values.get(name, ABSENT) for values in found]) for name in names]
    return [
        (name, [_shown(value) for value in values])
        for name, values in rows
        if any(value != values[0] for value in values) and not all(map(_is_unset, values))
    ]


def _is_unset(value: Any) -> bool:
    """Says whether a value is null or, in an older record, absent: the two mean the same."""
    return value is None or value == ABSENT


def _defaults(kind: type[DataSettings | ModelSettings], group: str) -> dict[str, Any]:
    """Gives the defaults of settings by key, such as `data.tokenizer`."""
    return {
        f"{group}.{field.name}": field.default
        for field in fields(kind)
        if field.default is not MISSING
    }


def _different_files(runs: list[ComparedRun]) -> list[Row]:
    """Lists the files whose content differs; their names and folders are no matter."""
    sources = [run.record["data"]["sources"] for run in runs]
    rows = []
    for split in dict.fromkeys(split for found in sources for split in found):
        given = [found.get(split) for found in sources]
        if len({None if source is None else source["sha256"] for source in given}) > 1:
            shown = [
                ABSENT
                if source is None
                else f"{Path(source['path']).name}, SHA-256 {source['sha256'][:SHOWN]}…"
                for source in given
            ]
            rows.append((f"{split} file", shown))
    return rows


def _data(run: ComparedRun) -> dict[str, Any]:
    facts = run.record["data"]
    labels = run.record["labels"]
    return {
        **{f"{split} rows": facts["splits"][split]["rows"] for split in facts["splits"]},
        "classes": f"{len(labels)}: {', '.join(map(str, labels))}",
        "text column": facts["columns"].get("text"),
        "label column": facts["columns"].get("label"),
        "tokens of the vocabulary": facts["tokenizer"].get("size"),
    }


def _versions(run: ComparedRun) -> dict[str, Any]:
    record = run.record
    environment = dict(record["environment"].items())
    versions = environment.pop("versions", {})
    return {
        **leaf_values(versions),
        **leaf_values(environment),
        **{name: record.get(name) for name in ("device", "devices", "threads")},
    }


def _shown(value: Any) -> str:
    """Writes a value as it is typed: true, null, 0.5."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(_shown, value))}]"
    return str(value)
