"""Settings: fields are the config's keys, each is explained, and what does not fit is refused."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, fields

import pytest
import yaml

from helpers.training import MODEL, OPTIMIZER
from textlstm.checks import InputError, parse_settings
from textlstm.commandline.help import field_sentences
from textlstm.model.pooling import POOLINGS
from textlstm.model.settings import ModelSettings
from textlstm.places import CONF
from textlstm.training.module import OPTIMIZERS, SCHEDULES
from textlstm.training.settings import OptimizerSettings

ALL_MODEL = {**MODEL, "label_smoothing": 0.0}


@pytest.mark.parametrize(
    ("kind", "file", "count"),
    [
        (ModelSettings, "model/lstm.yaml", 13),
        (OptimizerSettings, "optimizer/adam.yaml", 5),
        (OptimizerSettings, "optimizer/adamw.yaml", 5),
    ],
)
def test_the_fields_are_the_keys_of_the_config_in_their_order(kind, file, count):
    config = yaml.safe_load((CONF / file).read_text(encoding="utf-8"))
    assert [field.name for field in fields(kind)] == list(config)
    assert len(config) == count
    assert asdict(parse_settings(kind, config, file.partition("/")[0])) == config


@pytest.mark.parametrize("kind", [ModelSettings, OptimizerSettings])
def test_each_field_is_explained_in_one_line(kind):
    explained = field_sentences(kind)
    assert list(explained) == [field.name for field in fields(kind)]
    for sentence in explained.values():
        assert 0 < len(sentence) < 100
        assert "$" not in sentence  # which would be Hydra's interpolation


def test_the_explanations_name_what_can_be_chosen():
    model, optimizer = field_sentences(ModelSettings), field_sentences(OptimizerSettings)
    assert [name for name in POOLINGS if name not in model["pooling"]] == []
    assert [name for name in OPTIMIZERS if name not in optimizer["name"]] == []
    assert [name for name in SCHEDULES if name not in optimizer["schedule"]] == []


def test_settings_can_be_read_without_torch():
    program = (
        "import sys, textlstm.model.settings, textlstm.training.settings; "
        "print({'torch', 'numpy', 'hydra'} & set(sys.modules) or 'none')"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "none\n"


def test_settings_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        ModelSettings(**ALL_MODEL).hidden = 5


@pytest.mark.parametrize(
    ("group", "kind", "values", "message"),
    [
        (
            "model",
            ModelSettings,
            {**ALL_MODEL, "hiden": 3},
            r"^There is no key 'model\.hiden'\. Did you mean 'model\.hidden'\?$",
        ),
        (
            "optimizer",
            OptimizerSettings,
            {**OPTIMIZER, "learning_rate": 3},
            r"^There is no key 'optimizer\.learning_rate'\.",
        ),
        (
            "optimizer",
            OptimizerSettings,
            {"name": "adam", "schedule": "constant"},
            r"^optimizer\.lr, optimizer\.weight_decay must be given\.$",
        ),
        ("model", ModelSettings, {**ALL_MODEL, "hidden": 0}, "^model.hidden must be at least 1, "),
    ],
)
def test_keys_that_are_unknown_or_missing_are_one_error(group, kind, values, message):
    with pytest.raises(InputError, match=message):
        parse_settings(kind, values, group)
