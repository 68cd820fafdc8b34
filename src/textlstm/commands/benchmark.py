"""Trains presets on each data set of a folder, with several seeds, and compares them on test."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from textlstm.checks import InputError
from textlstm.commandline.arguments import prepare, typed_values
from textlstm.commandline.options import NO_PRESET
from textlstm.commandline.recorded import OPEN, read_config
from textlstm.data.reading.checksums import changed_sources
from textlstm.data.reading.collections import DataSet, find_data_sets
from textlstm.escaping import visible
from textlstm.leaderboard.benchmark import (
    NOTES,
    Benchmark,
    Line,
    compare,
    print_lines,
    read_predicted,
    write_benchmark,
)
from textlstm.places import CONF, INSTALLED, OUTPUTS, PACKAGE, folder_line, pass_outputs_on
from textlstm.runs.claim import claimed
from textlstm.runs.folder import RunFolder, folder_name
from textlstm.signals import Stopped
from textlstm.training.settings import RunSettings
from textlstm.typed import as_typed

BETWEEN_PRESETS = re.compile(r",(?![^\[]*\])")  # not the commas inside of a list
BEFORE_ADDITION = re.compile(r"\+(?=[+~]?[\w./@]+=)")  # the `+` of `best+model.hidden=128`
OPEN_KEYS = tuple(f"{part}." for part in OPEN)
LAST_LINES = 5  # lines of a failed run's errors that are shown


@dataclass(frozen=True)
class Job:
    """A run of a benchmark.

    Attributes:
        arguments: what follows `train` on its command line, without the folder.
        config: the configuration that these arguments give.
    """

    data: DataSet
    preset: str
    run: RunFolder
    arguments: list[str]
    config: dict[str, Any]


def benchmark(chosen: Namespace) -> None:
    """Trains the runs that are not finished; prints and writes the comparison after each data set.

    Args:
        chosen: the options of the command line.

    Raises:
        InputError: no data set, a preset, key or value that cannot be used, or a folder in which
            another process works.
    """
    sets, skipped = [DataSet("newswire4", {})], list[Path]()
    if chosen.data:
        sets, skipped = find_data_sets(Path(chosen.data))
    name = chosen.name or (Path(chosen.data).absolute().name if chosen.data else sets[0].name)
    folder = OUTPUTS / "benchmarks" / folder_name(name)
    jobs = _jobs(chosen, sets, folder)
    for other in skipped:
        print(
            f"skipped: {visible(other)} (no file named train, nor a single table)", file=sys.stderr
        )

    folder.mkdir(parents=True, exist_ok=True)
    pass_outputs_on()
    try:
        with claimed(folder):
            written, failed = _run(jobs, folder)
    except Stopped as stop:
        print(f"{stop} The same command goes on from the last checkpoint.", file=sys.stderr)
        stop.told = True
        raise

    if written:
        print(*NOTES, folder_line(folder, *written), sep="\n")
    if failed:
        said = f"error: {len(failed)} of {len(jobs)} runs failed; their train.log says why:"
        print(said, *(visible(job.run.path) for job in failed), sep="\n  ", file=sys.stderr)
        sys.exit(1)


def _run(jobs: list[Job], folder: Path) -> tuple[list[str], list[Job]]:
    """Finishes the jobs, and compares those of a data set as soon as they are done.

    Returns:
        The names of the written files, and the jobs that failed.
    """
    command = shlex.join([*as_typed("benchmark").split(), *sys.argv[1:]])
    lines: dict[str, list[Line]] = {}
    written, failed = list[str](), list[Job]()
    done = 0
    for name, of_data in groupby(jobs, lambda job: job.data.name):
        finished: dict[str, list[RunFolder]] = {}
        for job in of_data:
            done += 1
            if _finish(job, f"{done}/{len(jobs)}"):
                finished.setdefault(job.preset, []).append(job.run)
            else:
                failed.append(job)
        if finished:
            lines[name] = compare(finished)
            print_lines(name, lines[name])
            written = write_benchmark(Benchmark(folder, command, lines))
    return written, failed


def _repeats(chosen: Namespace, data: DataSet) -> Iterator[tuple[int, list[str]]]:
    """Gives, for each repeat, its seed and the keys that it adds."""
    seeds = _whole_numbers("--seeds", chosen.seeds)
    splits: list[int | None] = [None] * len(seeds)
    if chosen.split_seeds and "test" not in data.files:
        splits = [*_whole_numbers("--split-seeds", chosen.split_seeds)]
        if len(splits) != len(seeds):
            raise InputError(
                f"--split-seeds gives {len(splits)} numbers and --seeds {len(seeds)}; one for each "
                f"seed was expected."
            )
    for seed, split in zip(seeds, splits, strict=True):
        yield seed, [f"seed={seed}", *([] if split is None else [f"data.split_seed={split}"])]


def _whole_numbers(option: str, typed: str) -> list[int]:
    numbers = list(dict.fromkeys(typed.split(",")))
    if not all(number.strip().isdecimal() for number in numbers):
        raise InputError(f"{option}={typed}: whole numbers with commas between were expected.")
    return [int(number) for number in numbers]


def _jobs(chosen: Namespace, sets: list[DataSet], folder: Path) -> list[Job]:
    """Lists all runs of the benchmark, those of a data set together.

    Raises:
        InputError: a preset, key or value that cannot be used.
    """
    presets = list(dict.fromkeys(filter(None, BETWEEN_PRESETS.split(chosen.presets))))
    return [
        _job(folder, data, preset, repeat, chosen.overrides)
        for data in sets
        for repeat in _repeats(chosen, data)
        for preset in presets
    ]


def _job(
    folder: Path, data: DataSet, preset: str, repeat: tuple[int, list[str]], overrides: list[str]
) -> Job:
    """Makes a job; composing its configuration shows whether keys and values can be used."""
    name, *additions = BEFORE_ADDITION.split(preset)
    experiment = [] if name == NO_PRESET else [f"experiment={name}"]
    seed, seeds = repeat
    honest = "baselines=thorough"  # unless somebody has typed something else
    arguments = [*experiment, honest, *data.overrides, *overrides, *additions, *seeds]
    run = RunFolder(folder / folder_name(data.name) / folder_name(f"{preset}-{seed}"))
    return Job(data, preset, run, arguments, _config(arguments))


def _config(arguments: list[str]) -> dict[str, Any]:
    """The configuration of a run with these arguments, as its record holds it.

    Raises:
        InputError: a key, preset or value that cannot be used, or runs that cannot be compared.
    """
    prepared = prepare("train", arguments)
    if "--multirun" in prepared:
        raise InputError("A benchmark trains one run at a time; of a sweep, give single values.")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = OmegaConf.to_container(compose("train", prepared), resolve=True)
    assert isinstance(composed, dict)
    config = _plain(composed)
    if not config["test"]:
        raise InputError("A benchmark compares scores on test: leave test=false out.")
    return config


def _plain(config: dict[Any, Any]) -> dict[str, Any]:
    settings = {str(key): value for key, value in config.items() if key != "sweep"}
    return {**RunSettings.parse(settings).plain(), "resume": None}


def _finish(job: Job, number: str) -> bool:
    """Trains a job, unless it is finished with this configuration and data; says if that worked.

    Raises:
        InputError: it is finished, and a file of it that is compared is missing or damaged.
    """
    what = visible(f"[{number}] {job.data.name}, {job.run.path.name}")
    try:
        record = job.run.record()
        same = record is not None and _is_of(record["config"], job)
        if record is not None and same and not changed_sources(record["data"]["sources"]):
            read_predicted(job.run)
            print(f"{what}: finished before", file=sys.stderr)
            return True
    except InputError as error:
        raise InputError(f"{error} To train it anew, delete {job.run.path}.") from error

    arguments, how = [*job.arguments, f"hydra.run.dir={job.run.path}"], ""
    if record is None and _stopped(job):
        arguments = [f"resume={job.run.path}", *_typed_again(job)]
        how = ", from where it stopped"
    elif job.run.path.exists():
        with claimed(job.run.path):  # a process of a killed benchmark may be at work in it
            pass
        shutil.rmtree(job.run.path)
        how = ", anew"
    print(f"{what}{how}…", file=sys.stderr, flush=True)
    if not _train(arguments):
        return False
    record = job.run.record()
    assert record is not None
    print(
        f"  accuracy {record['test']['accuracy']:.4f}, {record['seconds']['total']:.0f} s",
        file=sys.stderr,
    )
    return True


def _stopped(job: Job) -> bool:
    """Tells whether a run with this configuration was begun and has a checkpoint to resume."""
    config = job.run.path / ".hydra" / "config.yaml"
    if not (config.is_file() and job.run.has_checkpoint()):
        return False
    try:
        recorded = read_config(job.run.path, typed_values(_typed_again(job)))
    except InputError:  # of another version, or of somebody else
        return False
    plain = OmegaConf.to_container(OmegaConf.create(recorded), resolve=True)
    return isinstance(plain, dict) and _is_of(plain, job)


def _typed_again(job: Job) -> list[str]:
    """Lists the arguments, the last of each key, that a folder alone may not be trusted with."""
    by_key = {argument.partition("=")[0].lstrip("+"): argument for argument in job.arguments}
    return [argument for key, argument in by_key.items() if key.startswith(OPEN_KEYS)]


def _is_of(recorded: dict[Any, Any], job: Job) -> bool:
    """Tells whether a recorded configuration is a job's; keys that it lacks have their defaults."""
    try:
        return _plain(recorded) == job.config
    except (InputError, KeyError):  # of another version
        return False


def _train(arguments: list[str]) -> bool:
    """Trains one run in a process of its own.

    Its messages go to a terminal, if there is one; otherwise the last are shown if it fails.

    Returns:
        Whether it came to its end.
    """
    environment = dict(os.environ)
    if not INSTALLED:  # this checkout, whatever is installed besides
        before = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), *before])
    watched = sys.stderr.isatty()
    done = subprocess.run(
        [sys.executable, "-m", "textlstm", "train", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=None if watched else subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode and not watched:
        print(*done.stderr.splitlines()[-LAST_LINES:], sep="\n", file=sys.stderr)
    return done.returncode == 0
