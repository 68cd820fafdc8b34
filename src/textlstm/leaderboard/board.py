"""A sweep summed up: its configurations best first, how sure the first place is, pictures, and what
to type next.
"""

import shlex
import textwrap
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from textlstm.checks import NUMBER, InputError
from textlstm.leaderboard.comparison import how_sure
from textlstm.leaderboard.folder import Configuration, SweepFolder
from textlstm.runs import figures
from textlstm.typed import as_typed
from textlstm.writing import markdown_table, write_csv

SHOWN = 20  # rows of the table on the screen
LONGEST = 14  # letters of a value there
ENOUGH = 4  # configurations from which importances can be estimated


def latest_sweep(sweeps: Path) -> Path:
    """The sweep that was worked on last.

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
    """Prints the configurations of a sweep, best first, and writes them and their pictures into its
    folder.

    The files are leaderboard.csv, leaderboard.md and, where there is something to see, history.png,
    pareto.png, parallel.png and importance.png.

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
    commands = {
        "The best configuration, trained again and scored on test:": again(ranked[0]),
        "The same trained on train and validation together, for as many epochs as were best:": refitted(
            ranked[0]
        ),
    }
    _write_csv(sweep)
    _write_markdown(sweep, notes, commands, pictures)
    console = Console(soft_wrap=True)
    table, more = _table(sweep, console.width)
    console.print(table)
    for line in [*more, *notes]:
        wrapped = textwrap.fill(line, console.width, break_long_words=False, break_on_hyphens=False)
        console.print(wrapped, highlight=False, markup=False)
    for title, command in commands.items():
        console.print(title, highlight=False)
        console.print(f"  {command}", highlight=False, markup=False)
    written = ["leaderboard.csv", "leaderboard.md", *pictures]
    console.print(f"written to {path}: {', '.join(written)}", highlight=False, markup=False)


def again(best: Configuration) -> str:
    """The command that trains a configuration once more and, without test=false, scores it."""
    return _command(best.overrides)


def refitted(best: Configuration) -> str:
    """The command that trains it on the validation rows, too; without them the number of epochs has
    to be given.
    """
    others = {key: value for key, value in best.overrides.items() if key != "trainer.max_epochs"}
    return _command({**others, "data.refit": "true", "trainer.max_epochs": str(best.best_epoch)})


def _command(overrides: dict[str, str]) -> str:
    arguments = [
        key if key.startswith("~") and not value else f"{key}={value}"
        for key, value in overrides.items()
    ]
    return shlex.join([*as_typed("train").split(), *arguments])


def importances(sweep: SweepFolder) -> tuple[dict[str, float], str]:
    """The share of each swept hyperparameter in the variation of the score, or none and why.

    fANOVA (Hutter, Hoos & Leyton-Brown 2014) on the configurations' mean scores. Optuna's default,
    PED-ANOVA, asks what
    the best tenth has in common, which needs some fifty trials: most sweeps are smaller.
    """
    ranked, swept = sweep.configurations, sweep.swept
    if swept and len(ranked) < ENOUGH:
        return (
            {},
            f"No importance of hyperparameters: that needs {ENOUGH} configurations, there are "
            f"{len(ranked)}.",
        )
    if len(swept) < 2:
        return {}, ""  # one hyperparameter has all of it
    if len({of.score for of in ranked}) == 1:
        return {}, "No importance of hyperparameters: all configurations have the same score."
    import optuna  # takes a second, which other commands need not wait
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    columns: dict[str, list[str] | list[float]] = {}
    distributions: dict[str, BaseDistribution] = {}
    for key in swept:
        values = [of.value(key) for of in ranked]
        if all(NUMBER.fullmatch(value) for value in values):
            places = figures.Scale(values)
            columns[key] = numbers = [places.place(value) for value in values]
            distributions[key] = FloatDistribution(min(numbers), max(numbers))
        else:
            columns[key] = values
            distributions[key] = CategoricalDistribution(sorted(set(values)))
    study = optuna.create_study(direction="maximize")
    for number, configuration in enumerate(ranked):
        params = {key: column[number] for key, column in columns.items()}
        study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=distributions, value=configuration.score
            )
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator), ""


