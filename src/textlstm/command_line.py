"""What a person types, as Hydra must be given it: literal values, near misses, sweeps, resumed runs, exit codes."""

import copy
import io
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, OverrideType
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from textlstm.checks import InputError, JobsFailed, nearest
from textlstm.ranks import bequeath, inherited_arguments, is_rank_zero, let_rank_zero_speak
from textlstm.runs import OUTPUTS, folder_name, new_run_folder

log = logging.getLogger(__name__)

CONF = Path(__file__).parents[2] / "conf"

# The values of these keys are texts and paths: what Hydra's grammar makes of commas, quotes, brackets and ${…}
# is never what the person meant.
LITERAL = {"text", "input", "output", "file", "run", "resume", "sweep.storage"} | {
    f"data.{key}" for key in ("train", "validation", "test", "name")
}
# How the threads of a parallel step wait for each other; OpenMP reads it when torch is first imported. Spinning for
# long, as is the default, a step takes up to forty times as long on a machine with other work to do; not spinning at
# all, two threads are no faster than one. A thousand turns are GNU's own choice for more threads than cores.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
# Of these, paths that are recorded must hold from any working directory.
RECORDED_PATHS = {"data.train", "data.validation", "data.test"}
# A change of these would bend a one-cycle schedule that is under way.
SCHEDULED = {
    f"trainer.{key}"
    for key in ("max_epochs", "max_steps", "accumulate_grad_batches", "limit_train_batches", "overfit_batches")
}


def main(command: str, job: Callable[[dict[str, Any]], Any]) -> None:
    """Runs `job` through Hydra with conf/`command`.yaml and the command line's overrides, as plain values.

    A mistake prints one error and exits with 2. In a sweep it is logged with its traceback in the job's own
    log, the other jobs go on, and the exit code is 1 at the end.
    """
    if not os.environ.keys() & WAITING.keys():
        os.environ |= WAITING
    prepare_screen()
    OmegaConf.register_new_resolver("outputs", lambda: str(OUTPUTS), replace=True)
    OmegaConf.register_new_resolver("new_run", new_run_folder, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
    try:
        arguments = inherited_arguments() or prepare(command, sys.argv[1:])
    except InputError as error:
        fail(error)
    if command == "train" and "--multirun" not in arguments:
        bequeath(arguments)
        if not is_rank_zero():
            arguments = silenced(arguments)
    sys.argv[1:] = arguments
    failed: dict[str, Exception] = {}
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come back here, where a sweep's are summed up
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=command)(_guarded(command, job, failed))()
    except Exception as error:
        if failed:
            said = f"{len(failed)} of the sweep's jobs failed; train.log in the folder says why:"
            print(f"error: {said}", *failed, sep="\n  ", file=sys.stderr)
            if isinstance(error, JobsFailed) or any(error is of_job for of_job in failed.values()):
                sys.exit(1)
        if isinstance(error, JobsFailed):
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        if isinstance(error, InputError):  # of the sweep as a whole
            fail(error)
        raise


def prepare_screen() -> None:
    """Makes sure that any text can be shown, whatever the locale, and nothing that is of no use.

    A file or pipe gets UTF-8; a terminal that cannot show a character shows its code.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):  # what a test or a notebook has put there
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
        else:
            stream.reconfigure(encoding="utf-8")
    # That it looks for fonts for the first time or, at each start, that it cannot write in HOME.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def _guarded(
    command: str, job: Callable[[dict[str, Any]], Any], failed: dict[str, Exception]
) -> Callable[[DictConfig], Any]:
    """`job` as Hydra calls it; an exception is told, and of a sweep's job it joins `failed`, by its folder."""

    def guarded(config: DictConfig) -> Any:
        try:
            return job(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]
        except Exception as error:
            folder = HydraConfig.get().runtime.output_dir
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                failed[folder] = error
                log.exception("error: %s", error)
                raise
            let_rank_zero_speak()
            if isinstance(error, InputError):
                log.error("error: %s", error)
                if command == "train" and is_rank_zero():
                    _leave_the_log(Path(folder))
                sys.exit(2)
            raise

    return guarded


def _leave_the_log(run: Path) -> None:
    """Removes the config of a run that never began, which nothing can be resumed from."""
    if not (run / "checkpoints").is_dir():
        shutil.rmtree(run / ".hydra", ignore_errors=True)


