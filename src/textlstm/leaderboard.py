"""A sweep summed up: its runs best first, as a table, CSV and a picture, and the command for the best."""

import shlex
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from textlstm import figures
from textlstm.checks import InputError
from textlstm.command_line import LITERAL
from textlstm.runs import RunFolder, write_csv

OF_THE_SWEEP = ("sweep", "sweep.name", "test", "baselines")  # overrides that only place a run in its sweep


def latest_sweep(sweeps: Path) -> Path:
    """The sweep that was worked on last.

    Raises:
        InputError: there is none.
    """
    folders = [folder for folder in sweeps.glob("*") if folder.is_dir()]
    if not folders:
        raise InputError(f"There is no sweep in {sweeps}; python src/train.py sweep=grid starts one.")
    return max(folders, key=lambda folder: max(entry.stat().st_mtime for entry in [folder, *folder.iterdir()]))


def leaderboard(sweep: Path) -> None:
    """Prints the runs of a sweep, best first, and writes leaderboard.csv and leaderboard.png into its folder.

    Raises:
        InputError: no folder, or no finished run in it.
    """
    if not sweep.is_dir():
        raise InputError(f"There is no folder {sweep}.")
    found = {job: RunFolder(job).record() for job in sorted(sweep.iterdir()) if (job / ".hydra").is_dir()}
    jobs = [job for job, record in found.items() if record is None or record["score"] is not None]  # else: a refit
    records = [record for job in jobs if (record := found[job]) is not None]
    if not records:
        raise InputError(f"{sweep} holds no finished run; expected a folder such as outputs/sweeps/grid.")
    records.sort(key=lambda record: -record["score"])
    typed = [_overrides(record) for record in records]
    keys = list(dict.fromkeys(key for overrides in typed for key in overrides))
    swept = [key for key in keys if len({overrides.get(key) for overrides in typed}) > 1] or keys
    header = ["rank", "macro F1 on validation", *swept, "parameters", "seconds"]
    rows = [
        [
            str(rank),
            f"{record['score']:.4f}",
            *(overrides.get(key, "–") for key in swept),
            str(record["parameters"]),
            f"{record['seconds']['total']:.1f}",
        ]
        for rank, (record, overrides) in enumerate(zip(records, typed, strict=True), start=1)
    ]
    write_csv(sweep / "leaderboard.csv", header, rows)
    short = _short(swept)
    names = [", ".join(f"{short[key]} {overrides.get(key, '–')}" for key in swept) for overrides in typed]
    figures.save(figures.sweep_figure(names, [record["score"] for record in records]), sweep / "leaderboard.png")

    title = f"Sweep {sweep.name}: macro F1 on validation"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0)
    for column in ["rank", "macro F1", *short.values(), "parameters", "seconds"]:
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(soft_wrap=True)
    console.print(table)
    unfinished = len(jobs) - len(records)
    if unfinished:
        console.print(
            f"{unfinished} of {len(jobs)} runs are not finished: they failed or were stopped; see their train.log."
        )
    console.print("The best configuration, trained again and scored on test:", highlight=False)
    command = ["python", "src/train.py", *(f"{key}={value}" for key, value in typed[0].items())]
    console.print(f"  {shlex.join(command)}", highlight=False, markup=False)
    console.print(f"written: {sweep / 'leaderboard.csv'}, {sweep / 'leaderboard.png'}", highlight=False, markup=False)


def _short(keys: list[str]) -> dict[str, str]:
    """Keys by their last part where that names one alone: `hidden` for `model.hidden`."""
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return {key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)}


def _overrides(record: dict[str, Any]) -> dict[str, str]:
    """A run's overrides as they are typed."""
    pairs = dict(override.split("=", 1) for override in record["overrides"])
    return {
        key: str(_recorded(record["config"], key)) if key in LITERAL else value
        for key, value in pairs.items()
        if key not in OF_THE_SWEEP
    }


def _recorded(config: dict[str, Any], key: str) -> Any:
    for name in key.split("."):
        config = config[name]
    return config
