"""What a person reads after a run: the table on the screen, report.md with its pictures, and
predictions.csv.
"""

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from textlstm.model.metrics import Predictions
from textlstm.runs import figures
from textlstm.writing import markdown_table, write_csv

SCORES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}
MISTAKES = 20
LINEAR = "TF-IDF + logistic regression"  # the baseline


def print_results(record: dict[str, Any], split: str, folder: Path) -> None:
    """The scores of a split beside the baselines, and the folder that holds more, on standard
    output.
    """
    table = Table(
        title=f"Scores on {split}", title_justify="left", title_style="bold", box=SIMPLE_HEAD
    )
    table.add_column("model", no_wrap=True)
    for name in SCORES.values():
        table.add_column(name.replace("calibration ", "calibration\n"), justify="right")
    for name, scores in compared(record, split):
        table.add_row(name, *(f"{scores[key]:.4f}" for key in SCORES))
    console = Console(soft_wrap=True)
    console.print(table)
    for line in notes(record, split):
        console.print(line, highlight=False, markup=False)
    console.print(f"folder: {folder}", highlight=False, markup=False)


def compared(record: dict[str, Any], split: str) -> list[tuple[str, dict[str, Any]]]:
    """This model's scores, then the baselines', which there are for the test split alone."""
    baselines = record["baselines"] if split == "test" else {}
    return [("LSTM", record[split]), *baselines.items()]


def notes(record: dict[str, Any], split: str) -> list[str]:
    """What a reader of the scores has to know."""
    absent = record[split]["absent"]
    listed = (
        [f"No row of {split} has the class {', '.join(absent)}: left out of macro F1 and AUROC."]
        if absent
        else []
    )
    linear = record["baselines"].get(LINEAR)
    if linear and split == "test":
        settings = linear["settings"]
        n_grams = (
            f"{settings['unit']}s"
            if settings["longest"] == 1
            else f"1- to {settings['longest']}-grams of {settings['unit']}s"
        )
        sublinear = "sublinear" if settings["sublinear"] else "plain"
        fitted = ", then fitted on training and validation rows" if record["refit"] else ""
        if record["data"]["streaming"]:
            listed.append(
                f"The baselines learned from the first {record['data']['streaming']['sample']:,} "
                f"rows alone."
            )
        listed.append(
            f"{LINEAR} chosen on validation{fitted}: {n_grams}, {sublinear} counts, C = "
            f"{settings['C']:g}."
        )
    return listed


