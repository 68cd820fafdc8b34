"""Opens the storage of a study, which several workers and machines may use at once."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from textlstm.checks import InputError
from textlstm.passwords import hidden, with_password, without_password
from textlstm.sweeps.journal import open_journal

T = TypeVar("T")

TRIES = 5  # attempts to make the tables or the study, which several workers may do at once
NO_ANSWER = (SQLAlchemyError, StorageInternalError)  # raised by a database that is away or busy

optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """Opens the storage at `url`: a database, or a journal file on a disk that machines share.

    Without a URL it is an SQLite file in the sweep's `folder`. A URL may lack the password that was
    typed with it, and no error shows one.

    Raises:
        InputError: a database that cannot be reached, or whose driver is not installed, or a
            damaged journal, or something else than a file in its place.
        PermissionError: the sweep belongs to another user; the error names the file.
    """
    if url is not None and "://" not in url:
        journal = Path(url).expanduser().absolute()
        if journal.exists() and not journal.is_file():
            raise InputError(
                f"sweep.storage={url} is no file on a disk; a journal file or a database's URL was "
                f"expected."
            )
        return open_journal(journal)

    file = folder / "study.db"
    if url is None and file.exists():
        file.open(
            "ab"
        ).close()  # fails if it may not be written; SQLite says so late, without its name

    whole = with_password(url or f"sqlite:///{file}")
    shown = without_password(url or str(folder))
    try:
        return retry(lambda: _connect(whole))
    except ImportError:
        raise InputError(
            f"sweep.storage={shown}: Python's driver of that database is not installed."
        ) from None
    except NO_ANSWER as error:
        cause = hidden(str(error.__cause__ or error).strip().splitlines()[0], whole)
        bare = whole == url and "@" in url
        hint = " Passwords are not recorded: type it in the URL again." if bare else ""
        raise InputError(
            f"sweep.storage={shown}: the database does not answer: {cause.rstrip('.')}.{hint}"
        ) from None
    except ValueError:  # what stands for the port is no number
        raise InputError(
            f"sweep.storage={shown} is no URL of a database: dialect://user:password@host/base was "
            f"expected. In a password, @ is typed as %40, : as %3A and / as %2F."
        ) from None


def retry(make: Callable[[], T]) -> T:
    """Calls `make` until it succeeds: workers that start at once get in each other's way.

    Raises:
        SQLAlchemyError, StorageInternalError: what the last of `TRIES` calls raised.
    """
    for _ in range(TRIES - 1):
        try:
            return make()
        except NO_ANSWER:
            time.sleep(random.uniform(0.2, 1.0))
    return make()


def _connect(url: str) -> RDBStorage:
    if not url.startswith("sqlite"):
        return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    storage = RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    _lock_before_reading(storage.engine)
    return storage


def _lock_before_reading(engine: Engine) -> None:
    """Makes SQLite lock the database when a transaction starts, not when it first writes.

    Else two workers may both find a trial free: Python's sqlite3 begins a transaction at the first
    change only, after Optuna has read the trial's state (SQLAlchemy's documentation, "Serializable
    isolation / Savepoints / Transactional DDL").
    """

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections that were made before
