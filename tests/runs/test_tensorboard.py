"""TensorBoard's HParams view: what its plugin reads from the event files of finished and pruned
runs.
"""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.api_pb2 import DATA_TYPE_STRING
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG, SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from textlstm.places import CONF
from textlstm.runs import tensorboard as dashboards
from textlstm.runs.charts import COLUMNS, SCORE, chart, name_of, run_name
from textlstm.runs.folder import RunFolder
from textlstm.training.progress import EpochHistory
from textlstm.training.recording import record_pruned


@pytest.fixture
def begun(tmp_path):
    """A run that has begun: its folder, its logger, and a function that reads its events back."""

    def begin(*overrides):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = OmegaConf.to_container(
                compose("train", [typed for typed in overrides if not typed.startswith("sweep")])
            )
        run = RunFolder(tmp_path)
        logger = dashboards.ChartLogger(tmp_path, name=None, version="")
        dashboards.begin(logger, config, list(overrides))
        return run, logger

    return begin


def events(run):
    return EventAccumulator(str(run.path)).Reload()


def plugin_data(run, tag):
    """As the HParams plugin reads it."""
    return HParamsPluginData.FromString(events(run).SummaryMetadata(tag).plugin_data.content)


def hyperparameters(run):
    values = plugin_data(run, SESSION_START_INFO_TAG).session_start_info.hparams
    return {key: getattr(value, value.WhichOneof("kind")) for key, value in values.items()}


TYPED = {
    "model.pooling": "mean",
    "model.head": "[32, 16]",
    "trainer.limit_train_batches": 3,
    "model.hidden": 99,
    "seed": 7,
    "callbacks.early_stopping.patience": 2,
}


def test_every_hyperparameter_is_in_the_table_and_those_that_were_typed_come_first(begun):
    run, logger = begun(
        *(
            "model.pooling=mean",
            "model.head=[32,16]",
            "optimizer=adam",
            "experiment=smoke",
            "data.class_weights=null",
        ),
        *(
            "+trainer.limit_train_batches=3",
            "model.hidden=99",
            "seed=7",
            "data.train='/a,b.csv'",
            "~logger",
        ),
        *(
            "callbacks.early_stopping.patience=2",
            "test=False",
            "baselines=False",
            "sweep=grid",
            "sweep.trials=3",
        ),
    )
    logger.finalize("success")
    values = hyperparameters(run)
    assert {key: values[key] for key in TYPED} == TYPED
    assert values["optimizer.name"] == "adam"  # of a preset
    assert values["trainer.max_epochs"] == 1
    assert values["data.oversample"] == 0
    left_out = {
        "data.train",
        "data.test",
        "logger",
        "test",
        "baselines",
        "sweep",
        "sweep.trials",
        "/a,b.csv",
    }
    assert not left_out & {*values, *map(str, values.values())}

    columns = plugin_data(run, EXPERIMENT_TAG).experiment
    names = [info.name for info in columns.hparam_infos]
    assert len(names) == len(set(names))
    with_null = {
        "data.class_weights",
        "data.pad_to",
        "data.encoding",
    }  # may have a value in another run
    assert set(values) | with_null <= set(names)
    assert not with_null & set(values)
    assert {info.name for info in columns.hparam_infos if info.differs} == {
        *TYPED,
        "data.class_weights",
    }
    assert {info.type for info in columns.hparam_infos if info.name in with_null} == {
        DATA_TYPE_STRING
    }
    assert [info.name.tag for info in columns.metric_infos] == list(COLUMNS)


def test_a_pruned_run_has_the_score_of_its_best_epoch(begun):
    run, logger = begun("model.pooling=mean")
    history = EpochHistory()
    history.epochs = [
        {"epoch": 1, "val_macro_f1": 0.625, "val_loss": 0.75},
        {"epoch": 2, "val_macro_f1": 0.5, "val_loss": 0.875},
    ]
    run.checkpoints.mkdir()
    record_pruned(run, logger, history, 20, ["model.pooling=mean"])
    seen = events(run)
    assert seen.Scalars(SCORE)[-1].value == 0.625
    assert hyperparameters(run)["model.pooling"] == "mean"


def test_a_run_is_named_by_what_was_typed_without_folders_and_not_at_length():
    typed = ["data.train='/far/away/my texts.csv'", "model.head=[32,16]", "sweep.name=x"]
    typed += ["~logger", "threads=1", "data.text_column=a", "+trainer.limit_train_batches=3"]
    name = name_of([*typed, "experiment=best", "trainer.max_epochs=2", "trainer.max_epochs=3"])
    assert name == "data.train-my-texts.csv_model.head--32-16_trainer.limit_train_batches-3"
    assert name_of(["trainer.max_epochs=2", "trainer.max_epochs=3"]) == "trainer.max_epochs-3"
    assert name_of(["threads=1"]) == "defaults"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("train/loss_epoch", "curves/loss/train"),
        ("val/loss", "curves/loss/val"),
        ("val/auroc", "other_scores/auroc/val"),
        ("train/loss_step", "steps/loss/train"),
        ("lr-Adam", "learning_rate"),
        ("lr-AdamW/pg1", "learning_rate"),
        ("lr-AdamW/pg2", None),
        ("epoch", None),
        ("test/macro_f1", "test/macro_f1"),
    ],
)
def test_a_number_has_its_chart(name, shown):
    assert chart(name) == shown


def test_a_resumed_run_keeps_its_name(tmp_path):
    assert run_name(tmp_path, ["model.hidden=64"]) == "model.hidden-64"
    for folder, name in ((".", ""), ("tensorboard", ""), ("tensorboard/old", "old"), ("x", "x")):
        run = tmp_path / folder.replace("/", "_").replace(".", "trial")
        (run / folder).mkdir(parents=True)
        (run / folder / "events.out.tfevents.1").touch()
        assert run_name(run, ["model.hidden=64"]) == name
