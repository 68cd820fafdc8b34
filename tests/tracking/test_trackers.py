"""MLflow and W&B show what TensorBoard shows; they are packages that need not be installed."""

import json
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.commands import KILL, QUICK, call, events_folder, forget, record, run, train_and_kill

pytestmark = pytest.mark.slow

SMALL = [*QUICK, "data.max_rows=300", "threads=1", "+trainer.log_every_n_steps=1"]
SECRET = "s3cret"
BLOCK = 32768  # bytes, of the files of W&B

Points = Counter[tuple[str, int, float]]


@pytest.fixture(scope="module")
def shown_in_tensorboard(tmp_path_factory: pytest.TempPathFactory) -> Points:
    """The points of the charts of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("tensorboard")
    call("train", *SMALL, f"hydra.run.dir={folder}")
    seen = EventAccumulator(str(events_folder(folder)), size_guidance={"scalars": 0}).Reload()
    tags = [tag for tag in seen.Tags()["scalars"] if not tag.startswith("_hparams_")]
    return Counter((tag, e.step, rounded(e.value)) for tag in tags for e in seen.Scalars(tag))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database of MLflow that is not there yet."""
    pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'tracked' / 'runs.db'}"
    (tmp_path / "tracked").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


def rounded(value: Any) -> float:
    """A number with the digits that TensorBoard keeps of it."""
    return struct.unpack("f", struct.pack("f", float(value)))[0]


def runs_of_mlflow(uri: str) -> list[Any]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("textlstm")
    return list(client.search_runs([experiment.experiment_id]))


def points_of_mlflow(uri: str, run_id: str) -> Points:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    names = client.get_run(run_id).data.metrics
    return Counter(
        (name, point.step, rounded(point.value))
        for name in names
        for point in client.get_metric_history(run_id, name)
    )


