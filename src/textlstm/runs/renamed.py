"""Replaces names in recorded configurations that no longer exist."""

from typing import Any

# Until 2026-11-26 (models of format 2) the config of a run named our own class for early stopping.
# Since then a config names no class of ours, so a class may move and this table need not grow.
RENAMED = {"textlstm.resuming.EarlyStopping": "pytorch_lightning.callbacks.EarlyStopping"}


def with_present_names(config: Any) -> Any:
    """Copies a recorded config, or a part of one, with present names in place of old ones."""
    if isinstance(config, dict):
        return {key: with_present_names(value) for key, value in config.items()}
    return RENAMED.get(config, config) if isinstance(config, str) else config
