"""Keeps the trials of a sweep in an Optuna study, which processes on several machines may share.

If the worker of a trial dies, another worker runs the trial again: see `heartbeat`.
"""

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from textlstm.checks import InputError
from textlstm.sweeps.heartbeat import beating, is_dead, sign
from textlstm.sweeps.parameters import grid_distributions, point_parameters
from textlstm.sweeps.slurm_jobs import SCRIPTS, cancel_jobs
from textlstm.sweeps.storage import retry
from textlstm.sweeps.trials import pruner

ATTEMPTS = 3  # times that a trial is run whose workers die
STARTUP = 10  # trials with random values before the sampler learns from them
PENDING = (TrialState.WAITING, TrialState.RUNNING)


class Study:
    """A sweep's trials.

    Args:
        storage: where they are kept.
        name: name of the study; all who give the same name work on the same trials.
        seed: the sampler's seed, to which the number of trials so far is added, so that a restart
            does not repeat the first trials. None where several samplers begin at once: with the
            same seed all would try the same values.
        search: the ranges that are searched, by key; None for a grid, whose points are `add`ed.

    Raises:
        InputError: the study searches other ranges.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str | None,
        *,
        seed: int | None,
        search: dict[str, str] | None,
    ) -> None:
        self.study = retry(
            lambda: optuna.create_study(
                storage=storage,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                pruner=pruner(),
            )
        )
        self.storage, self.search = storage, search

        known = self.study.user_attrs.get("search", search)
        if known != search:
            raise InputError(
                f"The sweep {name} was begun with other ranges, {_line(known)}; now they are "
                f"{_line(search)}. Give the new ones a name of their own: sweep.name=…"
            )
        self.study.set_user_attr("search", search)

        self.study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP, seed=None if seed is None else seed + len(self.trials())
        )

    def trials(self) -> list[FrozenTrial]:
        """Reads all trials as they stand now."""
        return self.study.get_trials(deepcopy=False)

    def add(self, points: list[list[str]], is_finished: Callable[[list[str]], bool]) -> None:
        """Queues grid points that neither wait nor run, nor are finished.

        Args:
            points: the overrides of each point.
            is_finished: whether the run of a point that was finished on this machine still has its
                result: its configuration or data may have changed.
        """
        here = socket.gethostname()
        taken, done = set[tuple[str, ...]](), set[tuple[str, ...]]()
        for trial in self.trials():
            known = tuple(trial.user_attrs.get("overrides", ()))
            if trial.state == TrialState.COMPLETE and trial.user_attrs.get("host") == here:
                done.add(known)
            elif trial.state in (*PENDING, TrialState.COMPLETE):
                taken.add(known)
        asked = [point for point in points if tuple(point) in done - taken]
        taken |= {tuple(point) for point in asked if is_finished(point)}

        distributions = grid_distributions(points)
        for point in points:
            if tuple(point) not in taken:
                attributes = {"overrides": point, "queued": time.time()}
                self._queue(attributes, parameters=point_parameters(point, distributions))

    def take(self, most: int | None) -> Trial | None:
        """Takes a trial to run; None if no grid point is left, or a search has begun `most`."""
        while True:
            self._revive()
            trials = self.trials()
            free = any(trial.state == TrialState.WAITING for trial in trials)
            if not free and self.search is not None:
                free = most is None or self._begun(trials) < most
            if not free:
                return None

            taken = self.study.ask()
            sign(taken)
            if self.search is not None or self._is_mine(taken):
                return taken
            taken.set_user_attr("doubled", True)
            self.study.tell(taken, state=TrialState.FAIL)

    def is_done(self, most: int | None) -> bool:
        """Tells whether no trial runs or waits, and none is to begin."""
        begun = self._begun(self.trials())
        ends = self.search is None or (most is not None and begun >= most)
        return ends and not self.under_way()

    def under_way(self) -> bool:
        """Tells whether any trial runs or waits."""
        return not all(trial.state.is_finished() for trial in self.trials())

    def give_back(self, trial: FrozenTrial | Trial) -> bool:
        """Ends a running trial without a result, and queues it again, up to `ATTEMPTS` runs in all.

        Returns:
            Whether it will be run again.
        """
        attempt = trial.user_attrs.get("attempt", 1)
        try:
            if attempt >= ATTEMPTS:
                self.explain(trial, f"its worker, or its job, was ended {ATTEMPTS} times.")
            self.study.tell(trial.number, state=TrialState.FAIL)
        except (ValueError, UpdateFinishedTrialError):  # another worker was faster
            return True
        if attempt >= ATTEMPTS:
            return False

        attributes = {"attempt": attempt + 1, "replaces": trial.number}
        for kept in ("overrides", SCRIPTS):
            if kept in trial.user_attrs:
                attributes[kept] = trial.user_attrs[kept]
        parameters = {"params": trial.params, "distributions": trial.distributions}
        self._queue(attributes, parameters=parameters)
        return True

    def explain(self, trial: FrozenTrial | Trial, reason: str, folder: str | None = None) -> None:
        """Writes into a running trial why it fails, and in which folder its run is."""
        attributes = {"error": reason, **({} if folder is None else {"folder": folder})}
        for name, value in attributes.items():
            self.storage.set_trial_user_attr(trial._trial_id, name, value)

    def put_back(self, trial: Trial) -> None:
        """Makes a running trial wait again, as if it had not begun: its worker was told to end."""
        with suppress(UpdateFinishedTrialError):  # another worker took this one for dead
            trial.set_user_attr("process", None)  # who takes it next has not signed yet
            self.storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    @contextmanager
    def alive(self, trial: Trial) -> Iterator[None]:
        """Renews the trial's sign of life in the block; it is run again if the block fails."""
        with beating(trial):
            try:
                yield
            except Exception:
                self.give_back(trial)
                raise

    def _queue(self, attributes: dict[str, Any], *, parameters: dict[str, Any]) -> None:
        """Adds a waiting trial."""
        state = TrialState.WAITING
        try:
            self.study.add_trial(create_trial(state=state, user_attrs=attributes, **parameters))
        except ValueError:  # a grid of this name had values of another kind: Optuna mixes none
            self.study.add_trial(create_trial(state=state, user_attrs=attributes))

    def _begun(self, trials: list[FrozenTrial]) -> int:
        """Counts trials, each once however often it was run again."""
        return sum("attempt" not in trial.user_attrs for trial in trials)

    def _is_mine(self, taken: Trial) -> bool:
        """Tells whether no other trial has this point: two starts at once may both queue it."""
        point = taken.user_attrs.get("overrides")
        if point is None:  # another worker took the last point, and Optuna invented a trial
            return False
        queued = taken.user_attrs.get("queued", math.inf)
        return not any(
            trial.state in PENDING or _completed_after(queued, trial)
            for trial in self.trials()
            if trial.number < taken.number and trial.user_attrs.get("overrides") == point
        )

    def _revive(self) -> None:
        """Queues the trials again whose workers are dead, and cancels what these have placed."""
        dead = [
            trial for trial in self.trials() if trial.state == TrialState.RUNNING and is_dead(trial)
        ]
        for trial in dead:
            self.give_back(trial)
        cancel_jobs(dead)


def _completed_after(moment: float, trial: FrozenTrial) -> bool:
    ended = trial.datetime_complete
    return trial.state == TrialState.COMPLETE and ended is not None and ended.timestamp() > moment


def _line(search: dict[str, Any] | None) -> str:
    if search is None:
        return "the points of a grid"
    return " ".join(f"{key}={values}" for key, values in search.items())
