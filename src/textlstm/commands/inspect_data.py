"""A look at the data before any training, printed and written as report.md with a picture."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.markdown import Markdown
from torch import Tensor

from textlstm.data.batching import token_counts
from textlstm.data.datamodule import TextDataModule
from textlstm.data.tokenizer import BYTES, encode, train_tokenizer
from textlstm.data.vocabulary import SPECIALS
from textlstm.places import CACHE, OUTPUTS
from textlstm.runs import figures
from textlstm.runs.folder import folder_name
from textlstm.runs.report import data_warnings
from textlstm.terminal import counted
from textlstm.training.process import prepare_process
from textlstm.writing import markdown_table

PERCENTILES = (1, 10, 50, 90, 95, 99, 100)
SHARES = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
)  # of the training words read, where the vocabulary is counted
PICTURE = "![rows of each class, lengths, distinct words](data.png)"
TYPICAL = 10  # words of each class


def inspect_data(config: dict[str, Any]) -> None:
    """Reads, splits and tokenizes as training does, and shows what came of it.

    Raises:
        InputError: data that cannot be used.
    """
    prepare_process(0, None)
    data = TextDataModule(**config["data"], cache=CACHE)
    data.setup()
    name = config["data"]["name"] or config["data"]["train"] or "newswire4"
    folder = (
        Path(config["output"]).expanduser()
        if config["output"]
        else OUTPUTS / "data" / folder_name(Path(name).name)
    )
    folder.mkdir(parents=True, exist_ok=True)
    train, facts = data.encoded["train"], data.facts
    growth = vocabulary_growth(data)
    sections = [
        f"# {name}",
        _splits(facts["splits"], data.labels),
        _warnings(facts),
        PICTURE,
        _lengths(data),
        "## Vocabulary\n\n"
        + markdown_table(
            ["words of train read", "distinct words"], [(f"{a:,}", f"{b:,}") for a, b in growth]
        ),
        _typical(data),
    ]
    lengths = (train.lengths + train.skipped).numpy()
    figure = figures.data_figure(
        facts["splits"]["train"]["classes"], lengths, data.cut["max_length"], growth
    )
    figures.save(figure, folder / "data.png")
    text = "\n\n".join(sections) + "\n"
    (folder / "report.md").write_text(text, encoding="utf-8")
    console = Console(width=None if Console().is_terminal else 120)
    console.print(Markdown(text.replace(PICTURE, "")))
    console.print(
        f"written: {folder}/report.md, {folder}/data.png",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def vocabulary_growth(data: TextDataModule) -> list[tuple[int, int]]:
    """Words of the training texts read so far, and how many different ones they were."""
    texts = data.splits["train"]["text"][:]
    words = train_tokenizer(
        counted(texts, "texts read for the words", total=len(texts)), kind="word", vocab_size=2**31
    )
    tokens = encode(words, counted(texts, "texts cut into words", total=len(texts))).tokens.numpy()
    first = np.sort(np.unique(tokens, return_index=True)[1])
    reads = sorted({max(1, round(share * len(tokens))) for share in SHARES})
    return [(read, int(np.searchsorted(first, read))) for read in reads]


def typical_tokens(counts_CV: Tensor) -> Tensor:
    """How typical each token is of each class: the z-score of its log-odds against the other
    classes (C, V).

    With the counts of all classes as an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008,
    equations 16, 18, 20 and 22).
    """
    counts_CV = counts_CV.double()
    prior_V = counts_CV.sum(dim=0) + 1e-6
    inside_CV, outside_CV = counts_CV + prior_V, prior_V + prior_V - counts_CV
    inside_C, outside_C = inside_CV.sum(dim=1, keepdim=True), outside_CV.sum(dim=1, keepdim=True)
    log_odds_CV = (inside_CV / (inside_C - inside_CV)).log() - (
        outside_CV / (outside_C - outside_CV)
    ).log()
    return log_odds_CV / (1 / inside_CV + 1 / outside_CV).sqrt()


def _splits(facts: dict[str, Any], labels: list[str]) -> str:
    rows = [
        [
            split,
            f"{of['rows']:,}",
            of["mean_length"],
            of["longest"],
            f"{of['cut_share']:.1%}",
            f"{of['unknown_share']:.1%}",
        ]
        for split, of in facts.items()
    ]
    table = markdown_table(
        ["", "rows", "tokens per text", "longest", "texts cut", "unknown tokens"], rows
    )
    counts = [[label, *(f"{of['classes'][label]:,}" for of in facts.values())] for label in labels]
    classes = markdown_table(["class", *facts], counts)
    return f"## Splits\n\n{table}\n\n## Rows of each class\n\n{classes}"


def _warnings(facts: dict[str, Any]) -> str:
    found = data_warnings(facts) or [
        "None: no empty rows, no duplicates, no overlap between files, no class too small to split."
    ]
    return "## What to look at\n\n" + "\n".join(f"- {sentence}" for sentence in found)


def _lengths(data: TextDataModule) -> str:
    rows = []
    for split, encoded in data.encoded.items():
        whole = (encoded.lengths + encoded.skipped).double()
        percentiles = torch.quantile(
            whole[:: max(1, len(whole) // 1_000_000)], torch.tensor(PERCENTILES).double() / 100
        )
        rows.append([split, *(f"{length:.0f}" for length in percentiles.tolist())])
    return "## Tokens per text, percentiles\n\n" + markdown_table(
        ["", *(f"{p} %" for p in PERCENTILES)], rows
    )


def _typical(data: TextDataModule) -> str:
    counts_CV = token_counts(
        data.encoded["train"], len(data.labels), data.tokenizer.get_vocab_size()
    )
    scores_CV = typical_tokens(counts_CV)
    scores_CV[:, : len(SPECIALS)] = -float("inf")
    rows = []
    for label, scores_V in zip(data.labels, scores_CV, strict=True):
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
