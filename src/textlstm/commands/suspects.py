"""Ranks training rows by how little runs that have not seen them believe their labels."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.markdown import Markdown

from textlstm.commandline.settings import SuspectsSettings
from textlstm.commands.out_of_fold import predict_out_of_fold
from textlstm.commands.report_folder import make_report_folder
from textlstm.data.sources import Source, load_source
from textlstm.escaping import in_markdown
from textlstm.places import CACHE, OUTPUTS, folder_line
from textlstm.plurals import number_of
from textlstm.runs.claim import claimed
from textlstm.runs.folder import folder_name
from textlstm.signals import Stopped
from textlstm.training.process import prepare_process
from textlstm.writing import markdown_table, write_csv, write_text

SHOWN = 20  # the most suspects in the report
PAIRS = 10  # the most pairs of a given and a suggested label in the report
HEADER = ["file", "row", "text", "given", "suggested", "probability"]


class Suspect(NamedTuple):
    """A row, with its label, the likeliest label, and the probability of the former."""

    file: str
    row: int | str
    text: str
    given: str
    suggested: str
    probability: float


def suspects(config: dict[str, Any]) -> None:
    """Predicts each row out of fold, and writes the rows by the probability of their labels.

    Raises:
        InputError: data, a value or a device that cannot be used.
    """
    settings = SuspectsSettings.parse(config)
    data = settings.training.data
    prepare_process(settings.training.seed, settings.training.threads)
    source = load_source(data, cache=CACHE)["train"]

    name = folder_name(Path(data.name or data.train or "newswire4").name)
    folder = OUTPUTS / "suspects" / name
    if settings.output:
        folder = Path(settings.output).expanduser().absolute()
    make_report_folder(folder)
    with claimed(folder):
        found = _ranked(source, settings, folder)
        write_csv(
            folder / "suspects.csv", HEADER, map(_cells, found), spreadsheet=settings.spreadsheet
        )
        report = _report(name, found, settings.folds)
        write_text(folder / "report.md", report)

    console = Console(width=None if Console().is_terminal else 120)
    console.print(Markdown(report))
    line = folder_line(folder, "suspects.csv", "report.md")
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _ranked(source: Source, settings: SuspectsSettings, folder: Path) -> list[Suspect]:
    """Gives the rows, those with the least probable labels first."""
    try:
        predicted = predict_out_of_fold(
            source, settings.training, folds=settings.folds, folder=folder / "folds"
        )
    except Stopped as stop:
        print(f"{stop} The same command goes on from the last checkpoint.", file=sys.stderr)
        stop.told = True
        raise

    rows, names = predicted.row_numbers, source.class_names
    given_N = source.labels_N[rows]
    suggested_N = predicted.probabilities_NC.argmax(axis=1)
    probability_N = predicted.probabilities_NC[np.arange(len(rows)), given_N]
    unranked = [
        Suspect(*place, text, names[given], names[suggested], probability)
        for place, text, given, suggested, probability in zip(
            source.places.of_rows(rows).shown(),
            source.texts(rows),
            given_N.tolist(),
            suggested_N.tolist(),
            probability_N.tolist(),
            strict=True,
        )
    ]
    return [unranked[place] for place in probability_N.argsort(kind="stable").tolist()]


def _cells(suspect: Suspect) -> list[Any]:
    return [*suspect[:-1], f"{suspect.probability:.6g}"]


def _report(name: str, ranked: list[Suspect], folds: int) -> str:
    """The report: rows for which another class is likelier, the first of them, and the classes."""
    other = [suspect for suspect in ranked if suspect.given != suspect.suggested]
    first = [
        [
            f"{suspect.probability:.4f}",
            suspect.given,
            suspect.suggested,
            suspect.text,
            *_place(suspect),
        ]
        for suspect in other[:SHOWN]
    ]
    pairs = Counter((suspect.given, suspect.suggested) for suspect in other).most_common(PAIRS)

    sections = [
        f"# Suspect labels of {in_markdown(name)}",
        f"{number_of(len(ranked), 'row')} in {folds} folds, each predicted by a run that has "
        f"trained on the others. For {number_of(len(other), 'row')} "
        f"({len(other) / len(ranked):.1%}) another class is likelier than the given one: some of "
        f"these labels are wrong, and some texts are hard. suspects.csv has all rows, those with "
        f"the least probable labels first.",
    ]
    if other:
        counts = [[*labels, f"{rows:,}"] for labels, rows in pairs]
        sections += [
            f"## The first {len(first)} of these",
            markdown_table(["probability", "given", "suggested", "text", "file", "row"], first),
            "## The most frequent suggestions",
            markdown_table(["given", "suggested", "rows"], counts),
        ]
    return "\n\n".join(sections) + "\n"


def _place(suspect: Suspect) -> tuple[str, int | str]:
    return Path(suspect.file).name, suspect.row
