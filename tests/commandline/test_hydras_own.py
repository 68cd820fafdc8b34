"""Odd values of Hydra's own keys and flags are one error, and no pickle is loaded."""

import pickle
from pathlib import Path

import pytest

from helpers.commands import call

MISTAKE = "seed=-1"  # ends a run once Hydra has set up all that it was asked for


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["hydra.verbose=[1]"], "(A logger name must be a string)."),
        (["+hydra.callbacks.x._target_=abc"], "error: Hydra cannot work with +hydra.callbacks.x."),
        (["hydra.job_logging.root.level=abc"], "(Unable to configure root logger: Unknown level"),
        (["hydra.job.env_copy=[NOT_THERE]"], "there is no environment variable 'NOT_THERE'."),
        (["-m", "hydra.launcher._target_=abc"], "(Invalid plugin 'abc': not the hydra_plugins pa"),
        (["--package", "abc", "--cfg", "job"], "error: --package abc is no part of the config"),
        (["hydra/job_logging=disabled"], "error: seed must be at least 0"),
        (["hydra/job_logging=stdout"], "error: seed must be at least 0"),
    ],
)
def test_an_odd_value_of_hydras_is_one_error(typed, said, tmp_path):
    folders = [f"hydra.run.dir={tmp_path}/run", f"hydra.sweep.dir={tmp_path}/sweep"]
    _, errors = call("train", *typed, MISTAKE, *folders, code=2)
    assert said in errors
    assert len([line for line in errors.splitlines() if line.startswith("error: ")]) == 1
    assert "Traceback" not in errors


def test_a_part_of_the_configuration_is_shown():
    shown, _ = call("train", "--package", "hydra.run", "--cfg", "all")
    assert "dir:" in shown


class Planting:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.file), "w")


def test_the_pickle_of_a_run_is_not_loaded(tmp_path):
    file, planted = tmp_path / "config.pickle", tmp_path / "planted"
    file.write_bytes(pickle.dumps(Planting(planted)))
    _, errors = call("train", "--experimental-rerun", file, f"hydra.run.dir={tmp_path}/run", code=2)
    assert errors.startswith("error: --experimental-rerun would run the code that a pickle holds")
    assert not planted.exists()
