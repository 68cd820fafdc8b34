"""Shows what is in the data before training: on the screen, in report.md and in a picture."""

from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.markdown import Markdown

from textlstm.commandline.settings import InspectSettings
from textlstm.commands.report_folder import make_report_folder
from textlstm.data.batching import token_counts
from textlstm.data.datamodule import TextDataModule
from textlstm.data.facts import DataFacts, SplitFacts
from textlstm.data.tokenizer import BYTES
from textlstm.data.vocabulary import SPECIALS
from textlstm.data.words import typical_tokens, vocabulary_growth
from textlstm.escaping import in_markdown
from textlstm.places import CACHE, OUTPUTS, folder_line
from textlstm.runs import figures
from textlstm.runs.data_report import data_warnings
from textlstm.runs.folder import folder_name
from textlstm.training.process import prepare_process
from textlstm.writing import markdown_table, write_text

PERCENTILES = (1, 10, 50, 90, 95, 99, 100)
PICTURE = "![rows of each class, lengths, distinct words](data.png)"
TYPICAL = 10  # the most words that are shown of each class


def inspect_data(config: dict[str, Any]) -> None:
    """Reads, splits and tokenizes as training does, and shows the result.

    Raises:
        InputError: data that cannot be used.
    """
    settings = InspectSettings.parse(config)
    prepare_process(0, None)
    data = TextDataModule(settings.data, cache=CACHE)
    data.setup()
    growth = vocabulary_growth(data)
    name = settings.data.name or settings.data.train or "newswire4"
    text = _report(name, data, growth)

    folder = OUTPUTS / "data" / folder_name(Path(name).name)
    if settings.output:
        folder = Path(settings.output).expanduser()
    make_report_folder(folder)
    figures.save(_figure(data, growth), folder / "data.png")
    write_text(folder / "report.md", text)

    console = Console(width=None if Console().is_terminal else 120)
    console.print(Markdown(text.replace(PICTURE, "")))
    line = folder_line(folder, "report.md", "data.png")
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _report(name: str, data: TextDataModule, growth: list[tuple[int, int]]) -> str:
    counts = [(f"{read:,}", f"{distinct:,}") for read, distinct in growth]
    table = markdown_table(["words of train read", "distinct words"], counts)
    sections = [
        f"# {in_markdown(name)}",
        _splits(data.facts["splits"], data.class_names),
        _warnings(data.facts),
        PICTURE,
        _lengths(data),
        f"## Vocabulary\n\n{table}",
        _typical(data),
    ]
    return "\n\n".join(sections) + "\n"


def _figure(data: TextDataModule, growth: list[tuple[int, int]]) -> Figure:
    train = data.encoded["train"]
    lengths = (train.lengths + train.skipped).numpy()
    classes = data.facts["splits"]["train"]["classes"]
    return figures.data_figure(classes, lengths, data.settings.max_length, growth)


def _splits(facts: dict[str, SplitFacts], class_names: list[str]) -> str:
    rows = [
        [
            split,
            f"{split_facts['rows']:,}",
            split_facts["mean_length"],
            split_facts["longest"],
            f"{split_facts['cut_share']:.1%}",
            f"{split_facts['unknown_share']:.1%}",
        ]
        for split, split_facts in facts.items()
    ]
    table = markdown_table(
        ["", "rows", "tokens per text", "longest", "texts cut", "unknown tokens"], rows
    )

    counts = [
        [name, *(f"{split_facts['classes'][name]:,}" for split_facts in facts.values())]
        for name in class_names
    ]
    classes = markdown_table(["class", *facts], counts)
    return f"## Splits\n\n{table}\n\n## Rows of each class\n\n{classes}"


def _warnings(facts: DataFacts) -> str:
    found = data_warnings(facts) or [
        "None: no empty rows, no duplicates, no overlap between files, no class too small to split."
    ]
    return "## What to look at\n\n" + "\n".join(f"- {in_markdown(sentence)}" for sentence in found)


def _lengths(data: TextDataModule) -> str:
    rows = []
    for split, encoded in data.encoded.items():
        uncut_N = (encoded.lengths + encoded.skipped).double()
        looked_at = uncut_N[:: max(1, len(uncut_N) // 1_000_000)]  # quantile takes no more
        percentiles = torch.quantile(looked_at, torch.tensor(PERCENTILES).double() / 100)
        rows.append([split, *(f"{length:.0f}" for length in percentiles.tolist())])
    return "## Tokens per text, percentiles\n\n" + markdown_table(
        ["", *(f"{p} %" for p in PERCENTILES)], rows
    )


def _typical(data: TextDataModule) -> str:
    counts_CV = token_counts(
        data.encoded["train"], len(data.class_names), data.tokenizer.get_vocab_size()
    )
    scores_CV = typical_tokens(counts_CV)
    scores_CV[:, : len(SPECIALS)] = -float("inf")
    rows = []
    for label, scores_V in zip(data.class_names, scores_CV, strict=True):
        words = (
            str(data.tokenizer.id_to_token(token)).strip("▁ ")
            for token in scores_V.argsort(descending=True).tolist()
        )
        named = [
            word
            for word in words
            if any(map(str.isalpha, word)) and word not in (*SPECIALS, *BYTES)
        ]
        rows.append([label, " ".join(named[:TYPICAL])])
    return "## Most typical of each class\n\n" + markdown_table(["class", "words"], rows)
