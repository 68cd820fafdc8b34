"""Run folders as somebody else may have made them: their files ask for more than to go on."""

from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from textlstm.places import CONF

Changes = dict[str, Any]

SECRET = "s3cret-of-the-environment"  # the value of the variable that folders ask for


def recorded_run(folder: Path, *overrides: str) -> Path:
    """A run folder with nothing but its recorded config."""
    (folder / ".hydra").mkdir(parents=True)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        OmegaConf.save(compose("train", list(overrides)), folder / ".hydra" / "config.yaml")
    return folder


def change(run: Path, changes: Changes) -> None:
    """Puts values into the recorded config, by key such as `model.hidden`."""
    file = run / ".hydra" / "config.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *above, last = key.split(".")
        node = config
        for name in above:
            if not isinstance(node.get(name), dict):
                node[name] = {}
            node = node[name]
        node[last] = value
    file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")


def planting(file: Path) -> Changes:
    """A node that writes `file` if Hydra makes the object that it describes."""
    return {"_target_": "pathlib.Path.touch", "_args_": [str(file)]}


def emptying(file: Path) -> Changes:
    """A node that empties `file` if Hydra makes the object that it describes."""
    return {"_target_": "logging.FileHandler", "filename": str(file), "mode": "w"}


def usual(planted: Path, victim: Path) -> dict[str, Changes]:
    """One folder of each kind, by name: what it changes of a recorded config."""
    environment = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor"}
    environment["GIT_CONFIG_VALUE_0"] = f"touch {planted}; false"
    return {
        "variables for git": {"hydra.job.env_set": environment},
        "a callback of Hydra": {"hydra.callbacks.x": planting(planted)},
        "a function as callback": {"callbacks.x": planting(planted)},
        "a log that empties a file": {"callbacks.x": emptying(victim)},
        "a known callback of another class": {"callbacks.early_stopping": planting(planted)},
        "an object inside of a callback": {"callbacks.early_stopping.patience": planting(planted)},
        "a function as logger": {"logger": planting(planted)},
        "a logger that writes elsewhere": {"logger.name": f"../../{planted.name}"},
        "a variable": {"data.text_column": "${oc.env:STRANGERS_SECRET}"},
        "an object as a number": {"model.hidden": planting(planted)},
        "an object for the trainer": {"trainer.profiler": planting(planted)},
        "a folder for the trainer": {"trainer.default_root_dir": str(planted)},
    }


def many(planted: Path, victim: Path) -> dict[str, Changes]:
    """Many more folders, by name."""
    secret, node = "${oc.env:STRANGERS_SECRET}", planting(planted)
    by_key = {
        **{f"hydra.{part}": node for part in ("launcher", "sweeper", "job_logging", "env")},
        **{f"hydra.{part}": [str(planted.parent)] for part in ("searchpath", "overrides.task")},
        "hydra.run.dir": str(planted),
        "hydra.job.env_set.PATH": str(planted.parent),
        "hydra.job.chdir": True,
        "hydra.mode": "MULTIRUN",
        "hydra.job_logging.handlers.file": {"class": "logging.FileHandler", "filename": "x"},
        "defaults": ["_self_", {"hydra/launcher": "submitit_local"}],
        "logger._partial_": True,
        "logger._args_": [str(planted)],
        "logger.save_dir": str(planted),
        "logger.sub_dir": f"/{planted}",
        "logger.name": "$HOME",
        "logger.filename_suffix": "/../../x",
        "logger.prefix": secret,
        "logger.experiment": node,
        "callbacks.learning_rate._args_": [str(planted)],
        "callbacks.learning_rate._partial_": True,
        "callbacks.learning_rate._recursive_": False,
        "callbacks.learning_rate.logging_interval": node,
        "callbacks.learning_rate.x": [node],
        "callbacks.early_stopping.monitor": secret,
        "callbacks.x": {"y": node},
        "callbacks.a b": node,
        "callbacks.checkpoint": {
            "_target_": "pytorch_lightning.callbacks.ModelCheckpoint",
            "dirpath": str(planted),
        },
        "callbacks.LR": {"_target_": "pytorch_lightning.callbacks.LearningRateMonitor"},
        "callbacks": [node],
        "trainer": node,
        "trainer.callbacks": [node],
        "trainer.logger": node,
        "trainer.plugins": [node],
        "trainer.strategy": node,
        "trainer.strategy._target_": "os.system",
        "trainer.model_registry": "somebody/elses",
        "trainer.precision": secret,
        "trainer.devices": [secret],
        "trainer.max_time": {"days": secret},
        "trainer.max_epochs": "${oc.decode:'1'}",
        "trainer._target_": "os.system",
        "model": node,
        "model._target_": "os.system",
        "model.head": [secret],
        "model.layers": [node],
        "model.pooling": [["last"]],
        "optimizer": node,
        "optimizer._target_": "torch.optim.SGD",
        "optimizer.lr": "${typed:x}",
        "optimizer.name": "\\\\${oc.env:STRANGERS_SECRET}",
        "optimizer.schedule": node,
        "pretrain": node,
        "pretrain.epochs": "${seed}",
        "data": node,
        "data.train": f"a{secret}b",
        "data.name": "${outputs:}",
        "data.label_names": {"0": secret, "1": "b"},
        "data.batch_size": "${new_run:}",
        "data.max_rows": True,
        "data._target_": "os.system",
        "seed": "${keys:train}",
        "seed.x": node,
        "threads": "${folder_name:x}",
        "test": "${oc.env:HOME}",
        "baselines": node,
        "calibration_from": secret,
        "ensemble": float("nan"),
        "wide": [1],
        "unknown": node,
        "_target_": "os.system",
    }
    return {key: {key: value} for key, value in by_key.items()}


# Files that are not what a run records, by name: their text.
NOT_RECORDED = {
    "an alias": "seed: &a 1\nthreads: *a\n",
    "aliases that grow": "a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "a tag": "seed: !!python/object/apply:os.system ['true']\n",
    "a path": "data: {train: !!python/object/apply:pathlib.PosixPath [x]}\n",
    "a key twice": "seed: 1\nseed: 2\n",
    "a deep list": "data: " + "[" * 30 + "]" * 30 + "\n",
    "a long file": "seed: 1\n" + "#" * 70_000 + "\n",
    "a long number": "seed: " + "9" * 6000 + "\n",
    "a list": "- seed\n",
    "a word": "seed\n",
    "nothing": "",
    "half": "data: {train: [",
    "half an interpolation": "seed: ${",
    "bytes": "seed: \udcff\n",
    "two documents": "seed: 1\n---\nseed: 2\n",
    "a key of two": "? [a, b]\n: 1\n",
    "merged": "a: &a {_target_: os.system}\ncallbacks: {x: {<<: *a}}\n",
}
