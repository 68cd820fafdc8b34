"""Configurations as Hydra composes them."""

from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from textlstm.places import CONF


def composed(command: str, *overrides: str, **changes: Any) -> dict[str, Any]:
    """The keys of a command with their values; `changes` replace some at the top level."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return {**OmegaConf.to_container(compose(command, list(overrides))), **changes}
