"""Several workers: how they are started, and what is read once for all of them."""

import ast
import subprocess
import sys

import pytest
import torch
from omegaconf import OmegaConf

from helpers.small import DATA
from helpers.studies import CONFIG
from textlstm.checks import InputError
from textlstm.sweeps import workers as workers_module
from textlstm.sweeps.search_space import SearchSpace
from textlstm.sweeps.workers import suitable_number, tokenize_for_all, worker_command


def test_what_workers_share_is_read_for_the_first_of_swept_folds(tmp_path, monkeypatch):
    monkeypatch.setattr(workers_module, "CACHE", tmp_path)
    config = OmegaConf.create(
        {"seed": 1, "data": {**DATA, "train": None, "max_rows": 100, "folds": 3}}
    )
    tokenize_for_all(config, SearchSpace.of(["data.folds=3", "data.fold=2,1"], CONFIG))
    assert sorted(entry.name.partition("-")[0] for entry in tmp_path.iterdir()) == [
        "ids",
        "rows",
        "tokenizer",
    ]
    with pytest.raises(
        InputError,
        match=r"data\.folds=3 needs data\.fold, the part that validates: data\.fold=0,1,2",
    ):
        tokenize_for_all(config, SearchSpace.of(["data.folds=3", "model.hidden=8,16"], CONFIG))


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(["train.py", "model.hidden=8,16"], id="a script"),
        pytest.param(["bin/textlstm", "train", "model.hidden=8,16"], id="an installed program"),
        pytest.param(["-m", "program", "train", "model.hidden=8,16"], id="a module"),
        pytest.param(["-W", "error", "-m", "program", "a=b c"], id="with options of Python's"),
    ],
)
def test_a_worker_runs_the_command_as_it_was_typed(tmp_path, monkeypatch, typed):
    for file in ("train.py", "bin/textlstm", "program/__main__.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("import sys; print([sys.argv[1:], sys.orig_argv])")

    def run(command):
        shown = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)
        return ast.literal_eval(shown.stdout)

    arguments, original = run([sys.executable, *typed])
    monkeypatch.setattr(sys, "orig_argv", original)
    assert worker_command() == [sys.executable, *typed, "sweep.workers=1"]
    assert run(worker_command())[0] == [*arguments, "sweep.workers=1"]


@pytest.mark.parametrize(
    ("accelerator", "gpu", "expected"),
    [("auto", True, 1), ("gpu", True, 1), ("cpu", True, 6), ("auto", False, 6), ("cpu", False, 6)],
)
def test_each_core_has_a_worker_but_a_gpu_has_one_alone(monkeypatch, accelerator, gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(workers_module, "cores", lambda: 6)
    monkeypatch.setattr(workers_module, "MEMORY", 1)  # of a worker, in bytes
    config = OmegaConf.create({"trainer": {"accelerator": accelerator}, "model": {"hidden": 16}})
    assert suitable_number(config) == expected
