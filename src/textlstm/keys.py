"""The kinds of keys: literal, recorded path, bound to the schedule, hyperparameter."""

import re
from typing import Any

# The values of these keys are texts, paths and names of columns: what Hydra's grammar makes of
# commas, quotes, brackets and ${…} is never what the person meant.
COLUMN_KEYS = {"text_column", "label_column", "columns"}  # of `data`, and of the other commands
LITERAL = {
    *("text", "input", "output", "file", "run", "resume", "calibration_from", "sweep.storage"),
    "against",
    "host",
    *(f"data.{key}" for key in ("train", "validation", "test", "unlabelled", "name")),
    *COLUMN_KEYS,
    *(f"data.{key}" for key in COLUMN_KEYS),
}
# Of these, paths that are recorded must hold from any working directory.
RECORDED_PATHS = {"data.train", "data.validation", "data.test", "data.unlabelled"}
PATHS = RECORDED_PATHS | {"input", "output", "file", "run", "resume", "calibration_from"}
# A change of these would bend a one-cycle schedule that is under way.
SCHEDULED = {
    f"trainer.{key}"
    for key in (
        "max_epochs",
        "max_steps",
        "accumulate_grad_batches",
        "limit_train_batches",
        "overfit_batches",
    )
}
# Keys of a training run that may stand in a command for everybody.
OVERRIDE_KEY = re.compile(r"(?:\+{0,2}|~)([A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)*)")
OVERRIDDEN = {
    *("data", "model", "optimizer", "pretrain", "trainer", "logger", "callbacks", "experiment"),
    *("seed", "threads", "test", "baselines", "calibrate", "calibration_from", "wide", "ensemble"),
}
# These take whole numbers, though their value may be null.
WHOLE_NUMBERS = {
    *(f"data.{key}" for key in ("batch_size", "max_length", "max_rows", "pad_to")),
    "callbacks.early_stopping.patience",
    "trainer.max_epochs",
}
# These take lists, though their value may be null.
LISTS = {"data.label_names", "model.head"}


def is_hyperparameter(key: str) -> bool:
    """Says whether a key can change what is learned; others place a run or change its files."""
    others = ("sweep", "test", "baselines", "spreadsheet", "data.folds")
    return not (key in others or key.startswith("sweep."))


def is_data(key: str, value: str) -> bool:
    """Says whether a recorded override may stand in a command that somebody else pastes.

    It may not if it can name code, a variable, or a file other than those of data.

    Args:
        key: with `+` or `~` before it, as it was typed.
        value: as it was typed; that of a literal key is any text.
    """
    named = OVERRIDE_KEY.fullmatch(key)
    if named is None or named[1].partition(".")[0] not in OVERRIDDEN or not value.isprintable():
        return False
    path = "/" in value and not value.startswith("val/")  # such as val/loss
    return named[1] in LITERAL or not (path or "${" in value or "_target_" in value)


def value_in(config: Any, key: str) -> Any:
    """Looks up a key such as `model.hidden` in a config; {} if there is none."""
    for name in key.split("."):
        config = config.get(name, {}) if isinstance(config, dict) else {}
    return config


def leaf_values(node: Any, prefix: str = "") -> dict[str, Any]:
    """Lists the values of a config by key, such as `model.hidden`, without the groups above."""
    if not isinstance(node, dict) or not node:
        return {prefix: node}
    values: dict[str, Any] = {}
    for name, child in node.items():
        values |= leaf_values(child, f"{prefix}.{name}" if prefix else str(name))
    return values
