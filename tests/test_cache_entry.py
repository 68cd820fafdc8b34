"""An entry of the cache: damage is noticed, and it can be shared with other users."""

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from helpers.caches import entry_name, made_again, read, start, writing
from textlstm.cache import kept, one_at_a_time
from textlstm.checks import InputError

# Root may write everywhere; a user who owns nothing may not.
AS_NOBODY = "import os\nif os.geteuid() == 0:\n    os.setgid(65534)\n    os.setuid(65534)\n"


def flip_a_bit(entry: Path) -> None:
    content = bytearray((entry / "entry.txt").read_bytes())
    content[2] ^= 1
    (entry / "entry.txt").write_bytes(content)


def exchange(entry: Path) -> None:
    """Puts the content of another whole entry in its place."""
    other = entry.with_name(entry_name(2))
    kept(entry.parent, other.name, writing("other"), read)
    for file in other.iterdir():
        (entry / file.name).write_bytes(file.read_bytes())


def list_other_files(entry: Path) -> None:
    (entry / "checksums.json").write_text(json.dumps({"entry": entry.name, "files": ["a"]}))


DAMAGES = {
    "a bit": flip_a_bit,
    "cut": lambda entry: os.truncate(entry / "entry.txt", 2),
    "longer": lambda entry: (entry / "entry.txt").write_text("whole and more"),
    "a file gone": lambda entry: (entry / "entry.txt").unlink(),
    "another entry's": exchange,
    "no checksums": lambda entry: (entry / "checksums.json").unlink(),
    "empty checksums": lambda entry: os.truncate(entry / "checksums.json", 0),
    "half of the checksums": lambda entry: os.truncate(entry / "checksums.json", 20),
    "checksums that are something else": lambda entry: (
        (entry / "checksums.json").write_text("[1]") and None
    ),
    "checksums of other files": list_other_files,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_anew_and_the_log_says_so(tmp_path, caplog, damage):
    name = entry_name(1)
    kept(tmp_path, name, writing("whole"), read)
    DAMAGES[damage](tmp_path / name)

    assert kept(tmp_path, name, writing("whole"), read) == ("whole", False)
    [line] = [one.getMessage() for one in caplog.records]
    assert line.startswith(f"cache: {tmp_path / name} is damaged: ")
    assert line.endswith(" It is made anew.")
    assert kept(tmp_path, name, made_again, read) == ("whole", True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_entry_that_is_a_link_loses_the_link_and_not_what_it_leads_to(tmp_path):
    mine, cache, name = tmp_path / "mine", tmp_path / "cache", entry_name(1)
    mine.mkdir()
    cache.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    (cache / name).symlink_to(mine)
    assert kept(cache, name, writing("whole"), read) == ("whole", False)
    assert (mine / "thesis.txt").read_text() == "years of work"
    assert os.listdir(cache) == [name]
    assert not (cache / name).is_symlink()


@pytest.mark.parametrize(("umask", "file", "folder"), [(0o002, 0o664, 0o775), (0o77, 0o600, 0o700)])
def test_an_entry_has_the_modes_of_the_users_umask(tmp_path, umask, file, folder):
    def make(unfinished):
        writing("whole")(unfinished)
        (unfinished / "entry.txt").chmod(0o600)  # as some libraries write their files

    before = os.umask(umask)
    try:
        kept(tmp_path / "cache", entry_name(1), make, read)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "cache").rglob("*.*")}
    assert modes == {file}
    folders = [tmp_path / "cache", tmp_path / "cache" / entry_name(1)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {folder}


@pytest.fixture
def others_cache():
    """A cache with one entry that a user who is not root may only read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cache = Path(folder, "cache")
        kept(cache, entry_name(1), writing("whole"), read)
        paths = [cache, *cache.rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield cache
        for path in paths:
            path.chmod(0o755)


def test_a_cache_that_may_only_be_read_is_read_and_what_is_absent_is_an_error(others_cache):
    code = (
        "for name in sys.argv[2:]:\n"
        "    try: print(kept(cache, name, lambda folder: None, lambda folder:"
        " (folder / 'entry.txt').read_text()))\n"
        "    except InputError as error: print(error)\n"
    )
    process = start(AS_NOBODY + code, others_cache, entry_name(1), entry_name(2))
    answers, errors = process.communicate()
    assert errors == ""
    found, absent = answers.splitlines()
    assert found == "('whole', True)"
    assert absent.startswith(f"cache: {others_cache / entry_name(2)} could not be written (EACCES)")
    assert "TEXTLSTM_CACHE=FOLDER before the command takes another one" in absent
    assert os.listdir(others_cache) == [entry_name(1)]


def test_a_lock_that_belongs_to_another_user_does_not_keep_anybody_out(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", denied)
    name, entered = entry_name(1), []
    with one_at_a_time(tmp_path, name):
        entered.append(kept(tmp_path, name, writing("whole"), read))
    with one_at_a_time(tmp_path, name):
        entered.append(kept(tmp_path, name, made_again, read))
    assert entered == [("whole", False), ("whole", True)]


def test_an_unreadable_entry_that_cannot_be_replaced_is_an_error_of_the_user(tmp_path, monkeypatch):
    def denied(entry):
        raise PermissionError(13, "Permission denied")

    kept(tmp_path, entry_name(1), writing("whole"), read)
    monkeypatch.setattr("textlstm.cache.open_entry", denied)
    monkeypatch.setattr("textlstm.cache.remove_entry", denied)
    with pytest.raises(InputError, match=r"could not be written \(EACCES\)"):
        kept(tmp_path, entry_name(1), made_again, read)


def test_a_disk_that_gives_back_something_else_each_time_is_an_error_of_the_user(tmp_path, caplog):
    made = []

    def make(folder):
        writing("whole")(folder)
        made.append(folder)

    def damaged_at_once(folder):
        pytest.fail("read")

    name = entry_name(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textlstm.cache_entry._compare", broken_disk)
        with pytest.raises(InputError, match=rf"^cache: {tmp_path / name} is damaged: "):
            kept(tmp_path, name, make, damaged_at_once)
    assert len(made) == 2
    assert len(caplog.records) == 1


def broken_disk(entry: Path) -> None:
    raise OSError(5, "Input/output error")
