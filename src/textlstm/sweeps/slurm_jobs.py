"""Cancels the SLURM jobs of trials whose command was told to end, or is dead.

SLURM names the script of each job, and submitit writes the scripts into a folder. Each trial has a
folder of its own, which it notes. So any command of the sweep finds the jobs of any trial, also
when the command that placed them was killed.
"""

import copy
import itertools
import logging
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, Trial

log = logging.getLogger(__name__)

SCRIPTS = "scripts"  # the trial's attribute: the folder of its jobs' scripts
FOLDER = "submitit_folder"  # submitit's parameter
ANSWER = 4.0  # seconds that SLURM may take to answer; a command that ends has ten in all
END = 120.0  # seconds that a cancelled job may take to end: SLURM kills it after KillWait, often 30


def with_own_folder(launcher: Any, trial: Trial) -> Any:
    """Gives the trial's jobs a folder of their own, and notes it in the trial.

    Returns:
        A launcher that places them from there; the same one if it is not submitit's.
    """
    parameters = getattr(launcher, "params", {})
    if FOLDER not in parameters:
        return launcher
    parts = Path(parameters[FOLDER]).absolute().parts
    fixed = list(itertools.takewhile(lambda part: "%" not in part, parts))
    scripts = Path(*fixed, f"run-{trial.number}-{secrets.token_hex(4)}")

    trial.set_user_attr(SCRIPTS, str(scripts))
    own = copy.copy(launcher)
    own.params = {**parameters, FOLDER: str(scripts.joinpath(*parts[len(fixed) :]))}
    return own


def cancel_jobs(trials: list[FrozenTrial] | list[Trial]) -> None:
    """Cancels the jobs of these trials that wait or run; a line names them."""
    if jobs := _jobs(trials):
        log.info("Cancelling the SLURM jobs that are left: %s.", ", ".join(jobs))
        _answer("scancel", *jobs)


def end_jobs(trial: Trial) -> None:
    """Cancels the jobs that an earlier attempt at the trial has left, and waits for their end.

    Else they would write into the run folder of the jobs that are to follow.
    """
    cancel_jobs([trial])
    deadline = time.monotonic() + END
    while jobs := _jobs([trial]):
        if time.monotonic() > deadline:
            log.warning("SLURM has not ended these jobs for %d s: %s.", END, ", ".join(jobs))
            return
        time.sleep(1.0)


def _jobs(trials: list[FrozenTrial] | list[Trial]) -> list[str]:
    """Lists the jobs of the trials that SLURM has not ended yet, by their ids."""
    folders = tuple(
        f"{trial.user_attrs[SCRIPTS]}/" for trial in trials if SCRIPTS in trial.user_attrs
    )
    if not folders or shutil.which("squeue") is None:
        return []
    # An array has one id here, however many of its tasks are left.
    listed = _answer("squeue", "--me", "--noheader", "--format=%F %o")
    jobs = [line.strip().partition(" ") for line in listed.splitlines()]
    return list(dict.fromkeys(job for job, _, script in jobs if script.startswith(folders)))


def _answer(*command: str) -> str:
    """What a command of SLURM's prints; nothing, and a warning, if SLURM does not answer."""
    try:
        return subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=ANSWER,
            start_new_session=True,  # a second Ctrl-C must not end it
        ).stdout
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or str(error)).splitlines()[-1]
    except (subprocess.TimeoutExpired, OSError) as error:
        said = str(error)
    log.warning("SLURM jobs of the sweep may be left, see squeue: %s", said)
    return ""
