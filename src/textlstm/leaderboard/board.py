"""Sums a sweep up: its configurations best first, how sure that is, and what to type next."""

import shlex
import textwrap
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from textlstm.checks import InputError
from textlstm.escaping import code_block, in_markdown, one_line, visible
from textlstm.keys import is_data
from textlstm.leaderboard import figures
from textlstm.leaderboard.comparison import how_sure
from textlstm.leaderboard.folder import Configuration, SweepFolder
from textlstm.leaderboard.importance import importances
from textlstm.leaderboard.parallel import parallel_figure, wrapped
from textlstm.runs.figures import save
from textlstm.typed import as_typed
from textlstm.writing import markdown_table, write_csv, write_text

SHOWN = 20  # rows of the table on the screen
LONGEST = 14  # letters of a value in the table on the screen
RETRAIN = "The best configuration, trained again and scored on test:"
REFIT = "The same, trained on the train and validation rows together for the best number of epochs:"


def latest_sweep(sweeps: Path) -> Path:
    """Finds the sweep that was worked on last.

    Raises:
        InputError: there is none.
    """
    folders = [folder for folder in sweeps.glob("*") if folder.is_dir()]
    if not folders:
        raise InputError(
            f"There is no sweep in {sweeps}; {as_typed('train')} sweep=grid starts one."
        )
    return max(
        folders,
        key=lambda folder: max(entry.stat().st_mtime for entry in [folder, *folder.iterdir()]),
    )


def write_leaderboard(path: Path) -> None:
    """Prints a sweep's configurations, best first, and writes them and pictures of them.

    The files are leaderboard.csv, leaderboard.md and, where there is something to see, history.png,
    pareto.png, parallel.png and importance.png, all in the sweep's folder.

    Raises:
        InputError: no folder, or no finished run in it.
    """
    sweep = SweepFolder.read(path)
    ranked = sweep.configurations
    notes = [how_sure(*ranked[:2]), sweep.counts] if len(ranked) > 1 else [sweep.counts]
    shares, why_none = importances(sweep)
    if why_none:
        notes.append(why_none)

    pictures = _draw(sweep, shares)
    commands = {RETRAIN: retrain_command(ranked[0]), REFIT: refit_command(ranked[0])}
    notes += _left_out(ranked[0])
    _write_csv(sweep)
    _write_markdown(sweep, notes, commands, pictures)

    console = Console(soft_wrap=True)
    table, left_out = _table(sweep, console.width)
    console.print(table)
    for line in [*left_out, *notes]:
        wrapped = textwrap.fill(line, console.width, break_long_words=False, break_on_hyphens=False)
        console.print(visible(wrapped), highlight=False, markup=False)
    for title, command in commands.items():
        console.print(title, highlight=False)
        console.print(f"  {visible(command)}", highlight=False, markup=False)
    written = ["leaderboard.csv", "leaderboard.md", *pictures]
    written_to = f"written to {visible(path)}: {', '.join(written)}"
    console.print(written_to, highlight=False, markup=False)


def retrain_command(best: Configuration) -> str:
    """Gives the command that trains a configuration again and scores it on test."""
    return _command(best.overrides)


def refit_command(best: Configuration) -> str:
    """Gives the command that trains a configuration on the validation rows, too.

    Without validation nothing can choose the number of epochs, so the command gives the mean of the
    best ones. Temperature, threshold and mixture, which validation chooses, too, are those of the
    best run.
    """
    others = {key: value for key, value in best.overrides.items() if key != "trainer.max_epochs"}
    refit = {"data.refit": "true", "trainer.max_epochs": str(best.best_epoch)}
    run = max(best.runs, key=lambda run: run.score)
    if "calibration" in run.record:
        here = Path.cwd()
        shown = run.folder.relative_to(here) if run.folder.is_relative_to(here) else run.folder
        refit["calibration_from"] = str(shown)
    return _command({**others, **refit})


def _command(overrides: dict[str, str]) -> str:
    arguments = [
        key if key.startswith("~") and not value else f"{key}={value}"
        for key, value in overrides.items()
        if is_data(key, value)
    ]
    return shlex.join([*as_typed("train").split(), *arguments])


def _left_out(best: Configuration) -> list[str]:
    """Says which overrides the commands lack: whoever pastes a command should run no code by it."""
    keys = [ascii(key) for key, value in best.overrides.items() if not is_data(key, value)]
    if not keys:
        return []
    return [
        f"Not in the commands, since a folder of somebody else may ask for anything: "
        f"{', '.join(keys)}. Add them if the runs are yours."
    ]