def _draw(sweep: SweepFolder, shares: dict[str, float]) -> list[str]:
    """Writes the pictures that have something to show, and gives their names."""
    ranked, swept = sweep.configurations, sweep.swept
    short, scores = _short(swept), [of.score for of in ranked]
    ended = sorted(
        [
            *((run, False) for of in ranked for run in of.runs),
            *((run, False) for run in sweep.partial),
        ]
        + [(run, True) for run in sweep.pruned],
        key=lambda item: item[0].ended,
    )
    drawn = {}
    if len(ended) > 1:
        drawn["history.png"] = figures.history_figure(
            [run.score for run, _ in ended],
            [pruned for _, pruned in ended],
            [len(ranked) > 1 and run in ranked[0].runs for run, _ in ended],
        )
    if len(ranked) > 1:
        drawn["pareto.png"] = figures.pareto_figure([of.seconds for of in ranked], scores)
    if swept:
        values = [[of.value(key) for key in swept] for of in ranked]
        pruned = [
            [run.typed[key] for key in swept]
            for run in sweep.pruned
            if run.typed.keys() >= set(swept)
        ]
        drawn["parallel.png"] = figures.parallel_figure(
            list(short.values()), values, scores, pruned
        )
    if shares:
        named = {short[key]: share for key, share in shares.items()}
        drawn["importance.png"] = figures.importance_figure(named, len(ranked))
    for name, figure in drawn.items():
        figures.save(figure, sweep.path / name)
    return list(drawn)


def _write_csv(sweep: SweepFolder) -> None:
    swept = sweep.swept
    header = [
        "rank",
        figures.SCORE,
        "standard deviation",
        "runs",
        *swept,
        "parameters",
        "seconds of training",
    ]
    rows = [
        [
            *(
                rank,
                f"{of.score:.6f}",
                "" if of.deviation is None else f"{of.deviation:.6f}",
                len(of.runs),
            ),
            *(of.value(key) for key in swept),
            *(of.parameters, f"{of.seconds:.2f}"),
        ]
        for rank, of in enumerate(sweep.configurations, start=1)
    ]
    write_csv(sweep.path / "leaderboard.csv", header, rows)


def _write_markdown(
    sweep: SweepFolder, notes: list[str], commands: dict[str, str], pictures: list[str]
) -> None:
    columns = _columns(sweep)
    table = markdown_table(list(columns), list(zip(*columns.values(), strict=True)))
    sections = [
        f"# Sweep {sweep.path.name}: macro F1 on validation",
        table,
        *notes,
        *(f"{title}\n\n```sh\n{command}\n```" for title, command in commands.items()),
        *(f"![{name.removesuffix('.png')}]({name})" for name in pictures),
    ]
    (sweep.path / "leaderboard.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _columns(sweep: SweepFolder) -> dict[str, list[str]]:
    """The cells of the table by column, without columns that say the same of all configurations."""
    ranked, short = sweep.configurations, _short(sweep.swept)
    repeated = any(len(of.runs) > 1 for of in ranked)
    columns = {"rank": [str(rank) for rank in range(1, len(ranked) + 1)]}
    columns["macro F1"] = [f"{of.score:.4f}" for of in ranked]
    if repeated:
        columns["±"] = ["–" if of.deviation is None else f"{of.deviation:.4f}" for of in ranked]
        columns["runs"] = [str(len(of.runs)) for of in ranked]
    columns |= {short[key]: [of.value(key) for of in ranked] for key in sweep.swept}
    if len({of.parameters for of in ranked}) > 1:
        columns["parameters"] = [_thousands(of.parameters) for of in ranked]
    columns["seconds"] = [f"{of.seconds:.1f}" for of in ranked]
    return columns


def _thousands(count: int) -> str:
    return (
        f"{count / 1e6:.2f}M"
        if count >= 1e6
        else f"{count / 1e3:.1f}k"
        if count >= 1e4
        else str(count)
    )


def _table(sweep: SweepFolder, width: int) -> tuple[Table, list[str]]:
    """The table for a screen `width` letters wide, and what it leaves out."""
    columns = {
        name: [
            value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
            for value in column[:SHOWN]
        ]
        for name, column in _columns(sweep).items()
    }
    headers = {name: figures.wrapped(name, longest=9) for name in columns}
    widths = {
        name: max(len(line) for line in [*headers[name].split("\n"), *columns[name]])
        for name in columns
    }
    swept = list(_short(sweep.swept).values())
    left_out: list[str] = []
    while sum(widths.values()) + len(widths) + 1 > width and swept:
        left_out.insert(0, swept.pop())
        del widths[left_out[0]]
    title = f"Sweep {sweep.path.name}: macro F1 on validation"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0)
    for name in widths:
        table.add_column(headers[name], justify="right", no_wrap=True)
    for row in zip(*(columns[name] for name in widths), strict=True):
        table.add_row(*row)
    more = []
    if len(sweep.configurations) > SHOWN:
        more.append(
            f"{len(sweep.configurations) - SHOWN} more configurations are in leaderboard.md."
        )
    if left_out:
        more.append(
            f"Not shown for lack of width: {', '.join(left_out)}; leaderboard.md has all columns."
        )
    return table, more


def _short(keys: list[str]) -> dict[str, str]:
    """Keys by their last part where that names one alone: `hidden` for `model.hidden`."""
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return {
        key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)
    }
