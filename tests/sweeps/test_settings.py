"""The settings of a sweep: the keys of conf/train.yaml, and what is no value for them."""

import re
from dataclasses import fields, replace

import pytest
from omegaconf import OmegaConf

from helpers.studies import SETTINGS
from textlstm.checks import InputError
from textlstm.places import CONF
from textlstm.sweeps.settings import SweepSettings

NAME = "sweep.name must be the name of a folder below outputs/sweeps, got"


def test_the_fields_are_the_keys_of_the_config_in_its_order():
    node = OmegaConf.load(CONF / "train.yaml").sweep
    assert [field.name for field in fields(SweepSettings)] == list(node)
    assert not SweepSettings(**node).searches


@pytest.mark.parametrize("given", [{"trials": 1}, {"minutes": 0.5}])
def test_a_number_of_trials_or_minutes_makes_it_a_search(given):
    assert replace(SETTINGS, **given).searches


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": ""}, f"{NAME} ''."),
        ({"name": ".."}, f"{NAME} '..'."),
        (
            {"name": "a/b"},
            f"{NAME} 'a/b'.",
        ),
        (
            {"name": ["a"]},
            f"{NAME} ['a'].",
        ),
        ({"storage": 5}, "sweep.storage must be a database's URL or a file, got 5."),
        ({"workers": 1025}, "sweep.workers must be at most 1024, got 1025."),
        ({"trials": 0}, "sweep.trials must be at least 1, got 0."),
        ({"trials": 1.5}, "sweep.trials must be a whole number, got 1.5."),
        ({"workers": 0}, "sweep.workers must be at least 1, got 0."),
        ({"minutes": -1}, "sweep.minutes must be at least 0, got -1."),
        ({"minutes": "ten"}, "sweep.minutes must be a number, got 'ten'."),
        ({"repeats": 0}, "sweep.repeats must be at least 1, got 0."),
        ({"repeats": None}, "sweep.repeats must be a whole number, got None."),
        ({"prune": "yes"}, "sweep.prune must be true or false, got 'yes'."),
    ],
)
def test_a_value_outside_its_range_is_refused(given, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        replace(SETTINGS, **given)
