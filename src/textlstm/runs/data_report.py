"""Describes the data of a run for its report, and warns of doubtful rows."""

from textlstm.data.classes import merged_sentence, similar_sentence, unseen_sentence
from textlstm.data.facts import DataFacts
from textlstm.data.labels import shown
from textlstm.data.reading.damaged import damaged_sentence
from textlstm.data.reading.folders import left_out_sentences
from textlstm.data.reading.swallowing import swallowing_sentence
from textlstm.escaping import code_span, in_markdown
from textlstm.plurals import number_of
from textlstm.runs.record import Record
from textlstm.writing import markdown_table


def data_warnings(facts: DataFacts) -> list[str]:
    """Warns of doubtful rows: one sentence for each kind that there is."""
    sentences = []
    for source, origin in facts["sources"].items():
        if "left_out" in origin:
            sentences += left_out_sentences(_key(source), origin["left_out"])
    for source, damaged in facts.get("damaged", {}).items():
        sentences.append(damaged_sentence(_key(source), damaged))

    for source, rows in facts["empty"].items():
        if rows:
            empty = f"{number_of(rows, 'row')} without text or label"
            sentences.append(f"data.{source}: {empty} {_were(rows)} dropped.")

    for source, swallowing in facts.get("swallowing", {}).items():
        if swallowing["rows"]:
            sentences.append(swallowing_sentence(_key(source), swallowing))

    for source, rows in facts["duplicates"].items():
        if rows:
            repeat = "1 row repeats" if rows == 1 else f"{rows:,} rows repeat"
            sentences.append(
                f"data.{source}: {repeat} an earlier text; no text stands in two splits."
            )

    for source, conflicts in facts["conflicts"].items():
        if conflicts["rows"]:
            texts = conflicts["texts"]
            stand = "1 text stands" if texts == 1 else f"{texts:,} texts stand"
            sentences.append(
                f"data.{source}: {stand} with more than one label, in {conflicts['rows']:,} rows."
            )

    for source, rows in facts["dropped"].items():
        if rows:
            sentences.append(
                f"data.{source}: {number_of(rows, 'row')} also stood in a split held out from it, "
                f"and {_were(rows)} dropped."
            )
    if unused := facts.get("unused"):
        left_out = number_of(unused, "training row")
        sentences.append(f"data.train_share: {left_out} {_were(unused)} left out.")
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


def data_section(record: Record) -> str:
    """The section on splits, sources, columns, warnings and the tokenizer."""
    facts = record["data"]
    paragraphs = ["## Data", splits_table(facts, record["labels"])]
    paragraphs += [
        f"- {name}: {code_span(source['path'])} (SHA-256 `{source['sha256'][:16]}…`)"
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
    paragraphs.append(
        f"Texts are the column {in_markdown(text)}, classes the column {in_markdown(label)}."
    )
    paragraphs += map(in_markdown, data_warnings(facts))

    kind, size = facts["tokenizer"]["kind"], facts["tokenizer"]["size"]
    affixes = facts["tokenizer"].get("affixes", 0)
    learned_from = "training and validation texts" if facts["refit"] else "the training split alone"
    if "unlabelled" in facts:
        learned_from = f"{learned_from.removesuffix(' alone')} and data.unlabelled"
    paragraphs.append(f"Tokenizer: {kind}, {size:,} tokens, learned from {learned_from}.")
    if affixes:
        paragraphs.append(
            f"{affixes:,} of the tokens are the first or the last letters of training words. A "
            f"word that the vocabulary does not have is read as one of them, if one fits, and "
            f"counts as unknown if none does."
        )
    return "\n\n".join(paragraphs)


def splits_table(facts: DataFacts, labels: list[str]) -> str:
    """The table of the splits: rows, lengths, what is cut or unknown, and rows of each class."""
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


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
