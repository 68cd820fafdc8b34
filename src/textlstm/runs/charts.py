"""What dashboards call the charts of a run, which TensorBoard sorts, and the run itself."""

import re
from pathlib import Path

from textlstm.keys import LITERAL, RECORDED_PATHS, is_hyperparameter

KEPT = "kept/val_macro_f1"  # macro F1 on validation of the epoch that is kept so far
SCORE = "curves/macro_f1/val_kept"  # its chart, whose last point is the saved model's score
CURVES = ("loss", "loss_epoch", "accuracy", "macro_f1")  # so few that all are seen at once
BY_EPOCH = "pretrain/"  # charts of the language model, whose steps are its own epochs
COLUMNS = {  # of scores in the HParams view, by their charts
    SCORE: "validation macro F1",
    "test/macro_f1": "test macro F1",
    "test/accuracy": "test accuracy",
}

NAMING = {  # groups of keys that tell one run from another
    *("data", "model", "optimizer", "trainer", "pretrain", "callbacks"),
    *("experiment", "seed", "ensemble", "wide", "calibrate"),
}
LONGEST = 80  # characters of a name
FOLDERS = re.compile(r".*[/\\]")  # of a path, before the file's name
RATE = re.compile(r"lr-[^/]+(/pg1)?")  # as Lightning names it, after the optimizer's class


def chart(name: str) -> str | None:
    """Names the chart of a number; None if it has none.

    Lightning's count of epochs would be a staircase, and of several rates the first is the one that
    `optimizer.lr` sets.
    """
    if name == "train/loss_step":
        return "steps/loss/train"
    if name == KEPT:
        return SCORE
    if name.startswith("lr-"):
        return "learning_rate" if RATE.fullmatch(name) else None
    stage, _, score = name.partition("/")
    if stage in ("train", "val"):
        group = "curves" if score in CURVES else "other_scores"
        return f"{group}/{score.removesuffix('_epoch')}/{stage}"
    return None if name == "epoch" else name


def run_name(run: Path, overrides: list[str]) -> str:
    """Names a run by what was typed, in a folder of its own inside the run's; "" is the run's.

    A resumed run keeps its name. A trial of a sweep has the name "", since its folder tells it from
    the others already.
    """
    logged = next(run.rglob("events.out.tfevents.*"), None)
    if logged is None:
        return name_of(overrides)
    of_trial = logged.parent in (run, run / "tensorboard")  # the second in older sweeps
    return "" if of_trial else logged.parent.name


def name_of(overrides: list[str]) -> str:
    """Makes a name of what was typed and can change what is learned.

    A file is named without its folder, and what would make the name too long is left out.
    """
    name = ""
    typed = dict(override.lstrip("+").partition("=")[::2] for override in overrides)
    for key, value in typed.items():
        named = key in RECORDED_PATHS or (is_hyperparameter(key) and key not in LITERAL)
        if not named or key.partition(".")[0] not in NAMING:
            continue
        told = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{key}-{FOLDERS.sub('', value)}").strip("-._")
        if len(name) + len(told) < LONGEST:
            name = f"{name}_{told}" if name else told
    return name or "defaults"
