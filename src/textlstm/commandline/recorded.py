"""Reads what a run folder has recorded of its configuration: as data, whoever made the folder.

A recorded value is never resolved, and it names no code but the classes that conf/ names for the
same key. Anything else that a run was started with is used only if the user types it again.
"""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from reprlib import repr as shortened
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from textlstm.checks import InputError, nearest
from textlstm.data.settings import DataSettings
from textlstm.model.settings import ModelSettings
from textlstm.passwords import without_password
from textlstm.places import CONF
from textlstm.runs.renamed import with_present_names
from textlstm.training.settings import OptimizerSettings, PretrainSettings, RunSettings

KeyPath = tuple[Any, ...]  # such as ("model", "hidden")

LONGEST_FILE = 64_000  # bytes; runs write about two thousand
DEEPEST = 10  # maps and lists inside of each other
PARTS: dict[str, type] = {
    "data": DataSettings,
    "model": ModelSettings,
    "optimizer": OptimizerSettings,
    "pretrain": PretrainSettings,
}
OPEN = ("trainer", "logger", "callbacks")  # what they hold are arguments of Lightning's classes
# Arguments of Lightning's Trainer, and a key of ours, that neither choose a folder nor load code.
PLAIN_TRAINER_KEYS = {
    *("accelerator", "devices", "num_nodes", "strategy", "precision", "sync_batchnorm"),
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "max_time", "limit_train_batches"),
    *("gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches"),
    *("deterministic", "benchmark", "inference_mode", "detect_anomaly", "log_every_n_steps"),
    *("reload_dataloaders_every_n_epochs", "enable_autolog_hparams", "profiler"),
    "checkpoint_every",
}
# OmegaConf resolves `${`, unless a backslash before it takes its meaning away.
ESCAPED = re.compile(r"(\\*)\$\{")
INTERPOLATION = re.compile(r"(?<!\\)(\\\\)*\$\{")
KEY = re.compile(r"[\w-]+")
# A logger's texts become parts of paths, none of which may lead out of the run's folder.
FILE_NAME = re.compile(r"(\w[\w.+ -]*)?", re.ASCII)
SHOWN = 6  # keys that an error names


def read_config(run: Path, typed: dict[str, Any]) -> dict[str, Any]:
    """Reads the configuration that a run has recorded, with present names in place of old ones.

    Args:
        run: the folder of the run.
        typed: the values that the user has typed behind `resume=`, by key. A value that is not
            taken from a folder is used if it is among them.

    Returns:
        The keys of `RunSettings` with plain values, whose texts are escaped for OmegaConf.

    Raises:
        InputError: no such file, a key that does not exist, a value of another type, or one that is
            not taken from a folder and was not typed again.
    """
    file = run / ".hydra" / "config.yaml"
    if not file.is_file():
        raise InputError(f"resume: {run} is no run folder (it has no .hydra/config.yaml).")
    recorded = with_present_names(_read_yaml(file))
    if not isinstance(recorded, dict):
        raise _damaged(file, "keys with values were expected")
    config = {key: value for key, value in recorded.items() if key not in ("sweep", "resume")}

    refused: dict[str, Any] = {}
    for path, value in _untrusted(config):
        key = ".".join(map(str, path))
        if not all(isinstance(name, str) and KEY.fullmatch(name) for name in path):
            raise _damaged(file, f"there is no key {key!a}")
        if key not in typed:
            refused[key] = value
        elif _resolves(value):
            _put(config, path, typed[key])
    if refused:
        raise _refusal(file, refused)
    _check_types(file, config, typed)
    return {**config, "resume": None}


