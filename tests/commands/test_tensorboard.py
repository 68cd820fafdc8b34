"""`make tensorboard`: the columns of the hyperparameter table, as its page gets them."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext

from textlstm.commands.tensorboard import COMMON, ComparedRuns, columns
from textlstm.places import CONF
from textlstm.runs import tensorboard as dashboards
from textlstm.runs.charts import KEPT

SWEPT = ["data.batch_size", "model.dropout", "model.hidden", "trainer.max_epochs"]


def write(folder: Path, *overrides: str, tested: bool = False) -> None:
    """What a run writes for TensorBoard, without the training."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", list(overrides)))
    logger = dashboards.ChartLogger(folder, name=None, version="")
    dashboards.begin(logger, config, list(overrides))
    logger.log_metrics({KEPT: 0.75}, 10)
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
