"""Small networks and data modules that several tests share."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from textlstm.data.datamodule import TextDataModule
from textlstm.data.settings import CutSettings, DataSettings
from textlstm.model.ensemble import network_from_plain_values
from textlstm.model.network import LSTMClassifier

torch.set_num_threads(
    1
)  # the workers of a test run share the cores: threads beside them only wait for each other

SETTINGS: dict[str, Any] = {
    "vocab_size": 30,
    "classes": 3,
    "embedding_dim": 5,
    "hidden": 4,
    "layers": 1,
    "bidirectional": False,
    "pooling": "last",
    "head": [],
    "dropout": 0.0,
    "embedding_dropout": 0.0,
    "sequence_dropout": False,
    "word_dropout": 0.0,
}


def small_network(**changes: Any) -> LSTMClassifier:
    """A network as training starts with it."""
    torch.manual_seed(0)
    network = network_from_plain_values(**{**SETTINGS, **changes})
    assert isinstance(network, LSTMClassifier)
    return network


def lively_network(**changes: Any) -> LSTMClassifier:
    """A network in evaluation mode, with weights so large that each token shows in its scores."""
    network = small_network(**changes).eval()
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.7)
    with torch.no_grad():
        network.embedding.weight[0] = 0
    return network


DATA: dict[str, Any] = {
    "source": "files",
    "train": None,
    "validation": None,
    "test": None,
    "name": None,
    "config": None,
    "text_column": "text",
    "label_column": "label",
    "label_names": None,
    "encoding": None,
    "drop_empty": False,
    "val_fraction": 0.1,
    "test_fraction": 0.1,
    "folds": None,
    "fold": None,
    "refit": False,
    "streaming": False,
    "streaming_rows": 100_000,
    "split_seed": 42,
    "tokenizer": "word",
    "vocab_size": 300,
    "max_length": 256,
    "truncate": "head",
    "pad_to": None,
    "batch_size": 8,
    "max_tokens_per_batch": 65536,
    "class_weights": None,
    "oversample": False,
    "max_rows": None,
}


def data_settings(**changes: Any) -> DataSettings:
    """The settings of a small data module; without `train` it reads the embedded corpus."""
    return DataSettings(**{**DATA, **changes})


def data_module(cache: Path, **changes: Any) -> TextDataModule:
    """A small data module, not set up; what is no key of `data` is an argument of its own."""
    own_keys = ("seed", "tokenizer_json", "tested")
    own = {key: changes.pop(key) for key in own_keys if key in changes}
    return TextDataModule(data_settings(**changes), cache=cache, **own)


def cut(**changes: Any) -> CutSettings:
    """How texts are cut: not at all, unless told otherwise."""
    return CutSettings(**{"max_length": None, "truncate": "head", "pad_to": None, **changes})
