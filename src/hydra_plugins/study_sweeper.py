"""Hands Hydra's sweeps to textlstm.sweeps: Hydra takes sweepers from this package alone.

Hydra imports this at each start of each command: nothing heavy may be imported at the top.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig


@dataclass
class StudySweeperConf:
    _target_: str = "hydra_plugins.study_sweeper.StudySweeper"
    params: dict[str, Any] = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="study", node=StudySweeperConf, provider="textlstm"
)


class StudySweeper(Sweeper):
    """Runs the jobs of a sweep as the trials of an Optuna study, through any launcher."""

    config: DictConfig  # Hydra's own may be None; `setup` comes before `sweep`

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.config: DictConfig

    def setup(self, *, hydra_context: Any, task_function: Any, config: DictConfig) -> None:
        from hydra.core.plugins import Plugins

        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        from textlstm.sweeps.sweep import sweep

        preset = [f"{key}={value}" for key, value in self.params.items()]
        return sweep(self.config, self.launcher, [*preset, *arguments])
