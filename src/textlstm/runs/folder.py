"""The run folder: names its files, for all that write them and read them back."""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count
from pathlib import Path

from textlstm.checks import InputError
from textlstm.places import OUTPUTS
from textlstm.runs.record import METRICS, PRUNED, Record, read_record

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"  # the newest checkpoint and the one before it


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best_checkpoint(self) -> Path:
        return self.checkpoints / "best.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        return self.checkpoints / LAST

    @property
    def previous_checkpoint(self) -> Path:
        """The checkpoint before last.ckpt, which a run keeps until it is finished."""
        return self.checkpoints / PREVIOUS

    def has_checkpoint(self) -> bool:
        """Tells whether there is a checkpoint that the run can go on from."""
        found = (self.last_checkpoint, self.previous_checkpoint, self.best_checkpoint)
        return any(file.is_file() for file in found)

    def kept_checkpoint(self, *, refit: bool) -> Path:
        """The checkpoint that the saved model comes from.

        That is best.ckpt, or last.ckpt for a refit, which has no validation.
        """
        return self.last_checkpoint if refit else self.best_checkpoint

    @property
    def pruned(self) -> Path:
        return self.path / PRUNED

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def bundle(self) -> Path | None:
        """The folder of the saved model: `model/`, or this one if it is a bundle on its own."""
        # Not model.bundle's list of files: that module loads torch, and help does without.
        found = [
            folder for folder in (self.model, self.path) if (folder / "model.safetensors").is_file()
        ]
        return found[0] if found else None

    @property
    def metrics(self) -> Path:
        return self.path / METRICS

    @property
    def predictions(self) -> Path:
        """The table of what was predicted for each test row."""
        return self.path / "predictions.csv"

    @property
    def baseline_predictions(self) -> Path:
        """The table of what TF-IDF + logistic regression predicted for these rows."""
        return self.path / "baseline_predictions.csv"

    def record(self) -> Record | None:
        """Reads metrics.json, which is written last: None says that the run is not finished.

        Raises:
            InputError: a file that cannot be read: see `record.read_record`.
        """
        return read_record(self.metrics) if self.metrics.is_file() else None

    @classmethod
    def finished(cls, path: str | None) -> "RunFolder":
        """Finds the folder of a finished run, as given in `run=`.

        Raises:
            InputError: no folder, or no finished run in it, or a damaged record of it.
        """
        if not path:
            raise InputError(
                "run= is missing; give a run folder such as "
                "run=outputs/runs/2026-01-31_12-00-00, or run=latest."
            )
        run = cls(Path(path).expanduser().absolute())
        whole = _run_above(run.path)
        if whole is not None and run.path == whole.model:
            run = whole
        elif whole is not None and not run.metrics.is_file():
            kind = "a checkpoint" if run.path.suffix == ".ckpt" else "a part"
            raise InputError(
                f"run: {run.path} is {kind} of a run. Give its folder: run={whole.path}"
            )
        if not run.path.is_dir():
            raise InputError(
                f"run: there is no folder {run.path}."
                if not run.path.exists()
                else f"run: {run.path} is a file; the folder of a run was expected."
            )
        if run.record() is None:
            hint = ""
            if run.has_checkpoint():
                hint = f" The run was not finished; resume={path} goes on with it."
            elif run.bundle is not None:
                hint = " It holds a saved model, which predict takes; others need its whole run."
            raise InputError(
                f"run: {run.path} holds no finished run (metrics.json is missing).{hint}"
            )
        return run


def latest_run() -> Path:
    """Finds the run of outputs/runs that finished last.

    Raises:
        InputError: none has finished there.
    """
    folders = [RunFolder(folder) for folder in (OUTPUTS / "runs").glob("*")]
    finished = [run for run in folders if run.metrics.is_file()]
    if not finished:
        raise InputError(f"run=latest: there is no finished run in {OUTPUTS / 'runs'}.")
    return max(finished, key=lambda run: run.metrics.stat().st_mtime).path


def _run_above(path: Path) -> RunFolder | None:
    """The run that a path lies in: the nearest folder above it that a run has begun or ended in."""
    for folder in path.parents:
        run = RunFolder(folder)
        if run.metrics.is_file() or (folder / ".hydra").is_dir():
            return run
    return None


def folder_name(overrides: str) -> str:
    """Makes a folder's name from a job's overrides, a different one for different overrides.

    It has letters, digits, `.`, `_` and `-`, and is at most 100 characters long. If it would be
    longer, keys lose their groups, such as `model.`: most often, all values are seen then.
    """
    plain = overrides.replace("=", "-").replace(",", "_")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")
    if name == plain and len(name) <= 100:
        return name
    if len(name) > 91:
        name = re.sub(r"(^|_)[a-z]+\.(?=[a-z_.]+-)", r"\1", name)
    return f"{name[:91]}-{sha256(overrides.encode()).hexdigest()[:8]}"


def new_run_folder() -> Path:
    """Makes a folder for a run that starts now; a second run in the same second gets a number.

    No other run gets the same one: of several that try at once, one alone makes the folder.
    """
    started = OUTPUTS / "runs" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    started.parent.mkdir(parents=True, exist_ok=True)
    names = (started if n == 1 else started.with_name(f"{started.name}_{n}") for n in count(1))
    return next(folder for folder in names if _has_made(folder))


def _has_made(folder: Path) -> bool:
    """Tells whether this process made the folder; if not, it was there."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True
