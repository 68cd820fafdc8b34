"""The keys of `trainer` that a person may add with +trainer.NAME=VALUE, checked before any data.

They are the arguments of Lightning's Trainer. Some of them a run sets itself, and some would leave
a run without the validation by which its epoch is chosen, or score a part of the rows only.
"""

import inspect
from typing import Any

import pytorch_lightning as pl

from textlstm.annotations import check_arguments
from textlstm.checks import InputError, check_number, check_whole, nearest
from textlstm.training.length import NO_LIMIT

QUICK_LOOK = "a run chooses its best epoch on validation; for a quick look use experiment=smoke"
ALL_ROWS = "all rows of validation and test are scored; data.max_rows=N reads fewer rows"
EACH_EPOCH = (
    "a run chooses its best epoch on validation, which it computes after each epoch; "
    "+trainer.limit_train_batches=0.25 makes an epoch a quarter as long"
)
OWN = "the run sets it itself"
ALL_DEVICES = -1  # for Lightning
MOST_DEVICES = 1024  # of one machine, and machines
MOST_TIME = 1e6  # of any unit; Python's own times end at a thousand times as many days
OWN_KEYS = ("checkpoint_every",)  # of `trainer`, which Lightning's Trainer does not have
REFUSED = {
    "fast_dev_run": QUICK_LOOK,
    "barebones": QUICK_LOOK,
    "limit_val_batches": f"a run chooses its best epoch on validation, and {ALL_ROWS}",
    "limit_test_batches": ALL_ROWS,
    "overfit_batches": f"{ALL_ROWS}, and +trainer.limit_train_batches=N makes epochs shorter",
    "val_check_interval": EACH_EPOCH,
    "check_val_every_n_epoch": EACH_EPOCH,
    "callbacks": f"{OWN}; +callbacks.NAME._target_=CLASS adds one",
    "logger": f"{OWN}; logger=csv or logger=tensorboard chooses one",
    "enable_checkpointing": f"{OWN}: other commands need the checkpoints",
    "enable_model_summary": f"{OWN}: it lists the layers",
    "enable_progress_bar": f"{OWN}: a terminal has a bar, a file or pipe none",
    "num_sanity_val_steps": OWN,
    "plugins": OWN,
    "use_distributed_sampler": f"{OWN}: trainer=ddp shares the batches",
}
"""Why a key cannot be given."""


def check_trainer_keys(given: dict[str, Any]) -> None:
    """Refuses a key that Lightning does not know or a run cannot have, and a value out of range.

    Args:
        given: the keys without `OWN_KEYS`.

    Raises:
        InputError: names the key.
    """
    known = inspect.signature(pl.Trainer).parameters
    for name in given:
        if name in REFUSED:
            raise InputError(f"trainer.{name}: {REFUSED[name]}. Leave it out.")
        if name not in known:
            near = nearest(f"trainer.{name}", [f"trainer.{key}" for key in (*known, *OWN_KEYS)])
            raise InputError(
                f"There is no key 'trainer.{name}'.{near} trainer takes the arguments of "
                f"pytorch_lightning.Trainer."
            )

    _check_devices(given)
    for name in ("min_epochs", "min_steps", "log_every_n_steps"):
        check_whole(f"trainer.{name}", given.get(name), minimum=1, null=True)
    if given.get("max_steps") not in (None, NO_LIMIT):
        check_whole("trainer.max_steps", given["max_steps"], minimum=1)
    clipped = given.get("gradient_clip_val")
    check_number("trainer.gradient_clip_val", clipped, minimum=0, null=True)
    if "num_nodes" in given:
        check_whole("trainer.num_nodes", given["num_nodes"], minimum=1, maximum=MOST_DEVICES)
    _check_time(given.get("max_time"))
    check_arguments("trainer", given, pl.Trainer)


def _check_devices(given: dict[str, Any]) -> None:
    """Refuses a kind or a number of devices that Lightning would fail at, or read as another."""
    kind = given.get("accelerator", "auto")
    if not isinstance(kind, str):
        raise InputError(f"trainer.accelerator must be auto, cpu or gpu, got {kind!r}.")

    devices = given.get("devices", 1)
    number = int(devices) if isinstance(devices, str) and devices.isdecimal() else devices
    if isinstance(number, bool) or not isinstance(number, int | str | list):
        raise InputError(
            f"trainer.devices must be a number of devices, auto or a list of their numbers, got "
            f"{devices!r}."
        )
    if isinstance(number, int) and number != ALL_DEVICES:
        check_whole("trainer.devices", number, minimum=1, maximum=MOST_DEVICES)


def _check_time(value: Any) -> None:
    """Refuses a max_time that Lightning would fail at with an error about something else."""
    if isinstance(value, str):
        parts: list[Any] = [int(part) for part in value.split(":") if part.isdecimal()]
    else:
        parts = list(value.values()) if isinstance(value, dict) else []
    numbers = all(isinstance(part, int | float) and abs(part) <= MOST_TIME for part in parts)
    if not isinstance(value, str | dict | None) or not numbers:
        raise InputError(
            f"trainer.max_time={value!r} is no time: days, hours, minutes and seconds such as "
            f"+trainer.max_time=00:01:30:00 were expected."
        )
