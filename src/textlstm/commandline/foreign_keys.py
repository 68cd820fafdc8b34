"""What a command refuses of its command line before Hydra sees it.

That is keys of another command, and files and runs that are not there: torch takes seconds to load.
"""

from contextlib import suppress
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from textlstm.checks import InputError, suggested
from textlstm.data.reading.files import find_files
from textlstm.places import CONF
from textlstm.runs.folder import RunFolder
from textlstm.typed import as_typed

# Commands that read a finished run: what trained it is in its record.
OF_RUNS = ("evaluate", "predict", "label_next", "export", "serve")
# By command, the keys of files; an unlabelled file or a folder is looked at when it is read.
FILES = {
    "train": ("data.train", "data.validation", "data.test"),
    "inspect_data": ("data.train", "data.validation", "data.test"),
    "suspects": ("data.train",),
    "evaluate": ("file",),
    "predict": ("input",),
    "label_next": ("input",),
}


def is_group(key: str) -> bool:
    """Tells whether a key chooses a preset, such as `model`."""
    return (CONF / key).is_dir() and key.split("/")[0] != "hydra"


def refuse_foreign_keys(command: str, overrides: list[Override], *, multirun: bool) -> None:
    """Refuses keys that only training has, and several values of a key where nothing is swept.

    Raises:
        InputError: names the key or the flag.
    """
    if command == "train":
        return
    if multirun:
        raise InputError(f"--multirun is for training alone: {as_typed('train')} -m KEY=A,B.")
    own = [str(key) for key in OmegaConf.load(CONF / f"{command}.yaml")]
    for override in overrides:
        key = override.key_or_group
        if override.is_sweep_override():
            raise InputError(
                f"{override.input_line}: {command} takes one value of a key. Quote a value that "
                f"holds a comma twice: \"{key}='a,b'\"."
            )
        group, _, last = key.partition(".")
        if command in OF_RUNS and is_group(group) and group not in own:
            raise InputError(
                f"There is no key {key!r} in {command}: the run has recorded how it was trained."
                f"{suggested(last, own)} {as_typed(command)} --help lists the keys."
            )


def refuse_null_presets(overrides: list[Override]) -> None:
    """Refuses a group without a preset, which Hydra has no error for.

    Raises:
        InputError: names the group.
    """
    for override in overrides:
        key = override.key_or_group
        group = is_group(key) or key.split("/")[0] == "hydra"
        if group and not override.is_delete() and override.value() is None:
            names = sorted(file.stem for file in (CONF / key).glob("*.yaml"))
            others = f", or give one of {', '.join(names)}" if names else ""
            raise InputError(f"{key}=null chooses no preset. Leave it out{others}.")


def refuse_missing(command: str, overrides: list[Override]) -> None:
    """Looks whether the files and the run that were typed exist.

    Raises:
        InputError: the same that reading them would raise.
    """
    typed = {override.key_or_group: override.value() for override in overrides}
    run = typed.get("run")
    if isinstance(run, str) and not _exists(run):
        RunFolder.finished(run)
    for key in FILES.get(command, ()):
        path = typed.get(key)
        if isinstance(path, str) and not _exists(path):
            find_files(path, key)


def _exists(path: str) -> bool:
    """Tells whether something is there; what is no path at all is left to those who read it."""
    with suppress(OSError, RuntimeError, ValueError):  # too long, ~nobody, a NUL
        return path != "" and Path(path).expanduser().exists()
    return True
