"""The project as the sides of speed.py start it: overrides, configuration, data, model, threads.

Nothing of the project is imported at the top: Keras' side runs in an environment without it.
"""

import os
from typing import Any


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
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from textlstm.commands.arguments import quote_literal
    from textlstm.places import CONF

    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose("train", [quote_literal(of) for of in given]))  # type: ignore[return-value]


def prepared(settings: dict[str, Any]) -> Any:
    from textlstm.data.datamodule import TextDataModule
    from textlstm.data.settings import DataSettings
    from textlstm.places import CACHE

    data = TextDataModule(DataSettings(**settings["data"]), cache=CACHE, seed=settings["seed"])
    data.setup()
    return data


def new_module(settings: dict[str, Any], data: Any) -> Any:
    import torch

    from textlstm.model.settings import ModelSettings
    from textlstm.training.module import TextClassificationModule
    from textlstm.training.settings import OptimizerSettings

    torch.manual_seed(settings["seed"])
    return TextClassificationModule(
        model=ModelSettings(**settings["model"]),
        optimizer=OptimizerSettings(**settings["optimizer"]),
        labels=data.labels,
        tokenizer_json=data.tokenizer.to_str(),
        vocab_size=data.tokenizer.get_vocab_size(),
    )


def threads_override() -> list[str]:
    threads = os.environ.get("BENCH_THREADS")
    return [] if threads is None else [f"threads={threads}"]


def limit_threads() -> None:
    import torch

    if "BENCH_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
