"""The scores of a run beside its baselines', with the sentences that explain them."""

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from textlstm.data.classes import listed
from textlstm.escaping import visible
from textlstm.model.scores import Baseline, BaselineSettings, ScoreName, Scores
from textlstm.model.wide import RUNS
from textlstm.places import folder_line
from textlstm.runs.record import Record, ScoredName
from textlstm.terminal import broken

SCORES: dict[ScoreName, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}
COMPARED: tuple[ScoreName, ...] = ("accuracy", "macro_f1")
"""The scores by which the LSTM is compared with the linear baseline."""
LINEAR = "TF-IDF + logistic regression"  # the baseline that has settings
CHANCE = 0.05  # p from which a difference is called less than chance would give
INTERVAL = "95 %"
NAME_WIDTH = 21  # letters of a model's name on the screen, so that the table fits 80 columns


def print_results(record: Record, split: ScoredName, folder: Path) -> None:
    """Prints the scores on a split beside the baselines', and the run folder."""
    shown = compared(record, split)
    below = f"\n{INTERVAL}" if has_intervals(shown) else ""
    table = Table(
        title=f"Scores on {split}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("model", no_wrap=True)
    for key, name in SCORES.items():
        header = f"{name}{below}" if key in COMPARED else name.replace(" ", "\n")
        table.add_column(header, justify="right", no_wrap=True)
    for name, scores in shown:
        cells = [f"{scores[key]:.4f}" for key in SCORES]
        if below:
            cells = [
                f"{cell}\n{interval(scores, key)}" if key in COMPARED else cell
                for key, cell in zip(SCORES, cells, strict=True)
            ]
        table.add_row(textwrap.fill(name, NAME_WIDTH), *cells)

    console = Console(soft_wrap=True)
    console.print(table)
    for line in notes(record, split):
        console.print(broken(visible(line), sys.stdout), highlight=False, markup=False)
    console.print(folder_line(folder), highlight=False, markup=False)


def compared(record: Record, split: ScoredName) -> list[tuple[str, Scores]]:
    """Names this model and its scores, then the baselines that were scored on the same rows."""
    members = record["config"].get("ensemble", 1)
    own = "LSTM" if members == 1 else f"{members} LSTMs"
    models: list[tuple[str, Scores]] = [(own, record[split])]
    if "wide" in record:
        alone = record["wide"]["alone"][split]
        models = [
            (f"{own} and wide channel", record[split]),
            (f"{own} alone", alone["lstm"]),
            ("wide channel alone", alone["wide"]),
        ]
    models += _baselines(record, split).items()
    return models


def _baselines(record: Record, split: ScoredName) -> dict[str, Baseline]:
    """The baselines that were scored on a split: test or, in a run without it, validation."""
    if split == "validation":
        return record.get("baselines_on_validation", {})
    return record["baselines"] if split == "test" else {}


def has_intervals(shown: list[tuple[str, Scores]]) -> bool:
    """Tells whether one of these models has intervals; records of older versions have none."""
    return any("intervals" in scores for _, scores in shown)


def interval(scores: Scores, name: ScoreName) -> str:
    """Shows the 95 % interval of accuracy or macro F1; a dash where there is none."""
    if "intervals" not in scores or name not in COMPARED:
        return "–"
    low, high = scores["intervals"]["accuracy" if name == "accuracy" else "macro_f1"]
    return f"{low:.3f} to {high:.3f}"


def score_table(shown: list[tuple[str, Scores]]) -> tuple[list[str], list[list[str]]]:
    """Gives the header and the rows of a table of models, with the intervals beside the scores."""
    sure = COMPARED if has_intervals(shown) else ()  # the scores with an interval
    header = ["model"]
    for key, name in SCORES.items():
        header += [name, INTERVAL] if key in sure else [name]

    rows = []
    for model, scores in shown:
        row = [model]
        for key in SCORES:
            score = f"{scores[key]:.4f}"
            row += [score, interval(scores, key)] if key in sure else [score]
        rows.append(row)
    return header, rows


def notes(record: Record, split: ScoredName) -> list[str]:
    """Explains the scores: a sentence or two for each fact that a reader has to know."""
    said = []
    absent = record[split]["absent"]
    if absent:
        said.append(
            f"No row of {split} has the class {', '.join(absent)}: left out of macro F1 and AUROC."
        )
    unseen = record[split].get("unseen", {})
    if unseen:
        said.append(
            f"Rows of {split} with a class that no training row has: {sum(unseen.values()):,} "
            f"({listed(unseen)}). They count as wrong, such a class as 0 in macro F1; log loss "
            f"leaves them out."
        )

    wide = record.get("wide")
    if wide:
        said.append(
            f"Wide channel: {_settings(wide['settings'])}; {wide['terms']:,} terms. The mixture, "
            f"chosen on validation, takes {wide['weight']:.2f} of its log-probabilities from the "
            f"LSTM."
        )

    linear = _baselines(record, split).get(LINEAR)
    if linear:
        streaming = record["data"]["streaming"]
        if streaming:
            said.append(f"The baselines learned from the first {streaming['sample']:,} rows alone.")
        tried = linear.get("tried")
        plural = "" if tried == 1 else "s"
        among = "" if tried is None else f" among {tried} setting{plural}"
        fitted = ", then fitted on training and validation rows" if record["refit"] else ""
        settings = _settings(linear["settings"])
        said.append(f"{LINEAR} chosen on validation{among}{fitted}: {settings}.")
        if split == "test":
            said.append(against_line(record, linear))
    return said


def seconds_line(record: Record) -> str:
    """Says how long the run took."""
    seconds = record["seconds"]
    return f"{seconds['train']:.0f} s of training, {seconds['total']:.0f} s in all"


def against_line(record: Record, linear: Scores) -> str:
    """Says whether the model is ahead of the linear baseline on test, and if chance explains it."""
    test = record["test"]
    higher = [name for name in COMPARED if test[name] > linear[name]]
    lower = [name for name in COMPARED if test[name] < linear[name]]
    if not higher and not lower:
        return f"Level with the linear baseline on test: {_against(test, linear, COMPARED)}."

    ahead = f"{_chance(record, higher)}: {_against(test, linear, higher)}."
    if not lower:
        return f"Ahead of the linear baseline on test{ahead}"
    behind = f"{_chance(record, lower)}: {_against(test, linear, lower)}"
    said = f"Behind the linear baseline on test{behind}{f'; ahead{ahead}' if higher else '.'}"
    other = "" if "wide" in record else ", or try wide=true, which mixes such a model with the LSTM"
    return (
        f"{said} More training rows would help the LSTM most, and sweep=learning_curve tells how "
        f"much; until then, take TF-IDF + logistic regression{other}."
    )


def _against(test: Scores, linear: Scores, names: Sequence[ScoreName]) -> str:
    """Names scores of the model and of the linear baseline."""
    return " and ".join(
        f"{SCORES[name]} {test[name]:.4f} against {linear[name]:.4f}" for name in names
    )


def _chance(record: Record, names: Sequence[ScoreName]) -> str:
    """Says whether chance would give a difference of accuracy, if that is one of these scores."""
    if "accuracy" not in names or "paired" not in record:
        return ""
    p = record["paired"]["p"]
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    by = "by more" if p < CHANCE else "but by less"
    return f", {by} than chance would give (McNemar's test of accuracy, {shown})"


def _settings(settings: BaselineSettings) -> str:
    """Describes the settings of TF-IDF + logistic regression in words."""
    unit, longest = settings["unit"], settings["longest"]
    kind = "word" if unit == "both" else unit
    n_grams = f"{kind}s" if longest == 1 else f"1- to {longest}-grams of {kind}s"
    if unit == "both":
        n_grams += f" and {RUNS[0]}- to {RUNS[1]}-grams of characters"
    sublinear = "sublinear" if settings["sublinear"] else "plain"
    return f"{n_grams}, {sublinear} counts, C = {settings['C']:g}"
