"""Parquet files: class names that they bring along, and what is refused."""

import pyarrow
import pyarrow.parquet
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from helpers.reading import CSV, assert_refused, read
from textlstm.checks import InputError
from textlstm.data.reading.files import open_table


def test_class_names_come_from_a_parquet_file_alone(write_file, tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant"])})
    Dataset.from_dict({"text": ["a"], "label": [1]}, features=features).to_parquet(
        tmp_path / "rows.parquet"
    )
    assert open_table(str(tmp_path / "rows.parquet"), "data.train").class_names == {
        "label": ["zebra", "ant"]
    }
    assert open_table(str(write_file("rows.csv", CSV)), "data.train").class_names == {}


def write_parquet(file, columns, metadata=None):
    table = pyarrow.table(list(columns.values()), names=list(columns))
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), file)
    return file


@pytest.mark.parametrize(
    "metadata",
    [
        "{",
        b"\xff",
        "[]",
        '{"info": null}',
        '{"info": {"features": []}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel", "names": [0, 1]}}}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["a", "a"]}}}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel", "names": "ab"}}}}',
        '{"info": {"features": {"label": {"_type": "ClassLabel"}}}}',
    ],
)
def test_class_names_that_are_none_are_ignored(tmp_path, metadata):
    file = write_parquet(
        tmp_path / "rows.parquet", {"text": ["one"], "label": [0]}, {"huggingface": metadata}
    )
    assert open_table(str(file), "data.train").class_names == {}
    assert read(file) == [("one", 0)]


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path):
    table = pyarrow.table([["one"], ["a"], ["two"]], names=["text", "label", "text"])
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(
        InputError, match=r"rows\.parquet has two columns 'text': each needs a name of its own\."
    ):
        read(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    "kind", [pyarrow.timestamp("ms"), pyarrow.duration("s"), pyarrow.timestamp("s", tz="No/Where")]
)
def test_times_that_python_has_no_value_for_are_refused(tmp_path, kind):
    file = write_parquet(tmp_path / "rows.parquet", {"text": pyarrow.array([2**53], kind)})
    with pytest.raises(
        InputError, match=r"^data\.train: .*rows\.parquet (cannot be read|is no whole)"
    ):
        read(file)


def test_parquet_texts_that_are_no_utf_8_are_named_with_their_column(tmp_path):
    ends = pyarrow.array([0, 1, 2], pyarrow.int32()).buffers()[1]
    texts = pyarrow.Array.from_buffers(
        pyarrow.string(), 2, [None, ends, pyarrow.py_buffer(b"a\xff")]
    )
    file = write_parquet(tmp_path / "rows.parquet", {"label": ["a", "b"], "text": texts})
    message = (
        r"rows\.parquet, column 'text' holds bytes that are no UTF-8 text, in a row from 1 on\. "
        r"Write it again\.$"
    )
    with pytest.raises(InputError, match=message):
        read(file)


def test_a_file_that_is_no_parquet_is_refused(write_file):
    file = write_file("rows.parquet", "no parquet")
    assert_refused(file, r"rows\.parquet is no whole \.parquet file: it is damaged, cut short, or")


def test_columns_without_rows_are_refused(tmp_path):
    file = write_parquet(tmp_path / "rows.parquet", {"text": pyarrow.array([], pyarrow.string())})
    assert_refused(
        file,
        r"rows\.parquet has columns but no rows; at least one row was expected\.$",
    )
