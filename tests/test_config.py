"""The configs: every preset composes and fits the constructors, and the public keys are frozen."""

import inspect
import re
from dataclasses import asdict, dataclass, fields

import pytest
import pytorch_lightning as pl
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate

from helpers.configs import composed
from textlstm.checks import InputError, parse_settings
from textlstm.commandline.help import key_lines
from textlstm.commandline.settings import (
    EvaluateSettings,
    ExportSettings,
    PredictSettings,
    ServeSettings,
)
from textlstm.data.datamodule import TextDataModule
from textlstm.places import CONF
from textlstm.sweeps.search_space import SearchSpace
from textlstm.sweeps.settings import SweepSettings
from textlstm.training.module import OPTIMIZERS, SCHEDULES, TextClassificationModule
from textlstm.training.settings import RunSettings
from textlstm.training.trainer_keys import OWN_KEYS

PRESETS = sorted(
    (file.parent.name, file.stem) for file in CONF.glob("*/*.yaml") if file.parent.name != "hydra"
)  # every YAML of every group

TRAIN_KEYS = {
    "": "baselines calibrate calibration_from ensemble pretrain resume seed spreadsheet test "
    "threads wide",
    "callbacks": "early_stopping._target_ early_stopping.monitor early_stopping.patience "
    "learning_rate._target_ learning_rate.logging_interval",
    "data": "batch_size class_weights columns config drop_empty encoding encoding_errors fold "
    "folds format header label_column label_names max_length max_rows max_tokens_per_batch "
    "merge_labels name oversample pad_to prefix_length quoting refit source split_seed streaming "
    "streaming_rows suffix_length test test_fraction text_column tokenizer train train_share "
    "truncate unlabelled val_fraction validation vocab_size",
    "logger": "_target_ default_hp_metric name",
    "model": "adversarial bidirectional directions dropout embedding_dim embedding_dropout head "
    "hidden label_smoothing layers pooling sequence_dropout word_dropout",
    "optimizer": "body_rate lr name schedule weight_decay",
    "sweep": "minutes name prune repeats storage trials workers",
    "trainer": "accelerator accumulate_grad_batches checkpoint_every devices gradient_clip_val "
    "max_epochs precision",
}
PRETRAIN_KEYS = {  # of pretrain=own_text
    f"pretrain.{key}"
    for key in ("batch_size", "candidates", "dropout", "epochs", "lr", "seed", "weight_drop")
} | {"pretrain.word_dropout"}
LOGGER_KEYS = {
    "mlflow": {"logger.experiment_name", "logger.tracking_uri"},
    "wandb": {"logger.project", "logger.offline"},
}
OTHER_KEYS = {
    "evaluate": "accelerator batch_size changed_data columns drift encoding encoding_errors file "
    "format header label_column merge_labels quoting run split spreadsheet text_column threads",
    "predict": "against batch_size columns drift encoding encoding_errors explain format header "
    "input min_probability output quoting run spreadsheet text text_column threads",
    "export": "examples html int8 run",
    "serve": "host port run threads",
    "label_next": "batch_size columns encoding encoding_errors format header input number output "
    "quoting run spreadsheet text_column threads",
    "inspect_data": " ".join(["data." + key for key in TRAIN_KEYS["data"].split()] + ["output"]),
}


FROZEN = sorted(
    f"{group}.{key}".lstrip(".") for group, keys in TRAIN_KEYS.items() for key in keys.split()
)


def leaf_keys(node: object, prefix: str = "") -> list[str]:
    if not isinstance(node, dict):
        return [prefix]
    return [
        key
        for name, child in node.items()
        for key in leaf_keys(child, f"{prefix}.{name}".lstrip("."))
    ]


def test_the_public_keys_of_training_are_frozen():
    assert sorted(leaf_keys(composed("train"))) == FROZEN


@pytest.mark.parametrize("command", OTHER_KEYS)
def test_the_public_keys_of_the_other_commands_are_frozen(command):
    assert sorted(leaf_keys(composed(command))) == OTHER_KEYS[command].split()


