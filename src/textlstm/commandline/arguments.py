"""Prepares the command line for Hydra: literal values, near misses, sweeps, resumed runs."""

import math
import os
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from textlstm.checks import InputError, nearest, suggested
from textlstm.commandline.foreign_keys import (
    is_group,
    refuse_foreign_keys,
    refuse_missing,
    refuse_null_presets,
)
from textlstm.commandline.hydras_own import check_package, refuse_rerun
from textlstm.commandline.mistakes import raise_input_errors
from textlstm.commandline.named_runs import with_folder_of_run
from textlstm.commandline.readings import refuse_two_readings
from textlstm.commandline.recorded import read_config
from textlstm.keys import LITERAL, PATHS, RECORDED_PATHS, SCHEDULED, leaf_values, value_in
from textlstm.passwords import keep_password, refuse_recorded_secret
from textlstm.places import CONF
from textlstm.ranks import is_rank_zero
from textlstm.runs.folder import folder_name
from textlstm.typed import as_typed, installing

COMPLETION = re.compile(r"(install|uninstall|query)=(bash|zsh|fish)")
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
RECORDED = "recorded_run"  # what Hydra calls the configuration of a resumed run


def prepare(command: str, arguments: list[str]) -> list[str]:
    """Prepares the arguments for Hydra.

    Literal values are quoted, presets chosen, sweeps spelled out and resumed runs recalled.

    Raises:
        InputError: an argument, key or preset that does not exist, with the nearest one that does.
    """
    _refuse_unreadable(arguments)
    if command != "train" and not {"--help", "-h"} & set(arguments):
        arguments = with_folder_of_run(arguments)
    arguments = [quote_literal(_without_password(argument)) for argument in arguments]
    parsed = _parsed_flags(command, arguments)
    if parsed.help or parsed.hydra_help or parsed.shell_completion:
        return arguments

    typed: list[str] = parsed.overrides
    flags = [argument for argument in arguments if argument not in typed]
    overrides = [_parse(override) for override in typed]
    keys = {override.key_or_group for override in overrides}
    refuse_foreign_keys(command, overrides, multirun=parsed.multirun)
    refuse_null_presets(overrides)
    if is_rank_zero():  # the other ranks may find that rank 0 has begun in the folder
        _refuse_used_folder(overrides)

    if command == "train" and "resume" in keys:
        return [*flags, *recall(overrides)]
    if {"data.train", "data.validation", "data.test"} & keys and "data" not in keys:
        typed = [*typed, "data=files"]
        overrides.append(_parse("data=files"))
    check_keys(command, overrides)
    showing = parsed.cfg is not None or parsed.info is not None
    if showing:
        check_package(parsed.package, command, overrides)
    else:
        refuse_missing(command, overrides)
    refuse_two_readings(command, overrides)

    swept = [override.key_or_group for override in overrides if override.is_sweep_override()]
    preset = [override.value() for override in overrides if override.key_or_group == "sweep"]
    if command == "train" and not showing and (parsed.multirun or swept or any(preset)):
        if "test" in keys:
            raise InputError(
                f"A sweep never scores the test set, so that it cannot choose by it: leave test= "
                f"out. A table over data sets, with seeds and intervals on test, is what "
                f"{as_typed('benchmark')} makes (docs/benchmark.md)."
            )
        flags = [*flags, "--multirun"]
        typed = [*typed, "test=false"]
        if not any(preset) and "sweep.name" not in keys:
            typed = [*typed, f"sweep.name={folder_name(','.join(swept) or 'jobs')}"]
    return [*flags, *typed]


def _parsed_flags(command: str, arguments: list[str]) -> Namespace:
    """Reads Hydra's flags, which may stand between overrides.

    Raises:
        InputError: a flag that Hydra does not have, or one without its value.
    """
    parser = get_args_parser()
    raise_input_errors(parser, command)
    parsed = parser.parse_intermixed_args(arguments)
    chosen = [parsed.run, parsed.multirun, parsed.cfg, parsed.info, parsed.shell_completion]
    if sum(map(bool, chosen)) > 1:
        parser.error("--run, --multirun, --cfg, --info and --shell-completion exclude each other")
    asked = parsed.overrides if parsed.shell_completion else ["install=bash"]
    if len(asked) != 1 or not COMPLETION.fullmatch(asked[0]):
        parser.error("-sc takes install=bash or uninstall=bash")
    refuse_rerun(parsed)
    return parsed


def _refuse_unreadable(arguments: list[str]) -> None:
    """Refuses arguments and paths of bytes that the locale cannot read: no library takes them."""
    for text in (*arguments, str(CONF), os.getcwd()):
        if any("\udc80" <= character <= "\udcff" for character in text):
            encoding = sys.getfilesystemencoding()
            remedy = "Type PYTHONUTF8=1 before the command."
            if encoding == "utf-8":
                remedy = "Rename it in UTF-8."
            raise InputError(
                f"{text!a} is no text in {encoding}, by which this process reads the command line "
                f"and paths. {remedy}"
            )


