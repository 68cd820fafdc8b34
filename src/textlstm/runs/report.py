"""What a person reads after a run: scores on the screen, report.md, pictures, predictions.csv."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from textlstm.data.classes import listed, merged_sentence, similar_sentence, unseen_sentence
from textlstm.data.facts import DataFacts
from textlstm.data.labels import shown
from textlstm.data.reading.damaged import damaged_sentence
from textlstm.data.reading.folders import left_out_sentences
from textlstm.data.reading.swallowing import swallowing_sentence
from textlstm.model.calibration import at_temperature, reliability
from textlstm.model.metrics import Predictions
from textlstm.model.scores import BaselineSettings, Calibration, ScoreName, Scores
from textlstm.model.wide import RUNS
from textlstm.runs import figures
from textlstm.runs.record import Record, ScoredName
from textlstm.writing import markdown_table, write_csv, write_text

SCORES: dict[ScoreName, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}
COMPARED: tuple[ScoreName, ...] = ("accuracy", "macro_f1")
"""What the LSTM has to have as much of as the linear baseline."""
MISTAKES = 20  # that the report shows
LINEAR = "TF-IDF + logistic regression"  # the baseline that has settings


def print_results(record: Record, split: ScoredName, folder: Path) -> None:
    """Prints the scores on a split beside the baselines', and the folder that holds more."""
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


def compared(record: Record, split: ScoredName) -> list[tuple[str, Scores]]:
    """Names this model and its scores, then the baselines, which are scored on test alone."""
    models: list[tuple[str, Scores]] = [("LSTM", record[split])]
    if "wide" in record:
        alone = record["wide"]["alone"][split]
        models = [
            ("LSTM and wide channel", record[split]),
            ("LSTM alone", alone["lstm"]),
            ("wide channel alone", alone["wide"]),
        ]
    if split == "test":
        models += record["baselines"].items()
    return models


def notes(record: Record, split: ScoredName) -> list[str]:
    """Says what a reader of the scores has to know, a sentence or two each."""
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

    linear = record["baselines"].get(LINEAR)
    if linear and split == "test":
        streaming = record["data"]["streaming"]
        if streaming:
            said.append(f"The baselines learned from the first {streaming['sample']:,} rows alone.")
        fitted = ", then fitted on training and validation rows" if record["refit"] else ""
        said.append(f"{LINEAR} chosen on validation{fitted}: {_settings(linear['settings'])}.")
    return said


