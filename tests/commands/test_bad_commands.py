"""Mistakes in what is typed: each command ends with code 2, one error and nothing half written."""

import re
import shlex
import subprocess
import sys

import pytest

from helpers.commands import SRC, call, environment
from helpers.mistakes import CSV, MANY, SMALL
from textlstm.commandline.arguments import prepare

FULL_DISK = """
import resource, sys
from pathlib import Path
from textlstm.commandline import main as command_line
from textlstm import places
places.CACHE = Path(sys.argv.pop(1))
import textlstm.training.run
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
command_line.main("train")
"""


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (
            "train",
            ["model.hiden=3"],
            "error: There is no key 'model.hiden'. Did you mean 'model.hidden'?",
        ),
        ("train", ["data.train=missing.csv"], "missing.csv does not exist"),
        (
            "train",
            ["--abc"],
            "error: The command line cannot be read: unrecognized arguments",
        ),
        ("train", ["~"], "error: '~' names no key: key=value was expected."),
        ("train", ["=1"], "error: '=1' names no key: key=value was expected."),
        ("train", ["seed=range(1,1)"], "error: seed=range(1,1) has no value: the range is empty."),
        ("train", ["seed=interval(2,1)"], "an interval goes from a lower number to a higher one."),
        ("train", ["optimizer.lr=tag(log,interval(0,1))"], "goes from a lower number above 0 to a"),
        ("train", ["seed=glob(*)"], "error: seed=glob(*) names no values: list them, or give a"),
        (
            "train",
            ["--run", "--multirun"],
            "error: The command line cannot be read: --run, --multi",
        ),
        ("train", ["--experimental-rerun", "none"], "--experimental-rerun would run the code"),
        ("train", ["hydra=null"], "error: hydra=null chooses no preset. Leave it out."),
        ("train", ["sweep.name=", "seed=1,2"], "error: sweep.name must be the name of a folder"),
        ("leaderboard", ["--abc"], "cannot be read: unrecognized arguments: --abc. python src/l"),
        ("runs", ["--sorted=date"], "arguments: --sorted=date. Did you mean '--sort'?"),
        ("train", ["--multirn"], "arguments: --multirn. Did you mean '--multirun'?"),
        ("inspect_data", ["~data"], "error: data must be given."),
        ("train", ["--config-path=/nowhere"], "error: Primary config directory not found. "),
        ("train", ["--config-dir=/nowhere"], "error: Additional config directory '/nowhere' not "),
        (
            "train",
            ["experiment=smoke", "model.hidden=0"],
            "error: model.hidden must be at least 1, got 0.",
        ),
        ("predict", ["run=/nowhere", "text=x"], "error: run: there is no folder /nowhere."),
        ("predict", ["text=x"], "error: run must be given"),
        ("evaluate", ["run=/tmp"], "holds no finished run (metrics.json is missing)"),
        ("leaderboard", ["/nowhere"], "error: There is no folder /nowhere, and no sweep "),
    ],
)
def test_a_mistake_is_one_error_with_code_2(command, arguments, message, tmp_path):
    extra = [f"hydra.run.dir={tmp_path}/run"] if command == "train" else []
    _, errors = call(command, *arguments, *extra, code=2)
    assert message in errors
    assert "Traceback" not in errors
    assert errors.count("error: ") == 1


def test_flags_may_stand_between_overrides():
    arguments = ["seed=1", "--multirun", "model.hidden=8,16"]
    assert {*arguments} < {*prepare("train", arguments)}


def test_a_shell_gets_code_2(tmp_path, write_files):
    folder = write_files({"my rows, 1.csv": CSV})
    typed = [f"data.train={folder}/my rows, 1.csv", "data.label_column=topic"]
    line = shlex.join(
        [sys.executable, f"{SRC}/train.py", *typed, *SMALL, f"hydra.run.dir={tmp_path}/run"]
    )

    done = subprocess.run(
        f"{line}; echo code $?", shell=True, capture_output=True, encoding="utf-8"
    )

    assert done.stdout == "code 2\n"
    assert done.stderr.splitlines()[-1] == (
        f"error: data.train: {folder}/my rows, 1.csv has no column 'topic'. Its columns are text, "
        f"label; name one with data.label_column=…"
    )
    assert "Traceback" not in done.stderr
    assert [file.name for file in (tmp_path / "run").rglob("*")] == ["train.log"]


def test_a_second_mistake_leaves_what_was_read_well_in_the_cache(tmp_path, write_files, refused):
    folder = write_files({"train.csv": MANY, "test.csv": "text,label\n"})
    error = (
        f"error: data.test: {folder}/test.csv has a header but no rows; at least one row was "
        "expected."
    )
    for attempt in (1, 2):
        found = refused(f"data.train={folder}/train.csv", f"data.test={folder}/test.csv")
        assert found == error, attempt
        assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_full_disk_leaves_nothing_half_written_in_the_cache(tmp_path):
    file, cache = tmp_path / "rows.csv", tmp_path / "cache"
    rows = "".join(
        f"headline number {n} about goals in Porto,{'ab'[n % 2]}\n" for n in range(10_000)
    )
    file.write_text("text,label\n" + rows, encoding="utf-8")

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            FULL_DISK,
            cache,
            f"data.train={file}",
            *SMALL,
            f"hydra.run.dir={tmp_path}/run",
        ],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
    )

    assert done.returncode == 2, done.stderr
    assert re.fullmatch(
        rf"error: cache: {re.escape(str(cache))}/rows-[0-9a-f]{{24}} could not be written "
        r"\(EFBIG\); nothing of it was kept\. Free space on that disk, or give write access; "
        r"`make clean` empties the cache, and TEXTLSTM_CACHE=FOLDER before the command takes "
        r"another one\.",
        done.stderr.splitlines()[-1],
    )
    assert "Traceback" not in done.stderr
    assert list(cache.iterdir()) == []
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["train.log"]
