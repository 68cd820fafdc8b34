"""Odd values of keys: a command does what was asked or says one error; it never fails or hangs."""

import os
import shlex
import socket
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from helpers.configs import composed
from helpers.mistakes import MANY
from helpers.odd_arguments import OTHERS, TRAIN
from helpers.odd_values import Ended, WarmProcess, warm_process
from textlstm.checks import InputError
from textlstm.training.settings import RunSettings

TINY = {
    "data.train": "{folder}/tiny.csv",
    "model.hidden": "4",
    "model.embedding_dim": "4",
    "trainer.max_epochs": "1",
    "baselines": "false",
    "wide": "false",
    "threads": "1",
}
"""What a run has whose other keys are tried."""

HUGE = ["2147483648", "18446744073709551616", "1e23"]
NO_NUMBERS = ["nan", "inf", "true", "''", "null", "[1]", "{a: 1}"]
NUMBERS = ["0", "-1", "1.5", "1e-320", "1e308", *HUGE, *NO_NUMBERS]
FLAGS = ["yes", "1", "null", "''", "abc", "True", "[true]"]
LONG = "x" * 300
TEXTS = [
    "''",
    "null",
    "5",
    "[a]",
    "{a: 1}",
    "A\x1b[2Jb",
    LONG,
    "..",
    "${x}",
]
PATHS = [
    *("", "null", "/", ".", "..", "5", "[a]", "{a: 1}", "*", "[", "**", "~nobody/x", LONG),
    *("/dev/zero", "/dev/null", "/dev/stdin", "/dev/full", "/proc/self/mem", "/proc/kmsg"),
    *("{folder}", "{folder}/fifo", "{folder}/socket", "{folder}/loop", "{folder}/missing.csv"),
]
PATH_KEYS = "train validation test unlabelled"
NUMBER_KEYS = {
    "": "ensemble seed threads",
    "callbacks": "early_stopping.patience",
    "data": "batch_size fold folds max_length max_rows max_tokens_per_batch pad_to "
    "prefix_length split_seed streaming_rows suffix_length test_fraction train_share val_fraction "
    "vocab_size",
    "model": "adversarial dropout embedding_dim embedding_dropout hidden label_smoothing layers "
    "sequence_dropout word_dropout",
    "optimizer": "body_rate lr weight_decay",
    "trainer": "accumulate_grad_batches checkpoint_every devices gradient_clip_val max_epochs",
}
FLAG_KEYS = {
    "": "baselines calibrate spreadsheet test wide",
    "data": "drop_empty header merge_labels oversample refit streaming",
    "logger": "default_hp_metric",
    "model": "bidirectional",
}
NOT_TRIED = {"resume", "data.name", "data.config", "data.source"}  # among the command lines
SHORT = {  # of each kind that was a traceback, a crash or a hang
    "seed": "4294967296",
    "threads": "100000",
    "ensemble": "1000000",
    "callbacks": "null",
    "~callbacks": "",
    "logger": "null",
    "~logger": "",
    "~data": "",
    "logger.name": "[a]",
    "logger._target_": "null",
    "callbacks.early_stopping._target_": "5",
    "data.max_tokens_per_batch": "1e23",
    "data.batch_size": "18446744073709551616",
    "data.train": "/dev/zero",
    "data.split_seed": "4294967296",
    "model.hidden": "2147483648",
    "model.layers": "1000000",
    "model.head": "[2147483648]",
    "trainer.precision": "transformer-engine",
    "trainer.accelerator": "tpu",
    "trainer.devices": "1000",
    "trainer.gradient_clip_val": "nan",
    "data.test": "/proc/kmsg",
    "+logger.flush_secs": "abc",
    "+callbacks.early_stopping.min_delta": "abc",
    "+trainer.profiler": "5",
}


