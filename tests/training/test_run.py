"""What a trainer is refused, before any data are read; the rest of a run is tested end to end."""

import os
import re
import subprocess
import sys

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from helpers.configs import composed
from textlstm.checks import InputError
from textlstm.places import CONF
from textlstm.runs.folder import RunFolder
from textlstm.training.progress import EpochHistory
from textlstm.training.settings import RunSettings
from textlstm.training.trainer import make_trainer

SRC = CONF.parent / "src"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.accelerator=gpuu"], "trainer: You selected an invalid accelerator name"),
        (["trainer.max_epochs=0"], "trainer.max_epochs must be at least 1, got 0."),
        (
            ["callbacks.early_stopping.monitor=val/f1"],
            "callbacks.early_stopping.monitor must be one of val/loss, val/accuracy, val/macro_f1, "
            "val/auroc, val/calibration_error, got 'val/f1'. Did you mean 'val/macro_f1'?",
        ),
        (
            ["+callbacks.early_stopping.mode=max"],
            "callbacks.early_stopping.mode=max: val/loss is better the lower it is. Leave",
        ),
        (["+callbacks.checkpoint.monitor=x"], "callbacks.checkpoint names no class"),
        (["+callbacks.mine=3"], "callbacks.mine names no class: +callbacks.mine._target_=CLASS"),
        (["+callbacks.mine._target_=torch.nn.Linear"], "torch.nn.Linear is no kind of"),
        (
            [
                "+callbacks.mine._target_=pytorch_lightning.callbacks.ModelCheckpoint",
                "+callbacks.mine.monitor=x",
            ],
            "callbacks.mine.monitor must be one of val/loss, val/accuracy",
        ),
        (
            ["trainer.precision=64-true"],
            "trainer.precision=64-true: a network is trained with weights in float32. Give one of "
            "32-true, 16-mixed, bf16-mixed.",
        ),
        (
            ["callbacks.early_stopping.patience=0"],
            "callbacks.early_stopping.patience must be at least 1, got 0.",
        ),
        (
            [
                "+callbacks.mine._target_=pytorch_lightning.callbacks.EarlyStopping",
                "+callbacks.mine.monitor=val/accuracy",
                "+callbacks.mine.patience=0",
            ],
            "callbacks.mine.patience must be at least 1, got 0.",
        ),
        (["+callbacks.mine._target_=no.such.Callback"], "callbacks.mine: "),
        (
            [
                "trainer=ddp",
                "trainer.strategy=ddp_spawn",
                "trainer.devices=2",
                "trainer.accelerator=cpu",
            ],
            "trainer.strategy=ddp_spawn: several devices train with trainer=ddp",
        ),
    ],
)
def test_a_trainer_that_cannot_work_is_refused(tmp_path, overrides, message):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", overrides))
    del config["sweep"]
    with pytest.raises(InputError, match=re.escape(message)):
        make_trainer(RunSettings.parse(config), RunFolder(tmp_path), False, [EpochHistory()])


def test_bf16_is_refused_where_the_cpu_cannot_compute_it(tmp_path):
    overrides = ["experiment=smoke", "trainer.accelerator=cpu", "trainer.precision=bf16-mixed"]
    done = subprocess.run(
        [sys.executable, SRC / "train.py", *overrides, f"hydra.run.dir={tmp_path}"],
        env={
            **os.environ,
            "ONEDNN_MAX_CPU_ISA": "AVX2",
        },  # what oneDNN then takes for the whole machine
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: trainer.precision=bf16-mixed: this CPU cannot compute an LSTM in bf16 (it needs "
        "AVX512-BF16 or AMX). "
        "Take trainer.precision=32-true, or a GPU.\n"
    )


@pytest.mark.parametrize(
    ("overrides", "patience"),
    [
        ([], None),
        (["callbacks.early_stopping.patience=2"], 2),
        (["optimizer.schedule=constant"], 3),
        (["optimizer.schedule=plateau"], 3),
        (["experiment=article"], 20),
        (["callbacks.early_stopping.patience=2", "data.refit=true"], None),
    ],
)
def test_a_one_cycle_schedule_is_cut_short_only_by_a_patience_that_was_given(
    tmp_path, overrides, patience
):
    config = composed("train", *overrides)
    del config["sweep"]
    trainer = make_trainer(RunSettings.parse(config), RunFolder(tmp_path), False, [EpochHistory()])
    found = [stopper.patience for stopper in trainer.early_stopping_callbacks]
    assert found == ([] if patience is None else [patience])