def write_report(
    folder: Path, record: dict[str, Any], split: str, texts: list[str], predictions: Predictions
) -> None:
    """Writes report.md, its pictures and predictions.csv for the scores and predictions of one
    split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = record["labels"]
    figures.save(
        figures.confusion_figure(record[split]["confusion_matrix"], labels),
        folder / "confusion_matrix.png",
    )
    figures.save(
        figures.curves_figure(record["history"], record["best_epoch"]), folder / "curves.png"
    )
    write_predictions(folder / "predictions.csv", labels, texts, predictions)
    sections = [
        f"# {record['title']}",
        _scores(record, split),
        _classes(record[split]),
        "## Confusion matrix\n\n![gold classes down, predicted across](confusion_matrix.png)",
        _mistakes(labels, texts, predictions),
        _data(record),
        _model(record),
        _origin(record),
    ]
    (folder / "report.md").write_text("\n\n".join(filter(None, sections)) + "\n", encoding="utf-8")


def write_predictions(
    file: Path, labels: list[str], texts: list[str], predictions: Predictions
) -> None:
    """A row per text: text, gold, predicted, and one probability per class."""
    rows = zip(
        texts,
        predictions.gold_N.tolist(),
        predictions.predicted_N.tolist(),
        predictions.probabilities_NC.tolist(),
        strict=True,
    )
    write_csv(
        file,
        ["text", "gold", "predicted", *(f"probability_{label}" for label in labels)],
        (
            [text, labels[gold], labels[predicted], *(f"{p:.8g}" for p in shares)]
            for text, gold, predicted, shares in rows
        ),
    )


def confident_mistakes(
    labels: list[str], texts: list[str], predictions: Predictions
) -> list[tuple[str, str, str, str]]:
    """Probability, gold class, predicted class and text of the most confident mistakes."""
    confidence_N, predicted_N = predictions.probabilities_NC.max(dim=1)
    wrong = (predicted_N != predictions.gold_N).nonzero().flatten()
    wrong = wrong[confidence_N[wrong].argsort(descending=True, stable=True)][:MISTAKES]
    return [
        (
            f"{confidence_N[row]:.3f}",
            labels[predictions.gold_N[row]],
            labels[predicted_N[row]],
            texts[row],
        )
        for row in wrong.tolist()
    ]


def _scores(record: dict[str, Any], split: str) -> str:
    rows = [
        [name, *(f"{scores[key]:.4f}" for key in SCORES), _or_dash(scores["auroc"])]
        for name, scores in compared(record, split)
    ]
    table = markdown_table(["model", *SCORES.values(), "AUROC"], rows)
    return "\n\n".join([f"## Scores on {split}", table, *notes(record, split)])


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _classes(scores: dict[str, Any]) -> str:
    rows = [
        [label, *(f"{of[key]:.4f}" for key in ("precision", "recall", "f1")), of["rows"]]
        for label, of in scores["classes"].items()
    ]
    return "## Classes\n\n" + markdown_table(["class", "precision", "recall", "F1", "rows"], rows)


def _mistakes(labels: list[str], texts: list[str], predictions: Predictions) -> str:
    mistakes = confident_mistakes(labels, texts, predictions)
    if not mistakes:
        return "## Mistakes\n\nNone."
    table = markdown_table(["probability", "gold", "predicted", "text"], mistakes)
    return f"## The {len(mistakes)} most confident mistakes\n\n{table}"


def _data(record: dict[str, Any]) -> str:
    facts = record["data"]
    rows = [
        [
            split,
            of["rows"],
            of["mean_length"],
            of["longest"],
            f"{of['cut_share']:.2%}",
            f"{of['unknown_share']:.2%}",
        ]
        + [of["classes"][label] for label in record["labels"]]
        for split, of in facts["splits"].items()
    ]
    header = [
        "split",
        "rows",
        "tokens per text",
        "longest",
        "texts cut",
        "unknown tokens",
        *record["labels"],
    ]
    lines = ["## Data", markdown_table(header, rows)]
    lines += [
        f"- {split}: `{of['path']}` (SHA-256 `{of['sha256'][:16]}…`)"
        for split, of in facts["sources"].items()
    ]
    columns = facts["columns"]
    if facts["streaming"]:
        lines.append(
            f"Training rows were streamed: lengths, unknown tokens and the tokenizer are of the "
            f"first "
            f"{facts['streaming']['sample']:,}, and duplicates among them were not looked for."
        )
    if facts["fold"]:
        lines.append(
            f"Validation is fold {facts['fold']['fold']} (from 0) of {facts['fold']['folds']}."
        )
    if facts["refit"]:
        lines.append("A refit: validation rows train, too.")
    lines.append(
        f"Texts are the column {' + '.join(columns['text'])}, classes the column "
        f"{columns['label']}."
    )
    lines += dirt(facts)
    kind, size = facts["tokenizer"]["kind"], facts["tokenizer"]["size"]
    learned_from = "training and validation texts" if facts["refit"] else "the training split alone"
    lines.append(f"Tokenizer: {kind}, {size:,} tokens, learned from {learned_from}.")
    return "\n\n".join(lines)


def dirt(facts: dict[str, Any]) -> list[str]:
    """A sentence for each kind of row that is not as it should be, if there are any."""
    sentences = []
    for source, rows in facts["empty"].items():
        if rows:
            sentences.append(f"data.{source}: {rows:,} rows without text or label were dropped.")
    for source, rows in facts["duplicates"].items():
        if rows:
            sentences.append(
                f"data.{source}: {rows:,} rows repeat an earlier text; no text stands in two "
                f"splits."
            )
    for source, of in facts["conflicts"].items():
        if of["rows"]:
            sentences.append(
                f"data.{source}: {of['texts']:,} texts stand with more than one label, in "
                f"{of['rows']:,} rows."
            )
    for source, rows in facts["dropped"].items():
        if rows:
            sentences.append(
                f"data.{source}: {rows:,} rows also stood in a split held out from it, and were "
                f"dropped."
            )
    if facts["rare"]:
        counts = ", ".join(f"{label} ({texts})" for label, texts in facts["rare"].items())
        sentences.append(f"Classes with too few texts for each split, which all train: {counts}.")
    return sentences


def _model(record: dict[str, Any]) -> str:
    rows = [[name, shape, f"{parameters:,}"] for name, shape, parameters in record["layers"]]
    table = markdown_table(
        ["layer", "output shape", "parameters"], [*rows, ["total", "", f"{record['parameters']:,}"]]
    )
    if record["refit"]:
        kept = (
            f"Kept: the last of {len(record['history'])} epochs. There was no validation: "
            f"{record['chosen_by']}."
        )
    else:
        kept = (
            f"Kept: epoch {record['best_epoch']} of {len(record['history'])}, which has the lowest "
            f"cross-entropy on "
            f"validation (macro F1 there {record['score']:.4f})."
        )
    return (
        f"## Model\n\n{table}\n\n## Training\n\n![loss and accuracy by epoch](curves.png)\n\n{kept}"
    )


def _origin(record: dict[str, Any]) -> str:
    environment, overrides = record["environment"], " ".join(record["overrides"])
    versions = ", ".join(
        f"{package} {number}" for package, number in environment["versions"].items()
    )
    return (
        f"## Where it comes from\n\n- overrides: {f'`{overrides}`' if overrides else 'none'}\n"
        f"- seed: {record['seed']}\n"
        f"- git commit: {environment['git_commit']}\n- Python {environment['python']}, {versions}\n"
        f"- {environment['machine']}; {record['threads']} threads; device {record['device']}\n"
        f"- {seconds_line(record)}"
    )


def seconds_line(record: dict[str, Any]) -> str:
    return (
        f"{record['seconds']['train']:.0f} s of training, {record['seconds']['total']:.0f} s in all"
    )