ACCEPTED = {  # of a number's and a flag's odd values, those that the settings take
    "seed": "0 2147483648",
    "threads": "null",
    "data.batch_size": "2147483648 null",
    "data.fold": "null",
    "data.folds": "null",
    "data.max_length": "2147483648 null",
    "data.max_rows": "2147483648 null",
    "data.max_tokens_per_batch": "2147483648",
    "data.pad_to": "2147483648 null",
    "data.prefix_length": "null",
    "data.suffix_length": "null",
    "data.split_seed": "0 2147483648",
    "data.streaming_rows": "2147483648",
    "data.test_fraction": "0 1e-320",
    "data.train_share": "1e-320",
    "data.val_fraction": "0 1e-320",
    "data.vocab_size": "2147483648",
    "model.adversarial": "0 1.5 1e-320 null",
    "model.dropout": "0 1e-320",
    "model.embedding_dim": "2147483648 null",
    "model.embedding_dropout": "0 1e-320",
    "model.hidden": "2147483648 null",
    "model.label_smoothing": "0 1e-320",
    "model.sequence_dropout": "true",
    "model.word_dropout": "0 1e-320 null",
    "optimizer.body_rate": "0 1.5 1e-320 1e308 2147483648 18446744073709551616 1e23",
    "optimizer.lr": "0 1.5 1e-320 1e308 2147483648 18446744073709551616 1e23",
    "optimizer.weight_decay": "0 1.5 1e-320 1e308 2147483648 18446744073709551616 1e23",
    "trainer.accumulate_grad_batches": "2147483648",
    "trainer.checkpoint_every": "null",
    "trainer.max_epochs": "2147483648 null",
    **dict.fromkeys(["wide", "data.header"], "null True"),
    **dict.fromkeys(["baselines", "calibrate", "spreadsheet", "test"], "True"),
    **dict.fromkeys(["data.drop_empty", "data.merge_labels", "data.oversample"], "True"),
    **dict.fromkeys(["data.refit", "data.streaming", "model.bidirectional"], "True"),
}
BY_THE_TRAINER = {  # is checked when that is made
    "callbacks.early_stopping.patience",
    "logger.default_hp_metric",
    "trainer.devices",
    "trainer.gradient_clip_val",
}


def _spelled(keys: dict[str, str]) -> list[str]:
    return [f"{group}.{key}".lstrip(".") for group, names in keys.items() for key in names.split()]


def _leaf_keys(node: object, prefix: str = "") -> list[str]:
    if not isinstance(node, dict):
        return [prefix]
    return [
        key
        for name, child in node.items()
        for key in _leaf_keys(child, f"{prefix}.{name}".lstrip("."))
    ]


def _values(key: str) -> list[str]:
    """The odd values of a key, by its kind."""
    if key in _spelled(NUMBER_KEYS):
        return NUMBERS
    if key in _spelled(FLAG_KEYS):
        return FLAGS
    if key in _spelled({"data": PATH_KEYS}) or key in ("calibration_from", "run", "file", "input"):
        return PATHS
    return TEXTS