def test_the_keys_of_suspects_are_those_of_training_and_three_of_its_own():
    left_out = {"baselines", "calibration_from", "resume", "test"}
    keys = set(leaf_keys(composed("suspects", "logger=tensorboard")))
    of_training = {key for key in FROZEN if not key.startswith("sweep.")} - left_out
    assert keys == of_training | {"folds", "output"}  # the third, spreadsheet, is in both


def test_help_of_suspects_explains_every_key():
    explained = re.findall(r"^    (\S+)", key_lines("suspects"), re.MULTILINE)
    more = {"trainer.strategy", "trainer.num_nodes", *PRETRAIN_KEYS}
    assert sorted(explained) == sorted({*leaf_keys(composed("suspects")), *more} - UNEXPLAINED)


def test_the_public_keys_of_pretraining_are_frozen():
    keys = leaf_keys(composed("train", "pretrain=own_text"))
    assert set(keys) - set(FROZEN) == PRETRAIN_KEYS


def test_every_preset_is_covered():
    assert len(PRESETS) == 28
    groups = ["callbacks", "data", "experiment", "logger", "model", "optimizer", "pretrain"]
    assert sorted({group for group, _ in PRESETS}) == [*groups, "sweep", "trainer"]


@pytest.mark.parametrize(("group", "preset"), PRESETS)
def test_every_preset_composes_and_binds(group, preset, tmp_path):
    config = composed("train", f"{group}={preset}")
    assert set(leaf_keys(config)) - set(FROZEN) <= {
        "hydra",
        "trainer.strategy",
        "trainer.num_nodes",
        *(PRETRAIN_KEYS if preset in {"own_text", "best"} else ()),
        *LOGGER_KEYS.get(preset, ()),
    }
    if preset == "files":
        assert config["data"].pop("train") == "???"  # must be given
        config["data"]["train"] = None
    sweep = config.pop("sweep")
    settings = RunSettings.parse(config)
    assert settings.plain() == config
    assert asdict(SweepSettings(**sweep)) == sweep

    TextDataModule(settings.data, cache=tmp_path)
    assert settings.optimizer.name in OPTIMIZERS
    assert settings.optimizer.schedule in SCHEDULES
    TextClassificationModule(
        model=settings.model.for_texts(1, lambda: 0),
        optimizer=settings.optimizer,
        labels=["a", "b"],
        tokenizer_json="{}",
        vocab_size=300,
    )
    lightnings = {key: settings.trainer[key] for key in settings.trainer.keys() - {*OWN_KEYS}}
    inspect.signature(pl.Trainer).bind(**lightnings)
    assert [instantiate(callback) for callback in settings.callbacks.values()]
    kind = get_class(settings.logger["_target_"])
    arguments = {key: value for key, value in settings.logger.items() if key != "_target_"}
    if preset in LOGGER_KEYS:  # needs a package that may be missing, and would write
        inspect.signature(kind).bind(**arguments)
    else:
        kind(tmp_path, version="", **arguments)


@pytest.mark.parametrize("preset", [preset for group, preset in PRESETS if group == "sweep"])
def test_every_sweep_is_named_by_its_file_and_sweeps_known_keys(preset):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"sweep={preset}"], return_hydra_config=True)
    assert config.sweep.name == preset
    assert set(config.hydra.sweeper.params) <= set(FROZEN)
    space = SearchSpace.of(
        [f"{key}={values}" for key, values in config.hydra.sweeper.params.items()], config
    )
    fixed = ["baselines=True"] if preset == "learning_curve" else []
    assert space.fixed == fixed
    assert len(space.swept) == len(config.hydra.sweeper.params) - len(fixed) > 0
    assert (preset == "search") == any(
        not override.is_discrete_sweep() for override in space.swept.values()
    )


