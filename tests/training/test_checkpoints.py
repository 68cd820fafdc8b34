"""A checkpoint is whole or not there, damage is recognised, and the one before it stands in."""

import errno
import os
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.commands import (
    QUICK,
    SRC,
    call,
    environment,
    events_folder,
    forget,
    record,
    run,
    run_process,
    train_and_stop,
    weights,
)
from textlstm.checks import InputError
from textlstm.training.checkpoints import WholeCheckpoints, damage, read_checkpoint

SMALL = [
    *QUICK,
    "trainer.max_epochs=5",
    "data.max_rows=300",
    "optimizer.lr=0.05",  # the third epoch is the best
    "optimizer.schedule=constant",
    "model.label_smoothing=0",
    "callbacks.early_stopping.patience=99",
    "threads=1",
]


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 0xFF
    file.write_bytes(content)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def saved(file: Path, epoch: int) -> Path:
    WholeCheckpoints().save_checkpoint({"epoch": epoch, "weight": torch.arange(40.0)}, str(file))
    return file


def test_a_checkpoint_is_read_by_torch_alone_and_names_its_damage(tmp_path):
    file = saved(tmp_path / "new" / "one.ckpt", 3)
    assert torch.load(file, weights_only=True)["epoch"] == 3
    assert torch.load(file, weights_only=True, mmap=True)["weight"].sum() == 780
    assert read_checkpoint(file)["weight"].sum() == read_checkpoint(file, mmap=True)["weight"].sum()

    whole = file.read_bytes()
    places = [*range(0, len(whole), 97), *range(len(whole) - 100, len(whole), 9)]
    for place in places:  # the last ones are those of the checksum
        flip(file, place)
        assert damage(file) == "is cut short or damaged: its checksum is another", place
        file.write_bytes(whole)
    for size in (1, 21, 22, 80, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert damage(file) == "is cut short or damaged: its checksum is another", size
    file.write_bytes(b"")
    assert damage(file) == "is empty"
    file.unlink()
    assert damage(file) == "is missing"
    with pytest.raises(InputError, match=r"one\.ckpt is missing\. Put an undamaged copy in its"):
        read_checkpoint(file)


def test_an_old_checkpoint_without_a_checksum_is_read_and_its_damage_is_found(tmp_path):
    file = tmp_path / "old.ckpt"
    torch.save({"weight": torch.ones(1000)}, file)
    assert read_checkpoint(file)["weight"].sum() == 1000
    place = file.read_bytes().index(torch.ones(1000).numpy().tobytes())
    flip(file, place + 1234)
    assert torch.load(file, weights_only=True)["weight"].sum() != 1000  # torch does not see it
    with pytest.raises(InputError, match="is cut short or damaged: its checksum is another"):
        read_checkpoint(file)


def test_what_is_no_checkpoint_is_one_error(tmp_path):
    file = tmp_path / "last.ckpt"
    torch.save({"weight": Path}, file)
    with pytest.raises(InputError, match=r"is no checkpoint of plain values and tensors \(Unp"):
        read_checkpoint(file)


@pytest.mark.parametrize("at", ["write", "flush"])
def test_a_full_disk_leaves_the_last_good_checkpoint_and_nothing_else(tmp_path, monkeypatch, at):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "checkpoints"
    last = saved(folder / "last.ckpt", 1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        if at == "flush":
            patched.setattr(os, "fsync", full)
        else:
            patched.setattr("builtins.open", full)
        with pytest.raises(InputError, match=r"last\.ckpt cannot be written: No space left on dev"):
            saved(last, 2)
    assert read_checkpoint(last)["epoch"] == 1
    assert [file.name for file in folder.iterdir()] == ["last.ckpt"]

    saved(last, 2)
    assert read_checkpoint(last)["epoch"] == 2
    assert read_checkpoint(folder / "previous.ckpt")["epoch"] == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []  # where temporary files lie


def test_a_link_in_the_place_of_a_checkpoint_is_replaced_and_not_written_through(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "best.ckpt").symlink_to(outside)
    (tmp_path / "last.ckpt").symlink_to(outside)
    for name in ("best.ckpt", "last.ckpt"):
        assert not saved(tmp_path / name, 1).is_symlink()
    assert outside.read_text() == "mine"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run `whole` of five epochs, and the same one `stopped` inside the fourth."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "link").symlink_to(folder)  # a run below a link is a run as any other
    call("train", *SMALL, f"hydra.run.dir={folder}/link/whole")
    train_and_stop(folder / "stopped", *SMALL, epoch=3)
    return folder


@pytest.fixture
def stopped(runs: Path, tmp_path: Path) -> Path:
    """A copy of the stopped run, in another place."""
    folder = tmp_path / "run"
    shutil.copytree(runs / "stopped", folder)
    return folder


def assert_ends_like(whole: Path, stopped: Path) -> str:
    """Resumes a run, which must end with the same bits as one never stopped; what it says."""
    _, errors = call("train", f"resume={stopped}")
    for name in ("best", "last"):
        expected, found = weights(whole, name), weights(stopped, name)
        assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert record(stopped)["score"] == record(whole)["score"]
    assert record(stopped)["best_epoch"] == record(whole)["best_epoch"]
    files = sorted(file.name for file in (stopped / "checkpoints").iterdir())
    assert files == ["best.ckpt", "last.ckpt"]
    return errors


def points(folder: Path) -> Counter[tuple[str, int, float]]:
    """How often each scalar is in TensorBoard: its tag, step and value; and the other tags."""
    sizes = {"scalars": 0, "tensors": 0, "images": 0}
    seen = EventAccumulator(str(events_folder(folder)), size_guidance=sizes).Reload()
    return Counter(
        [(tag, e.step, str(e.value)) for tag in seen.Tags()["scalars"] for e in seen.Scalars(tag)]
        + [(tag, e.step, "") for tag in seen.Tags()["tensors"] for e in seen.Tensors(tag)]
        + [(tag, e.step, "") for tag in seen.Tags()["images"] for e in seen.Images(tag)]
    )


def test_a_moved_run_ends_with_the_same_bits_and_each_point_is_in_tensorboard_once(runs, stopped):
    assert record(runs / "whole")["best_epoch"] == 3  # else what is forgotten would not show
    assert points(stopped) != points(runs / "whole")
    errors = assert_ends_like(runs / "whole", stopped)
    assert "dirpath" not in errors
    assert points(stopped) == points(runs / "whole")


def test_a_stopped_run_with_a_damaged_checkpoint_goes_on_from_the_one_before(runs, stopped):
    checkpoints = stopped / "checkpoints"
    assert read_checkpoint(checkpoints / "last.ckpt")["epoch"] == 2
    assert read_checkpoint(checkpoints / "previous.ckpt")["epoch"] == 1
    cut(checkpoints / "last.ckpt")
    (checkpoints / "best.ckpt").write_bytes(b"")
    (checkpoints / ".last.ckpt.4711").write_bytes(b"left by a process that was killed")
    errors = assert_ends_like(runs / "whole", stopped)
    assert errors.count("checkpoints/last.ckpt is cut short or damaged: its checksum is anoth") == 1
    assert "another: the run goes on from previous.ckpt, of epoch 2." in errors
    assert "best.ckpt is empty: previous.ckpt, which is of the same epoch, takes its" in errors
    assert points(stopped) == points(runs / "whole")


def test_a_run_without_a_whole_checkpoint_is_one_error(stopped):
    for file in (stopped / "checkpoints").iterdir():
        flip(file, 1000)
    _, errors = call("train", f"resume={stopped}", code=2)
    assert errors.splitlines()[-1] == (
        f"error: resume: no checkpoint in {stopped}/checkpoints is whole: last.ckpt is cut short "
        f"or damaged: its checksum is another; previous.ckpt is cut short or damaged: its checksum "
        f"is another; best.ckpt is cut short or damaged: its checksum is another. Put an undamaged "
        f"copy in its place; or delete {stopped}/checkpoints, and resume={stopped} trains from the "
        f"beginning."
    )
    assert errors.count("error: ") == 1
    assert "Traceback" not in errors


def test_a_run_whose_best_epoch_is_lost_does_not_go_on_without_it(stopped):
    last, best = stopped / "checkpoints" / "last.ckpt", stopped / "checkpoints" / "best.ckpt"
    content = read_checkpoint(last)
    epochs = content["callbacks"]["EpochHistory"]["epochs"]
    [chooses] = [
        s
        for s in content["callbacks"].values()
        if s.get("monitor") == "val/loss" and "best_k_models" in s
    ]
    for epoch in epochs[1:]:  # as if the first epoch were the best
        epoch["val_loss"] = 2 * epochs[0]["val_loss"]
    chooses["best_model_score"] = torch.tensor(epochs[0]["val_loss"])
    WholeCheckpoints().save_checkpoint(content, last)
    flip(best, -1)
    _, errors = call("train", f"resume={stopped}", code=2)
    assert (
        f"error: resume: {best} is cut short or damaged: its checksum is another. It is the"
        in errors
    )
    assert "Traceback" not in errors


def test_a_damaged_checkpoint_of_a_finished_run_is_one_error(runs, tmp_path):
    shutil.copytree(runs / "whole", tmp_path / "run")
    flip(tmp_path / "run" / "checkpoints" / "best.ckpt", 5000)
    _, errors = call("evaluate", f"run={tmp_path}/run", code=2)
    assert errors.splitlines()[-1].startswith(
        f"error: {tmp_path}/run/checkpoints/best.ckpt is cut short or damaged: its checksum is an"
    )
    assert "Traceback" not in errors


def flip_in_the_middle(file: Path) -> None:
    flip(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.trust("damaged checkpoint")
@pytest.mark.parametrize("harm", [cut, flip_in_the_middle, Path.unlink, empty])
@pytest.mark.parametrize("names", [["last"], ["last", "previous"], ["best"], ["last", "best"]])
def test_damaged_checkpoints_do_not_change_what_comes_out(runs, stopped, harm, names):
    for name in names:
        harm(stopped / "checkpoints" / f"{name}.ckpt")
    errors = assert_ends_like(runs / "whole", stopped)
    assert "Traceback" not in errors
    assert errors.count("takes its place") + errors.count("the run goes on from") >= 1
    assert points(stopped) == points(runs / "whole")


def fail_writing(folder: Path, *, at: int, how: str, code: int) -> str:
    """Trains in a process of its own up to a failure where files are flushed or renamed."""
    failure = ["_target_=helpers.failing.FailWriting", f"at={at}", f"how={how}"]
    options = [f"+callbacks.fail.{part}" for part in failure]
    _, errors = run("train", *SMALL, *options, f"hydra.run.dir={folder}", code=code)
    forget(folder, "fail")
    return errors


# An epoch that is the best so far has seven calls, or six if it is the first; the last of these
# points lie where the report is written.
@pytest.mark.trust("kill while a checkpoint is written")
@pytest.mark.parametrize("at", [1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 16, 21, 24, 29, 30, 31])
def test_a_run_killed_while_it_writes_ends_with_the_same_bits(runs, tmp_path, monkeypatch, at):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    killed = tmp_path / "killed"
    fail_writing(killed, at=at, how="kill", code=-signal.SIGKILL)
    assert [left.name for left in temporary.rglob("*") if left.is_file()] == []
    errors = assert_ends_like(runs / "whole", killed)
    assert "is cut short" not in errors
    assert points(killed) == points(runs / "whole")


@pytest.mark.trust("full disk while a checkpoint is written")
@pytest.mark.parametrize("at", [1, 2, 4, 5, 7, 8, 10, 11, 12])
def test_a_disk_that_fills_up_is_one_error_and_the_run_goes_on_later(runs, tmp_path, at):
    errors = fail_writing(tmp_path / "run", at=at, how="full", code=2)
    last = errors.splitlines()[-1]
    assert re.match(
        r"error: \S+/(best|last)\.ckpt cannot be written: No space left on device", last
    )
    assert errors.count("error: ") == 1
    assert "Traceback" not in errors
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))
    assert_ends_like(runs / "whole", tmp_path / "run")
    assert points(tmp_path / "run") == points(runs / "whole")


@pytest.mark.trust("full disk while a checkpoint is written")
def test_a_file_larger_than_allowed_is_one_error(runs, tmp_path):
    command = [sys.executable, SRC / "train.py", *SMALL, f"hydra.run.dir={tmp_path}/run"]
    limited = 'ulimit -f 100; exec "$@"'
    _, errors = run_process("bash", "-c", limited, "bash", *command, env=environment(), code=2)
    file = tmp_path / "run" / "checkpoints" / "best.ckpt"
    assert errors.splitlines()[-1].startswith(f"error: {file} cannot be written: File too large.")
    assert "Traceback" not in errors
    assert list(file.parent.iterdir()) == []
    assert_ends_like(runs / "whole", tmp_path / "run")


@pytest.mark.trust("moved folder")
def test_a_copied_run_leaves_the_files_of_the_first_alone(tmp_path):
    mine = "+callbacks.mine={_target_:pytorch_lightning.callbacks.ModelCheckpoint,"
    mine += "monitor:val/accuracy,save_top_k:1,filename:'{epoch}'}"
    first, copied = tmp_path / "first", tmp_path / "copied"
    train_and_stop(first, *SMALL, mine, epoch=1)
    before = {file: file.read_bytes() for file in first.rglob("*") if file.is_file()}
    assert len([file for file in before if file.suffix == ".ckpt"]) == 3
    shutil.copytree(first, copied)
    call("train", f"resume={copied}", mine)
    assert {file: file.read_bytes() for file in first.rglob("*") if file.is_file()} == before
    assert len(list(copied.rglob("*.ckpt"))) == 3
