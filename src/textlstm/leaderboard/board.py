"""Sums a folder of runs up: configurations best first, how sure that is, and what to type next."""

import shlex
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from textlstm.escaping import code_block, in_markdown, visible
from textlstm.keys import is_data
from textlstm.leaderboard import figures
from textlstm.leaderboard.comparison import how_sure
from textlstm.leaderboard.curve_figure import curve_figure
from textlstm.leaderboard.folder import Configuration, FinishedRun, Ranking, SweepFolder
from textlstm.leaderboard.importance import importances
from textlstm.leaderboard.learning_curve import LearningCurve, learning_curves
from textlstm.leaderboard.parallel import parallel_figure
from textlstm.leaderboard.tables import (
    curve_table,
    markdown,
    run_lines,
    screen_table,
    short_names,
    write_tables,
)
from textlstm.places import OUTPUTS, folder_line, from_here
from textlstm.runs.figures import save
from textlstm.terminal import continued
from textlstm.typed import as_typed
from textlstm.writing import markdown_table, write_text

EVALUATE = "The best run, scored on test by its saved model, without training again:"
RETRAIN = "The best configuration, trained again and scored on test:"
REFIT = "The same, trained on the train and validation rows together for the best number of epochs:"


def write_leaderboard(path: Path) -> None:
    """Prints the configurations of a folder of runs, best first, and writes them with pictures.

    The files are leaderboard.csv, leaderboard.md and, where there is something to see, history.png,
    pareto.png, parallel.png, importance.png and learning_curve.png. They are in the folder of the
    sweep; those about outputs/runs, which holds runs alone, are in outputs/leaderboard. Runs that
    were validated on different rows have a table each, with pictures of its own.

    Raises:
        InputError: no folder, or no finished run in it.
    """
    sweep = SweepFolder.read(path)
    title, folder = f"Sweep {path.name}", path
    if path == OUTPUTS / "runs":
        title, folder = "Runs", OUTPUTS / "leaderboard"
        folder.mkdir(exist_ok=True)
    sections = [_section(sweep, number, folder) for number in range(len(sweep.rankings))]

    write_tables(folder / "leaderboard.csv", sweep.rankings)
    heading = f"# {in_markdown(title)}: macro F1 on validation"
    parts = [part for section in sections for part in section.markdown()]
    parts = [heading, *parts, in_markdown(sweep.counts)]
    write_text(folder / "leaderboard.md", "\n\n".join(parts) + "\n")

    console = Console(soft_wrap=True)
    for section in sections:
        _show(console, section, title)
    _say(console, sweep.counts)
    pictures = [picture for section in sections for picture in section.pictures]
    line = folder_line(folder, "leaderboard.csv", "leaderboard.md", *pictures)
    console.print(line, highlight=False, markup=False)


@dataclass(frozen=True)
class _Section:
    """What is said about one ranking."""

    ranking: Ranking
    notes: list[str]
    curves: list[LearningCurve]
    commands: dict[str, str]
    pictures: list[str]

    def markdown(self) -> list[str]:
        """Makes the paragraphs of the section."""
        return [
            f"## {in_markdown(self.ranking.rows)}",
            markdown(self.ranking),
            *map(in_markdown, self.notes),
            *(part for curve in self.curves for part in _curve_markdown(curve)),
            *(f"{title}\n\n{code_block(said, 'sh')}" for title, said in self.commands.items()),
            *(f"![{name.removesuffix('.png')}]({name})" for name in self.pictures),
        ]


def _section(sweep: SweepFolder, number: int, folder: Path) -> _Section:
    """Compares the configurations of one of the rankings, and draws its pictures into a folder."""
    ranking = sweep.rankings[number]
    shares, why_none = importances(ranking)
    notes = [how_sure(*ranking.configurations[:2])] if len(ranking.configurations) > 1 else []
    if why_none:
        notes.append(why_none)
    partial = sweep.partial if len(sweep.rankings) == 1 else []
    curves, suffix = learning_curves(ranking), f"-{number + 1}" if number else ""
    pictures = _draw(ranking, partial, shares, curves, folder, suffix=suffix)
    commands = {
        EVALUATE: evaluate_command(ranking.best),
        RETRAIN: retrain_command(ranking.best),
        REFIT: refit_command(ranking.best),
    }
    notes += _left_out(ranking.best)
    return _Section(ranking, notes, curves, commands, pictures)


