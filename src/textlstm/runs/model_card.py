"""Writes the card of a saved model: model/README.md, as the Hugging Face hub shows it."""

from pathlib import Path
from typing import Any

import yaml

from textlstm.escaping import in_markdown
from textlstm.runs.data_report import data_warnings, splits_table
from textlstm.runs.record import Record, ScoredName
from textlstm.runs.report import threshold_sentence
from textlstm.runs.results import INTERVAL, compared, notes, score_table
from textlstm.writing import markdown_table, write_text

CARD = "README.md"
TO_FILL_IN = "*To be filled in by the owner of the model:*"
USE = """```python
from textlstm import TextClassifier

classifier = TextClassifier.load("FOLDER OF THIS FILE")
classifier.predict(["a text", "another text"])
```"""


def write_model_card(folder: Path, record: Record, split: ScoredName) -> None:
    """Writes README.md beside the files of a saved model.

    The card goes where the model goes, so it names files without the folders that they lie in.

    Args:
        folder: the folder of the saved model.
        split: the name of the scores in `record` that are shown.
    """
    sections = [
        _head(record, split),
        f"# {in_markdown(record['title'])}",
        _about(record),
        f"## Use\n\n{USE}",
        _owners_lines(),
        _data(record),
        _scores(record, split),
        *_calibration(record, split),
        _training(record),
    ]
    write_text(folder / CARD, "\n\n".join(sections) + "\n")


def _head(record: Record, split: ScoredName) -> str:
    """The metadata of the hub, in YAML between two lines of dashes."""
    scores = record[split]
    metrics = [
        {"type": kind, "name": name, "value": round(value, 4)}
        for kind, name, value in (
            ("accuracy", "accuracy", scores["accuracy"]),
            ("f1", "macro F1", scores["macro_f1"]),
        )
    ]
    result = {
        "task": {"type": "text-classification"},
        "dataset": {"name": _data_name(record), "type": _data_kind(record), "split": split},
        "metrics": metrics,
    }
    head: dict[str, Any] = {
        "library_name": "textlstm",
        "pipeline_tag": "text-classification",
        "tags": ["text-classification", "lstm", "pytorch"],
        "metrics": ["accuracy", "f1"],
        "model-index": [{"name": record["title"], "results": [result]}],
    }
    if hub := _hub_name(record):
        head["datasets"] = [hub]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---"


def _hub_name(record: Record) -> str | None:
    """The name of the data set on the hub; None for files, and for a local copy of a data set."""
    config = record["config"]["data"]
    name = config.get("name") if config.get("source") == "hub" else None
    return None if name is None or Path(name).expanduser().is_dir() else name


def _data_name(record: Record) -> str:
    """What people call the data: a data set of the hub, or the names of files."""
    config = record["config"]["data"]
    if config.get("source") == "hub":
        return _hub_name(record) or Path(config["name"]).name
    files = [Path(source["path"]).name for source in record["data"]["sources"].values()]
    return ", ".join(dict.fromkeys(files)) or "files"


def _data_kind(record: Record) -> str:
    """The data set's name on the hub, which wants one; `private` for others."""
    return _hub_name(record) or "private"


def _about(record: Record) -> str:
    """Says what the model gives for a text, and how much of the text it reads."""
    labels = ", ".join(map(in_markdown, record["labels"]))
    said = (
        f"This model gives each text a probability for each of {len(record['labels'])} classes: "
        f"{labels}. It is {_kind(record)} with {record['parameters']:,} parameters"
    )
    said += ", mixed with a linear model over n-grams." if "wide" in record else "."
    longest = record["config"]["data"].get("max_length")
    if longest is not None:
        said += f" It reads at most {longest:,} tokens of a text."
    return said


def _kind(record: Record) -> str:
    members = record["config"].get("ensemble", 1)
    return "an LSTM" if members == 1 else f"the mean of {members} LSTMs"


