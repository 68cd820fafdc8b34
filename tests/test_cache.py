"""The cache: made once and whole, or not at all."""

import errno
import os
import resource

import pytest

from textlstm.cache import content_key, kept
from textlstm.checks import InputError


def writing(text):
    def make(folder):
        (folder / "entry.txt").write_text(text, encoding="utf-8")

    return make


def failing(error):
    def make(folder):
        (folder / "half.txt").write_text("half", encoding="utf-8")
        raise error

    return make


def test_an_entry_is_made_once_and_then_found(tmp_path):
    cache = tmp_path / "deep" / "cache"
    folder, found = kept(cache, "rows-1", writing("first"))
    assert (folder, found) == (cache / "rows-1", False)
    assert kept(cache, "rows-1", lambda folder: pytest.fail("made again")) == (folder, True)
    assert (folder / "entry.txt").read_text(encoding="utf-8") == "first"
    assert os.listdir(cache) == ["rows-1"]


@pytest.mark.parametrize("error", [ValueError("bad row"), KeyboardInterrupt(), OSError(errno.EIO, "broken disk")])
def test_what_fails_leaves_nothing_and_can_be_made_again(tmp_path, error):
    with pytest.raises(type(error)):
        kept(tmp_path, "rows-1", failing(error))
    assert os.listdir(tmp_path) == []
    assert kept(tmp_path, "rows-1", writing("whole"))[1] is False
    assert os.listdir(tmp_path / "rows-1") == ["entry.txt"]


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM"])
def test_a_disk_that_takes_no_more_is_an_error_of_the_user_and_leaves_nothing(tmp_path, name):
    message = rf"cache: {tmp_path}/rows-1 could not be written \({name}\); nothing of it was kept\. Free space"
    with pytest.raises(InputError, match=message):
        kept(tmp_path, "rows-1", failing(OSError(getattr(errno, name), "")))
    assert os.listdir(tmp_path) == []


def test_a_real_limit_on_the_size_of_files_is_named(tmp_path):
    def make(folder):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            (folder / "entry.txt").write_bytes(bytes(100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(InputError, match=r"rows-1 could not be written \(EFBIG\)"):
        kept(tmp_path, "rows-1", make)
    assert os.listdir(tmp_path) == []


def test_of_two_who_make_the_same_the_first_is_kept(tmp_path):
    def make(folder):
        kept(tmp_path, "rows-1", writing("faster"))
        writing("slower")(folder)

    assert kept(tmp_path, "rows-1", make) == (tmp_path / "rows-1", False)
    assert (tmp_path / "rows-1" / "entry.txt").read_text(encoding="utf-8") == "faster"
    assert os.listdir(tmp_path) == ["rows-1"]


def test_a_content_key_is_a_function_of_the_content_alone():
    assert content_key("a", None, 1, ["x"]) == content_key("a", None, 1, ["x"]) == "52077bda4159bd0160baeb5e"
    different = [("a",), ("a", None), ("a", "None"), (["a"],), ("a", 1), ("a", "1"), ("a1",), ("a", True)]
    assert len({content_key(*parts) for parts in different}) == len(different)
