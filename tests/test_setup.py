"""What `make setup` shows while it installs, with a pip that only says what pip says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.commands import TESTS

PYTHON = """#!/bin/sh
case "$*" in *"import torch"*) exit 1;; *"pip install"*) ;; *) exit 0;; esac
for i in $(seq 45); do
    echo "Collecting p$i==1.0 (from textlstm)"
    echo "  Downloading p$i-1.0-py3-none-any.whl (12 kB)"
done
echo "Downloading torch-9.0-manylinux.whl (873.2 MB)"
echo "Installing collected packages: a, b, c"
test ! -e broken || { echo "ERROR: No space left on device" >&2; exit 1; }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(TESTS.parent / name, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON, encoding="utf-8")
    python.chmod(0o755)
    return tmp_path


def without_make() -> dict[str, str]:
    """The environment of a person, also where `make test` runs the tests."""
    return {
        key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))
    }


def setup(project: Path) -> subprocess.CompletedProcess[str]:
    if not (shutil.which("make") and shutil.which("awk")):
        pytest.skip("make or awk is not installed")
    return subprocess.run(
        ["make", "--no-print-directory", "setup"],
        cwd=project,
        capture_output=True,
        text=True,
        env=without_make(),
    )


def test_setup_says_what_it_installs_how_far_it_is_and_how_long_it_took(project):
    said = setup(project).stdout.splitlines()
    assert said[0].startswith("Installing the project and its packages, of the tested versions")
    assert "GB more for CUDA" in said[1]
    assert said[2].endswith("it takes one to ten minutes.")
    packages = (project / "constraints.txt").read_text(encoding="utf-8").count("==")
    assert said[3:7] == [
        f"  20 of about {packages} packages found",
        f"  40 of about {packages} packages found",
        "  downloading torch-9.0-manylinux.whl (873.2 MB)",
        "  installing 3 packages",
    ]
    assert said[7].startswith("Installed in ")
    assert "Installing" not in setup(project).stdout  # once


def test_setup_that_failed_is_tried_again(project):
    (project / "broken").touch()
    done = setup(project)
    assert done.returncode == 2
    assert "ERROR: No space left on device" in done.stderr
    assert "Installed in" not in done.stdout
    (project / "broken").unlink()
    assert "Installed in" in setup(project).stdout