def records_of_wandb(file: Path) -> Iterator[Any]:
    """The records of a file of W&B: a log of LevelDB, behind a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, part = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if BLOCK - at % BLOCK < 7:
            at += BLOCK - at % BLOCK
            continue
        size, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        part += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a whole record, or the last part of one
            yield Record.FromString(part)
            part = b""


def shown_in_wandb(file: Path) -> tuple[Points, dict[str, Any], str]:
    """The points, the configuration and the id of a run of W&B."""
    points: Points = Counter()
    config: dict[str, Any] = {}
    run_id = ""
    for found in records_of_wandb(file):
        if found.HasField("history"):
            whole = [item for item in found.history.item if len(item.nested_key) < 2]  # numbers
            values = {i.key or i.nested_key[0]: json.loads(i.value_json) for i in whole}
            step = values.get("trainer/global_step")
            for name, value in values.items():
                if isinstance(value, int | float) and name[0] != "_" and "trainer/" not in name:
                    points[name, step, rounded(value)] += 1
        if found.HasField("config"):
            config |= {item.key: json.loads(item.value_json) for item in found.config.update}
        if found.HasField("run"):
            run_id = found.run.run_id
    return points, config, run_id


def test_mlflow_shows_what_tensorboard_shows_and_a_resumed_run_goes_on_there(
    tmp_path, database, shown_in_tensorboard
):
    folder = tmp_path / "run"
    train_and_kill(folder, *SMALL, "logger=mlflow")
    call("train", f"resume={folder}")
    [found] = runs_of_mlflow(database)
    assert found.info.status == "FINISHED"
    assert points_of_mlflow(database, found.info.run_id) == shown_in_tensorboard

    assert found.data.params["model.hidden"] == "16"
    assert not any(name.startswith("logger") for name in found.data.params)
    artifacts = Path(found.info.artifact_uri.removeprefix("file://"))
    assert sorted(str(file.relative_to(artifacts)) for file in artifacts.rglob("*.*")) == [
        "config.yaml",
        "hardest/test.json",
        "test_predictions/confusion_matrix.png",
        "test_predictions/precision_recall.png",
    ]
    assert yaml.safe_load((artifacts / "config.yaml").read_text())["seed"] == 42


def test_a_key_that_is_changed_at_the_resume_is_a_tag_of_mlflow(tmp_path, database):
    folder = tmp_path / "run"
    begun = ["optimizer.schedule=constant", "trainer.max_epochs=1", f"hydra.run.dir={folder}"]
    call("train", *SMALL, "logger=mlflow", *begun)
    call("train", f"resume={folder}", "trainer.max_epochs=2")
    [found] = runs_of_mlflow(database)
    assert found.data.params["trainer.max_epochs"] == "1"
    assert found.data.tags["resumed.trainer.max_epochs"] == "2"


def test_each_trial_of_a_sweep_is_a_run_of_mlflow(tmp_path, database):
    sweep = [f"hydra.sweep.dir={tmp_path / 'units'}", "sweep.workers=2", "sweep.name=units"]
    run("train", *SMALL, "trainer.max_epochs=1", "logger=mlflow", "model.hidden=4,8,12", *sweep)
    found = runs_of_mlflow(database)
    assert sorted(run.data.params["model.hidden"] for run in found) == ["12", "4", "8"]
    assert {run.data.tags["sweep"] for run in found} == {"units"}
    assert {run.info.status for run in found} == {"FINISHED"}
    assert all("curves/macro_f1/val_kept" in run.data.metrics for run in found)


def test_an_address_that_leads_nowhere_is_one_error_without_its_password(
    tmp_path, database, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{SECRET}@127.0.0.1:9/x")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    folder = tmp_path / "run"
    _, errors = call("train", *SMALL, "logger=mlflow", f"hydra.run.dir={folder}", code=2)
    last = errors.strip().splitlines()[-1]
    assert last.startswith("error: logger: MLflow at http://me@127.0.0.1:9/x cannot be used: ")
    assert "Traceback" not in errors
    written = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    assert not any(SECRET in text for text in [errors, *map(repr, written)])


def test_wandb_shows_what_tensorboard_shows_without_a_network(
    tmp_path, shown_in_tensorboard, monkeypatch
):
    pytest.importorskip("wandb")
    folder = tmp_path / "run"
    monkeypatch.setenv("WANDB_API_KEY", SECRET * 7)
    offline = ["logger=wandb", "logger.offline=true", f"hydra.run.dir={folder}"]
    call("train", *SMALL, *offline)
    [file] = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    points, config, _ = shown_in_wandb(file)
    assert points == shown_in_tensorboard
    assert config["model"]["hidden"] == 16
    assert "logger" not in config
    pictures = {picture.parent.name for picture in file.parent.rglob("*.png")}
    assert pictures == {"test_predictions"}
    assert len([*file.parent.rglob("*.table.json")]) == 1
    written = [found.read_bytes() for found in folder.rglob("*") if found.is_file()]
    assert not any(SECRET.encode() in text for text in written)


def test_a_stopped_run_goes_on_in_the_same_run_of_wandb(tmp_path, shown_in_tensorboard):
    pytest.importorskip("wandb")
    folder = tmp_path / "run"
    stopped = [*KILL, "callbacks.fail.how=terminate", f"hydra.run.dir={folder}"]
    run("train", *SMALL, "logger=wandb", "logger.offline=true", *stopped, code=143)
    forget(folder, "fail")
    call("train", f"resume={folder}")
    files = sorted((folder / "wandb").glob("offline-run-*/run-*.wandb"))
    before, after = (shown_in_wandb(file) for file in files)
    assert before[2] == after[2] != ""
    assert before[0]
    assert set(before[0] + after[0]) == set(shown_in_tensorboard)


def test_the_numbers_of_a_csv_file_are_those_of_tensorboard_also_after_a_resume(
    tmp_path, shown_in_tensorboard
):
    import csv

    from textlstm.runs.charts import chart

    folder = tmp_path / "run"
    train_and_kill(folder, *SMALL, "logger=csv")
    call("train", f"resume={folder}")
    [file] = folder.rglob("metrics.csv")
    points: Points = Counter()
    with open(file, newline="", encoding="utf-8") as opened:
        for row in csv.DictReader(opened):
            for name, value in row.items():
                if value and name != "step" and (shown := chart(name)) is not None:
                    points[shown, int(row["step"]), rounded(value)] += 1
    assert points == shown_in_tensorboard
    assert record(folder)["score"] is not None
