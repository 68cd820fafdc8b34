"""Attacks on a cache that several processes share: races, kills, and too little room."""

import random
import signal
import time

import pytest

from helpers.caches import entry_name, read, start, writing
from textlstm.cache import kept

# Reads or makes ten entries in random order, where there is room for three, and checks each at once
# and after a while. Now and then an entry is damaged first.
WORK = """
import random, os
chance, names = random.Random(int(sys.argv[2])), sys.argv[3:]
def make(name):
    def make(folder):
        for part in range(4):
            (folder / f"{part}.txt").write_text(name * 500)
            time.sleep(0.001)
    return make
def load(folder):
    return [open(folder / f"{part}.txt") for part in range(4)]
print("begun", flush=True)
while True:
    for name in chance.sample(names, len(names)):
        if chance.random() < 0.02:
            try:
                other = cache / name / str(os.getpid())
                other.write_text("damage")
                other.replace(cache / name / "2.txt")
            except OSError:
                pass
        files, _ = kept(cache, name, make(name), load)
        time.sleep(chance.random() * 0.005)
        for file in files:
            with file:
                # Another process may have damaged it after the checksums were compared.
                if file.read() not in (name * 500, "damage"):
                    sys.exit("wrong content")
    if Path(sys.argv[1] + ".end").exists():
        break
print("done")
"""


@pytest.mark.trust("processes that share a cache")
def test_processes_that_make_read_damage_and_remove_the_same_entries(
    tmp_path, monkeypatch, record_property
):
    monkeypatch.setenv("TEXTLSTM_CACHE_GB", "0.0002")  # an entry has about 62 KB
    cache, names = tmp_path / "cache", [entry_name(number) for number in range(10)]
    chance, kills = random.Random(0), 60

    def begin():
        process = start(WORK, cache, chance.randrange(10**6), *(name for name in names))
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        return process

    processes = [begin() for _ in range(3)]
    try:
        for kill in range(kills):
            time.sleep(chance.random() * 0.3)
            victim = processes.pop(0)
            victim.kill()
            errors = victim.communicate()[1]
            assert "Traceback" not in errors, (kill, errors)
            assert victim.returncode == -signal.SIGKILL, (kill, errors)
            processes.append(begin())

        (tmp_path / "cache.end").touch()
        for process in processes:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    record_property("tried", kills)

    kept(cache, entry_name(99), writing("last"), read)
    # A process that is killed right before it locks a new folder leaves an empty one for a day.
    hidden = [path for path in cache.iterdir() if path.name.startswith(".")]
    assert sum(file.stat().st_size for path in hidden for file in path.iterdir()) == 0
    assert len(list(cache.iterdir())) - len(hidden) <= 4