def _without_password(argument: str) -> str:
    """Takes the password out of `sweep.storage=URL`; this process keeps it for the sweep.

    Raises:
        InputError: a password in a key of the logger.
    """
    key, _, url = argument.partition("=")
    refuse_recorded_secret(key, url)
    return f"{key}={keep_password(url)}" if key.lstrip("+") == "sweep.storage" else argument


def quote_literal(argument: str) -> str:
    """Quotes the value of `key=value` for Hydra and OmegaConf if the key takes a text or a path.

    Paths of data become absolute, so that the record of a run holds from any working directory. A
    path may stand in the quotes that Hydra asks for.

    Raises:
        InputError: an address of the web or of a store in place of a path.
    """
    key, equals, value = argument.partition("=")
    if not equals or key not in LITERAL:
        return argument
    if key in PATHS:
        value = _without_quotes(value)
        if ADDRESS.match(value):
            raise InputError(
                f"{key}={value} is an address, and a path on this machine was expected. Download "
                f"what is to be read, and name the file."
            )
    if key in RECORDED_PATHS or (key == "data.name" and os.path.isdir(os.path.expanduser(value))):
        value = os.path.abspath(os.path.expanduser(value)) if value else value
    value = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)  # OmegaConf's interpolation
    value = re.sub(r"(\\*)('|\Z)", lambda end: end[1] * 2 + ("\\'" if end[2] else ""), value)
    return f"{key}='{value}'"


def _without_quotes(path: str) -> str:
    """Takes off the quotes around a path, unless there is a file whose name has them."""
    quoted = len(path) > 2 and path[0] == path[-1] and path[0] in "'\""
    return path[1:-1] if quoted and not os.path.lexists(path) else path


def recall(overrides: list[Override]) -> list[str]:
    """Gives Hydra's arguments to go on in the folder of `resume=`.

    These are the recorded config of the run, with present names in place of old ones, and then the
    trainer keys that were typed and files that have moved.

    Raises:
        InputError: no run there, a key that may not differ, or a change that would bend the
            schedule.
    """
    given = [override for override in overrides if override.key_or_group == "resume"][-1]
    folder = Path(str(given.value())).expanduser().absolute()
    typed = [str(override.input_line) for override in overrides]
    recorded = read_config(folder, typed_values(typed))
    changes = _changes(recorded, overrides)
    offer_recorded(recorded)

    return [
        "--config-name",
        RECORDED,
        "hydra/job_logging=run",
        "hydra/hydra_logging=plain",
        "hydra.output_subdir=null",
        quote_literal(f"resume={folder}"),
        "hydra.run.dir=" + quote_literal(f"resume={folder}").partition("=")[2],
        *changes,
    ]


def offer_recorded(config: dict[str, Any]) -> None:
    """Lets Hydra find the configuration of a resumed run in this process, in place of a file."""
    ConfigStore.instance().store(name=RECORDED, node=config, provider="textlstm")


def offered_recorded() -> Any:
    """Gives the configuration that was offered in this process, for the processes it starts."""
    return OmegaConf.to_container(ConfigStore.instance().load(f"{RECORDED}.yaml").node)


def typed_values(arguments: list[str]) -> dict[str, Any]:
    """Lists the values of overrides by key; those of a group stand by the keys inside of it."""
    values: dict[str, Any] = {}
    for override in map(_parse, arguments):
        above, value = override.key_or_group, override.value()
        for key in leaf_values(value, above):
            values[key] = value if key == above else value_in(value, key[len(above) + 1 :])
    return values


def _changes(recorded: dict[str, Any], overrides: list[Override]) -> list[str]:
    """Gives the typed keys of a resumed run whose values differ from the recorded ones.

    They are trainer keys, files of data and the run of `calibration_from`, which may have moved.
    What a file of data holds is compared with the run's checkpoint once it is read.
    """
    changes = []
    for override in overrides:
        key = override.key_or_group
        before = value_in(recorded, key)
        if key == "resume" or before == override.value():
            continue
        moved = key in RECORDED_PATHS | {"calibration_from"} and bool(before)
        if not (moved or key.startswith("trainer.")):
            raise InputError(
                f"A resumed run keeps its recorded values; only trainer keys may differ, got "
                f"{override.input_line}, and paths that have moved. For another value start a new "
                f"run."
            )
        if key in SCHEDULED and value_in(recorded, "optimizer.schedule") == "one_cycle":
            numbers = f"{key}={before}" if before not in (None, {}) else "its training rows"
            raise InputError(
                f"{override.input_line} would bend the one-cycle schedule, which was laid out for "
                f"{numbers}. Resume without it, or start a new run."
            )
        changes.append(str(override.input_line))
    return changes


