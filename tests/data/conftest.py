"""Fixtures that read rows of a new file, or all that a data module or a source reads."""

from functools import partial

import datasets
import pytest

from helpers.headlines import TRAIN
from helpers.small import data_module, data_settings
from textlstm.data.reading.files import open_table
from textlstm.data.rows import Origin, read_rows
from textlstm.data.sources import load_labelled, load_source


@pytest.fixture
def origin(tmp_path):
    """The origin of a new file, whose content is known by its bytes."""

    def origin(content, name="rows.csv"):
        file = tmp_path / name
        if content is not None:
            file.write_text(content, encoding="utf-8")
        opened = partial(open_table, str(file), "data.train")
        return Origin("data.train", str(file), opened, file.read_bytes().hex(), {}, [str(file)])

    return origin


@pytest.fixture
def read(origin, tmp_path):
    """Reads the rows of a new file."""

    def read(content, name="rows.csv", *, text="text", label="label", drop_empty=False):
        return read_rows(
            origin(content, name),
            data_settings(text_column=text, label_column=label, drop_empty=drop_empty),
            tmp_path / "cache",
        )

    return read


@pytest.fixture
def prepare(write_rows, tmp_path):
    """A data module after setup, on TRAIN unless told otherwise."""

    def prepare(train=TRAIN, **options):
        cache = options.pop("cache", tmp_path / "cache")
        data = data_module(cache, **{"train": write_rows("train.csv", train), **options})
        data.setup()
        return data

    return prepare


@pytest.fixture
def own_hub_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf_cache")


@pytest.fixture
def load(tmp_path):
    def load(train=None, **options):
        return load_source(data_settings(train=train, **options), cache=tmp_path / "cache")

    return load


@pytest.fixture
def labelled(tmp_path):
    """The classes of the rows of one file, as `file=` reads them."""

    def labelled(path, labels, **options):
        first_number = options.pop("first_number", 0)
        source = load_labelled(
            path,
            data_settings(**options),
            class_names=labels,
            first_number=first_number,
            cache=tmp_path / "cache",
        )
        return [labels[label] for label in source.labels_N]

    return labelled