def _draw(sweep: SweepFolder, shares: dict[str, float]) -> list[str]:
    """Writes the pictures that have something to show, and gives their names."""
    ranked, swept, short = sweep.configurations, sweep.swept, _short(sweep.swept)
    scores = [configuration.score for configuration in ranked]
    drawn = {}

    finished = [run for configuration in ranked for run in configuration.runs]
    runs = sorted([*finished, *sweep.partial, *sweep.pruned], key=lambda run: run.ended)
    if len(runs) > 1:
        given_up = {run.folder for run in sweep.pruned}
        drawn["history.png"] = figures.history_figure(
            [run.score for run in runs],
            [run.folder in given_up for run in runs],
            [len(ranked) > 1 and run in ranked[0].runs for run in runs],
        )
    if len(ranked) > 1:
        seconds = [configuration.seconds for configuration in ranked]
        drawn["pareto.png"] = figures.pareto_figure(seconds, scores)
    if swept:
        values = [[configuration.value(key) for key in swept] for configuration in ranked]
        pruned = [
            [run.overrides[key] for key in swept]
            for run in sweep.pruned
            if run.overrides.keys() >= set(swept)
        ]
        names = list(short.values())
        drawn["parallel.png"] = parallel_figure(names, values, scores, pruned)
    if shares:
        named = {short[key]: share for key, share in shares.items()}
        drawn["importance.png"] = figures.importance_figure(named, len(ranked))

    for name, figure in drawn.items():
        save(figure, sweep.path / name)
    return list(drawn)


def _write_csv(sweep: SweepFolder) -> None:
    measured = ["rank", figures.SCORE, "standard deviation", "runs"]
    header = [*measured, *sweep.swept, "parameters", "seconds of training"]
    rows = []
    for rank, ranked in enumerate(sweep.configurations, start=1):
        deviation = "" if ranked.deviation is None else f"{ranked.deviation:.6f}"
        score, seconds = f"{ranked.score:.6f}", f"{ranked.seconds:.2f}"
        values = [ranked.value(key) for key in sweep.swept]
        rows.append([rank, score, deviation, len(ranked.runs), *values, ranked.parameters, seconds])
    write_csv(sweep.path / "leaderboard.csv", header, rows)


def _write_markdown(
    sweep: SweepFolder, notes: list[str], commands: dict[str, str], pictures: list[str]
) -> None:
    columns = _columns(sweep)
    sections = [
        f"# Sweep {in_markdown(sweep.path.name)}: macro F1 on validation",
        markdown_table(list(columns), list(zip(*columns.values(), strict=True))),
        *map(in_markdown, notes),
        *(f"{title}\n\n{code_block(command, 'sh')}" for title, command in commands.items()),
        *(f"![{name.removesuffix('.png')}]({name})" for name in pictures),
    ]
    write_text(sweep.path / "leaderboard.md", "\n\n".join(sections) + "\n")


def _columns(sweep: SweepFolder) -> dict[str, list[str]]:
    """Gives the cells of the table by column, without columns whose cells are all the same."""
    ranked, short = sweep.configurations, _short(sweep.swept)
    columns = {
        "rank": [str(rank) for rank in range(1, len(ranked) + 1)],
        "macro F1": [f"{configuration.score:.4f}" for configuration in ranked],
    }

    if any(len(configuration.runs) > 1 for configuration in ranked):
        deviations = [configuration.deviation for configuration in ranked]
        columns["±"] = ["–" if value is None else f"{value:.4f}" for value in deviations]
        columns["runs"] = [str(len(configuration.runs)) for configuration in ranked]

    for key in sweep.swept:
        columns[short[key]] = [configuration.value(key) for configuration in ranked]
    if len({configuration.parameters for configuration in ranked}) > 1:
        columns["parameters"] = [_thousands(configuration.parameters) for configuration in ranked]
    columns["seconds"] = [f"{configuration.seconds:.1f}" for configuration in ranked]
    return columns


def _thousands(count: int) -> str:
    if count >= 1e6:
        return f"{count / 1e6:.2f}M"
    return f"{count / 1e3:.1f}k" if count >= 1e4 else str(count)


def _table(sweep: SweepFolder, width: int) -> tuple[Table, list[str]]:
    """Makes the table for a screen `width` letters wide, and says what it leaves out."""
    columns = {
        name: [
            value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
            for value in map(one_line, column[:SHOWN])
        ]
        for name, column in _columns(sweep).items()
    }
    headers = {name: wrapped(name, longest=9) for name in columns}
    widths = {
        name: max(len(line) for line in [*headers[name].split("\n"), *columns[name]])
        for name in columns
    }

    swept = list(_short(sweep.swept).values())
    left_out: list[str] = []
    while sum(widths.values()) + len(widths) + 1 > width and swept:
        left_out.insert(0, swept.pop())
        del widths[left_out[0]]

    title = Text(f"Sweep {visible(sweep.path.name)}: macro F1 on validation", "bold")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for name in widths:
        table.add_column(Text(headers[name]), justify="right", no_wrap=True)
    for row in zip(*(columns[name] for name in widths), strict=True):
        table.add_row(*map(Text, row))

    said = []
    if len(sweep.configurations) > SHOWN:
        more = len(sweep.configurations) - SHOWN
        said.append(f"{more} more configurations are in leaderboard.md.")
    if left_out:
        names = ", ".join(left_out)
        said.append(f"Not shown for lack of width: {names}; leaderboard.md has all columns.")
    return table, said


def _short(keys: list[str]) -> dict[str, str]:
    """Names keys by their last part where only one has it: `hidden` for `model.hidden`."""
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return {
        key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)
    }
