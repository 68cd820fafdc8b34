"""The trials of a sweep in one Optuna study, which any number of processes on any number of
machines may share.

A trial's worker renews a time stamp in the storage; when it stops to, or its process is gone from
this machine, another worker takes the trial up again. (Optuna's own heartbeat is experimental and
does not work with a journal file.)
"""

import json
import math
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from textlstm.checks import InputError

TRIAL = "TEXTLSTM_TRIAL"  # environment variable: storage, folder and study of a trial, and its id
BEAT = 20.0  # seconds between signs of life
SILENCE = 120.0  # seconds without one after which a worker counts as dead
ATTEMPTS = 3  # of a trial whose workers die
TRIES = 5  # to make the tables, which several workers may do at once
STARTUP = 10  # trials at random before the sampler models

optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """The storage: a file in the sweep's folder, a database's URL, or a journal file on a shared
    disk.

    Raises:
        InputError: a database that cannot be reached, or whose driver is not installed.
    """
    if url is not None and "://" not in url:
        path = Path(url).expanduser().absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    sqlite = url is None or url.startswith("sqlite")
    for attempt in range(1, TRIES + 1):
        try:
            storage = RDBStorage(
                url or f"sqlite:///{folder / 'study.db'}",
                engine_kwargs={"connect_args": {"timeout": 60}}
                if sqlite
                else {"pool_pre_ping": True},
            )
            if sqlite:
                _lock_before_reading(storage.engine)
            return storage
        except ImportError as error:
            raise InputError(
                f"sweep.storage={url}: Python's driver of that database is not installed."
            ) from error
        except (SQLAlchemyError, StorageInternalError) as error:
            if attempt == TRIES:
                cause = str(error.__cause__ or error).strip().splitlines()[0]
                raise InputError(
                    f"sweep.storage={url or folder}: the database does not answer: {cause}"
                ) from error
            time.sleep(random.uniform(0.2, 1.0))  # others make the tables at this moment
    raise AssertionError


def _lock_before_reading(engine: Engine) -> None:
    """Makes SQLite's transactions take the lock at their start: else two workers may both find a
    trial free.

    Python's sqlite3 begins a transaction at the first change only, after Optuna has read the
    trial's state (SQLAlchemy's documentation, "Serializable isolation / Savepoints / Transactional
    DDL").
    """

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections that were made before


def attach(storage: str | None, folder: Path, study: str, trial: int) -> str:
    """The value of the environment variable for a job that is to report to `trial`."""
    return json.dumps({"storage": storage, "folder": str(folder), "study": study, "trial": trial})


def attached() -> Trial | None:
    """The trial that this process runs, or None."""
    if TRIAL not in os.environ:
        return None
    found = json.loads(os.environ[TRIAL])
    storage = open_storage(found["storage"], Path(found["folder"]))
    return Trial(
        optuna.load_study(study_name=found["study"], storage=storage, pruner=pruner()),
        found["trial"],
    )


def pruner() -> optuna.pruners.BasePruner:
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)


