"""Fixtures that read rows of a new file."""

from functools import partial

import pytest

from helpers.small import data_settings
from textlstm.data.reading.files import open_table
from textlstm.data.rows import Origin, read_rows


@pytest.fixture
def origin(tmp_path):
    """The origin of a new file, whose content is known by its bytes."""

    def origin(content, name="rows.csv"):
        file = tmp_path / name
        if content is not None:
            file.write_text(content, encoding="utf-8")
        opened = partial(open_table, str(file), "data.train")
        return Origin("data.train", str(file), opened, file.read_bytes().hex(), {})

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