def check_keys(command: str, overrides: list[Override]) -> None:
    """Composes the config once, so that a mistyped key or preset fails before anything is written.

    Raises:
        InputError: names the key or preset, and the nearest one that exists.
    """
    _check_presets(overrides)
    lines = [
        f"{override.get_key_element()}={_values(override)[0]}"
        if override.is_sweep_override()
        else str(override.input_line)
        for override in overrides
    ]

    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            missing = OmegaConf.missing_keys(compose(command, lines))
        except (HydraException, OmegaConfBaseException) as error:
            presets = [
                line
                for line, override in zip(lines, overrides, strict=True)
                if is_group(override.key_or_group)
            ]
            keys = [*leaf_values(OmegaConf.to_container(compose(command, presets)))]
            raise _explained(error, command, overrides, keys) from error
        except KeyError as error:  # Hydra looks there before anything else
            raise InputError(
                f"hydra.job.env_copy: there is no environment variable {error}."
            ) from error

    if missing:
        raise InputError(
            f"{', '.join(sorted(missing))} must be given; {as_typed(command)} --help says what it "
            f"is."
        )


def _check_presets(overrides: list[Override]) -> None:
    """Refuses presets that do not exist in conf/."""
    for override in overrides:
        group = override.key_or_group
        options = sorted(file.stem for file in (CONF / group).glob("*.yaml"))
        if not options or group.startswith("hydra/"):  # those have presets of Hydra's own, too
            continue
        for value in _values(override):
            if value not in (*options, "null"):
                remedy = nearest(value, options)
                if group == "data" and not remedy and ("." in value or "/" in value):
                    remedy = f" A file is data.train={value}."
                raise InputError(
                    f"There is no {group}={value}.{remedy} {group} can be {', '.join(options)}."
                )


def _explained(
    error: Exception, command: str, overrides: list[Override], keys: list[str]
) -> InputError:
    """Explains why Hydra could not compose: a key that does not exist, or what Hydra says."""
    groups = [folder.name for folder in CONF.iterdir() if is_group(folder.name)]
    for override in overrides:
        key = override.key_or_group
        known = key in keys or (CONF / key).is_dir() or key.startswith("hydra")
        if override.type == OverrideType.CHANGE and not known:
            if key.startswith("pretrain.") and "pretrain" in keys:
                return InputError(
                    f"There is no key {key!r} without pretrain=own_text: give that, too."
                )
            more = ""
            if key.startswith("trainer."):
                more = f"Other arguments of Lightning's Trainer take a plus: +{key}=VALUE. "
            return InputError(
                f"There is no key {key!r}.{suggested(key, [*keys, *groups])} {more}"
                f"{as_typed(command)} --help lists the keys."
            )
    said = str(error).strip().splitlines()[0]
    if "hydra/launcher/submitit" in said:
        extra = f"It comes with the extra `slurm`: {installing('slurm')}"
        said = f"{said.rstrip('.')}. {extra}"
    elif said.startswith("Error merging override") and error.__cause__ is not None:
        said = f"{said}: {str(error.__cause__).strip().splitlines()[0]}."
    return InputError(said)


def _parse(argument: str) -> Override:
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException as error:
        raise InputError(
            f"{argument!r} cannot be read as key=value ({str(error).strip().splitlines()[0]}). "
            f"Quote a value with special characters twice: \"key='value'\"."
        ) from error
    if not override.key_or_group:
        raise InputError(f"{argument!r} names no key: key=value was expected.")
    return override


def _values(override: Override) -> list[str]:
    """Lists the values that an override gives its key; an interval is stood for by its start."""
    if override.is_discrete_sweep():
        try:
            values = list(override.sweep_string_iterator())
        except HydraException as error:  # glob(…), which needs a group of presets
            raise InputError(
                f"{override.input_line} names no values: list them, or give a range."
            ) from error
        if not values:
            raise InputError(f"{override.input_line} has no value: the range is empty.")
        return values
    value = override.value()
    if isinstance(value, IntervalSweep):
        _check_interval(value, override)
        return [str(value.start)]
    return [override.get_value_element_as_str()] if override.value() is not None else ["null"]


def _check_interval(interval: IntervalSweep, override: Override) -> None:
    """Refuses an interval that no search can take numbers from."""
    start, end = float(interval.start or 0), float(interval.end or 0)
    logarithmic = "log" in interval.tags
    if not start <= end < math.inf or start == -math.inf or (logarithmic and start <= 0):
        above = " above 0" if logarithmic else ""
        raise InputError(
            f"{override.input_line}: an interval goes from a lower number{above} to a higher one."
        )


def _refuse_used_folder(overrides: list[Override]) -> None:
    """Refuses `hydra.run.dir` where a run is already: it would be overwritten."""
    for override in overrides:
        if (
            override.key_or_group == "hydra.run.dir"
            and (Path(str(override.value())) / ".hydra").exists()
        ):
            raise InputError(
                f"hydra.run.dir={override.value()} holds a run already; resume=FOLDER goes on with "
                f"it."
            )
