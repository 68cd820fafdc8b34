"""Writes a page that classifies texts in the browser, for any server of static files."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from textlstm.writing import as_json, make_folder, write_bytes

PAGE = ("index.html", "page.js", "answer.js", "text.js", "model.js", "page.css", "icon.svg")


def write_page(
    folder: Path,
    model: bytes,
    *,
    described: Mapping[str, Any],
    runtime: dict[str, bytes],
    inside: Path,
) -> None:
    """Writes the page, the model and ONNX Runtime into a folder.

    The model runs in the reader's browser: no text leaves it.

    Args:
        model: an ONNX model that takes texts, and gives their words as `give_words` lets it.
        described: what the page says of the model. That has the names of the `classes` in the order
            of the model's probabilities, `max_length`, and `words_before_cut`: how many of the
            first words of a longer text are read.
        runtime: the files of ONNX Runtime for the browser, by name.
        inside: the folder that nothing is written outside of.
    """
    make_folder(folder, inside=inside)
    content = {"model.onnx": model, "model.json": as_json(described).encode(), **runtime}
    template = files("textlstm.exporting") / "static"
    content |= {name: (template / name).read_bytes() for name in PAGE}
    for name, written in content.items():
        write_bytes(folder / name, written)
