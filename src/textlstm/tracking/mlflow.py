"""Logs a run to MLflow."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from textlstm.checks import InputError
from textlstm.keys import leaf_values
from textlstm.passwords import hidden, without_password
from textlstm.runs.charts import chart
from textlstm.tracking.tracker import ID, MISTAKES, Tracker
from textlstm.writing import whole

log = logging.getLogger(__name__)

RUN_ID = "mlflow_run_id"  # the file of a run's folder that says which run of MLflow it is
AT_ONCE = 100  # hyperparameters that MLflow takes in one call
LONGEST = 6000  # characters of a hyperparameter that MLflow takes
SECONDS = 10.0  # between two writings: each takes MLflow some hundredths of a second


class MLflowTracker(MLFlowLogger, Tracker):
    """A logger for MLflow, whose run's id is kept in the run's folder.

    Args:
        folder: the run's folder.
        others: arguments of Lightning's logger.
    """

    product = "MLflow"

    def __init__(self, *, folder: Path, **others: Any) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        for name in ("mlflow.store.db.utils", "alembic"):  # tell of each table that they make
            logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger("pytorch_lightning.loggers.mlflow").setLevel(logging.ERROR)  # as these
        super().__init__(**others)
        self.file = folder / RUN_ID
        self.waiting: list[tuple[dict[str, float], int]] = []
        self.seen: set[tuple[str, int, float]] = set()
        self.written = time.monotonic()

    @rank_zero_only
    def begin(self, config: dict[str, Any], *, sweep: str | None) -> None:
        try:
            known = self._reopened()
            run_id = str(self.run_id)
            with whole(self.file) as unfinished:
                unfinished.write_text(run_id, encoding="utf-8")
            if sweep is not None:
                self.experiment.set_tag(run_id, "sweep", sweep)
            self._show_config(config, known)
        except Exception as error:  # of MLflow, or of the packages that it reaches a server with
            raise InputError(
                f"logger: MLflow at {without_password(self._tracking_uri)} cannot be used: "
                f"{self.said(error)} Give logger.tracking_uri=… or MLFLOW_TRACKING_URI, or take "
                f"logger=tensorboard."
            ) from error

    def _reopened(self) -> dict[str, str]:
        """Finds the run that a resumed one had, and gives the hyperparameters that it has."""
        kept = self.file.read_text(encoding="utf-8").strip() if self.file.is_file() else ""
        if self._run_id is None and ID.fullmatch(kept):
            self._run_id = kept
        if self._run_id is None:
            return {}
        try:
            run = self._mlflow_client.get_run(self._run_id)
        except Exception as error:
            log.warning("logger: %s A new run is begun in MLflow.", self.said(error))
            self._run_id = None
            return {}

        self._mlflow_client.update_run(self._run_id, status="RUNNING")
        for name in run.data.metrics:
            for point in self._mlflow_client.get_metric_history(self._run_id, name):
                self.seen.add((name, point.step, point.value))
        return run.data.params

    def _show_config(self, config: dict[str, Any], known: dict[str, str]) -> None:
        """Shows each key as a hyperparameter; one that has changed since the start is a tag.

        MLflow does not let a hyperparameter change. The whole configuration is an artifact, too.
        """
        from mlflow.entities import Param

        values = {
            name: str(value)[:LONGEST]
            for name, value in leaf_values(config).items()
            if not name.startswith("logger.")
        }
        new = [Param(name, value) for name, value in values.items() if name not in known]
        for start in range(0, len(new), AT_ONCE):
            self.experiment.log_batch(self._run_id, params=new[start : start + AT_ONCE])
        for name, value in values.items():
            if known.get(name, value) != value:
                self.experiment.set_tag(self._run_id, f"resumed.{name}", value)
        shown = {name: value for name, value in config.items() if name != "logger"}
        self.experiment.log_dict(self._run_id, shown, "config.yaml")

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Takes numbers, which are written together, and once if a resumed run repeats them."""
        named = {chart(name): float(value) for name, value in metrics.items()}
        at = step or 0
        new = {n: v for n, v in named.items() if n is not None and (n, at, v) not in self.seen}
        if new:
            self.waiting.append((new, at))
        if time.monotonic() - self.written > SECONDS:
            self.save()

    @rank_zero_only
    def save(self) -> None:
        """Writes the numbers that wait."""
        waiting, self.waiting, self.written = self.waiting, [], time.monotonic()
        with self.surviving():
            if waiting and self.reachable:
                self._write(waiting)

    def _write(self, waiting: list[tuple[dict[str, float], int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        points = [
            Metric(name, value, now, step)
            for numbers, step in waiting
            for name, value in numbers.items()
        ]
        for start in range(0, len(points), AT_ONCE):
            self.experiment.log_batch(self._run_id, metrics=points[start : start + AT_ONCE])

    def show_figure(self, name: str, figure: Figure, step: int) -> None:
        self.experiment.log_figure(self._run_id, figure, f"{name}.png")

    def show_mistakes(self, name: str, rows: Sequence[Sequence[str]], step: int) -> None:
        columns = {column: [row[number] for row in rows] for number, column in enumerate(MISTAKES)}
        self.experiment.log_table(self._run_id, columns, f"{name}.json")

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Writes what waits. Lightning calls this before the test set is scored: see `close`."""
        self.save()

    @rank_zero_only
    def close(self, status: str) -> None:
        self.save()
        with self.surviving():
            if self.reachable:
                super().finalize(status)

    def said(self, error: Exception) -> str:
        return hidden(super().said(error), self._tracking_uri)
