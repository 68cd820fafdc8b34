"""Reads data sets of the Hugging Face hub, or local folders of such, split by split."""

import logging
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

import datasets
from datasets import ClassLabel, Dataset, IterableDataset, Value

from textlstm.cache import content_key
from textlstm.checks import InputError
from textlstm.data.reading.fields import field_names, with_fields
from textlstm.data.reading.tables import ROWS, Chunk, Table

log = logging.getLogger(__name__)

SPLIT_NAMES = {"dev": "validation", "valid": "validation", "val": "validation"}


class HubSplit(NamedTuple):
    """One split of a data set.

    Args:
        rows: rows on the disk, or an iterable that fetches them as they are read.
        content: a name for the content, equal for equal rows.
    """

    rows: Dataset | IterableDataset
    content: str


def load_hub(
    name: str | None, config: str | None, *, streaming: bool = False
) -> dict[str, HubSplit]:
    """Loads the splits `train` and, where there are such, `validation` and `test`.

    Args:
        name: a data set of the hub, such as `stanfordnlp/imdb`, or a local folder of one.
        config: the configuration, for a data set that has several.
        streaming: whether rows are fetched as they are read, in place of a download.

    Raises:
        InputError: no such data set, no such configuration, no training split, or a hub that cannot
            be reached.
    """
    if not name:
        raise InputError(
            "data=hub needs data.name=… (a data set of the hub such as stanfordnlp/imdb, or a "
            "local folder of one)."
        )

    loaded = _load(name, config, streaming=streaming)
    splits = {SPLIT_NAMES.get(split, split): rows for split, rows in loaded.items()}
    if "train" not in splits:
        raise InputError(f"data.name={name}: it has no split 'train', only {', '.join(loaded)}.")
    return {split: splits[split] for split in ("train", "validation", "test") if split in splits}


def _load(name: str, config: str | None, *, streaming: bool) -> dict[str, HubSplit]:
    """All splits of a data set, by the names that it gives them."""
    local = os.path.expanduser(name)
    # It logs each of its retries; the error below says it all.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not os.path.isdir(local):
        log.info("Asking the Hugging Face hub for %s…", name)
    if sys.stderr.isatty():
        datasets.enable_progress_bars()

    try:
        place = local if os.path.isdir(local) else name
        return _streams(place, config) if streaming else _downloaded(place, config)
    except ConnectionError as error:
        raise InputError(
            f"data.name={name}: the Hugging Face hub cannot be reached. Without it, data=newswire4 "
            f"trains on the embedded corpus."
        ) from error
    except FileNotFoundError as error:  # a DatasetNotFoundError is one
        raise InputError(
            f"data.name={name}: there is no such data set on the hub and no such folder here, or "
            f"none with data, or it is private. Check the spelling (owner/name); `hf auth login` "
            f"opens private ones."
        ) from error
    except (ValueError, datasets.exceptions.DatasetGenerationError) as error:
        chosen = "" if config is None else f" data.config={config}"
        raise InputError(
            f"data.name={name}{chosen}: it cannot be loaded: {_reason(error)}."
        ) from error
    finally:
        datasets.disable_progress_bars()


def _downloaded(place: str, config: str | None) -> dict[str, HubSplit]:
    """The splits with their rows on the disk."""
    return {
        split: HubSplit(rows, rows._fingerprint)
        for split, rows in datasets.load_dataset(place, config).items()
    }


def _streams(place: str, config: str | None) -> dict[str, HubSplit]:
    """The splits with rows that are fetched as they are read."""
    builder = datasets.load_dataset_builder(place, config)
    version = os.path.basename(builder.cache_dir)  # of its files and, on the hub, its commit
    return {
        split: HubSplit(rows, content_key(place, config, version, split))
        for split, rows in builder.as_streaming_dataset().items()
    }


def hub_table(rows: Dataset | IterableDataset, name: str) -> Table:
    """The rows of a split as a table; `name` is what messages call it."""
    table = _stream_table(rows, name) if isinstance(rows, IterableDataset) else _table(rows, name)
    if rows.features and all(
        isinstance(kind, Value | ClassLabel) for kind in rows.features.values()
    ):
        return table  # nothing lies inside of texts and numbers
    first = next(table.chunks(None), Chunk(name, 1, {}))
    objects = [{column: value} for column, values in first.columns.items() for value in values]
    return with_fields(table, field_names(objects))


def _stream_table(rows: IterableDataset, name: str) -> Table:
    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        first = 1
        try:
            for batch in rows.iter(ROWS):
                values = {column: batch[column] for column in columns or batch if column in batch}
                chunk = Chunk(name, first, values)
                yield chunk
                first += chunk.rows()
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise InputError(
                f"data.name: {name}, after row {first - 1:,}: it cannot be read: {_reason(error)}."
            ) from error

    # The columns of text files are known from the first rows only.
    names = rows.features or next(chunks(None), Chunk(name, 1, {})).columns
    return Table(list(names), _class_names(rows), chunks)


def _table(rows: Dataset, name: str) -> Table:
    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        wanted = rows if columns is None else rows.select_columns(columns)
        for start in range(0, len(rows), ROWS):
            yield Chunk(name, start + 1, wanted[start : start + ROWS])

    return Table(rows.column_names, _class_names(rows), chunks)


def _reason(error: Exception) -> str:
    """The first line of what an error says, or of what caused it."""
    return str(error.__cause__ or error).strip().partition("\n")[0].rstrip(".")


def _class_names(rows: Dataset | IterableDataset) -> dict[str, list[str]]:
    """The names of the classes by column, where the data set has them."""
    return {
        column: kind.names
        for column, kind in (rows.features or {}).items()
        if isinstance(kind, ClassLabel)
    }
