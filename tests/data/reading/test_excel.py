"""Excel workbooks: cells as the texts that Excel writes into CSV, and what is refused."""

import builtins
import logging

import pytest

from helpers.reading import assert_refused, read, workbook
from textlstm.data.reading.files import open_table

pytest.importorskip("python_calamine", reason="needs the extra `excel`")


def test_cells_of_every_kind_become_texts(write_file):
    rows = [["text", "n", "yes"], ["Zwölf\nTore ", 4, True], ["", 2.5, False], ["42", -1, None]]
    file = write_file("rows.xlsx", workbook({"data": rows}))
    assert read(file) == [("Zwölf\nTore ", "4", "TRUE"), ("", "2.5", "FALSE"), ("42", "-1", "")]


def test_empty_rows_and_columns_without_a_name_are_left_out(write_file):
    rows = [[None], ["text", None, "label"], ["one", "note", "a"], [None, None, None], ["two"]]
    file = write_file("rows.xlsx", workbook({"data": rows}))
    assert open_table(file, "data.train").columns == ["text", "label"]
    assert read(file) == [("one", "a"), ("two", "")]


def test_the_first_sheet_is_read_and_the_others_are_named(write_file, caplog):
    sheets = {"rows": [["text", "label"], ["one", "a"]], "notes": [["nothing"]]}
    with caplog.at_level(logging.INFO):
        assert read(write_file("rows.xlsx", workbook(sheets))) == [("one", "a")]
    assert "the sheet 'rows' is read, not 'notes'" in caplog.text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"rows\.xlsx has no header: a first row with the column names was expected\.$"),
        ([["text", "label"]], r"rows\.xlsx has a header but no rows; at least one row"),
        ([["text", "text"], ["a", "b"]], r"rows\.xlsx has two columns 'text'"),
    ],
)
def test_a_sheet_without_a_table_is_refused(write_file, rows, message):
    assert_refused(write_file("rows.xlsx", workbook({"data": rows})), message)


def test_without_the_package_the_extra_is_named(write_file, monkeypatch):
    imported = builtins.__import__

    def without(name, *arguments):
        if name == "python_calamine":
            raise ImportError(name)
        return imported(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    message = (
        r"rows\.xlsx is read with the package python-calamine: pip install .*\[excel\].*as CSV"
    )
    assert_refused(write_file("rows.xlsx", workbook({"data": [["text"], ["a"]]})), message)
