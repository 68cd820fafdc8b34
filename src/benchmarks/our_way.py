"""The project as the sides of speed.py start it: overrides, configuration, data, model, threads.

Nothing of the project is imported at the top: Keras' side runs in an environment without it.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textlstm.data.datamodule import TextDataModule
    from textlstm.training.module import TextClassificationModule


def overrides(data: str | None, *, article: bool = True) -> list[str]:
    """Overrides for the article's model on bucketed batches, or for the default model.

    `data` is a benchmark folder, or None for the embedded corpus.
    """
    given = ["experiment=article", "data.pad_to=null"] if article else []
    if data is None:
        return given
    files = [f"data.train={data}/train.csv.gz", f"data.test={data}/test.csv.gz"]
    return ["data=files", *given, *files, "data.text_column=text", "data.label_column=label"]


def composed(*given: str) -> dict[str, Any]:
    """The configuration of a training with these overrides."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from textlstm.commandline.arguments import quote_literal
    from textlstm.places import CONF

    quoted = [quote_literal(override) for override in given]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose("train", quoted))  # type: ignore[return-value]


def prepared(settings: dict[str, Any]) -> "TextDataModule":
    """The data of a configuration, split and encoded."""
    from textlstm.data.datamodule import TextDataModule
    from textlstm.data.settings import DataSettings
    from textlstm.places import CACHE

    data = TextDataModule(DataSettings(**settings["data"]), cache=CACHE, seed=settings["seed"])
    data.setup()
    return data


def new_module(settings: dict[str, Any], data: "TextDataModule") -> "TextClassificationModule":
    """The untrained model of a configuration, for its data."""
    import torch

    from textlstm.model.settings import ModelSettings
    from textlstm.training.module import TextClassificationModule
    from textlstm.training.settings import OptimizerSettings

    torch.manual_seed(settings["seed"])
    return TextClassificationModule(
        model=ModelSettings(**settings["model"]),
        optimizer=OptimizerSettings(**settings["optimizer"]),
        labels=data.class_names,
        tokenizer_json=data.tokenizer.to_str(),
        vocab_size=data.tokenizer.get_vocab_size(),
        affixes_KV=data.affixes_KV,
    )


def train(*given: str) -> dict[str, Any]:
    """Runs the training command with overrides and BENCH_THREADS, and gives the run's record.

    The run's folder is removed afterwards. A side that answers in between never comes back.
    """
    from textlstm.commandline import main as command_line

    threads = os.environ.get("BENCH_THREADS")
    more = [] if threads is None else [f"threads={threads}"]
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [*given, f"hydra.run.dir={folder}/run", *more]
        command_line.main("train")
        return json.loads(Path(folder, "run", "metrics.json").read_text(encoding="utf-8"))


def limit_threads() -> None:
    """Takes as many threads as BENCH_THREADS asks for, in a side that runs no command."""
    import torch

    if "BENCH_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
