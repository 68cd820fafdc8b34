"""The cache has a bound, and killed processes leave nothing in it for long."""

import fcntl
import json
import os
import platform
import time
from pathlib import Path

import pytest

from helpers.caches import entry_name, made_again, read, start, writing
from textlstm import cache_entry
from textlstm.cache import kept
from textlstm.checks import InputError

DAYS_AGO = time.time() - 2 * 24 * 60 * 60


def names(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()}


def let_go() -> None:
    """Ends the locks of this process, as its end does."""
    for lock in cache_entry._held.values():
        os.close(lock)
    cache_entry._held.clear()


@pytest.fixture
def three(tmp_path, monkeypatch):
    """A cache of three entries of a kilobyte that no process uses; the second was used first."""
    for number, age in ((1, 100), (2, 300), (3, 200)):
        kept(tmp_path, entry_name(number), writing("x" * 1000), read)
        at = time.time() - age
        os.utime(tmp_path / entry_name(number) / "checksums.json", (at, at))
    let_go()
    # Room for three entries, each with its folder and its checksums, but not for four.
    monkeypatch.setenv(
        "TEXTLSTM_CACHE_GB", str(3.5 * cache_entry.size(tmp_path / entry_name(1)) / 1e9)
    )
    return tmp_path


def test_the_entry_that_was_used_longest_ago_makes_room(three, caplog):
    caplog.set_level("INFO")
    kept(three, entry_name(4), writing("x" * 1000), read)
    assert names(three) == {entry_name(1), entry_name(3), entry_name(4)}
    [line] = [one.getMessage() for one in caplog.records]
    assert line.startswith("cache: removed what was used longest ago (1 entries, 0.00 GB)")


def test_reading_an_entry_counts_as_use(three):
    kept(three, entry_name(2), made_again, read)
    let_go()
    kept(three, entry_name(4), writing("x" * 1000), read)
    assert names(three) == {entry_name(1), entry_name(2), entry_name(4)}


def test_an_entry_that_this_process_or_another_one_uses_stays(three):
    kept(three, entry_name(2), made_again, read)
    os.utime(three / entry_name(2) / "checksums.json", (1, 1))
    code = (
        "kept(cache, sys.argv[2], None, lambda folder: None)\n"
        "print('read', flush=True)\nsys.stdin.readline()\n"
    )
    other = start(code, three, entry_name(3))
    assert other.stdout.readline() == "read\n", other.stderr.read()
    os.utime(three / entry_name(3) / "checksums.json", (2, 2))
    kept(three, entry_name(4), writing("x" * 3000), read)
    assert names(three) == {entry_name(2), entry_name(3), entry_name(4)}

    other.communicate("\n")
    kept(three, entry_name(5), writing("x" * 1000), read)
    assert names(three) == {entry_name(2), entry_name(4), entry_name(5)}


def test_what_is_not_the_caches_stays_whatever_its_size(three, monkeypatch):
    monkeypatch.setenv("TEXTLSTM_CACHE_GB", "0.000000001")
    mine = three / "thesis"
    mine.mkdir()
    (mine / "chapter.txt").write_text("x" * 5000)
    (three / entry_name(6)).symlink_to(mine)
    (three / f".{entry_name(6)}.abcd").symlink_to(mine)
    kept(three, entry_name(4), writing("x"), read)
    links = {entry_name(6), f".{entry_name(6)}.abcd"}
    assert names(three) == {entry_name(4), "thesis", *links}
    assert (mine / "chapter.txt").stat().st_size == 5000


def test_an_entry_of_a_version_without_checksums_is_counted_and_goes_too(three):
    (three / entry_name(2) / "checksums.json").unlink()
    for path in (three / entry_name(2) / "entry.txt", three / entry_name(2)):
        os.utime(path, (1, 1))
    kept(three, entry_name(4), writing("x" * 2000), read)
    assert entry_name(2) not in names(three)


