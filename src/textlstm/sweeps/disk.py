"""Foretells what a sweep will take of the disk, before it starts."""

import logging
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from textlstm.checks import NUMBER, InputError, parse_settings
from textlstm.model.settings import NetworkSettings
from textlstm.sweeps.search_space import SearchSpace
from textlstm.terminal import loading

log = logging.getLogger(__name__)

# Bytes that a finished run keeps besides the weights of its network: tokenizer, wide channel,
# TensorBoard's files, pictures and tables.
BESIDE_WEIGHTS = 6_000_000
WEIGHT = 4  # bytes
# Weights and Adam's two means of each, in four files: the best and the last checkpoint, the one
# before it, and one that is being written.
OF_CHECKPOINTS = 4 * 3
CLASSES = 100  # hardly matter beside the vocabulary
WITH_AFFIXES = 2  # times the words, where their beginnings and ends are tokens, too


def foretell_disk(
    config: DictConfig, space: SearchSpace, folder: Path, *, runs: int | None, at_work: int
) -> None:
    """Logs what the runs that are to come will take at most, about; warns if there is less room.

    Args:
        config: that of the sweep.
        space: what it varies; the largest value of each key counts.
        folder: the sweep's folder.
        runs: how many runs are to come; None if nobody knows.
        at_work: how many trials train at once, which have checkpoints until they are finished.
    """
    weights = _largest_network(config, space)
    if weights is None:  # a value that no network can have, which its trial will say
        return
    each = WEIGHT * weights + BESIDE_WEIGHTS
    checkpoints = at_work * OF_CHECKPOINTS * WEIGHT * weights
    free = shutil.disk_usage(folder).free
    trials = f"{at_work} at a time while they train"
    if runs is None:
        log.info(
            "Disk: each run keeps up to %s, and runs take %s more, %s; %s are free.",
            *(_size(each), _size(checkpoints), trials, _size(free)),
        )
        return

    needed = runs * each + checkpoints
    log.info(
        "Disk: %d runs keep up to %s, and take %s more, %s; %s are free.",
        *(runs, _size(runs * each), _size(checkpoints), trials, _size(free)),
    )
    if needed > free:
        log.warning(
            "The disk of %s may become full: %s may be needed, and %s are free. Make room, or "
            "give hydra.sweep.dir= on another disk.",
            *(folder, _size(needed), _size(free)),
        )


def _largest_network(config: DictConfig, space: SearchSpace) -> int | None:
    """Counts the weights of the largest network that the sweep may train; None if there is none."""
    with loading():
        from textlstm.model.planned import planned_network

    largest: Any = OmegaConf.to_container(
        OmegaConf.masked_copy(config, ["model", "data", "ensemble"]), resolve=True
    )
    for key in space.swept:
        group, _, name = key.rpartition(".")
        values = largest.get(group) if group else largest
        highest = _highest(space, key)
        if isinstance(values, dict) and isinstance(values.get(name), int) and highest is not None:
            values[name] = int(highest)

    names = {field.name for field in fields(NetworkSettings)}
    model = {name: value for name, value in largest["model"].items() if name in names}
    try:
        network = planned_network(
            parse_settings(NetworkSettings, model, "model"),
            vocab_size=_tokens(largest["data"]),
            classes=CLASSES,
            ensemble=largest["ensemble"],
            tensors=10**6,
        )
    except InputError:
        return None
    return sum(weight.numel() for weight in network.state_dict().values())


def _tokens(data: dict[str, Any]) -> int:
    """Counts about how many tokens the keys of `data` allow."""
    # A run that was recorded before there were any has none of these keys.
    affixes = data.get("prefix_length") or data.get("suffix_length")
    words = data["tokenizer"] in (None, "word")
    return int(data["vocab_size"]) * (WITH_AFFIXES if words and affixes else 1)


def _highest(space: SearchSpace, key: str) -> float | None:
    """The highest value that a sweep gives a key; None if it gives it no numbers."""
    override = space.swept[key]
    if override.is_interval_sweep():
        interval: Any = override.value()
        return float(interval.end)
    values = [value for value in override.sweep_string_iterator() if NUMBER.fullmatch(value)]
    return max(map(float, values), default=None)


def _size(count: int) -> str:
    """Writes a number of bytes as a person reads it."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
