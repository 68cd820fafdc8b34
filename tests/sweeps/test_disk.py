"""What a sweep says about the disk before it starts, beside what its runs then keep."""

import logging
import shutil
from collections import namedtuple

import pytest
from omegaconf import OmegaConf

from helpers.configs import composed
from helpers.small import SETTINGS
from textlstm.model.planned import planned_network
from textlstm.model.settings import NetworkSettings
from textlstm.sweeps import disk
from textlstm.sweeps.disk import foretell_disk
from textlstm.sweeps.search_space import SearchSpace

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def said(tmp_path, monkeypatch, caplog):
    """Says what a sweep of these overrides takes of a disk with so many bytes free."""

    def say(*overrides, runs=10, at_work=2, free=10**12, given=()):
        usage = Usage(free, 0, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
        caplog.clear()
        given = ("model.hidden=8", "data.vocab_size=1000", *given)
        config = OmegaConf.create(composed("train", *given))
        space = SearchSpace.of(list(overrides), config)
        with caplog.at_level(logging.INFO):
            foretell_disk(config, space, tmp_path, runs=runs, at_work=at_work)
        return [record.getMessage() for record in caplog.records]

    return say


def weights(tokens=1000, **changes):
    """The weights of a network as the sweep plans it, in millions of bytes."""
    config = composed("train")["model"]
    names = SETTINGS.keys() - {"vocab_size", "classes"} | {"directions"}
    settings = NetworkSettings(**{name: config[name] for name in names} | {"hidden": 8} | changes)
    network = planned_network(
        settings, vocab_size=tokens, classes=disk.CLASSES, ensemble=1, tensors=10**6
    )
    return sum(tensor.numel() for tensor in network.state_dict().values()) * 4 / 1e6


@pytest.mark.parametrize(
    ("sweep", "changes"),
    [
        ("model.hidden=8,512,64", {"hidden": 512}),
        ("model.hidden=interval(8,300)", {"hidden": 300}),
        ("model.embedding_dim=choice(16,900)", {"embedding_dim": 900}),
        ("model.layers=1,3", {"layers": 3}),
        ("optimizer.lr=0.1,1000", {}),
        ("model.pooling=last,max", {}),
    ],
)
def test_the_largest_network_counts(said, sweep, changes):
    [line] = said(sweep)
    one = weights(**changes)
    assert line == (
        f"Disk: 10 runs keep up to {10 * (one + 6):,.0f} MB, and take {2 * 12 * one:,.0f} MB more, "
        f"2 at a time while they train; 1,000.0 GB are free."
    )


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        (("data.prefix_length=5",), 2000),
        (("data.suffix_length=3", "data.tokenizer=word"), 2000),
        (("data.suffix_length=3", "data.tokenizer=bpe"), 1000),
    ],
)
def test_beginnings_and_ends_of_words_are_tokens_besides(said, given, tokens):
    [line] = said("model.hidden=8,512,64", given=given)
    one = weights(tokens, hidden=512)
    assert line.startswith(f"Disk: 10 runs keep up to {10 * (one + 6):,.0f} MB, and take ")


def test_a_run_recorded_before_these_keys_has_no_such_tokens():
    assert disk._tokens({"vocab_size": 300, "tokenizer": "word"}) == 300


def test_of_a_search_without_end_one_run_is_foretold(said):
    [line] = said("model.hidden=8,9", runs=None)
    assert line.startswith("Disk: each run keeps up to 7 MB, and runs take ")


def test_a_disk_without_room_is_warned_of(said, tmp_path):
    _, warning = said("model.hidden=8,9", free=50_000_000)
    assert warning.startswith(f"The disk of {tmp_path} may become full: ")
    assert warning.endswith("50 MB are free. Make room, or give hydra.sweep.dir= on another disk.")


def test_a_value_that_no_network_can_have_is_left_to_its_trial(said):
    assert said("model.hidden=0,-1") == []
