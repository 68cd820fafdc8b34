"""TensorBoard's HParams view: what its plugin reads from the event files of finished and pruned runs."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from textlstm import dashboards
from textlstm.command_line import CONF
from textlstm.progress import EpochHistory
from textlstm.runs import RunFolder
from textlstm.training import _record_pruned


@pytest.fixture
def begun(tmp_path):
    """A run that has begun: its folder, its logger, and a function that reads its events back."""

    def begin(*overrides):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = OmegaConf.to_container(compose("train", [of for of in overrides if not of.startswith("sweep")]))
        run = RunFolder(tmp_path)
        logger = TensorBoardLogger(tmp_path, name="tensorboard", version="", default_hp_metric=False)
        dashboards.begin(logger, config, list(overrides))
        return run, logger

    return begin


def events(run):
    return EventAccumulator(str(run.path / "tensorboard")).Reload()


def hyperparameters(run):
    """As the HParams plugin reads them."""
    content = events(run).SummaryMetadata(SESSION_START_INFO_TAG).plugin_data.content
    values = HParamsPluginData.FromString(content).session_start_info.hparams
    return {key: getattr(value, value.WhichOneof("kind")) for key, value in values.items()}


def test_swept_hyperparameters_are_in_the_table_beside_those_of_every_run(begun):
    run, logger = begun(
        *("model.pooling=mean", "model.head=[32,16]", "optimizer=adam", "experiment=smoke", "data.class_weights=null"),
        *("+trainer.limit_train_batches=3", "model.hidden=99", "seed=7", "data.train='/a,b.csv'", "~callbacks"),
        *("test=False", "baselines=False", "sweep=grid", "sweep.trials=3"),
    )
    logger.finalize("success")
    assert hyperparameters(run) == {
        "model.pooling": "mean",
        "model.head": "[32, 16]",
        "optimizer": "adam",
        "experiment": "smoke",
        "data.class_weights": "None",
        "trainer.limit_train_batches": 3,
        "model.hidden": 99,
        "seed": 7,
        "model.dropout": 0.5,
        "model.layers": 1,
        "data.batch_size": 64,
        "data.tokenizer": "word",
        "optimizer.lr": 0.001,
        "trainer.max_epochs": 1,
    }


def test_a_pruned_run_has_the_score_of_its_best_epoch(begun):
    run, logger = begun("model.pooling=mean")
    history = EpochHistory()
    history.epochs = [
        {"epoch": 1, "val_macro_f1": 0.625, "val_loss": 0.75},
        {"epoch": 2, "val_macro_f1": 0.5, "val_loss": 0.875},
    ]
    run.checkpoints.mkdir()
    _record_pruned(run, logger, history, 20, ["model.pooling=mean"])
    seen = events(run)
    assert seen.Scalars(dashboards.SCORE)[-1].value == 0.625
    assert seen.Scalars(dashboards.LOSS)[-1].value == 0.75
    assert hyperparameters(run)["model.pooling"] == "mean"
