"""Writes and prints what a comparison of runs has found: one page in Markdown and a picture."""

import sys
from datetime import datetime
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from textlstm.escaping import code_span, in_markdown, one_line, visible
from textlstm.leaderboard.compared_run import ComparedRun
from textlstm.leaderboard.comparison_figure import comparison_figure
from textlstm.leaderboard.differences import (
    Row,
    config_differences,
    data_differences,
    version_differences,
)
from textlstm.leaderboard.pair import GROUPS, Pair
from textlstm.model.scores import Scores
from textlstm.places import folder_line
from textlstm.plurals import number_of
from textlstm.runs.figures import save
from textlstm.runs.glossary import INTERVALS
from textlstm.runs.results import interval
from textlstm.terminal import broken, status
from textlstm.writing import markdown_table, write_text

PAGE, PICTURE = "comparison.md", "comparison.png"
MOST_TEXTS = 20  # of each kind of change, on the page
MOST_CLASSES = 100  # lines of a table of classes, on the page
FEW_CLASSES = 5  # at either end, on the screen
LONGEST = 200  # letters of a value in a table on the screen; a path or commit is shown whole
SHOWN_TEXT = 200  # letters of a text on the page
ALIKE = "Nothing that the records hold differs."


def write_comparison(runs: list[ComparedRun], folder: Path) -> None:
    """Prints how runs differ, and writes it as a page with a picture into a folder.

    The first run is what each of the others is compared with, row by row.

    Raises:
        InputError: as `ComparedRun.predictions`.
    """
    with status() as tell:
        tell("Comparing row by row…")
        pairs = [Pair.matched(runs[0], run) for run in runs[1:]]
        verdicts = [line for pair in pairs for line in _verdict(pair, alone=len(pairs) == 1)]
    differences = {
        "Configuration": config_differences(runs),
        "Data": data_differences(runs),
        "Versions and machine": version_differences(runs),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save(comparison_figure(runs), folder / PICTURE)
    write_text(folder / PAGE, "\n\n".join(_page(runs, differences, pairs, verdicts)) + "\n")
    _show(runs, differences, pairs, verdicts, folder)


def _page(
    runs: list[ComparedRun],
    differences: dict[str, list[Row]],
    pairs: list[Pair],
    verdicts: list[str],
) -> list[str]:
    """Makes the paragraphs of the page."""
    letters = [run.letter for run in runs]
    found = {title: rows for title, rows in differences.items() if rows}
    return [
        f"# Runs compared: {in_markdown(', '.join(run.folder.name for run in runs))}",
        *(f"- {run.letter}: {code_span(run.folder)}, {_date(run)}" for run in runs),
        "## Scores",
        markdown_table(*_scores(runs)),
        INTERVALS,
        *map(in_markdown, verdicts),
        f"![scores with their intervals, and F1 of the classes]({PICTURE})",
        "## What differs",
        *([] if found else [ALIKE]),
        *(
            f"### {title}\n\n"
            + markdown_table(["", *letters], [[name, *values] for name, values in rows])
            for title, rows in found.items()
        ),
        *(part for pair in pairs if len(pair.rows) for part in _pair_sections(pair)),
    ]


def _pair_sections(pair: Pair) -> list[str]:
    """Makes the sections about the classes and the texts of two runs."""
    first, second = pair.first.letter, pair.second.letter
    changes = [change for change in pair.classes() if change.change]
    half = MOST_CLASSES // 2
    shown = changes if len(changes) <= MOST_CLASSES else [*changes[:half], *changes[-half:]]
    table = markdown_table(
        ["class", "rows", f"F1 of {first}", f"F1 of {second}", "change"],
        [
            [
                change.name,
                f"{change.rows:,}",
                *(f"{f1:.4f}" for f1 in change[2:]),
                f"{change.change:+.4f}",
            ]
            for change in shown
        ],
    )
    parts = [
        f"## Classes, {first} to {second}",
        f"Better in {second} above, worse below, on the {number_of(len(pair.rows), 'shared row')}.",
        table if changes else "No class has another F1.",
    ]

    changed = pair.changed()
    parts.append(f"## Texts that changed, {first} to {second}")
    parts.append(in_markdown(_counted(pair)))
    for group, rows in changed.items():
        if len(rows):
            heading = GROUPS[group].format(first=first, second=second)
            parts.append(f"### {heading} ({len(rows):,})\n\n{_texts(pair, rows)}")
    return parts


def _texts(pair: Pair, rows: pd.DataFrame) -> str:
    """Makes the table of changed texts, the surest predictions of the second run first."""
    header = ["text", "gold", pair.first.letter, pair.second.letter]
    cells = []
    for row in rows.head(MOST_TEXTS).itertuples():
        text = one_line(row.text)
        cells.append(
            [
                text if len(text) <= SHOWN_TEXT else f"{text[:SHOWN_TEXT]}…",
                row.gold,
                f"{row.predicted_first} {row.probability_first:.3f}",
                f"{row.predicted_second} {row.probability_second:.3f}",
            ]
        )
    more = len(rows) - len(cells)
    said = f"\n\nand {number_of(more, 'more text')}." if more else ""
    return markdown_table(header, cells) + said


def _scores(runs: list[ComparedRun]) -> tuple[list[str], list[list[str]]]:
    """Gives the header and the rows of the table of scores."""
    header = ["run", "rows of", "accuracy", "95 %", "macro F1", "95 %", "log loss", "rows"]
    return header, [
        [
            run.letter,
            run.split,
            f"{run.scores['accuracy']:.4f}",
            interval(run.scores, "accuracy"),
            f"{run.scores['macro_f1']:.4f}",
            interval(run.scores, "macro_f1"),
            f"{run.scores['log_loss']:.4f}",
            f"{_rows(run.scores):,}",
        ]
        for run in runs
    ]


def _rows(scores: Scores) -> int:
    unseen = sum(scores.get("unseen", {}).values())
    return unseen + sum(found["rows"] for found in scores["classes"].values())


def _verdict(pair: Pair, *, alone: bool) -> list[str]:
    """Says whether one run is better than the other, and how sure that is.

    Args:
        alone: whether these two are the only runs, so that no other p is beside this one.
    """
    a, b, rows = pair.first.letter, pair.second.letter, len(pair.rows)
    why = pair.why_no_test()
    lines = [] if why is None else [why]
    if not rows:
        return lines

    matched = "matched by their texts" if pair.by_text else "matched by file and row"
    found = pair.differences()
    lines.append(
        f"{b} less {a} on {number_of(rows, 'shared row')} ({matched}): accuracy "
        f"{_points(found.accuracy, found.accuracy_interval)}, macro F1 "
        f"{_points(found.macro_f1, found.macro_f1_interval)}."
    )
    if why is None:
        first, second = pair.alone_right()
        p = pair.p()
        each = "" if alone else "; p is of this pair, and of several pairs some are small by chance"
        lines.append(
            f"{b} alone is right on {number_of(second, 'row')}, {a} alone on "
            f"{number_of(first, 'row')}: p = {p:.2g} that both are right equally often (McNemar's "
            f"exact test, two-sided{each}). It says nothing of other seeds of training."
        )
        if pair.first.split == "validation":
            lines.append("Both were scored on validation alone, whose rows chose their epochs.")
    return lines


def _points(difference: float, ends: tuple[float, float]) -> str:
    low, high = ends
    return f"{difference:+.4f} (95 % {low:+.4f} to {high:+.4f})"


def _counted(pair: Pair) -> str:
    """Counts the texts that are predicted otherwise, by what that changed."""
    a, b = pair.first.letter, pair.second.letter
    counts = {group: len(rows) for group, rows in pair.changed().items()}
    return (
        f"{number_of(sum(counts.values()), 'text')} of {len(pair.rows):,} are predicted otherwise "
        f"in {b} than in {a}: {counts['right now']:,} right now, {counts['wrong now']:,} wrong "
        f"now, {counts['wrong otherwise']:,} wrong in both."
    )


def _show(
    runs: list[ComparedRun],
    differences: dict[str, list[Row]],
    pairs: list[Pair],
    verdicts: list[str],
    folder: Path,
) -> None:
    """Prints the comparison: scores, what differs, and the counts of what changed."""
    console = Console(soft_wrap=True)
    for run in runs:
        _say(console, f"{run.letter}: {run.folder}, {_date(run)}")
    header, rows = _scores(runs)
    _print_table(console, "Scores", header, rows)
    for line in verdicts:
        _say(console, line)
    for title, found in differences.items():
        if found:
            header = ["", *(run.letter for run in runs)]
            _print_table(console, title, header, [[name, *values] for name, values in found])
    if not any(differences.values()):
        _say(console, ALIKE)

    for pair in pairs:
        if len(pair.rows):
            for line in _classes(pair):
                _say(console, line)
            _say(console, _counted(pair))
    console.print(folder_line(folder, PAGE, PICTURE), highlight=False, markup=False)


def _classes(pair: Pair) -> list[str]:
    """Names the classes that changed most, in a line for each direction."""
    changes = pair.classes()
    better = [change for change in changes if change.change > 0][:FEW_CLASSES]
    worse = [change for change in reversed(changes) if change.change < 0][:FEW_CLASSES]
    named = {"better": better, "worse": worse}
    return [
        f"F1 {direction} in {pair.second.letter} than in {pair.first.letter}: "
        + ", ".join(f"{one_line(change.name)} {change.change:+.4f}" for change in found)
        + "."
        for direction, found in named.items()
        if found
    ]


def _print_table(console: Console, title: str, header: list[str], rows: list[list[str]]) -> None:
    table = Table(title=Text(title, "bold"), title_justify="left", box=SIMPLE_HEAD, padding=0)
    for number, name in enumerate(header):
        table.add_column(Text(name), justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        cells = map(one_line, row)
        table.add_row(*(Text(c if len(c) <= LONGEST else f"{c[: LONGEST - 1]}…") for c in cells))
    console.print(table)


def _say(console: Console, line: str) -> None:
    console.print(broken(visible(line), sys.stdout), highlight=False, markup=False)


def _date(run: ComparedRun) -> str:
    """Gives the local date and time at which a run ended."""
    return datetime.fromtimestamp(run.ended).strftime("%Y-%m-%d %H:%M")