def _show(console: Console, section: _Section, title: str) -> None:
    """Prints a ranking: its table, the folders of its runs, the notes and the commands."""
    ranking = section.ranking
    named = f"{title}: macro F1 on validation"
    table, left_out = screen_table(ranking, named, console.width)
    _say(console, f"Validated on {ranking.rows}")
    console.print(table)
    for line in left_out:
        _say(console, line)
    console.print("  rank  date              run", highlight=False)
    for line in run_lines(ranking):
        console.print(line, highlight=False, markup=False)
    for note in section.notes:
        _say(console, note)
    for curve in section.curves:
        console.print(curve_table(curve))
        _say(console, curve.sentence())
    for what, command in section.commands.items():
        console.print(what, highlight=False)
        shown = continued(f"  {visible(command)}", sys.stdout)
        console.print(shown, highlight=False, markup=False)


def _curve_markdown(curve: LearningCurve) -> list[str]:
    heading = f"### {in_markdown(curve.title)}"
    return [heading, markdown_table(*curve.table()), in_markdown(curve.sentence())]


def _say(console: Console, line: str) -> None:
    filled = textwrap.fill(line, console.width, break_long_words=False, break_on_hyphens=False)
    console.print(visible(filled), highlight=False, markup=False)


def evaluate_command(best: Configuration) -> str:
    """Gives the command that scores the saved model of a configuration's best run on test."""
    return shlex.join([*as_typed("evaluate").split(), f"run={from_here(best.best_run.folder)}"])


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
    if "calibration" in best.best_run.record:
        refit["calibration_from"] = str(from_here(best.best_run.folder))
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


def _draw(
    ranking: Ranking,
    partial: list[FinishedRun],
    shares: dict[str, float],
    curves: list[LearningCurve],
    folder: Path,
    *,
    suffix: str,
) -> list[str]:
    """Writes the pictures that have something to show, and gives their names.

    Args:
        partial: finished runs that are not ranked, and have a place in the history.
        shares: the importance of each hyperparameter.
        curves: the learning curves.
        suffix: what the names of the pictures end with.
    """
    ranked, swept, short = ranking.configurations, ranking.swept, short_names(ranking.swept)
    scores = [configuration.score for configuration in ranked]
    drawn = {}

    finished = [run for configuration in ranked for run in configuration.runs]
    runs = sorted([*finished, *partial, *ranking.pruned], key=lambda run: run.ended)
    if len(runs) > 1:
        given_up = {run.folder for run in ranking.pruned}
        drawn["history"] = figures.history_figure(
            [run.score for run in runs],
            [run.folder in given_up for run in runs],
            [len(ranked) > 1 and run in ranking.best.runs for run in runs],
        )
    if len(ranked) > 1:
        seconds = [configuration.seconds for configuration in ranked]
        drawn["pareto"] = figures.pareto_figure(seconds, scores)
    if swept:
        values = [[configuration.value(key) for key in swept] for configuration in ranked]
        pruned = [
            [run.overrides[key] for key in swept]
            for run in ranking.pruned
            if run.overrides.keys() >= set(swept)
        ]
        names = list(short.values())
        drawn["parallel"] = parallel_figure(names, values, scores, pruned)
    if shares:
        named = {short[key]: share for key, share in shares.items()}
        drawn["importance"] = figures.importance_figure(named, len(ranked))

    if curves:
        drawn["learning_curve"] = curve_figure(curves)

    files = {f"{name}{suffix}.png": figure for name, figure in drawn.items()}
    for name, figure in files.items():
        save(figure, folder / name)
    return list(files)
