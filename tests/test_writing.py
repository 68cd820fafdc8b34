"""Files are written whole or not at all, and a cell cannot break a table."""

import errno
import json
import os
import re

import pytest

from textlstm.checks import InputError
from textlstm.writing import (
    make_folder,
    markdown_table,
    whole,
    write_bytes,
    write_csv,
    write_json,
    write_text,
)


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


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("theirs", encoding="utf-8")
    for name in ("file", f".{os.getpid()}.file"):  # the latter is the name of the unfinished one
        (tmp_path / name).symlink_to(outside)
    write_text(tmp_path / "file", "ours")
    assert outside.read_text(encoding="utf-8") == "theirs"
    assert (tmp_path / "file").read_text(encoding="utf-8") == "ours"
    assert not (tmp_path / "file").is_symlink()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "outside"]


def test_a_full_disk_leaves_the_file_before_and_names_it(tmp_path, monkeypatch):
    file = tmp_path / "file"
    write_bytes(file, b"before")

    def full(opened):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=re.escape(f"No space left on device: '{file}'")):
        write_bytes(file, b"after")
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_takes_no_files_is_named(tmp_path):
    # As in the kernel's own folders, such as /proc: it is there, and a new file is not found.
    with pytest.raises(PermissionError) as denied, whole(tmp_path / "rows.csv") as unfinished:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(unfinished))
    assert denied.value.filename == str(tmp_path / "rows.csv")


def test_a_file_has_the_mode_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        with whole(tmp_path / "file.png") as unfinished:
            assert unfinished.suffix == ".png"
            unfinished.touch()
    finally:
        os.umask(before)
    assert (tmp_path / "file.png").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("link", ["evaluation", "evaluation/test"])
def test_no_folder_is_made_through_a_link(tmp_path, link):
    run, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    (run / link).parent.mkdir(parents=True)
    (run / link).symlink_to(outside)
    message = f"{run / link} is a link to {outside}, and nothing is written outside of {run}. "
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        make_folder(run / "evaluation" / "test", inside=run)
    assert list(outside.iterdir()) == []


def test_a_run_folder_may_be_a_link_itself(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "kept")
    make_folder(tmp_path / "run" / "model", inside=tmp_path / "run")
    assert (tmp_path / "kept" / "model").is_dir()
