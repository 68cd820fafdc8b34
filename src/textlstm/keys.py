"""The kinds of keys: literal, recorded path, bound to the schedule, hyperparameter."""

from typing import Any

# The values of these keys are texts, paths and names of columns: what Hydra's grammar makes of
# commas, quotes, brackets and ${…} is never what the person meant.
COLUMN_KEYS = {"text_column", "label_column", "columns"}  # of `data`, and of the other commands
LITERAL = {
    *("text", "input", "output", "file", "run", "resume", "calibration_from", "sweep.storage"),
    *(f"data.{key}" for key in ("train", "validation", "test", "unlabelled", "name")),
    *COLUMN_KEYS,
    *(f"data.{key}" for key in COLUMN_KEYS),
}
# Of these, paths that are recorded must hold from any working directory.
RECORDED_PATHS = {"data.train", "data.validation", "data.test", "data.unlabelled"}
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
# These take whole numbers, though their value may be null.
WHOLE_NUMBERS = {
    *(f"data.{key}" for key in ("batch_size", "max_length", "max_rows", "pad_to")),
    "callbacks.early_stopping.patience",
    "trainer.max_epochs",
}


def is_hyperparameter(key: str) -> bool:
    """Says whether a key can change what is learned; others place a run or change its files."""
    others = ("sweep", "test", "baselines", "spreadsheet", "data.folds")
    return not (key in others or key.startswith("sweep."))


def value_in(config: Any, key: str) -> Any:
    """Looks up a key such as `model.hidden` in a config; {} if there is none."""
    for name in key.split("."):
        config = config.get(name, {}) if isinstance(config, dict) else {}
    return config
