"""The report of a run in its folder: report.md with its pictures, and predictions.csv."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textlstm.data.rows import Places
from textlstm.escaping import code_span, in_markdown
from textlstm.model.bundle import TextClassifier
from textlstm.model.calibration import at_temperature, reliability
from textlstm.model.metrics import Predictions
from textlstm.model.scores import Calibration, Scores
from textlstm.plurals import number_of
from textlstm.runs import figures, glossary
from textlstm.runs.data_report import data_section
from textlstm.runs.explained import explanations_section, main_words
from textlstm.runs.predictions import confident_mistakes, write_predictions
from textlstm.runs.record import Record, ScoredName
from textlstm.runs.results import compared, has_intervals, notes, score_table, seconds_line
from textlstm.runs.watched import LOSS, WATCHED, extreme
from textlstm.writing import markdown_table, write_text

NO_PRETRAINING = (
    "The language model was left out: the texts have too few tokens to teach it anything. "
    "`pretrain.epochs=10` has it all the same."
)


def write_report(
    folder: Path,
    record: Record,
    split: ScoredName,
    texts: list[str],
    predictions: Predictions,
    places: Places,
    *,
    spreadsheet: bool = False,
    classifier: TextClassifier | None = None,
    drift: Sequence[str] = (),
) -> None:
    """Writes report.md, its pictures and predictions.csv, for one scored split.

    Args:
        folder: where they go; it is made if it is missing.
        split: the name of the scores in `record` that are shown.
        texts: the N texts of the split.
        predictions: what was predicted for these texts.
        places: where the texts stand in the data.
        spreadsheet: whether predictions.csv is written for a spreadsheet, see `write_csv`.
        classifier: the model that predicted; with it, the report explains mistakes.
        drift: lines that say whether the texts look like those of training; none without them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = record["labels"]
    confusion = figures.confusion_figure(record[split]["confusion_matrix"], labels)
    figures.save(confusion, folder / "confusion_matrix.png")
    curves = figures.curves_figure(record["history"], record["best_epoch"])
    figures.save(curves, folder / "curves.png")
    file = folder / "predictions.csv"
    write_predictions(file, labels, texts, predictions, places, spreadsheet=spreadsheet)

    sections = [
        f"# {in_markdown(record['title'])}",
        _scores(record, split),
        _classes(record[split]),
        *_unseen(record[split]),
        f"## Confusion matrix\n\n{glossary.GOLD}\n\n"
        "![gold classes down, predicted across](confusion_matrix.png)",
        *_drift(drift),
        _mistakes(labels, texts, predictions, classifier),
        *([] if classifier is None else explanations_section(classifier, texts)),
        *_probabilities(record, split, predictions, folder),
        data_section(record),
        _model(record),
        _origin(record),
    ]
    write_text(folder / "report.md", "\n\n".join(sections) + "\n")


def _scores(record: Record, split: ScoredName) -> str:
    """The section with the scores of the model and its baselines."""
    shown = compared(record, split)
    header, rows = score_table(shown)
    rows = [[*row, _or_dash(scores["auroc"])] for row, (_, scores) in zip(rows, shown, strict=True)]
    table = markdown_table([*header, "AUROC"], rows)
    words = [glossary.SCORES, *([glossary.INTERVALS] if has_intervals(shown) else [])]
    return "\n\n".join(
        [f"## Scores on {split}", table, *words, *map(in_markdown, notes(record, split))]
    )


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _classes(scores: Scores) -> str:
    """The section with precision, recall and F1 of each class."""
    rows = [
        [
            label,
            f"{found['precision']:.4f}",
            f"{found['recall']:.4f}",
            f"{found['f1']:.4f}",
            found["rows"],
        ]
        for label, found in scores["classes"].items()
    ]
    table = markdown_table(["class", "precision", "recall", "F1", "rows"], rows)
    return f"## Classes\n\n{table}\n\n{glossary.CLASSES}"


def _unseen(scores: Scores) -> list[str]:
    """The section that lists the classes which no training row has, if there are any."""
    unseen = scores.get("unseen", {})
    if not unseen:
        return []
    table = markdown_table(["class", "rows"], unseen.items())
    said = (
        "They cannot be predicted: each row counts as wrong and each class as 0 in macro F1; log "
        "loss and the confusion matrix leave them out."
    )
    return [f"## Classes that training has no row of\n\n{table}\n\n{said}"]


def _drift(lines: Sequence[str]) -> list[str]:
    """The section on whether the texts look like those of training, if that was asked for."""
    if not lines:
        return []
    shown = [f"- {in_markdown(line.removeprefix('drift: '))}" for line in lines]
    return ["## Drift\n\n" + "\n".join(shown)]


def _mistakes(
    labels: list[str],
    texts: list[str],
    predictions: Predictions,
    classifier: TextClassifier | None,
) -> str:
    """The section with the most confident mistakes, and the words that they come from."""
    mistakes = confident_mistakes(labels, texts, predictions)
    if not mistakes:
        return "## Mistakes\n\nNone."
    header, rows = ["probability", "gold", "predicted", "text"], [list(row) for row in mistakes]
    if classifier is not None:
        header.append("words that speak most for it")
        wrong, predicted = [row[3] for row in mistakes], [row[2] for row in mistakes]
        for row, words in zip(rows, main_words(classifier, wrong, predicted), strict=True):
            row.append(words)
    return f"## The {len(rows)} most confident mistakes\n\n{markdown_table(header, rows)}"


