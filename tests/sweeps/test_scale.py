"""Many machines, for real: Debian's PostgreSQL and submitit's launcher, by `make test-scale`."""

import getpass
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from optuna.trial import TrialState

from helpers.sweeps import trials_of

pytestmark = pytest.mark.scale
SRC = Path(__file__).parents[2] / "src"
QUICK = [
    "experiment=smoke",
    "data.max_rows=300",
    "model.embedding_dim=16",
    "baselines=false",
    "wide=false",
    "sweep=search",
    "model.hidden=choice(8,16)",
    "model.layers=choice(1,2)",
    "trainer.max_epochs=choice(1,2)",
]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """The URL of a PostgreSQL server that runs for these tests alone."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not programs:
        pytest.fail(
            "There is no PostgreSQL here; on Debian `apt-get install postgresql` brings it."
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The server refuses to run as root, and /tmp/pytest-of-root may not be entered by others.
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    as_user = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
    made = subprocess.run([*as_user, "mktemp", "-d"], check=True, capture_output=True, text=True)
    folder = made.stdout.strip()

    def call(program, *arguments):
        command = [*as_user, f"{programs[-1]}/{program}", "-D", f"{folder}/data", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    call("initdb", "-A", "trust", "-U", "textlstm")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    call("pg_ctl", "-w", "-o", options, "-l", f"{folder}/log", "start")
    yield f"postgresql+psycopg://textlstm@127.0.0.1:{port}/postgres"
    call("pg_ctl", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


def start(folder, *overrides):
    command = [sys.executable, SRC / "train.py", *QUICK, f"hydra.sweep.dir={folder}", *overrides]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_two_machines_share_a_study_on_postgresql_and_one_dies(postgres, tmp_path):
    """Two commands with folders of their own, as on two machines that share the database alone."""
    common = [
        f"sweep.storage={postgres}",
        "sweep.name=shared",
        "sweep.trials=14",
        "sweep.workers=1",
    ]
    machines = [start(tmp_path / name, *common) for name in "ab"]  # which make the tables at once
    while not list(tmp_path.glob("*/*/metrics.json")):
        assert all(machine.poll() is None for machine in machines), machines[0].stderr.read()
        time.sleep(0.1)
    os.killpg(machines[1].pid, signal.SIGKILL)
    machines[1].communicate()
    _, errors = machines[0].communicate(timeout=300)
    assert machines[0].returncode == 0, errors
    trials = trials_of("shared", tmp_path, postgres)
    begun = [trial for trial in trials if "attempt" not in trial.user_attrs]
    assert 14 <= len(begun) <= 15
    states = Counter(trial.state for trial in trials)
    assert set(states) <= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert states[TrialState.FAIL] == len(trials) - len(begun) <= 1
    assert "Traceback" not in errors


def test_a_restart_on_postgresql_does_not_repeat_trials(postgres, tmp_path):
    for total in (3, 6):
        common = [
            f"sweep.storage={postgres}",
            "sweep.name=again",
            f"sweep.trials={total}",
            "sweep.workers=2",
        ]
        process = start(tmp_path, *common)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert total <= len(trials_of("again", tmp_path, postgres)) <= total + 1


def test_submitit_places_the_jobs_of_a_search(tmp_path):
    process = start(
        tmp_path,
        "hydra/launcher=submitit_local",
        "sweep.trials=4",
        "sweep.workers=2",
        "hydra.launcher.timeout_min=10",
        f"hydra.launcher.submitit_folder={tmp_path}/.submitit/%j",
    )
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    states = Counter(trial.state for trial in trials_of("search", tmp_path))
    assert sum(states.values()) == 4
    assert set(states) <= {TrialState.COMPLETE, TrialState.PRUNED}
    records = [
        json.loads(file.read_text(encoding="utf-8")) for file in tmp_path.glob("*/metrics.json")
    ]
    assert records
    assert list((tmp_path / ".submitit").iterdir())