def fail(error: InputError) -> NoReturn:
    """Ends the command with one error and code 2."""
    let_rank_zero_speak()
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)


def silenced(arguments: list[str]) -> list[str]:
    """The arguments for a rank above 0, which says nothing but errors and writes nothing.

    Hydra wants a folder all the same: one that is there.
    """
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    kept = [argument for argument in arguments if not argument.startswith("hydra/job_logging=")]
    folder = quote_literal(f"output={OUTPUTS}").partition("=")[2]
    return [*kept, "hydra/job_logging=screen", f"hydra.run.dir={folder}", "hydra.output_subdir=null"]


class ConsoleFormatter(logging.Formatter):
    """Messages alone, without the traceback of a user's mistake: that is for the log file."""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info and isinstance(record.exc_info[1], InputError):
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        return super().format(record)


def prepare(command: str, arguments: list[str]) -> list[str]:
    """The arguments for Hydra: literal values quoted, presets chosen, sweeps spelled out, resumed runs recalled.

    Raises:
        InputError: an argument, key or preset that does not exist, with the nearest one that does.
    """
    _refuse_unreadable(arguments)
    arguments = [quote_literal(argument) for argument in arguments]
    parsed = get_args_parser().parse_args(arguments)
    if parsed.help or parsed.hydra_help or parsed.shell_completion:
        return arguments
    typed: list[str] = parsed.overrides
    flags = [argument for argument in arguments if argument not in typed]
    overrides = [_parse(override) for override in typed]
    keys = {override.key_or_group for override in overrides}
    if {"data.train", "data.validation", "data.test"} & keys and "data" not in keys:
        typed = [*typed, "data=files"]
        overrides.append(_parse("data=files"))
    if is_rank_zero():  # which may have begun in it just now
        _refuse_used_folder(overrides)
    if command == "train" and "resume" in keys:
        return [*flags, *recall(overrides)]
    check_keys(command, overrides)
    swept = [override.key_or_group for override in overrides if override.is_sweep_override()]
    preset = [override.value() for override in overrides if override.key_or_group == "sweep"]
    showing = parsed.cfg is not None or parsed.info is not None
    if command == "train" and not showing and (parsed.multirun or swept or any(preset)):
        if "test" in keys:
            raise InputError("A sweep never scores the test set, so that it cannot choose by it: leave test= out.")
        flags = [*flags, "--multirun"]
        typed = [*typed, "test=false", "baselines=false"]
        if not any(preset) and "sweep.name" not in keys:
            typed = [*typed, f"sweep.name={folder_name(','.join(swept) or 'jobs')}"]
    return [*flags, *typed]


def _refuse_unreadable(arguments: list[str]) -> None:
    """Refuses text that this process was given as bytes which its locale cannot read: no library takes it."""
    for text in (*arguments, str(CONF), os.getcwd()):
        if any("\udc80" <= character <= "\udcff" for character in text):
            encoding = sys.getfilesystemencoding()
            raise InputError(
                f"{text!a} is no text in {encoding}, by which this process reads the command line and paths. "
                + ("Rename it in UTF-8." if encoding == "utf-8" else "Type PYTHONUTF8=1 before the command.")
            )


def quote_literal(argument: str) -> str:
    """`key=value` with the value quoted for Hydra and OmegaConf if its key takes a text or a path.

    Paths of data become absolute, so that the record of a run holds from any working directory.
    """
    key, equals, value = argument.partition("=")
    if not equals or key not in LITERAL:
        return argument
    if key in RECORDED_PATHS or (key == "data.name" and os.path.isdir(os.path.expanduser(value))):
        value = os.path.abspath(os.path.expanduser(value)) if value else value
    value = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)  # OmegaConf's interpolation
    value = re.sub(r"(\\*)('|\Z)", lambda end: end[1] * 2 + ("\\'" if end[2] else ""), value)
    return f"{key}='{value}'"