def write_report(
    folder: Path, record: Record, split: ScoredName, texts: list[str], predictions: Predictions
) -> None:
    """Writes report.md, its pictures and predictions.csv, for one scored split.

    Args:
        folder: where they go; it is made if it is missing.
        split: whose scores in `record` are shown.
        texts: the N texts of the split.
        predictions: what was predicted for them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = record["labels"]
    confusion = figures.confusion_figure(record[split]["confusion_matrix"], labels)
    figures.save(confusion, folder / "confusion_matrix.png")
    curves = figures.curves_figure(record["history"], record["best_epoch"])
    figures.save(curves, folder / "curves.png")
    write_predictions(folder / "predictions.csv", labels, texts, predictions)

    sections = [
        f"# {record['title']}",
        _scores(record, split),
        _classes(record[split]),
        *_unseen(record[split]),
        "## Confusion matrix\n\n![gold classes down, predicted across](confusion_matrix.png)",
        _mistakes(labels, texts, predictions),
        *_probabilities(record, split, predictions, folder),
        _data(record),
        _model(record),
        _origin(record),
    ]
    write_text(folder / "report.md", "\n\n".join(sections) + "\n")


def write_predictions(
    file: Path, labels: list[str], texts: list[str], predictions: Predictions
) -> None:
    """Writes a row per text: text, gold, predicted, and one probability per class."""
    rows = zip(
        texts,
        predictions.gold_names(labels),
        predictions.predicted_N.tolist(),
        predictions.probabilities_NC.tolist(),
        strict=True,
    )
    write_csv(
        file,
        ["text", "gold", "predicted", *(f"probability_{label}" for label in labels)],
        (
            [text, gold, labels[predicted], *(f"{p:.8g}" for p in probabilities)]
            for text, gold, predicted, probabilities in rows
        ),
    )


def confident_mistakes(
    labels: list[str], texts: list[str], predictions: Predictions
) -> list[tuple[str, str, str, str]]:
    """Lists the most confident mistakes: probability, gold class, predicted class and text."""
    confidence_N, predicted_N = predictions.probabilities_NC.max(dim=1)
    gold = predictions.gold_names(labels)
    wrong = (predicted_N != predictions.gold_N).nonzero().flatten()
    wrong = wrong[confidence_N[wrong].argsort(descending=True, stable=True)][:MISTAKES]
    return [
        (
            f"{confidence_N[row]:.3f}",
            gold[row],
            labels[predicted_N[row]],
            texts[row],
        )
        for row in wrong.tolist()
    ]


def data_warnings(facts: DataFacts) -> list[str]:
    """Says what is not as it should be in the rows: a sentence for each kind that there is."""
    sentences = []
    for source, origin in facts["sources"].items():
        if "left_out" in origin:
            sentences += left_out_sentences(_key(source), origin["left_out"])
    for source, damaged in facts.get("damaged", {}).items():
        sentences.append(damaged_sentence(_key(source), damaged))

    for source, rows in facts["empty"].items():
        if rows:
            sentences.append(f"data.{source}: {rows:,} rows without text or label were dropped.")

    for source, swallowing in facts.get("swallowing", {}).items():
        if swallowing["rows"]:
            sentences.append(swallowing_sentence(f"data.{source}", swallowing))

    for source, rows in facts["duplicates"].items():
        if rows:
            sentences.append(
                f"data.{source}: {rows:,} rows repeat an earlier text; no text stands in two "
                f"splits."
            )

    for source, conflicts in facts["conflicts"].items():
        if conflicts["rows"]:
            sentences.append(
                f"data.{source}: {conflicts['texts']:,} texts stand with more than one label, in "
                f"{conflicts['rows']:,} rows."
            )

    for source, rows in facts["dropped"].items():
        if rows:
            sentences.append(
                f"data.{source}: {rows:,} rows also stood in a split held out from it, and were "
                f"dropped."
            )
    if similar := facts.get("similar"):
        sentences.append(f"data.train: {similar_sentence(similar)}")
    if merged := facts.get("merged"):
        sentences.append(f"data.train: {merged_sentence(merged)}")
    if facts["rare"]:
        counts = ", ".join(f"{label} ({texts})" for label, texts in facts["rare"].items())
        sentences.append(f"Classes with too few texts for each split, which all train: {counts}.")
    unseen = facts.get("unseen", {})
    if any(unseen.values()):
        class_names = list(next(iter(facts["splits"].values()))["classes"])
        sentences.append(unseen_sentence(unseen, class_names))
    return sentences


def _key(source: str) -> str:
    """The config key that names a source, or the file of an evaluation."""
    return source if source == "file" else f"data.{source}"


def seconds_line(record: Record) -> str:
    """Says how long the run took."""
    seconds = record["seconds"]
    return f"{seconds['train']:.0f} s of training, {seconds['total']:.0f} s in all"


def behind_line(record: Record) -> str | None:
    """Says that the LSTM is behind the linear baseline on test; None where it is not, or unknown.

    It is behind if its accuracy or its macro F1 is lower.
    """
    linear = record["baselines"].get(LINEAR)
    if linear is None:
        return None
    test = record["test"]
    lower = [
        f"{SCORES[name]} {test[name]:.4f} against {linear[name]:.4f}"
        for name in COMPARED
        if test[name] < linear[name]
    ]
    if not lower:
        return None
    other = "" if "wide" in record else ", or try wide=true, which mixes such a model with the LSTM"
    return (
        f"Behind the linear baseline on test: {' and '.join(lower)}. More training rows would help "
        f"the LSTM most; until then, take TF-IDF + logistic regression{other}."
    )


def _settings(settings: BaselineSettings) -> str:
    unit, longest = settings["unit"], settings["longest"]
    kind = "word" if unit == "both" else unit
    n_grams = f"{kind}s" if longest == 1 else f"1- to {longest}-grams of {kind}s"
    if unit == "both":
        n_grams += f" and {RUNS[0]}- to {RUNS[1]}-grams of characters"
    sublinear = "sublinear" if settings["sublinear"] else "plain"
    return f"{n_grams}, {sublinear} counts, C = {settings['C']:g}"


def _scores(record: Record, split: ScoredName) -> str:
    rows = [
        [name, *(f"{scores[key]:.4f}" for key in SCORES), _or_dash(scores["auroc"])]
        for name, scores in compared(record, split)
    ]
    table = markdown_table(["model", *SCORES.values(), "AUROC"], rows)
    return "\n\n".join([f"## Scores on {split}", table, *notes(record, split)])


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _classes(scores: Scores) -> str:
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
    return "## Classes\n\n" + markdown_table(["class", "precision", "recall", "F1", "rows"], rows)


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


def _mistakes(labels: list[str], texts: list[str], predictions: Predictions) -> str:
    mistakes = confident_mistakes(labels, texts, predictions)
    if not mistakes:
        return "## Mistakes\n\nNone."
    table = markdown_table(["probability", "gold", "predicted", "text"], mistakes)
    return f"## The {len(mistakes)} most confident mistakes\n\n{table}"


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
        _threshold(calibration, split),
    ]


def _threshold(calibration: Calibration, split: ScoredName) -> str:
    """Says how many answers are right above the threshold, and how many texts that answers."""
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
    """A share of answers, in whole hundredths and rounded down; a dash without any answer."""
    return "–" if right is None else f"{int(100 * right + 1e-9)}"


def _data(record: Record) -> str:
    facts = record["data"]
    paragraphs = ["## Data", _splits(facts, record["labels"])]
    paragraphs += [
        f"- {name}: `{source['path']}` (SHA-256 `{source['sha256'][:16]}…`)"
        for name, source in facts["sources"].items()
    ]

    if facts["streaming"]:
        paragraphs.append(
            f"Training rows were streamed: lengths, unknown tokens and the tokenizer are of the "
            f"first {facts['streaming']['sample']:,}, and duplicates among them were not looked "
            f"for."
        )
    if facts["fold"]:
        fold, folds = facts["fold"]["fold"], facts["fold"]["folds"]
        paragraphs.append(f"Validation is fold {fold} (from 0) of {folds}.")
    if facts["refit"]:
        paragraphs.append("A refit: validation rows train, too.")

    text, label = " + ".join(facts["columns"]["text"]), shown(facts["columns"]["label"])
    paragraphs.append(f"Texts are the column {text}, classes the column {label}.")
    paragraphs += data_warnings(facts)

    kind, size = facts["tokenizer"]["kind"], facts["tokenizer"]["size"]
    learned_from = "training and validation texts" if facts["refit"] else "the training split alone"
    if "unlabelled" in facts:
        learned_from = f"{learned_from.removesuffix(' alone')} and data.unlabelled"
    paragraphs.append(f"Tokenizer: {kind}, {size:,} tokens, learned from {learned_from}.")
    return "\n\n".join(paragraphs)


def _splits(facts: DataFacts, labels: list[str]) -> str:
    header = ["split", "rows", "tokens per text", "longest", "texts cut", "unknown tokens", *labels]
    rows = [
        [
            name,
            split["rows"],
            split["mean_length"],
            split["longest"],
            f"{split['cut_share']:.2%}",
            f"{split['unknown_share']:.2%}",
            *(split["classes"][label] for label in labels),
        ]
        for name, split in facts["splits"].items()
    ]
    return markdown_table(header, rows)


def _model(record: Record) -> str:
    rows = [[name, shape, f"{parameters:,}"] for name, shape, parameters in record["layers"]]
    total = ["total", "", f"{record['parameters']:,}"]
    table = markdown_table(["layer", "output shape", "parameters"], [*rows, total])

    epochs = len(record["history"])
    if record["refit"]:
        kept = f"Kept: the last of {epochs} epochs. There was no validation: {record['chosen_by']}."
    else:
        lowest = min(record["history"], key=lambda epoch: epoch["val_loss"])["epoch"]
        among = "" if lowest == record["best_epoch"] else ", of the last fifth of the epochs"
        kept = (
            f"Kept: epoch {record['best_epoch']} of {epochs}, which has the lowest cross-entropy "
            f"on validation{among} (macro F1 there {record['score']:.4f})."
        )
    curves = "![loss and accuracy by epoch](curves.png)"
    return "\n\n".join(["## Model", table, *_pretraining(record), "## Training", curves, kept])


def _pretraining(record: Record) -> list[str]:
    """The language model that embedding and LSTM started from, if there was one."""
    stage = record.get("pretraining")
    if stage is None:
        return []
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
    environment, overrides = record["environment"], " ".join(record["overrides"])
    versions = ", ".join(
        f"{package} {number}" for package, number in environment["versions"].items()
    )
    lines = [
        f"overrides: {f'`{overrides}`' if overrides else 'none'}",
        f"seed: {record['seed']}",
        f"git commit: {environment['git_commit']}",
        f"Python {environment['python']}, {versions}",
        f"{environment['machine']}; {record['threads']} threads; device {record['device']}",
        seconds_line(record),
    ]
    return "## Where it comes from\n\n" + "\n".join(f"- {line}" for line in lines)