def read_overrides(run: Path) -> list[str] | None:
    """Reads the overrides that a run was started with; None if it has not recorded them.

    Raises:
        InputError: the file is damaged.
    """
    file = run / ".hydra" / "overrides.yaml"
    if not file.is_file():
        return None
    lines = _read_yaml(file)
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise _damaged(file, "a list of overrides was expected")
    plain = [ESCAPED.sub(lambda at: at[1][: len(at[1]) // 2] + "${", line) for line in lines]
    return [without_password(line) for line in plain]  # older versions recorded them


def _read_yaml(file: Path) -> Any:
    """Reads a file of plain YAML.

    Aliases, by which a short file grows without end, and tags, which make objects, are refused.
    """
    if file.stat().st_size > LONGEST_FILE:
        raise _damaged(file, f"it has more than {LONGEST_FILE} bytes")
    depth = 0
    try:
        text = file.read_text(encoding="utf-8")
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            tagged = getattr(event, "tag", None) is not None
            if tagged or isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
                line = event.start_mark.line + 1
                raise _damaged(file, f"line {line} has more than plain keys, values and lists")
        return OmegaConf.to_container(OmegaConf.create(text))
    except InputError:
        raise
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, AssertionError) as error:
        said = (str(error).strip() or "no keys with values").splitlines()[0]
        raise _damaged(file, f"it is not plain YAML ({said})") from error


def _untrusted(config: dict[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    """Finds the recorded values that are not taken from a folder.

    Of a callback that has one, these are all values: what its arguments do depends on its class.
    """
    found = {path: value for path, value in _leaves(config) if not _is_data(path, value)}
    callbacks = {path[1] for path in found if path[0] == "callbacks" and len(path) > 1}
    for path, value in _leaves(config):
        if path in found or (path[0] == "callbacks" and path[1:2] and path[1] in callbacks):
            yield path, value


def _leaves(config: dict[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    """Lists the values of a configuration with the names of the keys that lead to them."""
    for name, value in config.items():
        if name in OPEN:
            yield from _values_below((name,), value)
        elif name in PARTS and isinstance(value, dict):
            yield from (((name, key), below) for key, below in value.items())
        else:
            yield (name,), value


def _values_below(path: KeyPath, node: Any) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(node, dict) and node:
        for name, value in node.items():
            yield from _values_below((*path, name), value)
    else:
        yield path, node


def _is_data(path: KeyPath, value: Any) -> bool:
    """Tells whether a recorded value can do no more than a number or a word can."""
    if _resolves(value):
        return False
    if path[0] not in OPEN or len(path) == 1:  # `_check_types` looks at these
        return True
    if not all(isinstance(name, str) and KEY.fullmatch(name) for name in path):
        return False
    if path[0] == "trainer":
        plain = _is_scalar(value) or (isinstance(value, list) and all(map(_is_scalar, value)))
        above = ("trainer", "max_time") if path[1] == "max_time" else ("trainer",)
        return plain and path[1] in PLAIN_TRAINER_KEYS and path[:-1] in (("trainer",), above)

    if path[-1] == "_target_":
        return value in _classes_of_conf().get(path, ())
    if path[0] == "callbacks" and len(path) == 2:
        return value is None or value == {}
    if path[-1].startswith("_") or len(path) != (2 if path[0] == "logger" else 3):
        return False
    named = isinstance(value, str) and path[0] == "logger"
    return _is_scalar(value) and (not named or FILE_NAME.fullmatch(value) is not None)


@cache
def _classes_of_conf() -> dict[KeyPath, set[str]]:
    """Lists the classes that conf/ names, by the names of their keys."""
    found: dict[KeyPath, set[str]] = {}
    for group in ("logger", "callbacks"):
        for file in sorted((CONF / group).glob("*.yaml")):
            values = OmegaConf.to_container(OmegaConf.load(file))
            for path, value in _values_below((group,), values):
                if path[-1] == "_target_":
                    found.setdefault(path, set()).add(value)
    return found


def _resolves(value: Any) -> bool:
    """Tells whether OmegaConf would put something else in place of a value, or of a part of it."""
    if isinstance(value, dict):
        return any(map(_resolves, value.values()))
    if isinstance(value, list):
        return any(map(_resolves, value))
    return isinstance(value, str) and INTERPOLATION.search(value) is not None


def _check_types(file: Path, config: dict[str, Any], typed: dict[str, Any]) -> None:
    """Refuses keys that no run has, and values that are not of the type of their setting."""
    missing = [name for name in ("data", "model", "optimizer", "trainer") if not config.get(name)]
    if missing:
        raise _damaged(file, f"it has no {', '.join(missing)}")
    for name in OPEN:
        if not isinstance(config.get(name, {}), dict):
            raise _damaged(file, f"{name} must hold keys, got {shortened(config[name])}")
    alone = {name: value for name, value in config.items() if name not in (*OPEN, *PARTS)}
    _check_part(file, alone, RunSettings, "", typed)
    for name, kind in PARTS.items():
        if config.get(name) is not None:
            _check_part(file, config[name], kind, f"{name}.", typed)


def _check_part(file: Path, values: Any, kind: type, prefix: str, typed: dict[str, Any]) -> None:
    """Checks a part of the configuration; a value that was typed again is the user's own."""
    if not isinstance(values, dict):
        raise _damaged(file, f"{prefix.rstrip('.')} must hold keys, got {shortened(values)}")
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name not in hints:
            raise _damaged(
                file, f"there is no key {f'{prefix}{name}'!r}.{nearest(str(name), hints)}"
            )
        if f"{prefix}{name}" not in typed and not _fits(value, hints[name]):
            expected = getattr(hints[name], "__name__", str(hints[name]).replace("typing.", ""))
            raise _damaged(file, f"{prefix}{name} must be {expected}, got {shortened(value)}")


def _fits(value: Any, hint: Any) -> bool:
    """Tells whether a value is of the type of its setting; a list may hold any plain values."""
    if hint is Any:
        return _is_scalar(value)
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(value, option) for option in inner)
    if kind is list:
        return isinstance(value, list) and all(_is_scalar(v) or _fits(v, inner[0]) for v in value)
    if kind is dict:
        return isinstance(value, dict) and all(map(_is_scalar, value.values()))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _put(config: dict[str, Any], path: KeyPath, value: Any) -> None:
    above = config
    for name in path[:-1]:
        above = above[name]
    above[path[-1]] = value


def _refusal(file: Path, refused: dict[str, Any]) -> InputError:
    """Asks the user to type again what is not taken from a folder."""
    lines = [
        f"{key}=VALUE" if _resolves(value) else f"+{key}={_as_typed(value)}"
        for key, value in refused.items()
    ]
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return InputError(
        f"{file} asks for what is not taken from a folder, since it can run code, write to other "
        f"folders or read variables: {', '.join(list(refused)[:SHOWN])}{more}. If the "
        f"run is yours, type it again behind resume=: {shlex.join(lines[:SHOWN])}"
    )


def _as_typed(value: Any) -> str:
    """Writes a value for Hydra's command line, without characters that a terminal would obey."""
    if not isinstance(value, str):
        return "null" if value is None else shortened(value)
    if re.fullmatch(r"[A-Za-z_][\w./-]*", value, re.ASCII):
        return value
    shown = "".join(letter if letter.isprintable() else "�" for letter in value[:200])
    return "'" + shown.replace("'", "\\'") + "'"


def _damaged(file: Path, what: str) -> InputError:
    return InputError(
        f"{file} is not what a run records: {what.rstrip('.')}. Bring the file back from a copy, "
        f"or start a new run."
    )
