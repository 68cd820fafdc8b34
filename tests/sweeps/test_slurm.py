"""SLURM, for real: one node of Debian's packages, with accounting. `make test-slurm` runs it."""

import csv
import getpass
import json
import os
import shlex
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

pytestmark = pytest.mark.slurm
SRC = Path(__file__).parents[2] / "src"
PROGRAMS = (
    "munged",
    "mariadbd",
    "mariadb-install-db",
    "slurmdbd",
    "sacctmgr",
    "slurmctld",
    "slurmd",
    "srun",
)
SMALL = [
    "experiment=smoke",
    "model.embedding_dim=16",
    "trainer.accelerator=cpu",
    "threads=1",
    "baselines=false",
    "wide=false",
]
JOBS = [*SMALL, "hydra/launcher=slurm", "hydra.launcher.timeout_min=10"]


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory):
    """A SLURM of one node, this machine taken for a large one; SLURM_CONF leads commands to it."""
    os.environ["PATH"] += f"{os.pathsep}/usr/sbin"
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        pytest.fail(
            f"There is no {', '.join(missing)} here; on Debian `apt-get install slurm-wlm "
            f"slurmdbd munge mariadb-server` brings all that these tests start."
        )
    folder, user = tmp_path_factory.mktemp("slurm"), getpass.getuser()
    host = socket.gethostname().partition(".")[0]
    database_port, accounting_port, controller_port, node_port = free_ports(4)
    common = f"AuthInfo=socket={folder}/munge.socket\nSlurmUser={user}\n"
    (folder / "slurm.conf").write_text(
        f"{common}ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmdUser={user}\n"
        f"SlurmctldPort={controller_port}\nSlurmdPort={node_port}\n"
        f"SlurmctldPidFile={folder}/slurmctld.pid\nSlurmdPidFile={folder}/slurmd.pid\n"
        f"StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool\n"
        f"AccountingStorageType=accounting_storage/slurmdbd\n"
        f"AccountingStorageHost=127.0.0.1\nAccountingStoragePort={accounting_port}\n"
        f"AccountingStoragePass={folder}/munge.socket\n"
        f"ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nMpiDefault=none\nKillWait=2\n"
        f"SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU_Memory\n"
        f"SlurmdParameters=config_overrides\n"
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=16384\n"
        f"PartitionName=all Nodes=ALL Default=YES State=UP\n"
    )
    (folder / "slurmdbd.conf").write_text(
        f"{common}DbdHost={host}\nDbdAddr=127.0.0.1\nDbdPort={accounting_port}\n"
        f"PidFile={folder}/slurmdbd.pid\nStorageType=accounting_storage/mysql\n"
        f"StorageHost=127.0.0.1\nStoragePort={database_port}\nStorageUser=root\n"
    )
    (folder / "cgroup.conf").write_text("IgnoreSystemd=yes\n")
    (folder / "key").write_bytes(os.urandom(128))
    for file in ("key", "slurmdbd.conf"):
        (folder / file).chmod(0o600)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    database = ["--no-defaults", f"--datadir={folder}/data", f"--user={user}"]
    subprocess.run(
        [
            "mariadb-install-db",
            *database,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    socket_file = f"--socket={folder}/mariadb.socket"
    servers = [
        [
            "mariadbd",
            *database,
            socket_file,
            "--bind-address=127.0.0.1",
            f"--port={database_port}",
        ],
        [
            "munged",
            "--foreground",
            "--force",
            f"--key-file={folder}/key",
            f"--socket={folder}/munge.socket",
            *(f"--{file}-file={folder}/munged.{file}" for file in ("pid", "log", "seed")),
        ],
        ["slurmdbd", "-D"],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]
    started = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", f"{folder}/slurm.conf")
        try:
            for command in servers:
                with open(folder / f"{command[0]}.out", "wb") as output:
                    started.append(
                        subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
                    )
                if command[0] == "mariadbd":
                    wait_for(lambda: answers(database_port), folder)
                if command[0] == "munged":
                    wait_for((folder / "munge.socket").exists, folder)
                if command[0] == "slurmdbd":
                    wait_for(
                        lambda: (
                            not call(
                                "sacctmgr", "-i", "add", "cluster", "test", check=False
                            ).returncode
                        ),
                        folder,
                    )
            wait_for(lambda: "idle" in call("sinfo", "-h", "-o", "%T", check=False).stdout, folder)
            yield
        finally:
            call("scancel", "--user", user, check=False)
            for server in reversed(started):
                server.terminate()
                server.wait()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for free in sockets:
        free.bind(("127.0.0.1", 0))
    ports = [free.getsockname()[1] for free in sockets]
    for free in sockets:
        free.close()
    return ports


def answers(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, folder, seconds=30):
    """Waits until `condition()`; else fails with what the servers said."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            pytest.fail(
                "\n".join(
                    f"{file.name}:\n{file.read_text()[-2000:]}"
                    for file in sorted(folder.glob("*.out"))
                )
            )
        time.sleep(0.2)


def call(*command, check=True):
    return subprocess.run(list(map(str, command)), check=check, capture_output=True, text=True)


def start(*overrides):
    command = [sys.executable, SRC / "train.py", *map(str, overrides)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def train(*overrides, code=0):
    """What `python src/train.py OVERRIDES` prints and logs; it must end with `code`."""
    process = start(*overrides)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    return out, errors


def placed(folder):
    """SLURM's states of the jobs that were submitted for the sweep in `folder`, by their ids."""
    ids = {file.name.partition("_")[0] for file in (folder / ".submitit").glob("*/[0-9]*")}
    listed = call(
        "sacct",
        "--jobs",
        ",".join(ids),
        "--allocations",
        "--noheader",
        "--parsable2",
        "-o",
        "JobID,State",
    )
    return dict(line.split("|") for line in listed.stdout.split("\n") if line)


def states(folder, name):
    return Counter(trial.state for trial in trials_of(name, folder))


def begun(folder, count):
    """Waits until `count` jobs of the sweep in `folder` have trained an epoch."""
    for _ in range(1200):
        if len(list(folder.glob("*/checkpoints/last.ckpt"))) == count:
            return
        time.sleep(0.1)
    pytest.fail(
        f"{count} jobs did not begin: "
        f"{[file.read_text() for file in folder.glob('.submitit/*/*/*.err')]}"
    )


def scores(folder):
    return sorted(
        json.loads(file.read_text(encoding="utf-8"))["score"]
        for file in folder.glob("*/metrics.json")
    )


def test_a_search_places_its_trials_as_jobs(tmp_path):
    _, errors = train(
        *JOBS,
        "sweep=search",
        "sweep.trials=4",
        "sweep.workers=2",
        f"hydra.sweep.dir={tmp_path}",
        "model.hidden=interval(4,32)",
        "model.layers=choice(1,2)",
        "trainer.max_epochs=choice(1,2)",
    )
    assert states(tmp_path, "search") == {TrialState.COMPLETE: 4}
    assert list(placed(tmp_path).values()) == ["COMPLETED"] * 4
    assert scores(tmp_path) == sorted(trial.value for trial in trials_of("search", tmp_path))
    assert "Traceback" not in errors


def test_a_grid_placed_by_the_plugins_own_config_has_its_leaderboard(tmp_path):
    train(
        *SMALL,
        "hydra/launcher=submitit_slurm",
        "hydra.launcher.timeout_min=10",
        "sweep.workers=2",
        "sweep.name=mine",
        "model.hidden=8,16",
        "data.batch_size=32,64",
        f"hydra.sweep.dir={tmp_path}",
    )
    assert list(placed(tmp_path).values()) == ["COMPLETED"] * 4
    table = call(sys.executable, SRC / "leaderboard.py", tmp_path).stdout
    assert "4 runs: 4 finished; 4 configurations." in table
    with open(tmp_path / "leaderboard.csv", encoding="utf-8") as lines:
        found = {(row["model.hidden"], row["data.batch_size"]) for row in csv.DictReader(lines)}
    assert found == {(hidden, size) for hidden in ("8", "16") for size in ("32", "64")}


def test_a_cancelled_job_is_run_again_and_a_failed_one_stops_no_other(tmp_path):
    points = [
        *JOBS,
        "sweep.name=mine",
        "sweep.workers=2",
        "data.max_rows=2000",
        f"hydra.sweep.dir={tmp_path}",
    ]
    process = start(*points, "trainer.max_epochs=30", "model.hidden=8,16,-1")
    begun(tmp_path, 2)
    first = min(placed(tmp_path), key=int)
    call("scancel", first)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert f"Job {first} (task: 0)" in errors
    assert "(state: CANCELLED" in errors
    assert (
        "error: 1 of the sweep's runs failed; train.log says more:\n  run 2 failed: model.hidden"
        in errors
    )
    assert states(tmp_path, "mine") == {TrialState.COMPLETE: 2, TrialState.FAIL: 2}
    assert Counter(state.split()[0] for state in placed(tmp_path).values()) == {
        "COMPLETED": 3,
        "CANCELLED": 1,
    }
    assert len(scores(tmp_path)) == 2


def long_grid(folder):
    """A grid whose jobs take a minute."""
    return [
        *JOBS,
        "sweep.name=mine",
        "sweep.workers=2",
        "data.max_rows=2000",
        "trainer.max_epochs=30",
        "model.hidden=8,16",
        f"hydra.sweep.dir={folder}",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_end_cancels_its_jobs_and_the_same_one_goes_on(tmp_path, number):
    process = start(*long_grid(tmp_path))
    begun(tmp_path, 2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert errors.splitlines()[-1].startswith("Stopped. The same command goes on: ")
    assert "Cancelling the SLURM jobs that are left: " in errors

    first = set(placed(tmp_path))
    train(*long_grid(tmp_path))
    ended = placed(tmp_path)
    assert all(ended[job].startswith("CANCELLED") for job in first)
    assert all(state == "COMPLETED" for job, state in ended.items() if job not in first)
    assert states(tmp_path, "mine") == {TrialState.COMPLETE: 2}
    assert len(scores(tmp_path)) == 2


@pytest.mark.parametrize("are_left", [True, False])
def test_the_same_command_goes_on_after_it_was_killed(tmp_path, are_left):
    process = start(*long_grid(tmp_path))
    begun(tmp_path, 2)
    process.kill()
    process.communicate()
    first = set(placed(tmp_path))
    if not are_left:
        call("scancel", *first)
        wait_for(lambda: not call("squeue", "--noheader").stdout, tmp_path)

    train(*long_grid(tmp_path))
    ended = placed(tmp_path)
    assert all(ended[job].startswith("CANCELLED") for job in first)
    assert states(tmp_path, "mine") == {TrialState.COMPLETE: 2, TrialState.FAIL: 2}
    assert len(scores(tmp_path)) == 2


def test_a_partition_that_does_not_exist_is_one_error(tmp_path):
    arguments = [*JOBS, "sweep.name=mine", "model.hidden=8,16", f"hydra.sweep.dir={tmp_path}"]
    _, errors = train(*arguments, "hydra.launcher.partition=gpu", code=2)
    assert errors.splitlines()[-1] == (
        "error: hydra/launcher: sbatch: error: Batch job submission failed: Invalid partition name "
        "specified"
    )


def test_tasks_that_lightning_does_not_count_are_a_users_mistake(tmp_path):
    python = [sys.executable, SRC / "train.py", *SMALL, "trainer=ddp", "trainer.devices=2"]
    done = call(
        "srun",
        "--kill-on-bad-exit",
        "--ntasks=2",
        "--time=10",
        *python,
        f"hydra.run.dir={tmp_path}/run",
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "error: trainer: You set `--ntasks=2`" in done.stderr
    assert "Use `--ntasks-per-node=2` instead" in done.stderr


@pytest.mark.parametrize("how", ["srun", "sbatch"])
def test_two_tasks_train_one_run(tmp_path, how):
    """With the loss curve and scores that two processes have without SLURM."""
    two = [*SMALL, "trainer=ddp", "trainer.devices=2", "trainer.max_epochs=2", "model.dropout=0"]
    train(*two, f"hydra.run.dir={tmp_path}/plain")
    python = [sys.executable, SRC / "train.py", *two, f"hydra.run.dir={tmp_path}/run"]
    tasks = ["--kill-on-bad-exit", "--nodes=1", "--ntasks-per-node=2", "--time=10"]
    if how == "srun":
        said = call("srun", *tasks, *python).stdout
    else:
        script = tmp_path / "job.sh"
        script.write_text(f"#!/bin/sh\nsrun {tasks[0]} {shlex.join(map(str, python))}\n")
        call("sbatch", "--wait", *tasks[1:], f"--output={tmp_path}/job.out", script)
        said = (tmp_path / "job.out").read_text(encoding="utf-8")
    assert said.count("Scores on test") == 1
    assert not {file.name for file in tmp_path.iterdir()} - {"plain", "run", "job.sh", "job.out"}
    found, expected = (
        json.loads((tmp_path / name / "metrics.json").read_text(encoding="utf-8"))
        for name in ("run", "plain")
    )
    assert found["devices"] == expected["devices"] == 2
    for split in ("validation", "test"):
        assert found[split]["confusion_matrix"] == expected[split]["confusion_matrix"]
        assert found[split]["log_loss"] == pytest.approx(expected[split]["log_loss"], abs=1e-6)
    losses = [[epoch["train_loss"] for epoch in record["history"]] for record in (found, expected)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