def test_the_article_is_the_articles():
    config = composed("train", "experiment=article")
    model, data = config["model"], config["data"]
    assert (model["embedding_dim"], model["hidden"], model["layers"], model["head"]) == (
        45,
        128,
        2,
        [32],
    )
    assert (model["dropout"], model["pooling"], model["bidirectional"]) == (0.2, "last", False)
    assert (model["sequence_dropout"], model["word_dropout"], model["embedding_dropout"]) == (
        False,
        0,
        0,
    )
    assert (data["tokenizer"], data["vocab_size"], data["max_length"], data["pad_to"]) == (
        "word",
        8000,
        35,
        35,
    )
    assert (data["batch_size"], data["test_fraction"], data["split_seed"]) == (64, 0.1, 42)
    assert config["optimizer"] == {
        "name": "adam",
        "lr": 0.001,
        "weight_decay": 0.0,
        "schedule": "constant",
        "body_rate": 1.0,
    }
    assert (
        config["trainer"]["max_epochs"] == config["callbacks"]["early_stopping"]["patience"] == 20
    )
    assert composed("train", "experiment=article_deep")["model"]["head"] == [128, 128, 64, 32]


@pytest.mark.parametrize("key", ["prefix_length", "suffix_length"])
def test_beginnings_and_ends_of_words_need_word_dropout_which_trains_them(key):
    def parse(*overrides):
        config = composed("train", f"data.{key}=4", *overrides)
        return RunSettings.parse({name: config[name] for name in config if name != "sweep"})

    for trained in (["model.word_dropout=0", "pretrain=own_text"], ["model.word_dropout=null"], []):
        assert getattr(parse(*trained).data, key) == 4
    for more in ([], ["pretrain=own_text", "pretrain.word_dropout=0"]):
        with pytest.raises(InputError, match=rf"^data\.{key}=4 reads unknown words as some of"):
            parse("model.word_dropout=0", *more)


def test_the_best_preset_reads_unknown_words_as_their_beginnings_or_ends():
    data = composed("train", "experiment=best")["data"]
    assert (data["prefix_length"], data["suffix_length"]) == (5, 3)
    data = composed("train")["data"]
    assert (data["prefix_length"], data["suffix_length"]) == (None, None)


UNEXPLAINED = {
    *("logger._target_", "logger.name", "logger.default_hp_metric"),
    *("callbacks.learning_rate._target_", "callbacks.learning_rate.logging_interval"),
    "callbacks.early_stopping._target_",
}


def test_help_explains_every_key_of_training():
    explained = re.findall(r"^    (\S+)", key_lines("train"), re.MULTILINE)
    assert sorted(explained) == sorted(
        {*FROZEN, *PRETRAIN_KEYS, "trainer.strategy", "trainer.num_nodes"} - UNEXPLAINED
    )


@pytest.mark.parametrize("command", ["evaluate", "predict", "export", "serve", "label_next"])
def test_help_explains_every_key_of_the_other_commands(command):
    explained = re.findall(r"^    (\S+)", key_lines(command), re.MULTILINE)
    assert sorted(explained) == OTHER_KEYS[command].split()


def test_help_of_inspect_data_has_the_keys_of_data():
    explained = re.findall(r"^    (\S+)", key_lines("inspect_data"), re.MULTILINE)
    assert explained == [*re.findall(r"^    (data\.\S+)", key_lines("train"), re.M), "output"]


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (EvaluateSettings, "evaluate"),
        (PredictSettings, "predict"),
        (ExportSettings, "export"),
        (ServeSettings, "serve"),
    ],
)
def test_the_settings_of_the_other_commands_are_their_keys(kind, command):
    assert [field.name for field in fields(kind)] == list(composed(command))


@dataclass(frozen=True, kw_only=True)
class WithALaterKey:
    first: int
    later: int = 64


def test_a_run_recorded_before_a_key_existed_takes_the_default_of_its_field():
    assert parse_settings(WithALaterKey, {"first": 1}, "data") == WithALaterKey(first=1)
    with pytest.raises(InputError, match=r"^data\.first must be given\.$"):
        parse_settings(WithALaterKey, {"later": 1}, "data")
