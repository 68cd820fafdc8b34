"""Where labelled text comes from: files or a data set of the hub, as splits with columns `text` and `label`."""

import csv
import gzip
import hashlib
import logging
import os
import re
from pathlib import Path
from typing import Any

import datasets
import pyarrow
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from textlstm.checks import InputError, choice, nearest

log = logging.getLogger(__name__)

NEWSWIRE4 = Path(__file__).with_name("newswire4.csv")
SOURCES = ("files", "hub")
READERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet", ".pq": "parquet"}
TEXT = ("string", "large_string")
SPLIT_NAMES = {"dev": "validation", "valid": "validation", "val": "validation"}


def load_source(
    *,
    source: str,
    train: str | None,
    validation: str | None,
    test: str | None,
    name: str | None,
    config: str | None,
    text_column: str,
    label_column: str,
) -> DatasetDict:
    """Labelled text as `train` and, where they are given, `validation` and `test`.

    `source` is `files` (paths in `train`, `validation`, `test`; `train=null` is the corpus inside the package)
    or `hub` (a data set `name` of the Hugging Face hub, or a local folder of one, with an optional `config`).
    Each split has the columns `text` (string) and `label` (ClassLabel, the same classes in each).

    Raises:
        InputError: a file, column, row or label that cannot be used, or a hub that cannot be reached.
    """
    choice("data.source", source, SOURCES)
    if source == "hub":
        splits = _load_hub(name, config)
    else:
        paths = {"train": str(NEWSWIRE4) if train is None else train, "validation": validation, "test": test}
        splits = {split: load_file(path, f"data.{split}") for split, path in paths.items() if path is not None}
    for split, rows in splits.items():
        where = f"data.{split}={paths[split]}" if source == "files" else f"split {split!r} of {name}"
        splits[split] = _text_and_label(rows, text_column, label_column, where)
    labels = _label_names(splits["train"])
    return DatasetDict({split: _encode_labels(rows, labels, split) for split, rows in splits.items()})


def load_labelled(path: str, text_column: str, label_column: str, labels: list[str]) -> Dataset:
    """One file as columns `text` and `label`, whose classes must be among `labels`."""
    rows = _text_and_label(load_file(path, "file"), text_column, label_column, f"file={path}")
    return _encode_labels(rows, labels, path)


def load_file(path: str, key: str) -> Dataset:
    """All rows and columns of a CSV, TSV, JSON Lines or Parquet file, plain or gzipped; CSV cells stay text."""
    file = Path(path).expanduser()
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise InputError(f"{key}: {file.absolute()} {what}; a CSV, TSV, JSON Lines or Parquet file was expected.")
    reader = READERS.get(_suffix(file))
    if reader is None:
        raise InputError(
            f"{key}: cannot tell the format of {file} from its name; "
            f"expected one of {', '.join(READERS)} (.gz allowed)."
        )
    options: dict[str, Any] = {}
    if reader == "csv":
        columns = _header(file, key)
        options = {
            "features": Features({column: Value("string") for column in columns}),
            "sep": _separator(file),
            "keep_default_na": False,  # "NA" and "null" are texts
        }
    if not file.stat().st_size:
        raise InputError(f"{key}: {file} is empty.")
    try:
        return datasets.load_dataset(reader, data_files={"rows": datasets_path(file)}, split="rows", **options)
    except (datasets.exceptions.DatasetGenerationError, pyarrow.ArrowException) as error:
        cause = str(error.__cause__ or error).strip().splitlines()[0]
        raise InputError(f"{key}: {file} could not be read as {reader}: {cause}") from error


