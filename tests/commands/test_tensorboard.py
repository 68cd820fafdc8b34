"""`make tensorboard`: the columns of the hyperparameter table, as its page gets them."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS, ListSessionGroupsRequest
from tensorboard.plugins.hparams.list_session_groups import Handler
from tensorboard.plugins.hparams.metadata import (
    SESSION_START_INFO_TAG,
    parse_session_start_info_plugin_data,
)

from textlstm.commands.tensorboard import COMMON, ComparedRuns, columns
from textlstm.places import CONF
from textlstm.runs import tensorboard as dashboards
from textlstm.runs.charts import KEPT

REQUEST = ListSessionGroupsRequest(allowed_statuses=[STATUS_SUCCESS], slice_size=100)
SWEPT = ["data.batch_size", "model.dropout", "model.hidden", "trainer.max_epochs"]


def write(folder: Path, *overrides: str, tested: bool = False, score: float | None = 0.75) -> None:
    """What a run writes for TensorBoard, without the training."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", list(overrides)))
    logger = dashboards.ChartLogger(folder, name=None, version="")
    dashboards.begin(logger, config, list(overrides))
    if score is not None:
        logger.log_metrics({KEPT: score}, 10)
    if tested:
        logger.log_metrics({"test/macro_f1": 0.5, "test/accuracy": 0.25}, 10)
    logger.finalize("success")


def table(folder: Path) -> tuple[list[str], list[str]]:
    """The hyperparameters, in their order, and the scores that the page of a folder has."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    context, request = ComparedRuns(TBContext(data_provider=provider)), RequestContext()
    found = context.experiment_from_metadata(
        request,
        "",
        True,
        context.hparams_metadata(request, ""),
        context.hparams_from_data_provider(request, "", limit=0),
    )
    assert all(info.differs for info in found.hparam_infos)
    return (
        [info.name for info in found.hparam_infos],
        [info.display_name for info in found.metric_infos],
    )


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Two single runs, and a sweep of four hyperparameters with one setting for all trials."""
    folder = tmp_path_factory.mktemp("outputs")
    write(folder / "runs" / "one" / "defaults", tested=True)
    write(folder / "runs" / "two" / "other", "optimizer.lr=0.1", "seed=7", "model.layers=2")
    for number, value in enumerate((16, 32, 64)):
        write(
            folder / "sweeps" / "grid" / str(number),
            *(f"model.hidden={value}", f"data.batch_size={value}", f"model.dropout=0.{number}"),
            *(f"trainer.max_epochs={number + 1}", "data.max_rows=300"),
        )
    return folder


def test_all_outputs_and_one_sweep_have_the_columns_that_were_swept(outputs):
    assert table(outputs / "sweeps" / "grid") == (SWEPT, ["validation macro F1"])
    scores = ["validation macro F1", "test macro F1", "test accuracy"]
    assert table(outputs) == (SWEPT, scores)


def test_runs_without_a_sweep_are_told_apart_by_what_they_differ_in(outputs):
    assert table(outputs / "runs")[0] == ["model.layers", "optimizer.lr", "seed"]
    assert table(outputs / "runs" / "one")[0] == list(COMMON)


def test_a_value_that_only_some_trials_have_is_a_difference_and_all_swept_keys_are_listed():
    trials = {
        f"sweeps/x/{n}": {f"model.{name}": str(n).encode() for name in "abcdef"[: 5 + n % 2]}
        for n in range(4)
    }
    assert columns(trials) == [f"model.{name}" for name in "abcdef"[:5]] + ["model.f"]


def test_the_name_of_a_trial_begins_with_its_score(outputs):
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(outputs))
    multiplexer.Reload()
    context = ComparedRuns(TBContext(data_provider=MultiplexerDataProvider(multiplexer, "")))
    groups = Handler(RequestContext(), context, "", REQUEST).run().session_groups
    assert sorted(group.name for group in groups) == [
        "0.7500 runs/one/defaults",
        "0.7500 runs/two/other",
        *(f"0.7500 sweeps/grid/{number}" for number in range(3)),
    ]
    assert {group.sessions[0].name for group in groups} >= {"sweeps/grid/0"}  # as its files


def test_a_run_without_a_score_keeps_its_name(tmp_path):
    write(tmp_path / "new", score=None)
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    context = ComparedRuns(TBContext(data_provider=MultiplexerDataProvider(multiplexer, "")))
    found = context.hparams_metadata(RequestContext(), "")["new"][SESSION_START_INFO_TAG]
    assert not parse_session_start_info_plugin_data(found).group_name