def _probabilities(
    record: Record, split: ScoredName, predictions: Predictions, folder: Path
) -> list[str]:
    """The section on the temperature and the threshold, with its picture; none without them."""
    calibration = record.get("calibration")
    if calibration is None:
        return []
    temperature = calibration["temperature"]
    before = at_temperature(predictions, 1 / temperature)
    picture = figures.reliability_figure(reliability(before), reliability(predictions))
    figures.save(picture, folder / "reliability.png")

    errors = f"{calibration['before'][split]['calibration_error']:.4f} before, "
    errors += f"{record[split]['calibration_error']:.4f} after"
    return [
        "## Probabilities",
        "![confidence against accuracy, before and after](reliability.png)",
        f"Temperature {temperature:.3f}, chosen on {calibration['chosen_on']}: calibration error "
        f"on {split} {errors}.",
        threshold_sentence(calibration, split),
    ]


def threshold_sentence(calibration: Calibration, split: ScoredName) -> str:
    """Says how many answers above the threshold are right, and how many of all texts those are."""
    threshold, chosen_on = calibration["threshold"], calibration["chosen_on"]
    if threshold is None:
        return f"No probability has 95 of 100 answers above it right on {chosen_on}."
    lowest, answered = threshold["min_probability"], threshold["answered"]
    above = f"above p = {lowest:.3f}" if lowest else "without any threshold"
    chosen = answered["validation"]
    said = (
        f"Right in {_of_100(chosen['right'])} of 100 {above}, which answers {chosen['share']:.0%} "
        f"of the texts (chosen on {chosen_on})"
    )
    if split == "validation":
        return f"{said}."
    here = answered[split]
    return (
        f"{said}; on {split} right in {_of_100(here['right'])} of 100, {here['share']:.0%} of the "
        f"texts. `predict min_probability={lowest:.3f}` marks them."
    )


def _of_100(right: float | None) -> str:
    """Rounds a share down to whole hundredths; a dash where there is no answer."""
    return "–" if right is None else f"{int(100 * right + 1e-9)}"


def _model(record: Record) -> str:
    """The sections on the layers, on the language model before them, and on the training."""
    rows = [[name, shape, f"{parameters:,}"] for name, shape, parameters in record["layers"]]
    total = ["total", "", f"{record['parameters']:,}"]
    table = markdown_table(["layer", "output shape", "parameters"], [*rows, total])

    epochs = len(record["history"])
    if record["refit"]:
        last = f"the last of {number_of(epochs, 'epoch')}"
        kept = f"Kept: {last}. There was no validation: {record['chosen_by']}."
    else:
        watched = record.get("watched", LOSS)
        own = record["validation"]  # of the LSTM that was kept, without what is mixed with it
        if "wide" in record:
            own = record["wide"]["alone"]["validation"]["lstm"]
        kept = (
            f"Kept: epoch {record['best_epoch']} of {epochs}, which has the {extreme(watched)} "
            f"on validation{_among(record, watched)} (macro F1 there {own['macro_f1']:.4f})."
        )
    if "stopped" in record:
        kept += f"\n\n{record['stopped']}"
    curves = "![loss and accuracy by epoch](curves.png)"
    if not record["refit"]:
        kept += f"\n\n{glossary.losses_explained(record['config'], record.get('resolved', {}))}"
    layers = ["## Model", table, glossary.SHAPES]
    return "\n\n".join([*layers, *_pretraining(record), "## Training", curves, kept])


def _among(record: Record, watched: str) -> str:
    """Says that only the last fifth of the epochs was chosen from, where another was better."""
    scores: list[Any] = [epoch.get(watched.replace("/", "_")) for epoch in record["history"]]
    if None in scores:  # a score that the history does not have
        return ""
    best = min(scores) if WATCHED[watched].mode == "min" else max(scores)
    chosen = scores.index(best) + 1 == record["best_epoch"]
    return "" if chosen else ", of the last fifth of the epochs"


def _pretraining(record: Record) -> list[str]:
    """The language model that embedding and LSTM started from, or that it was left out."""
    stage = record.get("pretraining")
    if stage is None:
        return ["## Pretraining", NO_PRETRAINING] if record["config"].get("pretrain") else []
    unlabelled = record["data"].get("unlabelled", 0)
    texts = f"{stage['texts']:,} texts ({stage['tokens']:,} tokens)"
    if unlabelled:
        texts += f", {unlabelled:,} of them from data.unlabelled"
    earlier = " An earlier run trained it; its seconds are not counted here."
    said = (
        f"Embedding and LSTM began as a language model of {texts}; no text of validation or test "
        f"was among them. Perplexity is measured on some training texts that it did not learn."
        f"{earlier if stage['from_cache'] else ''}"
    )

    rows = [
        [
            epoch["epoch"],
            f"{epoch['perplexity']:.1f}",
            f"{epoch['train_perplexity']:.1f}",
            f"{epoch['seconds']:.1f}",
        ]
        for epoch in stage["history"]
    ]
    table = markdown_table(["epoch", "perplexity", "in training", "seconds"], rows)
    return ["## Pretraining", said, table]


def _origin(record: Record) -> str:
    """The section on overrides, seed, versions and machine."""
    environment, overrides = record["environment"], " ".join(record["overrides"])
    versions = ", ".join(
        f"{package} {number}" for package, number in environment["versions"].items()
    )
    lines = [
        f"overrides: {code_span(overrides) if overrides else 'none'}",
        f"seed: {record['seed']}",
        f"git commit: {environment['git_commit']}",
        f"Python {environment['python']}, {versions}",
        f"{in_markdown(environment['machine'])}; {record['threads']} threads; device "
        f"{record['device']}",
        seconds_line(record),
    ]
    return "## Where it comes from\n\n" + "\n".join(f"- {line}" for line in lines)