def datasets_path(file: Path) -> str:
    """The path as `datasets` must be given it: absolute, with glob characters escaped."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(file.absolute()))


def changed(sources: dict[str, dict[str, str]]) -> list[str]:
    """Which of the recorded files (`path` and `sha256` each) are gone or hold something else now."""
    return [
        split
        for split, source in sources.items()
        if not Path(source["path"]).is_file() or checksum(source["path"]) != source["sha256"]
    ]


def checksum(path: str | Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _suffix(file: Path) -> str:
    return Path(file.stem).suffix.lower() if file.suffix == ".gz" else file.suffix.lower()


def _separator(file: Path) -> str:
    return "\t" if _suffix(file) == ".tsv" else ","


def _header(file: Path, key: str) -> list[str]:
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines, delimiter=_separator(file))
            columns, first_row = next(rows, []), next(rows, None)
    except (UnicodeDecodeError, OSError, csv.Error) as error:
        raise InputError(f"{key}: {file} could not be read as UTF-8 text: {error}") from error
    if not columns:
        raise InputError(f"{key}: {file} is empty; a header line with the column names was expected.")
    if first_row is None:
        raise InputError(f"{key}: {file} has a header but no rows.")
    return columns


def _load_hub(name: str | None, config: str | None) -> dict[str, Dataset]:
    if not name:
        raise InputError(
            "data=hub needs data.name=… (a data set of the hub such as stanfordnlp/imdb, or a local folder of one)."
        )
    local = os.path.expanduser(name)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # each of its retries; the error below says it all
    if not os.path.isdir(local):
        log.info("Asking the Hugging Face hub for %s…", name)
    try:
        loaded = datasets.load_dataset(local if os.path.isdir(local) else name, config)
    except (ConnectionError, datasets.exceptions.DatasetNotFoundError) as error:
        unreachable = isinstance(error, ConnectionError)
        what = (
            "the Hugging Face hub cannot be reached"
            if unreachable
            else "there is no such data set on the hub, or it is private"
        )
        raise InputError(
            f"data.name={name}: {what}. Without it, data=newswire4 trains on the embedded corpus."
        ) from error
    except (ValueError, datasets.exceptions.DatasetGenerationError) as error:
        raise InputError(f"data.name={name} data.config={config}: {str(error).strip().splitlines()[0]}") from error
    splits = {SPLIT_NAMES.get(split, split): rows for split, rows in loaded.items()}
    if "train" not in splits:
        raise InputError(f"data.name={name}: it has no split 'train', only {', '.join(loaded)}.")
    return {split: splits[split] for split in ("train", "validation", "test") if split in splits}


def _text_and_label(rows: Dataset, text_column: str, label_column: str, where: str) -> Dataset:
    """Columns `text` and `label` alone, each row checked."""
    for key, column in (("text_column", text_column), ("label_column", label_column)):
        if column not in rows.column_names:
            raise InputError(
                f"{where} has no column {column!r}.{nearest(column, rows.column_names)} "
                f"Its columns are {', '.join(rows.column_names)}; name one with data.{key}=…"
            )
    if text_column == label_column:
        raise InputError(f"data.text_column and data.label_column are both {text_column!r}; two columns were expected.")
    if not len(rows):
        raise InputError(f"{where} has a header but no rows.")
    rows = rows.select_columns([text_column, label_column])
    rows = rows.rename_columns({text_column: "text", label_column: "label"})
    kind = _kind(rows.features["text"])
    if kind not in TEXT:
        raise InputError(
            f"{where}: column {text_column!r} holds {kind}, text was expected; name another with data.text_column=…"
        )
    kind = _kind(rows.features["label"])
    if kind.startswith("float"):
        raise InputError(
            f"{where}: the labels are fractions (such as {rows[0]['label']}); "
            f"classes were expected, no quantity to regress."
        )
    if not (kind in (*TEXT, "bool") or re.fullmatch(r"u?int\d+", kind)):  # a ClassLabel is int64
        raise InputError(
            f"{where}: column {label_column!r} holds {kind}; names, whole numbers or booleans were expected as classes."
        )
    for column, original in (("text", text_column), ("label", label_column)):
        empty = [
            row
            for row, value in enumerate(rows[column])
            if value is None or value == "" or (column == "text" and not value.strip())
        ]
        if empty:
            raise InputError(
                f"{where}: {len(empty)} of {len(rows)} rows have an empty {original!r}, "
                f"the first is row {empty[0] + 1} (counted from 1 without the header). Fill or remove them."
            )
    return rows


def _kind(feature: Any) -> str:
    return getattr(feature, "dtype", None) or type(feature).__name__.lower()


def _label_names(train: Dataset) -> list[str]:
    """The classes of the training file: the names it brings, or its values in order."""
    feature = train.features["label"]
    if isinstance(feature, ClassLabel):
        return feature.names
    names = [str(value) for value in train.unique("label")]
    if len(names) < 2:
        raise InputError(f"All training rows have the label {names[0]!r}; at least two classes were expected.")
    numbers = all(re.fullmatch(r"-?\d+", name) for name in names)
    return sorted(names, key=int) if numbers else sorted(names)


def _encode_labels(rows: Dataset, labels: list[str], where: str) -> Dataset:
    feature = ClassLabel(names=labels)
    present = rows.features["label"]
    names: dict[Any, str]
    numbers: dict[Any, int]
    if isinstance(present, ClassLabel):
        names = dict(enumerate(present.names))
        numbers = {number: feature.str2int(name) for number, name in names.items() if name in labels}
        values = rows["label"]
    else:
        names, numbers = {}, {name: number for number, name in enumerate(labels)}
        values = [str(value) for value in rows["label"]]
    encoded = []
    for row, value in enumerate(values):
        if value not in numbers:
            name = names.get(value, value)
            raise InputError(
                f"{where}: row {row + 1} has the label {name!r}, which no training row has."
                f"{nearest(str(name), labels)} The classes are {', '.join(labels)}."
            )
        encoded.append(numbers[value])
    return Dataset.from_dict(
        {"text": rows["text"], "label": encoded}, features=Features({"text": Value("string"), "label": feature})
    )