def _owners_lines() -> str:
    """The lines that nobody but the owner of the model can write."""
    return "\n\n".join(
        [
            "## What it is for",
            f"{TO_FILL_IN} which texts, from whom, and who acts on the answers.",
            "## What it must not be used for",
            f"{TO_FILL_IN} uses that would harm somebody, or for which the scores below are too "
            f"low; texts of other kinds, languages or times than those of the data.",
        ]
    )


def _data(record: Record) -> str:
    """The section on the data: sources, splits, and what a reader should know of the rows."""
    facts, config = record["data"], record["config"]["data"]
    paragraphs = ["## Data", f"{in_markdown(_data_name(record))}.", _split_words(record)]
    paragraphs.append(splits_table(facts, record["labels"]))
    sources = [
        f"- {name}: {in_markdown(Path(source['path']).name)}, SHA-256 `{source['sha256']}`"
        for name, source in facts["sources"].items()
    ]
    if sources:
        paragraphs.append("\n".join(sources))
    if config.get("max_rows") is not None:
        paragraphs.append(f"At most {config['max_rows']:,} rows were read.")
    paragraphs += map(in_markdown, data_warnings(facts))
    return "\n\n".join(paragraphs)


def _split_words(record: Record) -> str:
    """Says how the rows were divided, and what the test rows were used for."""
    facts, config = record["data"], record["config"]["data"]
    seed = config.get("split_seed")
    given = [name for name in ("validation", "test") if name in facts["sources"]]
    cut = [name for name in facts["splits"] if name not in ("train", *given)]
    said = []
    if cut and seed is not None:
        said.append(f"Cut from the training rows with seed {seed}: {' and '.join(cut)}.")
    if facts["refit"]:
        said.append("Validation rows train, too.")
    if not facts["streaming"]:
        said.append("No text stands in two splits.")
    said.append(f"Chosen by {record['chosen_by']}.")
    return " ".join(said)


def _scores(record: Record, split: ScoredName) -> str:
    """The section with the scores of the model and of simpler ones, with intervals."""
    header, rows = score_table(compared(record, split))
    said = [f"## Scores on {split}", markdown_table(header, rows)]
    if INTERVAL in header:
        said.append(
            "The 95 % intervals are what other draws of as many rows would give; they say nothing "
            "of other seeds, or of texts of another kind."
        )
    said += map(in_markdown, notes(record, split))
    classes = [
        [label, f"{found['precision']:.4f}", f"{found['recall']:.4f}", f"{found['f1']:.4f}"]
        for label, found in record[split]["classes"].items()
    ]
    table = markdown_table(["class", "precision", "recall", "F1"], classes)
    return "\n\n".join([*said, table])


def _calibration(record: Record, split: ScoredName) -> list[str]:
    """The section on the temperature and the threshold; none without them."""
    calibration = record.get("calibration")
    if calibration is None:
        return ["## Calibration", "None: a probability is not how often such an answer is right."]
    before, after = calibration["before"][split], record[split]
    return [
        "## Calibration",
        f"Temperature {calibration['temperature']:.3f}, chosen on {calibration['chosen_on']}: "
        f"calibration error on {split} {before['calibration_error']:.4f} before, "
        f"{after['calibration_error']:.4f} after.",
        threshold_sentence(calibration, split),
    ]


def _training(record: Record) -> str:
    """The section on how the model was trained."""
    environment = record["environment"]
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    kept = "the last" if record["best_epoch"] is None else f"epoch {record['best_epoch']}"
    lines = [
        f"{len(record['history'])} epochs, {record['steps']:,} steps; kept: {kept}",
        f"{record['seconds']['total']:.0f} s in all on {in_markdown(record['device'])}",
        f"seed {record['seed']}; Python {environment['python']}, {in_markdown(versions)}",
    ]
    return "## Training\n\n" + "\n".join(f"- {line}" for line in lines)