def test_the_process_holds_a_bounded_number_of_entries(tmp_path):
    for number in range(cache_entry.MOST_HELD + 5):
        kept(tmp_path, entry_name(number), writing("x"), read)
        kept(tmp_path, entry_name(number), made_again, read)
    assert len(cache_entry._held) == cache_entry.MOST_HELD
    assert (tmp_path / entry_name(cache_entry.MOST_HELD + 4)) in cache_entry._held
    let_go()


@pytest.mark.parametrize("given", ["0", "-1", "much", "nan", ""])
def test_a_bound_that_is_not_a_number_above_0_is_an_error_of_the_user(tmp_path, monkeypatch, given):
    monkeypatch.setenv("TEXTLSTM_CACHE_GB", given)
    message = (
        f"^TEXTLSTM_CACHE_GB must be a number of gigabytes above 0, got '{given}'; without it, "
        "the cache takes up to 20.$"
    )
    with pytest.raises(InputError, match=message):
        kept(tmp_path, entry_name(1), writing("x"), read)


def unfinished(cache: Path, content: str | None, *, suffix: str = "0a1b2c3d") -> Path:
    """An entry that somebody has begun."""
    folder = cache / f".{entry_name(9)}.{suffix}"
    folder.mkdir()
    (folder / "half.txt").write_text("half")
    if content is not None:
        (folder / "checksums.json").write_text(content)
    return folder


HERE, ELSEWHERE = json.dumps({"host": platform.node()}), json.dumps({"host": "elsewhere"})


@pytest.mark.parametrize(
    ("content", "old", "left"),
    [
        (HERE, False, False),  # a dead process of this machine
        (ELSEWHERE, False, True),  # whose process may live, where this machine cannot see it
        (ELSEWHERE, True, False),
        ("", False, True),  # whose process is about to lock it
        ("", True, False),
        (None, False, True),
        (None, True, False),  # a version without checksums has left it
        ('{"entry": "rows"}', False, False),  # it was to be removed, and the process was killed
    ],
)
def test_an_unfinished_entry_of_a_dead_process_goes_at_the_next_start(tmp_path, content, old, left):
    folder = unfinished(tmp_path, content)
    if old:
        for path in (*folder.iterdir(), folder):
            os.utime(path, (DAYS_AGO, DAYS_AGO))
    kept(tmp_path, entry_name(1), writing("x"), read)
    assert folder.exists() == left


def test_an_unfinished_entry_of_a_living_process_stays(tmp_path):
    folder = unfinished(tmp_path, HERE)
    with open(folder / "checksums.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as a process does that makes an entry
        kept(tmp_path, entry_name(1), writing("x"), read)
        assert folder.exists()
    kept(tmp_path, entry_name(1), made_again, read)
    assert not folder.exists()


def test_a_killed_process_is_swept_after_and_the_entry_is_made(tmp_path):
    code = (
        "def make(folder):\n    (folder / 'half.txt').write_text('half')\n"
        "    print(folder.name, flush=True)\n    time.sleep(600)\n"
        "kept(cache, sys.argv[2], make, None)\n"
    )
    process = start(code, tmp_path, entry_name(1))
    half = process.stdout.readline().strip()
    kept(tmp_path, entry_name(2), writing("x"), read)
    assert names(tmp_path) == {half, entry_name(2)}
    process.kill()
    process.communicate()
    kept(tmp_path, entry_name(2), made_again, read)
    assert names(tmp_path) == {entry_name(2)}


def test_what_a_killed_stage_goes_on_from_stays_unless_there_is_no_room(three, monkeypatch):
    stage = unfinished(three, None, suffix="unfinished")
    for path in (*stage.iterdir(), stage):
        os.utime(path, (DAYS_AGO, DAYS_AGO))
    kept(three, entry_name(1), made_again, read)
    assert stage.exists()

    lock = stage.with_suffix(".lock")
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as `one_at_a_time` does while the stage is trained
        kept(three, entry_name(4), writing("x" * 1000), read)
        assert stage.exists()
    kept(three, entry_name(5), writing("x" * 1000), read)
    assert not stage.exists()