class Study:
    """A sweep's trials.

    Args:
        storage: where they are kept.
        name: of the study; all who give the same name work on the same trials.
        seed: of the sampler, together with the number of trials so far: a restart does not repeat
            its start. None where several samplers begin at once, which would all begin alike.
        search: the ranges that are searched, by key; None for a grid, whose points are `add`ed.

    Raises:
        InputError: the study searches other ranges.
    """

    def __init__(
        self, storage: BaseStorage, name: str, *, seed: int | None, search: dict[str, str] | None
    ) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self.study = optuna.create_study(
                    storage=storage,
                    study_name=name,
                    direction="maximize",
                    load_if_exists=True,
                    pruner=pruner(),
                )
                break
            except (SQLAlchemyError, StorageInternalError):
                if attempt == TRIES:
                    raise
                time.sleep(random.uniform(0.2, 1.0))
        self.search = search
        known = self.study.user_attrs.get("search", search)
        if known != search:
            raise InputError(
                f"The sweep {name} was begun with other ranges, {_line(known)}; now they are "
                f"{_line(search)}. "
                f"Give the new ones a name of their own: sweep.name=…"
            )
        self.study.set_user_attr("search", search)
        self.study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP, seed=None if seed is None else seed + len(self.trials())
        )

    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def add(self, points: list[list[str]]) -> None:
        """Queues the points of a grid that no worker has, or had on another machine."""
        here, taken = socket.gethostname(), set()
        for trial in self.trials():
            waits_or_runs = trial.state in (TrialState.WAITING, TrialState.RUNNING)
            elsewhere = trial.state == TrialState.COMPLETE and trial.user_attrs.get("host") != here
            if waits_or_runs or elsewhere:
                taken.add(tuple(trial.user_attrs.get("overrides", ())))
        distributions = _distributions(points)
        for point in points:
            if tuple(point) not in taken:
                self._queue(
                    _shown(point, distributions), {"overrides": point, "queued": time.time()}
                )

    def _queue(self, shown: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Queues a point with its values as parameters, which only Optuna's dashboard reads."""
        try:
            self.study.add_trial(
                create_trial(state=TrialState.WAITING, user_attrs=attributes, **shown)
            )
        except (
            ValueError
        ):  # a grid of this name had values of another kind, which Optuna does not mix
            self.study.add_trial(create_trial(state=TrialState.WAITING, user_attrs=attributes))

    def take(self, most: int | None) -> Trial | None:
        """A trial to run, or None if none is free: `most` of a search were begun, or a grid has no
        more points.
        """
        while True:
            self._revive()
            states = [trial.state for trial in self.trials()]
            begun = len(states) - sum("attempt" in trial.user_attrs for trial in self.trials())
            free = TrialState.WAITING in states
            if not free and self.search is not None:
                free = most is None or begun < most
            if not free:
                return None
            trial = self.study.ask()
            trial.set_user_attr("host", socket.gethostname())
            trial.set_user_attr("process", os.getpid())
            trial.set_user_attr("beat", time.time())
            if self.search is not None or self._mine(trial):
                return trial
            self.study.tell(trial, state=TrialState.FAIL)

    def under_way(self) -> bool:
        """Whether trials run or wait: of those that run, the worker may die and leave them to be
        run again.
        """
        return not all(trial.state.is_finished() for trial in self.trials())

    def _mine(self, taken: Trial) -> bool:
        """Whether nobody else has this point of a grid; two who start at once may both have queued
        it.
        """
        if (
            "overrides" not in taken.user_attrs
        ):  # another worker took the last point, and this is none
            return False
        for trial in self.trials():
            if (
                trial.number < taken.number
                and trial.user_attrs.get("overrides") == taken.user_attrs["overrides"]
            ):
                if trial.state in (TrialState.WAITING, TrialState.RUNNING):
                    return False
                ended = trial.datetime_complete
                queued = taken.user_attrs.get("queued", math.inf)
                if (
                    trial.state == TrialState.COMPLETE
                    and ended is not None
                    and ended.timestamp() > queued
                ):
                    return False
        return True

    def _revive(self) -> None:
        """Queues the trials again whose workers are dead."""
        for trial in self.trials():
            if trial.state == TrialState.RUNNING and _dead(trial):
                self.give_back(trial)

    def give_back(self, trial: FrozenTrial | Trial) -> bool:
        """Ends a running trial that has no result, and queues it once more, at most three times in
        all.

        Returns whether it will be run again.
        """
        try:
            self.study.tell(trial.number, state=TrialState.FAIL)
        except (ValueError, UpdateFinishedTrialError):  # another worker was faster
            return True
        attempt = trial.user_attrs.get("attempt", 1)
        if attempt < ATTEMPTS:
            kept = (
                {"overrides": trial.user_attrs["overrides"]}
                if "overrides" in trial.user_attrs
                else {}
            )
            shown = {"params": trial.params, "distributions": trial.distributions}
            self._queue(shown, {**kept, "attempt": attempt + 1})
        return attempt < ATTEMPTS

    @contextmanager
    def alive(self, trial: Trial) -> Iterator[None]:
        """Renews the trial's sign of life; gives it back if what is done with it is broken off."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(BEAT):
                try:
                    trial.set_user_attr("beat", time.time())
                except (UpdateFinishedTrialError, SQLAlchemyError, StorageInternalError):
                    continue  # told, or the database is away for the moment

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            self.give_back(trial)
            raise
        finally:
            stop.set()
            thread.join()


def _dead(trial: FrozenTrial) -> bool:
    if trial.user_attrs.get("host") == socket.gethostname() and not _runs(
        trial.user_attrs.get("process")
    ):
        return True
    beat = trial.user_attrs.get("beat")
    if beat is None:  # was asked for a moment ago, or its worker died in that moment
        assert trial.datetime_start is not None
        beat = trial.datetime_start.timestamp()
    return time.time() - beat > SILENCE


def _runs(process: int | None) -> bool:
    if process is None:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _distributions(points: list[list[str]]) -> dict[str, BaseDistribution]:
    """For each key of a grid, the range of its numbers, or its values where not all are numbers."""
    values: dict[str, list[Any]] = {}
    for key, value in (override.split("=", 1) for point in points for override in point):
        values.setdefault(key, []).append(_number(value))
    found: dict[str, BaseDistribution] = {}
    for key, of in values.items():
        if all(isinstance(value, int) for value in of):
            found[key] = IntDistribution(min(of), max(of))
        elif all(isinstance(value, int | float) for value in of):
            found[key] = FloatDistribution(min(of), max(of))
        else:
            found[key] = CategoricalDistribution(sorted({str(value) for value in of}))
    return found


def _shown(point: list[str], distributions: dict[str, BaseDistribution]) -> dict[str, Any]:
    params = dict(override.split("=", 1) for override in point)
    return {
        "params": {
            key: value
            if isinstance(distributions[key], CategoricalDistribution)
            else _number(value)
            for key, value in params.items()
        },
        "distributions": {key: distributions[key] for key in params},
    }


def _number(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            if math.isfinite(number := kind(value)):
                return number
        except ValueError:
            continue
    return value


def _line(search: dict[str, Any] | None) -> str:
    return (
        "the points of a grid"
        if search is None
        else " ".join(f"{key}={of}" for key, of in search.items())
    )
