"""Saved models that are damaged, or that a stranger made, end in one error: quickly, and small."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers.bundles import change_config, sign
from helpers.hostile import HOSTILE, HOSTILE_WIDE
from helpers.small import lively_network
from textlstm import TextClassifier
from textlstm.checks import InputError
from textlstm.data.tokenizer import KINDS, train_tokenizer
from textlstm.model.bundle import save_bundle
from textlstm.model.wide import WideChannel

TEXTS = ["a late goal wins the cup", "the bank warned as shares fell", "aaaaaaaaaaaaaaaaaaaaaaaaa!"]
EVERY = {**HOSTILE, **HOSTILE_WIDE}

# Loads each bundle in a process of its own; says how it ended, and the most memory that it took.
LOADS_EACH = """
import json, os, resource, signal, sys
from textlstm import TextClassifier
from textlstm.checks import InputError

texts = json.loads(sys.argv[1])
for folder in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            found = TextClassifier.load(folder).probabilities(texts).sum(dim=1)
            os._exit(0 if ((found - 1).abs() < 1e-4).all() else 5)
        except InputError:
            os._exit(2)
        except BaseException:
            os._exit(3)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps([os.path.basename(folder), code, used.ru_maxrss // 1024]), flush=True)
"""


def save(folder: Path, *, kind: str = "bpe", wide: bool = False) -> Path:
    """Saves a small model; gives its folder."""
    tokenizer = train_tokenizer(TEXTS, kind=kind, vocab_size=300)
    channel = WideChannel(
        *(["goal", "bank"], torch.ones(2), torch.tensor([[2.0, -2.0], [-2.0, 2.0]])),
        torch.zeros(2),
        unit="word",
        longest=2,
        sublinear=True,
    )
    size = tokenizer.get_vocab_size()
    save_bundle(
        folder,
        network=lively_network(vocab_size=size, classes=2, bidirectional=True, pooling="concat"),
        max_length=12,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=["sports", "business"],
        wide=channel if wide else None,
        weight=0.5,
    )
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model without and one with a wide channel."""
    folder = tmp_path_factory.mktemp("saved")
    return {wide: save(folder / str(wide), wide=wide) for wide in (False, True)}


def spoilt(saved, name: str, folder: Path) -> Path:
    """A copy of a model that is spoilt in one way of the table."""
    shutil.copytree(saved[name in HOSTILE_WIDE], folder)
    EVERY[name](folder)
    if (folder / "SHA256SUMS").is_file():
        sign(folder)
    return folder


@pytest.mark.parametrize("name", EVERY)
def test_a_hostile_bundle_is_one_error(saved, tmp_path, name):
    bundle = spoilt(saved, name, tmp_path / "bundle")
    with pytest.raises(InputError) as refusal:
        TextClassifier.load(bundle).predict(TEXTS)
    assert len(str(refusal.value)) < 1_000
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_each_kind_is_read(tmp_path, kind, wide):
    """Else a table of refusals would show nothing."""
    found = TextClassifier.load(save(tmp_path / "model", kind=kind, wide=wide))
    torch.testing.assert_close(found.probabilities(TEXTS).sum(dim=1), torch.ones(3))


def test_a_flipped_bit_of_any_file_is_named(saved, tmp_path):
    """Ten bits of each file: in half of them, the model would be read and predict otherwise."""
    chosen = random.Random(0)
    files = sorted(file.name for file in saved[True].iterdir())
    assert len(files) == 7
    for name in files:
        for number in range(10):
            bundle = tmp_path / f"{name}{number}"
            shutil.copytree(saved[True], bundle)
            flip(bundle / name, chosen)
            with pytest.raises(InputError, match=r"is damaged|has format"):
                TextClassifier.load(bundle)


def flip(file: Path, chosen: random.Random) -> None:
    """Flips one bit of a file."""
    whole = bytearray(file.read_bytes())
    whole[chosen.randrange(len(whole))] ^= 1 << chosen.randrange(8)
    file.write_bytes(whole)


@pytest.mark.parametrize("name", ["tokenizer.json", "labels.json", "model.safetensors"])
def test_a_part_of_another_model_of_the_same_sizes_is_refused(tmp_path, name):
    bundle, other = save(tmp_path / "one"), tmp_path / "other"
    shutil.copytree(bundle, other)
    (other / name).write_bytes((other / name).read_bytes() + b" ")
    shutil.copy(other / name, bundle / name)
    with pytest.raises(InputError, match=f"{name} is not the file that was saved: its SHA-256"):
        TextClassifier.load(bundle)


@pytest.mark.parametrize("texts", [TEXTS[:1], [*TEXTS, "x y z ä 日本語"]])
def test_a_tokenizer_of_another_size_is_refused_in_old_formats_too(tmp_path, texts):
    bundle = save(tmp_path / "model", kind="word")
    other = train_tokenizer(texts, kind="word", vocab_size=300)
    (bundle / "tokenizer.json").write_text(other.to_str(), encoding="utf-8")
    change_config(bundle, format=3)
    (bundle / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match=r"tokens, and its embedding .* that of another model"):
        TextClassifier.load(bundle)


def test_a_model_of_format_4_without_checksums_is_refused(saved, tmp_path):
    shutil.copytree(saved[False], tmp_path / "model")
    (tmp_path / "model" / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="is damaged: SHA256SUMS cannot be read: No such file"):
        TextClassifier.load(tmp_path / "model")


def test_the_checksums_are_those_of_sha256sum(saved):
    if shutil.which("sha256sum") is None:
        pytest.skip("there is no sha256sum here")
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    checked = subprocess.run(command, cwd=saved[True], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == 6


def test_a_change_of_ones_own_is_accepted_by_the_command_that_the_error_names(saved, tmp_path):
    bundle = tmp_path / "model"
    shutil.copytree(saved[True], bundle)
    (bundle / "labels.json").write_text('["Sport", "Wirtschaft"]', encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        TextClassifier.load(bundle)
    command = re.search("`(.*)`", str(refusal.value))[1]
    if shutil.which("sha256sum") is None:
        pytest.skip("there is no sha256sum here")
    subprocess.run(command, shell=True, cwd=bundle, check=True)
    assert TextClassifier.load(bundle).labels == ["Sport", "Wirtschaft"]


def test_weights_too_large_to_compute_with_give_no_probabilities(saved, tmp_path):
    bundle = tmp_path / "model"
    shutil.copytree(saved[False], bundle)
    classifier = TextClassifier.load(bundle)
    with torch.no_grad():
        classifier.network.output.weight.fill_(3e38)
    with pytest.raises(InputError, match="no probabilities for the text at position 0"):
        classifier.predict(TEXTS)


@pytest.mark.trust("hostile bundle")
def test_hostile_bundles_in_processes_end_soon_and_take_little_memory(
    saved, tmp_path, record_property
):
    folders = [spoilt(saved, name, tmp_path / str(number)) for number, name in enumerate(EVERY)]
    record_property("tried", len(folders))
    ended = load_each([saved[False], *folders], timeout=1_200)
    (_, whole, memory), *hostile = ended
    assert whole == 0
    names = list(EVERY)
    assert {names[int(number)]: code for number, code, _ in hostile if code != 2} == {}
    assert {names[int(number)]: used for number, _, used in hostile if used > memory + 200} == {}


@pytest.mark.trust("hostile bundle")
@pytest.mark.parametrize("seed", range(3))
def test_bundles_with_bytes_changed_at_random_load_well_or_not_at_all(
    saved, tmp_path, record_property, seed
):
    """The checksums are written anew: so it is the comparison of the parts that is tried."""
    chosen, folders = random.Random(seed), []
    for number in range(100):
        bundle = tmp_path / str(number)
        shutil.copytree(saved[True], bundle)
        name = chosen.choice(sorted({file.name for file in bundle.iterdir()} - {"SHA256SUMS"}))
        for _ in range(chosen.choice([1, 1, 2, 20])):
            change_some(bundle / name, chosen)
        sign(bundle)
        folders.append(bundle)
    record_property("tried", len(folders))
    ended = load_each(folders, timeout=1_200)
    assert [row for row in ended if row[1] not in (0, 2)] == []
    assert sum(code == 2 for _, code, _ in ended) > 10


def change_some(file: Path, chosen: random.Random) -> None:
    """Leaves out, doubles or overwrites some bytes."""
    whole = file.read_bytes()
    start = chosen.randrange(len(whole))
    end = start + chosen.choice([1, 4, 100])
    overwritten = whole[:start] + chosen.randbytes(end - start) + whole[end:]
    without, doubled = whole[:start] + whole[end:], whole[:end] + whole[start:]
    file.write_bytes(chosen.choice([overwritten, without, doubled]) or b" ")


def load_each(folders: list[Path], *, timeout: int) -> list[tuple[str, int, int]]:
    """Loads each bundle in its own process: the folder's name, the exit code, and the MB taken.

    A code of 0 is a model that predicts, of 2 one error; a negative one is a signal.
    """
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    command = [sys.executable, "-c", LOADS_EACH, json.dumps(TEXTS), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
