"""How a folder is named at the end of a command."""

from pathlib import Path

from textlstm.places import folder_line


def test_a_folder_is_named_from_the_working_directory_if_it_is_below_that(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert folder_line(tmp_path / "runs" / "one") == "folder: runs/one"
    assert folder_line(tmp_path.parent) == f"folder: {tmp_path.parent}"
    assert folder_line(Path("given"), "a.md", "b.png") == "folder: given (a.md, b.png)"


def test_a_folder_whose_name_would_clear_the_screen_is_shown_and_does_not(tmp_path):
    assert folder_line(tmp_path / "a\x1b[2Jb").isprintable()
