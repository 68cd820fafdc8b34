"""Makes the tables of a leaderboard: for the screen, as CSV and as Markdown."""

import textwrap
from datetime import datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from textlstm.escaping import one_line, visible
from textlstm.leaderboard import figures
from textlstm.leaderboard.folder import Configuration, Ranking
from textlstm.leaderboard.learning_curve import LearningCurve
from textlstm.leaderboard.parallel import wrapped
from textlstm.writing import markdown_table, write_csv

SHOWN = 20  # rows of the table on the screen
LONGEST = 14  # letters of a value in the table on the screen


def write_tables(path: Path, rankings: list[Ranking]) -> None:
    """Writes all rankings to one CSV file, in which each row names its rows of validation."""
    swept = list(dict.fromkeys(key for ranking in rankings for key in ranking.swept))
    header = ["rank", figures.SCORE, "standard deviation", "runs", *swept]
    header += ["parameters", "seconds of training", "date", "run", "validated on"]
    rows = []
    for ranking in rankings:
        for rank, ranked in enumerate(ranking.configurations, start=1):
            deviation = "" if ranked.deviation is None else f"{ranked.deviation:.6f}"
            score, seconds = f"{ranked.score:.6f}", f"{ranked.seconds:.2f}"
            measured = [rank, score, deviation, len(ranked.runs)]
            values = [ranked.value(key) for key in swept]
            named = [_date(ranked), ", ".join(_names(ranked)), ranking.rows]
            rows.append([*measured, *values, ranked.parameters, seconds, *named])
    write_csv(path, header, rows)


def markdown(ranking: Ranking) -> str:
    """Makes the Markdown table of a ranking, whose rows name all of their runs."""
    columns = _columns(ranking)
    columns["date"] = [_date(ranked) for ranked in ranking.configurations]
    columns["run"] = [", ".join(_names(ranked)) for ranked in ranking.configurations]
    return markdown_table(list(columns), list(zip(*columns.values(), strict=True)))


def screen_table(ranking: Ranking, title: str, width: int) -> tuple[Table, list[str]]:
    """Makes the table for a screen `width` letters wide, and says what it leaves out."""
    columns = {
        name: [
            value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
            for value in map(one_line, column[:SHOWN])
        ]
        for name, column in _columns(ranking).items()
    }
    headers = {name: wrapped(name, longest=9) for name in columns}
    widths = {
        name: max(len(line) for line in [*headers[name].split("\n"), *columns[name]])
        for name in columns
    }

    swept = list(short_names(ranking.swept).values())
    left_out: list[str] = []
    while sum(widths.values()) + len(widths) + 1 > width and swept:
        left_out.insert(0, swept.pop())
        del widths[left_out[0]]

    shown = Text(visible(title), "bold")
    table = Table(title=shown, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for name in widths:
        table.add_column(Text(headers[name]), justify="right", no_wrap=True)
    for row in zip(*(columns[name] for name in widths), strict=True):
        table.add_row(*map(Text, row))

    said = []
    if len(ranking.configurations) > SHOWN:
        more = len(ranking.configurations) - SHOWN
        said.append(f"{more} more configurations are in leaderboard.md.")
    if left_out:
        names = ", ".join(left_out)
        said.append(f"Not shown for lack of width: {names}; leaderboard.md has all columns.")
    return table, said


def curve_table(curve: LearningCurve) -> Table:
    """Makes the table of a learning curve for a screen of 80 letters."""
    header, rows = curve.table()
    shown = Text(visible(curve.title), "bold")
    table = Table(title=shown, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for name in header:
        table.add_column(Text(textwrap.fill(name, 10)), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def run_lines(ranking: Ranking) -> list[str]:
    """Names for each row on the screen its best run's folder, and the date when that ended."""
    lines = []
    for rank, ranked in enumerate(ranking.configurations[:SHOWN], start=1):
        name, others = one_line(_names(ranked)[0]), len(ranked.runs) - 1
        more = f" and {others} more" if others else ""
        lines.append(f"{rank:>6}  {_date(ranked)}  {name}{more}")
    return lines


def short_names(keys: list[str]) -> dict[str, str]:
    """Names keys by their last part where only one has it: `hidden` for `model.hidden`."""
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return {
        key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)
    }


def _columns(ranking: Ranking) -> dict[str, list[str]]:
    """Gives the cells of the table by column, without columns whose cells are all the same."""
    ranked, short = ranking.configurations, short_names(ranking.swept)
    columns = {
        "rank": [str(rank) for rank in range(1, len(ranked) + 1)],
        "macro F1": [f"{configuration.score:.4f}" for configuration in ranked],
    }

    if any(len(configuration.runs) > 1 for configuration in ranked):
        deviations = [configuration.deviation for configuration in ranked]
        columns["±"] = ["–" if value is None else f"{value:.4f}" for value in deviations]
        columns["runs"] = [str(len(configuration.runs)) for configuration in ranked]

    for key in ranking.swept:
        columns[short[key]] = [configuration.value(key) for configuration in ranked]
    if len({configuration.parameters for configuration in ranked}) > 1:
        columns["parameters"] = [_thousands(configuration.parameters) for configuration in ranked]
    columns["seconds"] = [f"{configuration.seconds:.1f}" for configuration in ranked]
    return columns


def _names(ranked: Configuration) -> list[str]:
    """Names the folders of a configuration's runs, the best first."""
    return [run.folder.name for run in sorted(ranked.runs, key=lambda run: -run.score)]


def _date(ranked: Configuration) -> str:
    """Gives the local date and time at which the best run of a configuration ended."""
    return datetime.fromtimestamp(ranked.best_run.ended).strftime("%Y-%m-%d %H:%M")


def _thousands(count: int) -> str:
    if count >= 1e6:
        return f"{count / 1e6:.2f}M"
    return f"{count / 1e3:.1f}k" if count >= 1e4 else str(count)
