"""The run folder: what is written where, and read back by every other command."""

import csv
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

from textlstm.checks import InputError

OUTPUTS = Path(__file__).parents[3] / "outputs"
CACHE = OUTPUTS / "cache"
PACKAGES = (
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "torchmetrics",
    "datasets",
    "tokenizers",
    "scikit-learn",
)


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
        return self.checkpoints / "last.ckpt"

    def kept_checkpoint(self, *, refit: bool) -> Path:
        """Of the epoch that the model is: the best on validation, or of a refit, which has none,
        the last.
        """
        return self.last_checkpoint if refit else self.best_checkpoint

    @property
    def pruned(self) -> Path:
        return self.path / "pruned.json"

    @property
    def model(self) -> Path:
        return self.path / "model"

    def record(self) -> dict[str, Any] | None:
        """What metrics.json holds, or None: it is written last, so a run without one is not
        finished.
        """
        file = self.path / "metrics.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    @classmethod
    def finished(cls, path: str | None) -> "RunFolder":
        """The folder of a finished run, as given in `run=`.

        Raises:
            InputError: no folder, or no finished run in it.
        """
        if not path:
            raise InputError(
                "run= is missing; give a run folder such as run=outputs/runs/2026-01-31_12-00-00."
            )
        run = cls(Path(path).expanduser().absolute())
        if not run.path.is_dir():
            raise InputError(f"run: there is no folder {run.path}.")
        if run.record() is None:
            hint = (
                f" The run was not finished; resume={path} goes on with it."
                if run.last_checkpoint.is_file()
                else ""
            )
            raise InputError(
                f"run: {run.path} holds no finished run (metrics.json is missing).{hint}"
            )
        return run


def folder_name(overrides: str) -> str:
    """A folder's name for the overrides of a job: letters, digits, `.`, `_` and `-`, unique, at
    most 100 long.
    """
    plain = overrides.replace("=", "-").replace(",", "_")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")
    if name == plain and len(name) <= 100:
        return name
    return f"{name[:91]}-{sha256(overrides.encode()).hexdigest()[:8]}"


def new_run_folder() -> str:
    """A folder for a run that starts now; a second run in the same second gets a number."""
    started = OUTPUTS / "runs" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    names = (started if n == 1 else started.with_name(f"{started.name}_{n}") for n in count(1))
    return str(next(folder for folder in names if not folder.exists()))


def only_places(key: str) -> bool:
    """Whether an override with this key only places a run in its sweep and is no hyperparameter."""
    return key in ("sweep", "test", "baselines", "data.folds") or key.startswith("sweep.")


def value_in(config: Any, key: str) -> Any:
    """The value of a key such as `model.hidden` in a config; {} if there is none."""
    for name in key.split("."):
        config = config.get(name, {}) if isinstance(config, dict) else {}
    return config


def write_json(file: Path, content: Any) -> None:
    """Writes JSON whole or not at all."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    unfinished.replace(file)


def write_csv(file: Path, header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    with open(file, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(header)
        writer.writerows(rows)


def markdown_table(header: list[str], rows: list[Any]) -> str:
    """A table whose cells cannot break it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    text = (
        " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    )
    return text if len(text) <= 300 else f"{text[:300]}…"


def environment() -> dict[str, Any]:
    """Versions, machine and git commit, for the record."""
    return {
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """The commit of the code, with `+` if it was changed since; None outside a repository."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:  # no git on this machine
        return None
    return described.stdout.strip() or None
