"""Hydra's door to textlstm.sweeps: Hydra takes sweepers from the package hydra_plugins alone.

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
    """Runs the jobs of a sweep as the trials of an Optuna study, through whichever launcher is
    chosen.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.config: DictConfig

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        from hydra.core.plugins import Plugins

        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        from textlstm.sweeps.sweep import sweep

        return sweep(
            self.config,
            self.launcher,
            [f"{key}={value}" for key, value in self.params.items()] + arguments,
        )
