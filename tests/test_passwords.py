"""A password in the URL of a storage stays in the process that it was typed for."""

import os

import optuna
import pytest
from omegaconf import OmegaConf

from helpers.commands import QUICK, call
from helpers.records import small_record
from textlstm.checks import InputError
from textlstm.commandline.arguments import prepare
from textlstm.passwords import (
    STORAGE_URL,
    hidden,
    keep_password,
    with_password,
    with_placeholder,
    without_password,
)
from textlstm.runs.record import evaluation_record
from textlstm.sweeps import storage, workers
from textlstm.sweeps.storage import open_storage
from textlstm.sweeps.sweep import _keep_password

PASSWORD = "s3cret"
URL = f"postgresql+psycopg://me:{PASSWORD}@localhost:5432/base"
SHOWN = "postgresql+psycopg://me@localhost:5432/base"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after each test no URL is kept in this process."""
    monkeypatch.setenv(STORAGE_URL, "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, SHOWN),
        ("mysql://me:p%40ss@host/base", "mysql://me@host/base"),
        ("mysql://me:p@ss:w/o?r#d@host/base", "mysql://me@host/base"),
        ("mysql://:s3cret@host/base", "mysql://@host/base"),
        ("mysql://me:@host/base", "mysql://me@host/base"),
        ("postgresql://host/base?user=me&password=s3cret", "postgresql://host/base?user=me"),
        ("postgresql://host/base?PASSWORD=s3cret&user=me", "postgresql://host/base?user=me"),
        ("postgresql://host/base?sslpassword=s3cret", "postgresql://host/base"),
        (f"sweep.storage='{URL}'", f"sweep.storage='{SHOWN}'"),
        ("postgresql://me@host:5432/base", "postgresql://me@host:5432/base"),
        ("sqlite:////shared/a:b@c.db", "sqlite:////shared/a:b@c.db"),
        ("/shared/journal.log", "/shared/journal.log"),
        ("model.hidden=64", "model.hidden=64"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert without_password(url) == shown
    assert without_password(shown) == shown
    assert keep_password(url) == shown
    assert with_password(shown) == url


def test_a_command_to_type_again_has_a_placeholder():
    assert with_placeholder(f"sweep.storage={URL}") == f"sweep.storage={URL}".replace(
        PASSWORD, "PASSWORD"
    )
    assert with_placeholder("mysql://me:p@ss:w/o@host/b") == "mysql://me:PASSWORD@host/b"
    assert with_placeholder("x://h/b?sslpassword=s&u=m") == "x://h/b?sslpassword=PASSWORD&u=m"
    assert with_placeholder("model.hidden=8") == "model.hidden=8"


def test_another_url_does_not_get_the_password():
    keep_password(URL)
    assert with_password(SHOWN.replace("localhost", "elsewhere")) == SHOWN.replace(
        "localhost", "elsewhere"
    )


def test_what_a_driver_says_hides_the_password():
    url = "mysql://me:p%40ss@host/base?sslpassword=other"
    said = f"no p@ss nor p%40ss nor other at {url}"
    assert hidden(said, url) == "no *** nor *** nor *** at ***"


@pytest.mark.parametrize("typed", ["sweep.storage", "+sweep.storage", "++sweep.storage"])
def test_a_command_line_goes_on_without_the_password(typed):
    arguments = prepare("train", [f"{typed}={URL}", "model.hidden=8,9"])
    assert PASSWORD not in " ".join(arguments)
    assert os.environ[STORAGE_URL] == URL


def test_workers_are_started_without_the_password(monkeypatch):
    typed = ["python", "src/train.py", f"sweep.storage={URL}", "data.name=a:b@c"]
    monkeypatch.setattr(workers.sys, "orig_argv", typed)
    assert workers.worker_command()[1:] == [
        *("src/train.py", f"sweep.storage={SHOWN}", "data.name=a:b@c", "sweep.workers=1")
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"nodriver://me:{PASSWORD}@localhost/x", "nodriver"),
        (f"mysql+mysqldb://me:{PASSWORD}@localhost/x", "driver of that database is not installed"),
        (f"mysql://me:{PASSWORD}@localhost:port/x", "is no URL of a database"),
        (f"sqlite://me:{PASSWORD}@localhost/x", "does not answer"),
    ],
)
def test_no_error_shows_the_password(tmp_path, monkeypatch, url, message):
    monkeypatch.setattr(storage, "TRIES", 1)
    with pytest.raises(InputError, match=message) as caught:
        open_storage(keep_password(url), tmp_path)
    error: BaseException | None = caught.value
    assert PASSWORD not in str(error)
    assert caught.value.__suppress_context__  # a traceback would show it


def test_an_evaluation_of_an_old_run_does_not_copy_the_password():
    record = small_record(overrides=[f"sweep.storage='{URL}'", "seed=1"])
    again = evaluation_record(
        record, "test", record["test"], shown_name="test", data=record["data"]
    )
    assert again["overrides"] == [f"sweep.storage='{SHOWN}'", "seed=1"]


def test_a_preset_gives_its_url_to_all_jobs_without_the_password():
    config = OmegaConf.create({"sweep": {"storage": URL}})
    overrides = _keep_password(config, ["model.hidden=8,9"])
    assert overrides == ["model.hidden=8,9", f"sweep.storage='{SHOWN}'"]
    assert config.sweep.storage == SHOWN
    assert _keep_password(config, overrides) == overrides
    assert with_password(SHOWN) == URL


def test_no_file_of_a_sweep_holds_the_password(tmp_path, monkeypatch):
    asked = []

    def connect(url: str) -> optuna.storages.RDBStorage:
        asked.append(url)
        return optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/elsewhere.db")

    monkeypatch.setattr(storage, "_connect", connect)
    folder = tmp_path / "sweep"
    out, errors = call(
        *("train", "-m", f"sweep.storage={URL}", *QUICK, "trainer.max_epochs=1", "threads=1"),
        *("data.max_rows=200", "sweep.name=p", "sweep.workers=1", f"hydra.sweep.dir={folder}"),
    )

    assert set(asked) == {URL}
    assert len(list(folder.glob("*/metrics.json"))) == 1
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 10
    for file in files:
        assert PASSWORD.encode() not in file.read_bytes(), file
    assert PASSWORD not in out + errors
    assert SHOWN in (folder / "multirun.yaml").read_text(encoding="utf-8")
