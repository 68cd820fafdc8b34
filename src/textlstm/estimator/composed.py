"""Composes the settings of a run from conf/ and from values that a program gives."""

from collections.abc import Mapping
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf

from textlstm.checks import InputError, nearest
from textlstm.places import CONF
from textlstm.training.settings import RunSettings


def compose_settings(experiment: str | None, values: Mapping[str, Any]) -> RunSettings:
    """Makes the settings of a run: those of `train`, a preset of conf/experiment, and values.

    Args:
        experiment: the name of the preset, such as `best`.
        values: by key, such as `model.hidden`; they go before those of the preset.

    Raises:
        InputError: no such preset or key, or a value that cannot be used.
    """
    config = _composed(experiment)
    del config["sweep"]
    for key, value in values.items():
        _set(config, key, value)
    return RunSettings.parse(config)


def _composed(experiment: str | None) -> dict[str, Any]:
    """Composes the configuration of `train`, also where a program has Hydra of its own open."""
    names = sorted(file.stem for file in (CONF / "experiment").glob("*.yaml"))
    if experiment is not None and experiment not in names:
        raise InputError(
            f"There is no experiment {experiment!r}.{nearest(str(experiment), names)} There are "
            f"{', '.join(names)}."
        )
    overrides = ["logger=csv"] if experiment is None else ["logger=csv", f"experiment={experiment}"]

    opened, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = OmegaConf.to_container(compose("train", overrides), resolve=True)
    except HydraException as error:
        raise InputError(f"experiment={experiment}: {str(error).splitlines()[0]}") from error
    finally:
        GlobalHydra.instance().hydra = opened
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def _set(config: dict[str, Any], key: str, value: Any) -> None:
    """Sets the value of a key such as `model.hidden`; a key that is none is refused later."""
    *groups, name = key.split(".")
    for group in groups:
        inner = config.get(group)
        if not isinstance(inner, dict):
            inner = config[group] = {}
        config = inner
    config[name] = value
