"""Files are written whole or not at all, and a cell cannot break a table."""

import json

import pytest

from textlstm.writing import markdown_table, write_csv, write_json, write_text


def failing_rows():
    yield ["one", "two"]
    raise RuntimeError("half-way")


def test_a_csv_file_that_cannot_be_finished_leaves_the_one_before(tmp_path):
    file = tmp_path / "rows.csv"
    write_csv(file, ["a", "b"], [["1", "x, y"], ["2", 'say "z"']])
    before = file.read_bytes()
    assert before == b'a,b\r\n1,"x, y"\r\n2,"say ""z"""\r\n'
    with pytest.raises(RuntimeError, match="half-way"):
        write_csv(file, ["a", "b"], failing_rows())
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_json_that_cannot_be_written_leaves_the_file_before(tmp_path):
    file = tmp_path / "content.json"
    write_json(file, {"name": "für 北京"})
    assert "für 北京" in file.read_text(encoding="utf-8")
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(file, {"name": object()})
    assert json.loads(file.read_text(encoding="utf-8")) == {"name": "für 北京"}
    assert list(tmp_path.iterdir()) == [file]


def test_text_takes_the_place_of_what_was_there(tmp_path):
    file = tmp_path / "report.md"
    for text in ("long text before", "after\n"):
        write_text(file, text)
    assert file.read_text(encoding="utf-8") == "after\n"


def test_cells_of_a_markdown_table_stay_in_their_cells():
    table = markdown_table(["a", "b"], [["x | y\nz", "<b>"], ["back\\slash", "w" * 301]])
    assert table.splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| x \\| y z | &lt;b> |",
        f"| back\\\\slash | {'w' * 300}… |",
    ]


def test_json_has_null_where_a_number_is_none(tmp_path):
    file = tmp_path / "content.json"
    write_json(file, {"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": (float("-inf"),)}})

    def refused(name):
        raise AssertionError(f"bare {name}")

    read = json.loads(file.read_text(encoding="utf-8"), parse_constant=refused)
    assert read == {"a": None, "b": [1.5, None], "c": {"d": [None]}}
