"""The cache: made once and whole, or not at all."""

import errno
import os
import resource
import threading
import time

import pytest
from safetensors import SafetensorError

from textlstm.cache import content_key, kept, one_at_a_time
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


def read(folder):
    return (folder / "entry.txt").read_text(encoding="utf-8")


def made_again(folder):
    pytest.fail("made again")


def test_an_entry_is_made_once_and_then_found(tmp_path):
    cache = tmp_path / "deep" / "cache"
    assert kept(cache, "rows-1", writing("first"), read) == ("first", False)
    assert kept(cache, "rows-1", made_again, read) == ("first", True)
    assert os.listdir(cache) == ["rows-1"]
    assert sorted(os.listdir(cache / "rows-1")) == ["checksums.json", "entry.txt"]


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(),
        ValueError(),
        KeyError("labels"),
        TypeError(),
        SafetensorError("header too large"),
    ],
)
def test_an_entry_that_cannot_be_read_is_made_anew(tmp_path, error):
    def load(folder):
        if read(folder) == "damaged":
            raise error
        return read(folder)

    kept(tmp_path, "rows-1", writing("damaged"), os.listdir)
    assert kept(tmp_path, "rows-1", writing("whole"), load) == ("whole", False)
    assert kept(tmp_path, "rows-1", made_again, load) == ("whole", True)
    assert os.listdir(tmp_path) == ["rows-1"]


def test_what_is_no_damage_is_not_hidden(tmp_path):
    kept(tmp_path, "rows-1", writing("whole"), read)
    with pytest.raises(ZeroDivisionError):
        kept(tmp_path, "rows-1", made_again, lambda folder: 1 / 0)
    assert kept(tmp_path, "rows-1", made_again, read) == ("whole", True)


@pytest.mark.parametrize("place", ["cache", "cache/rows-1"])
def test_a_file_where_a_folder_should_be_is_an_error_of_the_user(tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("a file", encoding="utf-8")
    message = (
        rf"^cache: {tmp_path}/cache/rows-1 could not be written \((EEXIST|ENOTDIR)\); "
        r"nothing of it was kept\."
    )
    with pytest.raises(InputError, match=message):
        kept(tmp_path / "cache", "rows-1", writing("first"), read)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [
        place.rpartition("/")[2]
    ]
    assert (tmp_path / place).read_text(encoding="utf-8") == "a file"


@pytest.mark.parametrize(
    "error", [ValueError("bad row"), KeyboardInterrupt(), OSError(errno.EIO, "broken disk")]
)
def test_what_fails_leaves_nothing_and_can_be_made_again(tmp_path, error):
    with pytest.raises(type(error)):
        kept(tmp_path, "rows-1", failing(error), read)
    assert os.listdir(tmp_path) == []
    assert kept(tmp_path, "rows-1", writing("whole"), read) == ("whole", False)
    assert sorted(os.listdir(tmp_path / "rows-1")) == ["checksums.json", "entry.txt"]


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM"])
def test_a_disk_that_takes_no_more_is_an_error_of_the_user_and_leaves_nothing(tmp_path, name):
    message = (
        rf"cache: {tmp_path}/rows-1 could not be written \({name}\); "
        r"nothing of it was kept\. Free space"
    )
    with pytest.raises(InputError, match=message):
        kept(tmp_path, "rows-1", failing(OSError(getattr(errno, name), "")), read)
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
        kept(tmp_path, "rows-1", make, read)
    assert os.listdir(tmp_path) == []


def test_of_two_who_make_the_same_the_first_is_kept(tmp_path):
    def make(folder):
        kept(tmp_path, "rows-1", writing("faster"), read)
        writing("slower")(folder)

    assert kept(tmp_path, "rows-1", make, read) == ("faster", False)
    assert os.listdir(tmp_path) == ["rows-1"]


def test_one_process_fills_the_cache_and_the_others_find_it_full(tmp_path):
    cache, found = tmp_path / "cache", []

    def slowly(folder):
        time.sleep(0.3)  # long enough for the others to begin, too, if nothing held them
        writing("first")(folder)

    def work():
        with one_at_a_time(cache):
            found.append(kept(cache, "rows-1", slowly, read)[1])

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [False, True, True]


def test_a_cache_that_cannot_be_locked_is_an_error_of_the_user(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be written"), one_at_a_time(tmp_path / "file"):
        pytest.fail("let in")


def test_a_content_key_is_a_function_of_the_content_alone():
    assert (
        content_key("a", None, 1, ["x"])
        == content_key("a", None, 1, ["x"])
        == "52077bda4159bd0160baeb5e"
    )
    different = [
        ("a",),
        ("a", None),
        ("a", "None"),
        (["a"],),
        ("a", 1),
        ("a", "1"),
        ("a1",),
        ("a", True),
    ]
    assert len({content_key(*parts) for parts in different}) == len(different)