TRAIN_KEYS = [
    key
    for key in _leaf_keys(composed("train"))
    if key not in NOT_TRIED and not key.startswith("sweep.")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny file of rows, and with things that are no files."""
    made = tmp_path_factory.mktemp("odd")
    (made / "tiny.csv").write_text(MANY, encoding="utf-8")
    os.mkfifo(made / "fifo")
    (made / "loop").symlink_to(made / "loop")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(made / "socket"))
    return made


@pytest.fixture(scope="module")
def warm(folder: Path) -> Iterator[WarmProcess]:
    with warm_process(folder / "outputs") as process:
        yield process


@pytest.fixture
def train(warm: WarmProcess, folder: Path, tmp_path: Path) -> Callable[..., Ended]:
    """Trains on the tiny file with some values of keys; `~key` takes a key out."""

    def train(tried: int, **keys: str) -> Ended:
        given = {**TINY, **keys}
        arguments = [
            (key if key.startswith("~") else f"{key}={value}").replace("{folder}", str(folder))
            for key, value in given.items()
            if f"~{key.partition('.')[0]}" not in given or key.startswith("~")
        ]
        place = tmp_path / str(tried)
        return warm.run("train", [*arguments, f"hydra.run.dir={place}/run"], place)

    return train


def _faults(ends: dict[str, Ended]) -> list[str]:
    """The values at which a command did not end well, with the last line that it said."""
    return [
        f"{value[:60]}: {end.fault()}: {(end.said.splitlines() or [''])[-1][:200]}"
        for value, end in ends.items()
        if end.fault()
    ]


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The configuration of a run, as it is when nothing is typed."""
    return {key: value for key, value in composed("train").items() if key != "sweep"}


def _takes(config: dict[str, Any], key: str, value: str) -> bool:
    """Whether the settings of a run take a value of a key; if not, it is one error."""
    changed = deepcopy(config)
    *groups, name = key.split(".")
    node = changed[groups[0]] if groups else changed
    node[name] = OverridesParser.create().parse_override(f"{key}={value}").value()
    try:
        RunSettings.parse(changed)
    except InputError:
        return False
    return True


@pytest.mark.parametrize(
    "key", sorted({*_spelled(NUMBER_KEYS), *_spelled(FLAG_KEYS)} - BY_THE_TRAINER)
)
def test_settings_take_no_odd_number_or_flag_but_those_that_are_known(config, key):
    taken = [value for value in _values(key) if _takes(config, key, value)]
    assert taken == ACCEPTED.get(key, "").split()


def test_odd_values_that_crashed_or_hung_are_one_error(train):
    ends = {
        f"{key}={value}": train(tried, **{key: value})
        for tried, (key, value) in enumerate(SHORT.items())
    }
    assert _faults(ends) == []
    assert [typed for typed, end in ends.items() if end.code != 2] == []


def test_a_tiny_run_trains_where_the_odd_values_are_tried(train):
    ended = train(0, seed="4294967295")
    assert ended.code == 0, ended.said


@pytest.mark.trust("odd value")
@pytest.mark.parametrize("key", TRAIN_KEYS)
def test_any_value_of_a_key_of_training_trains_or_is_one_error(train, key, record_property):
    values = _values(key)
    record_property("tried", len(values))
    short = {"+trainer.max_steps": "1"} if key == "trainer.max_epochs" else {}
    ends = {value: train(tried, **{key: value, **short}) for tried, value in enumerate(values)}
    assert _faults(ends) == []


@pytest.fixture(scope="module")
def finished(warm: WarmProcess, folder: Path) -> Path:
    """The folder of a finished run."""
    arguments = [f"{key}={value}".replace("{folder}", str(folder)) for key, value in TINY.items()]
    ended = warm.run("train", [*arguments, f"hydra.run.dir={folder}/run"], folder / "train")
    assert ended.code == 0, ended.said
    return folder / "run"


BASES = {  # what each command needs
    "evaluate": {"run": "{folder}/run"},
    "predict": {"run": "{folder}/run", "input": "{folder}/tiny.csv", "output": "out.csv"},
    "label_next": {"run": "{folder}/run", "input": "{folder}/tiny.csv", "output": "out.csv"},
    "export": {"run": "{folder}/run"},
    "serve": {"run": "{folder}/run", "host": "{folder}"},  # which ends it: there is no such host
    "inspect_data": {"data.train": "{folder}/tiny.csv"},
    "suspects": {**{key: TINY[key] for key in TINY if key != "baselines"}, "folds": "2"},
    "leaderboard": {},
}
NUMBERS_OF_OTHERS = ("batch_size", "threads", "min_probability", "port")
FLAGS_OF_OTHERS = ("header", "merge_labels", "changed_data", "spreadsheet", "int8", "examples")
OTHER_KEYS = [
    *((command, key) for command in ("evaluate", "predict") for key in composed(command)),
    *(("export", "run"), ("export", "int8"), ("export", "examples"), ("inspect_data", "output")),
    *(("serve", key) for key in ("run", "port", "threads")),
]


@pytest.mark.trust("odd value")
@pytest.mark.parametrize(("command", "key"), OTHER_KEYS)
def test_any_value_of_a_key_of_another_command_works_or_is_one_error(
    warm, finished, folder, tmp_path, command, key, record_property
):
    values = _values(key)
    if key in NUMBERS_OF_OTHERS:
        values = NUMBERS
    if key in FLAGS_OF_OTHERS:
        values = FLAGS
    record_property("tried", len(values))
    ends = {
        value: warm.run(
            command,
            [
                f"{name}={given}".replace("{folder}", str(folder))
                for name, given in {**BASES[command], key: value}.items()
            ],
            tmp_path / str(tried),
        )
        for tried, value in enumerate(values)
    }
    assert _faults(ends) == []


def arguments(line: str, base: dict[str, str], folder: Path) -> list[str]:
    """The arguments of an odd command line, behind those of the base whose keys it does not give.

    Args:
        folder: what `{folder}` stands for; `{run}` is the finished run in it.
    """
    odd = [
        argument.replace("{folder}", str(folder)).replace("{run}", f"{folder}/run")
        for argument in shlex.split(line)
    ]
    given = {argument.partition("=")[0].lstrip("+~") for argument in odd}
    groups = {argument[1:].partition(".")[0] for argument in odd if argument.startswith("~")}
    return [
        *(
            f"{key}={value}".replace("{folder}", str(folder))
            for key, value in base.items()
            if key not in given and not ("." in key and key.partition(".")[0] in groups & given)
        ),
        *odd,
    ]


@pytest.mark.trust("odd command line")
@pytest.mark.parametrize("about", TRAIN)
def test_any_command_line_of_training_trains_or_is_one_error(
    warm, folder, finished, tmp_path, about, record_property
):
    record_property("tried", len(TRAIN[about]))
    ends = {}
    for tried, line in enumerate(TRAIN[about]):
        base = {**TINY, "hydra.run.dir": str(tmp_path / str(tried) / "run")}
        given = arguments(line, {} if "resume" in line else base, folder)
        ends[line] = warm.run("train", given, tmp_path / str(tried))
    assert _faults(ends) == []


@pytest.mark.trust("odd command line")
@pytest.mark.parametrize("command", OTHERS)
def test_any_command_line_of_another_command_works_or_is_one_error(
    warm, folder, finished, tmp_path, command, record_property
):
    record_property("tried", len(OTHERS[command]))
    ends = {
        line: warm.run(command, arguments(line, BASES[command], folder), tmp_path / str(tried))
        for tried, line in enumerate(OTHERS[command])
    }
    assert _faults(ends) == []
