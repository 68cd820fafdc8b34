"""A run folder belongs to one run, which writes inside of it alone; a full disk is one error."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.commands import QUICK, SRC, call, environment, record, run
from textlstm.runs.charts import name_of
from textlstm.runs.claim import claimed

TINY = [*QUICK, "trainer.max_epochs=1", "data.max_rows=300", "threads=1"]
FILES = ("report.md", "predictions.csv", "curves.png")
BUNDLE = ("model.safetensors", "config.json", "tokenizer.json", "labels.json", "README.md")


def limited(size: int, command: str, *arguments: object, output: Path) -> tuple[int, str]:
    """Runs a command that can write no file of more than `size` bytes, its output to a file.

    Returns:
        Its exit code and standard error.
    """
    with open(output, "w") as stdout:
        done = subprocess.run(
            [sys.executable, SRC / f"{command}.py", *map(str, arguments)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
    return done.returncode, done.stderr


def test_a_second_process_gets_an_error_and_changes_nothing(tmp_path):
    folder = tmp_path / "run"
    (folder / ".hydra").mkdir(parents=True)
    recorded = folder / ".hydra" / "config.yaml"
    recorded.write_text(call("train", *TINY, "--cfg", "job")[0], encoding="utf-8")
    before = recorded.read_bytes()
    with claimed(folder):
        _, errors = call("train", f"resume={folder}", code=2)
    assert errors.startswith(f"error: {folder} is in use: process {os.getpid()} on ")
    assert errors.count("error: ") == 1
    assert recorded.read_bytes() == before

    with claimed(tmp_path):  # a new run in a folder whose run has not recorded anything yet
        _, errors = call("train", *TINY, f"hydra.run.dir={tmp_path}", code=2)
    assert f"error: {tmp_path} is in use: process {os.getpid()} on " in errors
    assert not (tmp_path / ".hydra").exists()


def test_output_that_does_not_fit_is_one_error(tmp_path):
    for arguments in (["train", "--help"], ["train", "--cfg", "job"]):
        code, errors = limited(100, *arguments, output=tmp_path / "shown")
        assert (code, errors) == (
            2,
            "error: standard output: File too large. Free space on that disk (or raise the limit), "
            "or take another folder; what was written whole before is as it was.\n",
        )


def test_a_reader_that_has_seen_enough_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, SRC / "train.py", "--cfg", "job"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_start_that_fails_leaves_no_empty_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("textlstm.runs.folder.OUTPUTS", tmp_path)
    call("train", "--cfg", "all", "--resolve")  # names the folder of a run that does not begin
    assert list((tmp_path / "runs").iterdir()) == []


def test_files_of_a_run_are_replaced_and_never_written_through(tmp_path):
    folder, outside = tmp_path / "run", tmp_path / "outside"
    outside.write_text("theirs", encoding="utf-8")
    (folder / "model").mkdir(parents=True)
    (folder / "evaluation" / "test").mkdir(parents=True)
    links = [*(folder / name for name in FILES), *(folder / "model" / name for name in BUNDLE)]
    links += [folder / "evaluation" / "test" / name for name in (*FILES, "metrics.json")]
    links.append(folder / "train.log")
    for link in links:
        link.symlink_to(outside)

    call("train", *TINY, f"hydra.run.dir={folder}")
    call("evaluate", f"run={folder}", "threads=1")

    assert outside.read_text(encoding="utf-8") == "theirs"
    assert [link for link in links if link.is_symlink() or not link.is_file()] == []
    assert record(folder)["test"] == record(folder / "evaluation" / "test")["test"]


@pytest.mark.parametrize("link", ["checkpoints", "model", "tensorboard", name_of(TINY)])
def test_a_folder_that_leads_out_of_the_run_is_refused(tmp_path, link):
    folder, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    (folder / link).symlink_to(outside)
    _, errors = call("train", *TINY, f"hydra.run.dir={folder}", code=2)
    assert f"error: {folder}/{link} is a link to {outside}, and nothing is written out" in errors
    assert list(outside.iterdir()) == []


def test_a_logger_cannot_climb_out_of_the_run(tmp_path):
    _, errors = call("train", *TINY, "logger.name=../..", f"hydra.run.dir={tmp_path}/a/b", code=2)
    assert f"outside of the run's folder {tmp_path}/a/b. Give logger.name without `..`" in errors
    assert not (tmp_path / "tensorboard").exists()


@pytest.mark.trust("several starts in the same second")
def test_many_starts_at_once_have_folders_of_their_own(tmp_path, record_property):
    code = (
        "import sys; from pathlib import Path; from textlstm.runs import folder; "
        "folder.OUTPUTS = Path(sys.argv[1]); print(folder.new_run_folder())"
    )
    rounds, processes = 5, 8
    record_property("tried", rounds * processes)
    folders = []
    for _ in range(rounds):
        started = [
            subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
            for _ in range(processes)
        ]
        folders += [process.communicate()[0].decode().strip() for process in started]
    assert len(set(folders)) == rounds * processes


@pytest.mark.trust("a run resumed twice")
def test_of_two_that_resume_a_run_one_ends_it(tmp_path):
    arguments = [*TINY, "trainer.max_epochs=3", f"hydra.run.dir={tmp_path}/run"]
    run("train", *arguments, *["optimizer.schedule=constant", "data.max_rows=3000"])
    resume = [SRC / "train.py", f"resume={tmp_path}/run", "trainer.max_epochs=6"]
    both = [
        subprocess.Popen(
            [sys.executable, *resume], stderr=subprocess.PIPE, text=True, env=environment()
        )
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 2], said
    assert "is in use: process " in said[codes.index(2)]
    assert len(record(tmp_path / "run")["history"]) == 6


@pytest.mark.trust("a limit on what may be written")
@pytest.mark.parametrize("size", [100, 1000, 3000, 9000, 20_000, 60_000, 150_000, 400_000])
def test_a_disk_that_takes_no_more_is_one_error(tmp_path, size):
    folder = tmp_path / "run"
    arguments = [*TINY, f"hydra.run.dir={folder}"]
    code, errors = limited(size, "train", *arguments, output=tmp_path / "shown")
    if code == 0:  # the limit is above all files of the run
        assert json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        return
    assert code == 2, errors
    assert "Traceback" not in errors
    assert errors.count("error: ") == 1
    hidden = {file.name for file in folder.rglob(".*")}
    assert hidden <= {".hydra"}
    if (folder / ".hydra").is_dir():  # nothing that was written well is in the way
        run("train", f"resume={folder}")
    assert not (folder / ".lock").exists()


@pytest.mark.trust("kill at a random point")
def test_a_run_that_was_killed_leaves_its_folder_free(tmp_path, record_property):
    waits = (0.5, 2, 4, 6)
    record_property("tried", len(waits))
    for number, seconds in enumerate(waits):
        folder = tmp_path / f"run{number}"
        process = subprocess.Popen(
            [sys.executable, SRC / "train.py", *TINY, f"hydra.run.dir={folder}"],
            env=environment(),
        )
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (folder / ".hydra" / "overrides.yaml").is_file() and not record_there(folder):
            run("train", f"resume={folder}")
            assert record(folder)["history"]
            assert not (folder / ".lock").exists()


def record_there(folder: Path) -> bool:
    """Tells whether the run in the folder is finished."""
    return (folder / "metrics.json").is_file()
