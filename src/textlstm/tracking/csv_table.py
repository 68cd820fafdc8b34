"""Logs the numbers of a run as a table, metrics.csv, which a resumed run goes on with."""

import csv
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from textlstm.ranks import is_rank_zero
from textlstm.runs.charts import BY_EPOCH
from textlstm.writing import whole


class Table(ExperimentWriter):
    """Appends rows to metrics.csv; Lightning's deletes the file that it finds."""

    def _check_log_dir_exists(self) -> None:
        file = Path(self.metrics_file_path)
        if file.is_file():
            self.metrics_keys = _read(file)[0]

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        _write(Path(self.metrics_file_path), fieldnames, _read(Path(self.metrics_file_path))[1])


class TableLogger(CSVLogger):
    """A CSV logger that keeps what a run had logged before it was resumed."""

    @property
    def experiment(self) -> Any:
        """The writer of the table, which is made when the first number is logged."""
        if self._experiment is None and is_rank_zero():
            self._experiment = Table(log_dir=self.log_dir)
        return super().experiment

    @rank_zero_only
    def forget_after(self, step: int | None) -> None:
        """Removes the rows that were logged after the checkpoint that the run goes on from.

        All of them are logged again. A last row that a killed process left unfinished goes, too.

        Args:
            step: the number of steps before the checkpoint; None if the run starts anew.
        """
        file = Path(self.log_dir, ExperimentWriter.NAME_METRICS_FILE)
        if not file.is_file():
            return
        if step is None:
            file.unlink()
            return
        header, rows = _read(file)
        _write(file, header, [row for row in rows if _is_before(row, step)])


def _read(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    with open(file, newline="", encoding="utf-8") as opened:
        rows = csv.DictReader(opened)
        return list(rows.fieldnames or []), list(rows)


def _write(file: Path, header: list[str], rows: list[dict[str, str]]) -> None:
    with whole(file) as unfinished, open(unfinished, "w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, header, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _is_before(row: dict[str, str], step: int) -> bool:
    """Tells whether a row is whole and was logged before a step, or is of the language model."""
    if None in row.values() or not row.get("step", "").isdecimal():
        return False
    pretraining = any(value and name.startswith(BY_EPOCH) for name, value in row.items())
    return pretraining or int(row["step"]) < step
