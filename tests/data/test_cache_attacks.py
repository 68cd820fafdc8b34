"""Attacks on a cache of rows, ids and a tokenizer: random damage, and disks that fill."""

import os
import random
import resource
from pathlib import Path

import pytest

from helpers.headlines import OTHER, TRAIN, ids
from helpers.small import data_module
from textlstm.checks import InputError

ATTACKS = 300


def replace(file: Path, content: bytes) -> None:
    """Writes beside and renames: who has mapped the file keeps what it had."""
    other = file.with_name("other")
    other.write_bytes(content)
    other.replace(file)


def spoil(cache: Path, chance: random.Random) -> str:
    """Damages a file of the cache in a random way, and says how."""
    files = sorted(cache.glob("*/*"))
    file = chance.choice(files)
    content = bytearray(file.read_bytes())
    start = chance.randrange(len(content) or 1)
    end = min(len(content), start + chance.choice([1, 2, 8, 512]))
    how = chance.choice(["bit", "zeros", "noise", "cut", "longer", "doubled", "gone", "other"])
    if how == "bit" and content:
        content[start] ^= 1 << chance.randrange(8)
    elif how == "zeros":
        content[start:end] = bytes(end - start)
    elif how == "noise":
        content[start:end] = chance.randbytes(end - start)
    elif how == "cut":
        del content[start:]
    elif how == "longer":
        content += chance.randbytes(end - start)
    elif how == "doubled":
        content[start:end] = content[start:end] * 2
    elif how == "other":
        content = bytearray(chance.choice(files).read_bytes())
    if how == "gone":
        file.unlink()
    else:
        replace(file, bytes(content))
    return f"{file.parent.name}/{file.name}: {how} at {start}"


def everything(data) -> list:
    """What a model is trained on and scored with."""
    rows = [[data.splits[split][:], ids(data, split)] for split in sorted(data.encoded)]
    return [rows, data.class_names, data.tokenizer.to_str()]


@pytest.mark.trust("damage in the cache")
def test_random_damage_never_changes_what_is_trained_on(
    prepare, write_rows, tmp_path, record_property
):
    test = write_rows("test.csv", OTHER)
    whole, chance = everything(prepare(test=test)), random.Random(0)
    record_property("tried", ATTACKS)
    for attack in range(ATTACKS):
        done = [spoil(tmp_path / "cache", chance) for _ in range(chance.choice([1, 1, 3]))]
        assert everything(prepare(test=test)) == whole, (attack, done)
        assert len(list((tmp_path / "cache").iterdir())) == 5


@pytest.mark.trust("a disk that fills")
def test_whatever_size_files_may_have_nothing_is_half_written(
    write_rows, tmp_path, record_property
):
    train, test = write_rows("train.csv", TRAIN), write_rows("test.csv", OTHER)

    def prepare(cache):
        data = data_module(cache, train=train, test=test)
        data.setup()
        return data

    whole = everything(prepare(tmp_path / "whole"))
    largest = max(file.stat().st_size for file in (tmp_path / "whole").rglob("*.*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sizes = [*range(0, 300, 20), *range(300, largest, largest // 30)]
    record_property("tried", len(sizes))
    for size in sizes:
        cache = tmp_path / f"cache-{size}"
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            with pytest.raises(InputError, match=r"could not be written \(EFBIG\)"):
                prepare(cache)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        left = {entry.name for entry in os.scandir(cache)}
        assert not [name for name in left if name.startswith(".")], size
        assert everything(prepare(cache)) == whole
