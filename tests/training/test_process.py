"""A command's process: float32 is float32 on a GPU, and one that is left out on purpose is no
matter.

Without a GPU: what torch and Lightning are told is looked at, not what a GPU makes of it.
"""

import warnings

import pytest
import torch
from pytorch_lightning.accelerators import CUDAAccelerator

from helpers.commands import as_before
from textlstm.training.callbacks import RandomState
from textlstm.training.process import prepare_process
from textlstm.training.trainer import quiet_trainer


@pytest.fixture
def prepared():
    """A process that a command has prepared."""
    with as_before(), warnings.catch_warnings(action="error"):
        prepare_process(1, None)
        yield


@pytest.mark.usefixtures("prepared")
def test_a_gpu_computes_an_lstm_in_float32_without_tf32():
    assert torch.backends.cudnn.allow_tf32 is False
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.usefixtures("prepared")
def test_a_gpu_that_is_left_out_on_purpose_is_no_warning(monkeypatch):
    monkeypatch.setattr(CUDAAccelerator, "is_available", staticmethod(lambda: True))
    assert quiet_trainer("cpu").strategy.root_device.type == "cpu"
    with warnings.catch_warnings(action="error"):
        warnings.filterwarnings("ignore", "The `srun` command")  # where SLURM is installed
        with pytest.raises(UserWarning, match="GPU available but not used"):
            quiet_trainer("cpu")  # else: that Lightning would have said it


def test_a_run_on_the_cpu_does_not_open_the_gpus_of_its_machine(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: pytest.fail("opens every GPU"))
    [state] = RandomState(1).state_dict()["ranks"]
    assert state["cuda"] == []
