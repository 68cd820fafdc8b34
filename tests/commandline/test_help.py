"""What --help says, and the keys that other names are taken for."""

import re

import pytest
from omegaconf import OmegaConf

from helpers.commands import call
from textlstm.checks import InputError
from textlstm.commandline.arguments import prepare
from textlstm.commandline.help import help_text, help_topics, key_lines
from textlstm.typed import as_typed

COMMANDS = [
    *("train", "evaluate", "predict", "export", "serve", "inspect_data", "suspects", "label_next"),
]


@pytest.fixture(autouse=True)
def typed():
    """The beginning of a command line, which examples name."""
    OmegaConf.register_new_resolver("typed", as_typed, replace=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_eighty_columns_and_says_something_of_each_key(command):
    lines = help_text(command, []).splitlines()
    assert max(map(len, lines)) <= 80
    keys = [n for n, line in enumerate(lines) if re.match(r"    \S", line)]
    for line in keys:
        said = lines[line][29:] or lines[line + 1][29:]
        assert len(said.strip()) > 3


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_the_default_of_each_key(command):
    """In its sentence, if it follows from something else; otherwise as the configuration has it."""
    entries = re.split(r"^    (?=\S)", key_lines(command), flags=re.MULTILINE)[1:]
    told = {
        key: re.search(r"\(default: (.+?)\)|\(must be given\)", " ".join(sentence.split()))
        for key, _, sentence in (re.split(r"(\s)", entry, maxsplit=1) for entry in entries)
    }
    assert None not in told.values(), told
    if command == "train":
        assert told["model.hidden"][1] == "64"
        assert told["optimizer.body_rate"][1] == "1.0"
        assert told["pretrain.lr"][1] == "0.004"
        assert told["data.drop_empty"][1] == "false"
        assert told["data.train"][1] == "the embedded corpus"


def test_help_shows_one_group_or_one_key():
    shown = help_text("train", ["model"])
    assert "    model.hidden             units of each LSTM layer" in shown
    assert "data." not in shown
    assert "    trainer                  ddp, default (default: default)" in help_text(
        "train", ["trainer"]
    )
    shown = help_text("train", ["data.batch_size"]).splitlines()
    assert shown[1].startswith("    data.batch_size          texts in each step")
    assert help_topics(["--help", "model"]) == help_topics(["--help=model"]) == ["model"]
    assert help_topics(["model.hidden=3", "-h"]) == ["model.hidden"]
    assert help_topics(["-h"]) == []
    assert help_topics(["model.hidden=3"]) is None
    with pytest.raises(InputError, match=r"no group 'modle' to explain\. Did you mean 'model'\?"):
        help_text("train", ["modle"])


def test_help_of_a_group_is_reached_through_the_command():
    shown, _ = call("train", "--help", "model")
    assert shown.startswith("Presets:\n    model ")
    _, errors = call("train", "--help", "modle", code=2)
    assert "Did you mean 'model'?" in errors


def test_the_help_of_a_command_with_options_lists_them():
    shown, _ = call("benchmark", "--help")
    assert "\n    --presets PRESETS        names of experiment=" in shown


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("model.units=3", "model.hidden"),
        ("units=3", "model.hidden"),
        ("hidden_size=3", "model.hidden"),
        ("num_layers=2", "model.layers"),
        ("model.num_layers=2", "model.layers"),
        ("dropout_rate=0.2", "model.dropout"),
        ("model.dropout_rate=0.2", "model.dropout"),
        ("epochs=3", "trainer.max_epochs"),
        ("trainer.epochs=3", "trainer.max_epochs"),
        ("lr=0.1", "optimizer.lr"),
        ("learning_rate=0.1", "optimizer.lr"),
        ("optimizer.learning_rate=0.1", "optimizer.lr"),
        ("batch_size=3", "data.batch_size"),
        ("trainer.batch_size=3", "data.batch_size"),
        ("maxlen=20", "data.max_length"),
        ("num_words=20", "data.vocab_size"),
        ("val=x.csv", "data.validation"),
        ("data.val=x.csv", "data.validation"),
        ("validation_split=0.1", "data.val_fraction"),
        ("file=x.csv", "data.train"),
        ("label=topic", "data.label_column"),
        ("random_state=1", "seed"),
        ("patience=3", "callbacks.early_stopping.patience"),
        ("optim=adam", "optimizer"),
        ("model.hiden=3", "model.hidden"),  # a near miss
    ],
)
def test_names_of_other_libraries_are_taken_for_the_key_that_they_mean(typed, meant):
    key = typed.partition("=")[0]
    expected = f"There is no key {key!r}\\. Did you mean {meant!r}\\?"
    with pytest.raises(InputError, match=expected):
        prepare("train", [typed])


def test_the_same_name_means_what_the_command_has():
    for typed, meant in [("file=x.csv", "input"), ("batch=3", "batch_size"), ("ckpt=x", "run")]:
        with pytest.raises(InputError, match=f"Did you mean {meant!r}\\?"):
            prepare("predict", ["run=x", typed])
    with pytest.raises(InputError, match=r"data=my\.csv\. A file is data\.train=my\.csv\."):
        prepare("train", ["data=my.csv"])
    with pytest.raises(InputError, match=r"Did you mean 'pretrain\.lr'"):
        prepare("train", ["pretrain=own_text", "pretrain.learning_rate=1"])
