"""Finds what a run is computed with: versions, machine and git commit."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from textlstm.places import INSTALLED

PACKAGES = (
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "torchmetrics",
    "datasets",
    "tokenizers",
    "scikit-learn",
)

# What git needs: HOME, for the user's own configuration, may say that the checkout is safe.
GIT_VARIABLES = ("HOME", "XDG_CONFIG_HOME", "SYSTEMROOT", "LANG", "LC_ALL")
NO_PROGRAMS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")


class Environment(TypedDict):
    """The versions and the machine that a run was computed with."""

    python: str
    """The version of Python."""
    versions: dict[str, str]
    """By package (`PACKAGES`): its version."""
    machine: str
    """The processor's architecture and the number of CPUs, in words."""
    git_commit: str | None
    """The commit of the code, with `+` if files were changed; None outside a repository."""


def environment() -> Environment:
    """Finds versions, machine and git commit, for the record."""
    return {
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """Asks git for the commit of the code, with `+` if it was changed; None without a checkout.

    Git runs no program that a variable, or the repository's own configuration, names.
    """
    if INSTALLED:  # perhaps below a repository of other code
        return None
    environment = {name: os.environ[name] for name in GIT_VARIABLES if name in os.environ}
    environment["PATH"] = os.pathsep.join(filter(os.path.isabs, os.get_exec_path()))
    try:
        described = subprocess.run(
            ["git", *NO_PROGRAMS, "describe", "--always", "--abbrev=40", "--dirty=+"],
            cwd=Path(__file__).parent,
            env=environment,
            capture_output=True,
            text=True,
        )
    except (FileNotFoundError, PermissionError):  # no git on this machine
        return None
    return described.stdout.strip() or None
