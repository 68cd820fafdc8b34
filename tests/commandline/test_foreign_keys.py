"""Keys of one command that are typed with another: each is one error, and nothing is written."""

import pytest

from helpers.commands import call
from textlstm.checks import InputError
from textlstm.commandline.arguments import prepare

RECORDED = "the run has recorded how it was trained."


@pytest.mark.parametrize("command", ["evaluate", "predict", "export", "serve", "label_next"])
@pytest.mark.parametrize(
    "argument",
    [
        "data.train=rows.csv",
        "data.test=/rows.csv",
        "+data.train=rows.csv",
        "data=files",
        "trainer=ddp",
        "trainer.max_epochs=3",
        "+trainer.max_steps=3",
        "~trainer",
        "experiment=best",
        "experiment=nothing",
        "model.hidden=3",
        "callbacks=null",
    ],
)
def test_a_key_of_training_is_refused_by_a_command_that_reads_a_run(command, argument):
    key = argument.lstrip("+~").partition("=")[0]
    with pytest.raises(InputError, match=rf"^There is no key '{key}' in {command}: {RECORDED}"):
        prepare(command, ["run=x", argument])


def test_the_near_key_of_the_command_itself_is_named():
    with pytest.raises(InputError, match=rf"{RECORDED} Did you mean 'batch_size'\?"):
        prepare("evaluate", ["run=x", "data.batch_size=3"])


@pytest.mark.parametrize(
    "command", ["evaluate", "predict", "export", "serve", "inspect_data", "suspects"]
)
def test_only_training_sweeps(command):
    with pytest.raises(InputError, match=r"^--multirun is for training alone: .*train"):
        prepare(command, ["--multirun"])
    with pytest.raises(InputError, match=rf"^threads=1,2: {command} takes one value of a key"):
        prepare(command, ["threads=1,2"])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("trainer=null", "trainer=null chooses no preset. Leave it out, or give one of ddp, def"),
        ("experiment=null", "experiment=null chooses no preset. Leave it out, or give one of art"),
        ("hydra/launcher=null", "hydra/launcher=null chooses no preset. Leave it out"),
    ],
)
def test_a_group_without_a_preset_is_refused(argument, message):
    with pytest.raises(InputError, match=f"^{message}"):
        prepare("train", [argument])


@pytest.mark.parametrize("key", ["data", "model", "optimizer", "callbacks", "logger", "seed"])
def test_a_key_that_was_taken_out_is_named(refused, key):
    assert refused("data=newswire4", f"~{key}").startswith("error: ")


@pytest.mark.parametrize(
    ("command", "argument"), [("predict", "data.train=x.csv"), ("evaluate", "trainer=ddp")]
)
def test_the_command_ends_with_one_error(tmp_path, command, argument):
    _, errors = call(command, "run=x", argument, cwd=tmp_path, code=2)
    assert errors.count("error: ") == 1
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())
