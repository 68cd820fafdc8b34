"""Writes a page that classifies texts in the browser, for any server of static files."""

from importlib.resources import files
from pathlib import Path

from textlstm.writing import as_json, make_folder, write_bytes

PAGE = ("index.html", "page.js", "answer.js", "page.css", "icon.svg")


def write_page(
    folder: Path,
    model: bytes,
    *,
    classes: list[str],
    title: str,
    runtime: dict[str, bytes],
    inside: Path,
) -> None:
    """Writes the page, the model and ONNX Runtime into a folder.

    The model runs in the reader's browser: no text leaves it.

    Args:
        model: an ONNX model that takes texts.
        classes: their names, in the order of the model's probabilities.
        title: what the page is called.
        runtime: the files of ONNX Runtime for the browser, by name.
        inside: the folder that nothing is written outside of.
    """
    make_folder(folder, inside=inside)
    described = as_json({"title": title, "classes": classes})
    content = {"model.onnx": model, "model.json": described.encode(), **runtime}
    template = files("textlstm.exporting") / "static"
    content |= {name: (template / name).read_bytes() for name in PAGE}
    for name, written in content.items():
        write_bytes(folder / name, written)
