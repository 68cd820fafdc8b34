"""A logger that cannot work is one error before training; one that fails later is a warning."""

import logging
from typing import Any

import pytest

from helpers.configs import composed
from textlstm.checks import InputError
from textlstm.commandline.arguments import prepare
from textlstm.runs.folder import RunFolder
from textlstm.tracking import loggers
from textlstm.tracking.loggers import ended, make_logger
from textlstm.tracking.tracker import Tracker


class Unreachable(Tracker):
    """A tracker whose server has gone."""

    product = "Nowhere"
    closed = ""

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, *arguments: Any, **others: Any) -> None: ...

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        with self.surviving():
            raise ConnectionError("https://me:s3cret@host is gone\nand more")

    def close(self, status: str) -> None:
        self.closed = status


@pytest.mark.parametrize("package", ["mlflow", "wandb"])
def test_a_package_that_is_missing_is_named_with_its_command(package, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    settings = composed("train", f"logger={package}")["logger"]
    with pytest.raises(InputError, match=rf"needs the package {package}.*pip install .*{package}"):
        make_logger(settings, RunFolder(tmp_path), "")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("preset", "key", "message"),
    [
        ("wandb", "ofline", "There is no key 'logger.ofline'. Did you mean 'offline'?"),
        ("wandb", "experiment", "There is no key 'logger.experiment'."),
        ("mlflow", "experiment", "There is no key 'logger.experiment'. Did you mean"),
    ],
)
def test_a_key_that_a_tracker_does_not_have_is_refused(preset, key, message, tmp_path):
    settings = {**composed("train", f"logger={preset}")["logger"], key: "x"}
    with pytest.raises(InputError) as error:
        make_logger(settings, RunFolder(tmp_path), "")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "typed",
    [
        "logger.tracking_uri=https://me:s3cret@host/mlflow",
        "logger.tracking_uri='https://s3cret@host/mlflow'",
        "++logger.tracking_uri=postgresql://me:s3cret@host/base",
        "logger.tracking_uri=postgresql://host/base?password=s3cret",
        "+logger.api_key=s3cret",
        "+logger.settings.api_key=s3cret",
    ],
)
def test_a_password_as_a_key_of_the_logger_is_refused_and_not_shown(typed):
    with pytest.raises(InputError) as error:
        prepare("train", ["logger=mlflow", typed])
    assert "MLFLOW_TRACKING_URI" in str(error.value)
    assert "s3cret" not in str(error.value)


def test_an_address_without_a_password_is_taken():
    typed = ["logger=mlflow", "logger.tracking_uri=http://localhost:5000", "+logger.prefix=tokens"]
    assert {*typed} <= {*prepare("train", typed)}


def test_a_server_that_goes_away_is_one_warning_without_its_password(caplog):
    tracker = Unreachable()
    with caplog.at_level(logging.WARNING):
        tracker.log_metrics({"val/loss": 0.5})
        tracker.log_metrics({"val/loss": 0.4})
    [said] = [record.getMessage() for record in caplog.records]
    assert said == (
        "logger: Nowhere took no more: https://me@host is gone. The run goes on, and is in its "
        "folder alone."
    )


def test_a_run_of_a_tracker_ends_as_the_training_does():
    good, bad = Unreachable(), Unreachable()
    with ended(good):
        assert good.closed == ""
    with pytest.raises(KeyError), ended(bad):
        raise KeyError("a bug")
    assert (good.closed, bad.closed) == ("success", "failed")
