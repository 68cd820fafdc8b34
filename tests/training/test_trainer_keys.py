"""Keys that are added with +trainer.NAME: each works, or is one error before any data are read."""

import re

import pytest

from textlstm.checks import InputError
from textlstm.training.trainer_keys import REFUSED, check_trainer_keys


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fast_dev_run": True}, "for a quick look use experiment=smoke. Leave it out."),
        ({"limit_val_batches": 0}, "a run chooses its best epoch on validation"),
        ({"limit_test_batches": 0.1}, "data.max_rows=N reads fewer rows"),
        ({"overfit_batches": 2}, "+trainer.limit_train_batches=N makes epochs shorter"),
        ({"check_val_every_n_epoch": 2}, "validation, which it computes after each epoch"),
        ({"val_check_interval": 0.5}, "+trainer.limit_train_batches=0.25 makes an epoch a quarter"),
        ({"logger": False}, "trainer.logger: the run sets it itself; logger=csv"),
        (
            {"max_step": 5},
            "There is no key 'trainer.max_step'. Did you mean 'trainer.max_steps'? trainer takes "
            "the arguments of pytorch_lightning.Trainer.",
        ),
        ({"max_steps": 0}, "trainer.max_steps must be at least 1, got 0."),
        ({"max_steps": "many"}, "trainer.max_steps must be a whole number, got 'many'."),
        ({"min_epochs": 0}, "trainer.min_epochs must be at least 1, got 0."),
        ({"log_every_n_steps": 0}, "trainer.log_every_n_steps must be at least 1, got 0."),
        ({"gradient_clip_val": float("nan")}, "trainer.gradient_clip_val must be a finite number"),
        ({"gradient_clip_val": -1}, "trainer.gradient_clip_val must be at least 0, got -1."),
        (
            {"gradient_clip_val": "a"},
            "trainer.gradient_clip_val must be a number or null, got 'a'.",
        ),
        ({"max_time": 5}, "trainer.max_time=5 is no time: days, hours, minutes and seconds"),
        ({"max_time": {"minutes": "x"}}, "trainer.max_time={'minutes': 'x'} is no time"),
        ({"max_time": {"days": 1e308}}, "trainer.max_time={'days': 1e+308} is no time"),
        (
            {"max_time": "99999999999:00:00:00"},
            "is no time: days, hours",
        ),
        ({"devices": True}, "trainer.devices must be a number of devices, auto or a list"),
        ({"devices": 2**63}, "trainer.devices must be at most 1024, got 9223372036854775808."),
        ({"devices": "99999"}, "trainer.devices must be at most 1024, got 99999."),
        ({"num_nodes": 2**31}, "trainer.num_nodes must be at most 1024, got 2147483648."),
        ({"accelerator": ["a"]}, "trainer.accelerator must be auto, cpu or gpu, got ['a']."),
        ({"detect_anomaly": "abc"}, "trainer.detect_anomaly must be true or false, got 'abc'."),
        ({"deterministic": "abc"}, "trainer.deterministic must be true or false or warn or null"),
        ({"profiler": 5}, "trainer.profiler must be Profiler or a text or null, got 5."),
    ],
)
def test_a_key_that_a_run_cannot_have_is_refused(given, message):
    with pytest.raises(InputError, match=re.escape(message)):
        check_trainer_keys(given)


@pytest.mark.parametrize("key", REFUSED)
def test_a_refused_key_is_named(key):
    with pytest.raises(InputError, match=rf"^trainer\.{key}: .*\. Leave it out\.$"):
        check_trainer_keys({key: 1})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_steps": -1, "gradient_clip_val": None},
        {"max_steps": 5, "min_epochs": 1, "min_steps": 2, "limit_train_batches": 0.1},
        {"max_time": "00:01:00:00", "log_every_n_steps": 5},
        {"max_time": {"minutes": 5}, "detect_anomaly": True, "profiler": "simple"},
        {"devices": -1, "num_nodes": 2, "deterministic": "warn", "default_root_dir": "folder"},
        {"devices": "auto", "accelerator": "cpu", "strategy": "ddp"},
    ],
)
def test_other_arguments_are_lightnings_matter(given):
    check_trainer_keys(given)