def recall(overrides: list[Override]) -> list[str]:
    """Hydra's arguments to go on in the folder of `resume=`: its recorded config first, then trainer keys.

    Raises:
        InputError: no run there, a key that may not differ, or a change that would bend the schedule.
    """
    folder = Path([str(o.value()) for o in overrides if o.key_or_group == "resume"][-1]).expanduser().absolute()
    record = folder / ".hydra" / "config.yaml"
    if not record.is_file():
        raise InputError(f"resume: {folder} is no run folder (it has no .hydra/config.yaml).")
    recorded = OmegaConf.load(record)
    changes = []
    for override in overrides:
        key = override.key_or_group
        if key == "resume" or OmegaConf.select(recorded, key) == override.value():
            continue
        if not key.startswith("trainer."):
            raise InputError(
                f"A resumed run keeps its recorded values; only trainer keys may differ, got {override.input_line}. "
                f"For another value start a new run."
            )
        if key in SCHEDULED and OmegaConf.select(recorded, "optimizer.schedule") == "one_cycle":
            raise InputError(
                f"{override.input_line} would bend the one-cycle schedule, which was laid out for "
                f"{key}={OmegaConf.select(recorded, key)}. Resume without it, or start a new run."
            )
        changes.append(str(override.input_line))
    return [
        *("--config-dir", str(record.parent), "--config-name", "config"),
        *("hydra/job_logging=run", "hydra/hydra_logging=plain", "hydra.output_subdir=null"),
        quote_literal(f"resume={folder}"),
        "hydra.run.dir=" + quote_literal(f"resume={folder}").partition("=")[2],
        *changes,
    ]


def check_keys(command: str, overrides: list[Override]) -> None:
    """Composes the config once, so that a mistyped key or preset fails before anything is written.

    Raises:
        InputError: names the key or preset, and the nearest one that exists.
    """
    for override in overrides:
        group = override.key_or_group
        options = sorted(file.stem for file in (CONF / group).glob("*.yaml"))
        if not options or group.startswith("hydra/"):  # those have presets of Hydra's own, too
            continue
        for value in _values(override):
            if value not in (*options, "null"):
                raise InputError(
                    f"There is no {group}={value}.{nearest(value, options)} {group} can be {', '.join(options)}."
                )
    typed = [
        f"{o.get_key_element()}={_values(o)[0]}" if o.is_sweep_override() else str(o.input_line) for o in overrides
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            missing = OmegaConf.missing_keys(compose(command, typed))
        except (HydraException, OmegaConfBaseException) as error:
            groups = [(line, o.key_or_group) for line, o in zip(typed, overrides, strict=True)]
            presets = [line for line, key in groups if (CONF / key).is_dir() and not key.startswith("hydra/")]
            keys = _leaf_keys(OmegaConf.to_container(compose(command, presets)))
            for override in overrides:
                key = override.key_or_group
                known = key in keys or (CONF / key).is_dir() or key.startswith("hydra")
                if override.type == OverrideType.CHANGE and not known:
                    raise InputError(
                        f"There is no key {key!r}.{nearest(key, keys)} python src/{command}.py --help lists the keys."
                    ) from error
            said = str(error).strip().splitlines()[0]
            if "hydra/launcher/submitit" in said:
                said = f"{said.rstrip('.')}. It comes with the extra `slurm`: pip install -e '.[slurm]'"
            raise InputError(said) from error
    if missing:
        raise InputError(f"{', '.join(sorted(missing))} must be given; python src/{command}.py --help says what it is.")


def _leaf_keys(node: Any, prefix: str = "") -> list[str]:
    if not isinstance(node, dict) or not node:
        return [prefix]
    return [key for name, child in node.items() for key in _leaf_keys(child, f"{prefix}.{name}" if prefix else name)]


def _parse(argument: str) -> Override:
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException as error:
        raise InputError(
            f"{argument!r} cannot be read as key=value ({str(error).strip().splitlines()[0]}). "
            f"Quote a value with special characters twice: \"key='value'\"."
        ) from error


def _values(override: Override) -> list[str]:
    if override.is_discrete_sweep():
        return list(override.sweep_string_iterator())
    value = override.value()
    if isinstance(value, IntervalSweep):
        return [str(value.start)]
    return [override.get_value_element_as_str()] if override.value() is not None else ["null"]


def _refuse_used_folder(overrides: list[Override]) -> None:
    for override in overrides:
        if override.key_or_group == "hydra.run.dir" and (Path(str(override.value())) / ".hydra").exists():
            raise InputError(f"hydra.run.dir={override.value()} holds a run already; resume=FOLDER goes on with it.")
