"""Logs a run to Weights & Biases."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from textlstm.checks import InputError
from textlstm.runs.charts import chart
from textlstm.tracking.tracker import ID, MISTAKES, Tracker


class WandbTracker(WandbLogger, Tracker):
    """A logger for Weights & Biases, whose files and id are in the run's folder.

    Args:
        folder: the run's folder.
        others: arguments of Lightning's logger and of `wandb.init`.
    """

    product = "W&B"

    def __init__(self, *, folder: Path, **others: Any) -> None:
        import wandb

        # Neither what was typed nor what is on the screen: both may hold other people's texts.
        quiet = wandb.Settings(console="off", silent=True, x_disable_meta=True)
        super().__init__(save_dir=folder, version=_id_in(folder), settings=quiet, **others)
        self._wandb_init.pop("anonymous", None)  # it warns that this has no effect

    @rank_zero_only
    def begin(self, config: dict[str, Any], *, sweep: str | None) -> None:
        if sweep is not None:
            self._wandb_init.setdefault("group", sweep)
        try:
            shown = {name: value for name, value in config.items() if name != "logger"}
            self.experiment.config.update(shown, allow_val_change=True)
        except Exception as error:  # of W&B, or of the packages that it reaches its server with
            raise InputError(
                f"logger: W&B cannot be used: {self.said(error)} Type `wandb login`, or give "
                f"logger.offline=true."
            ) from error

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        charts = {chart(name): value for name, value in metrics.items()}
        with self.surviving():
            if self.reachable:
                super().log_metrics({n: v for n, v in charts.items() if n is not None}, step)

    def show_figure(self, name: str, figure: Figure, step: int) -> None:
        self.log_image(name, [figure], step)

    def show_mistakes(self, name: str, rows: Sequence[Sequence[str]], step: int) -> None:
        self.log_table(name, MISTAKES, [list(row) for row in rows], step=step)

    @rank_zero_only
    def close(self, status: str) -> None:
        if self._experiment is None:
            return
        with self.surviving():
            self.finalize(status)
            self._experiment.finish(exit_code=0 if status == "success" else 1)


def _id_in(folder: Path) -> str | None:
    """The id of the run of W&B that has its files in a folder; None if there is none."""
    begun = sorted((folder / "wandb").glob("*run-*-*"))
    found = begun[-1].name.rpartition("-")[2] if begun else ""
    return found if ID.fullmatch(found) else None
