"""A machine with many cores: whatever the tests start sees them, and a run there says nothing more than elsewhere."""

import os
import re
import subprocess
import sys

import pytest
from commands import record, run
from conftest import MANY_CORES

from textlstm.threads import cores

pytestmark = pytest.mark.cores

CHILD = """
import multiprocessing, os, subprocess, sys
counts = [os.cpu_count(), len(os.sched_getaffinity(0)), multiprocessing.cpu_count()]
print(*counts, *([os.process_cpu_count()] if hasattr(os, "process_cpu_count") else []))
if len(sys.argv) > 1:
    print(subprocess.run([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True).stdout)
"""


@pytest.fixture
def sixteen(monkeypatch):
    """Each process that the test starts claims 16 cores, as all do under `make test-cores`."""
    monkeypatch.setenv("TEXTLSTM_TEST_CORES", "16")
    monkeypatch.setenv("PYTHONPATH", str(MANY_CORES), prepend=os.pathsep)


@pytest.mark.usefixtures("sixteen")
def test_a_process_and_what_it_starts_claim_the_cores():
    command = [sys.executable, "-c", CHILD, CHILD]
    shown = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    assert len(shown.split()) in (6, 8)
    assert set(shown.split()) == {"16"}


def test_the_tests_themselves_claim_the_cores_they_are_told_to():
    claimed = os.environ.get("TEXTLSTM_TEST_CORES")
    assert claimed is None or cores() == os.cpu_count() == int(claimed)


def test_a_run_says_the_same_with_many_cores(tmp_path, monkeypatch):
    said = []
    for count in ("2", "16"):
        monkeypatch.setenv("TEXTLSTM_TEST_CORES", count)
        monkeypatch.setenv("PYTHONPATH", str(MANY_CORES), prepend=os.pathsep)
        folder = tmp_path / count
        written = run("train", "experiment=smoke", "baselines=false", f"hydra.run.dir={folder}")
        said.append([re.sub(r"\d+", "0", output.replace(str(folder), "")) for output in written])
        assert f"{count} CPUs" in record(folder)["environment"]["machine"]
    assert said[0] == said[1]
    assert "epoch 0/0  train loss" in said[1][1]
