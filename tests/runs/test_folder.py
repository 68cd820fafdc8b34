"""The folder of a run found again: from itself, from its saved model, and not from other parts."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.records import small_record
from textlstm.checks import InputError
from textlstm.runs import folder as runs
from textlstm.runs.folder import RunFolder, new_run_folder
from textlstm.runs.record import write_record


@pytest.fixture
def run(tmp_path):
    """A finished run, with files of no content where only their names count."""
    for name in ("model/model.safetensors", "checkpoints/last.ckpt", ".hydra/config.yaml"):
        file = tmp_path / "run" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    write_record(tmp_path / "run", small_record())
    return tmp_path / "run"


@pytest.mark.parametrize("part", ["", "model", "model/"])
def test_a_run_is_found_by_its_folder_and_by_its_model(run, part):
    assert RunFolder.finished(f"{run}/{part}").path == run


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("checkpoints/last.ckpt", "a checkpoint"),
        ("checkpoints/gone.ckpt", "a checkpoint"),
        ("checkpoints", "a part"),
        ("model/model.safetensors", "a part"),
        ("metrics.json", "a part"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_the_error_for_any_other_part_names_the_folder(run, part, kind, finished):
    if not finished:
        (run / "metrics.json").unlink()
    message = f"run: {run}/{part} is {kind} of a run. Give its folder: run={run}"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        RunFolder.finished(f"{run}/{part}")


def test_what_is_no_run_is_told_apart(run, tmp_path):
    (tmp_path / "file.txt").touch()
    (run / "metrics.json").unlink()
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "model.safetensors").touch()
    for path, message in {
        "": "run= is missing",
        f"{tmp_path}/gone": f"run: there is no folder {tmp_path}/gone.",
        f"{tmp_path}/file.txt": "file.txt is a file; the folder of a run was expected.",
        str(run): f"The run was not finished; resume={run} goes on with it.",
        str(shipped): "It holds a saved model, which predict takes; others need its whole run.",
    }.items():
        with pytest.raises(InputError, match=re.escape(message)):
            RunFolder.finished(path)


def test_runs_that_start_in_the_same_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "OUTPUTS", tmp_path)
    ready = threading.Barrier(8)

    def start(_):
        ready.wait()
        return new_run_folder()

    with ThreadPoolExecutor(8) as threads:
        folders = list(threads.map(start, range(8)))
    assert len(set(folders)) == 8
    assert all(folder.is_dir() and folder.parent == tmp_path / "runs" for folder in folders)
