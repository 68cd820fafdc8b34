"""Writes a finished run's model as ONNX beside it, checked against PyTorch."""

import json
import os
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from textlstm.checks import InputError, parse_settings
from textlstm.commandline.settings import ExportSettings
from textlstm.commands.scored_texts import refuse_changed
from textlstm.data.batching import ids_before_cut
from textlstm.data.datamodule import TextDataModule
from textlstm.data.settings import DataSettings
from textlstm.escaping import one_line, visible
from textlstm.exporting.runtime import browser_runtime
from textlstm.exporting.static_page import write_page
from textlstm.model.bundle import TextClassifier
from textlstm.places import CACHE, folder_line, from_here
from textlstm.plurals import number_of
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import Record, read_record
from textlstm.runs.shown_model import describe_model
from textlstm.typed import installing
from textlstm.writing import make_folder, whole

if TYPE_CHECKING:
    from textlstm.exporting.exported import Compared

COMPARED = 2000  # of the texts that predictions.csv has
UNEXPLAINED = 0.01  # share of texts that may differ for no known reason


def export(config: dict[str, Any]) -> None:
    """Writes RUN/model/model.onnx, with int8=true model_int8.onnx, with html=true RUN/html.

    A model of words takes `texts` (B) and gives `probabilities` (B, C). One of parts of words takes
    `tokens` (B, T), `lengths` (B) and, with a wide channel, `terms` and `values` (B, F).

    Raises:
        InputError: no finished run, the packages of the extra are missing, or int8=true and no
            validation rows to compare on.
        RuntimeError: the ONNX model disagrees with PyTorch.
    """
    settings = parse_settings(ExportSettings, config)
    run = RunFolder.finished(settings.run)
    classifier = TextClassifier.load(run.path)
    _refuse_missing_packages()
    from textlstm.exporting.exported import compare, session_of, takes_texts, write_classifier

    runtime = _page_parts(classifier) if settings.html else None
    described = _described(classifier, run, examples=settings.examples) if settings.html else {}
    rows = _validation_rows(read_record(run.path), classifier) if settings.int8 else None
    make_folder(run.model, inside=run.path)
    file, int8 = run.model / "model.onnx", run.model / "model_int8.onnx"
    with ExitStack() as files:
        unfinished = files.enter_context(whole(file))
        small = files.enter_context(whole(int8)) if rows is not None else None
        worst = write_classifier(classifier, unfinished, int8=small)
        compared = None
        if takes_texts(classifier):
            texts = _predicted_texts(run.predictions) if rows is None else rows[0]
            compared = compare(session_of(unfinished), classifier, texts)
            _refuse_other_answers(compared)
        if rows is not None and small is not None:
            change = _change(unfinished, small, classifier, *rows)

    print(f"largest difference from PyTorch in a probability: {worst:.1e} (random ids)")
    print("\n".join(_inputs(classifier, compared)))
    print(f"classes: {visible(json.dumps(classifier.labels, ensure_ascii=False))}")
    if rows is not None:
        print(change)
    print(folder_line(run.model, file.name, *([] if rows is None else [int8.name])))
    if runtime is not None:
        model = file if rows is None else int8
        write_page(
            run.path / "html",
            _with_words(model),
            described=described,
            runtime=runtime,
            inside=run.path,
        )
        print("\n".join(_page_lines(run.path / "html", len(described["examples"]))))


def _described(classifier: TextClassifier, run: RunFolder, *, examples: bool) -> dict[str, Any]:
    """What the page says of the model.

    Raises:
        InputError: the run's scores are not what a run records.
    """
    shown = describe_model(
        classifier,
        read_record(run.path),
        name=run.path.name,
        predictions=run.predictions if examples else None,
    )
    return {
        **shown,
        "max_length": classifier.max_length,
        "words_before_cut": ids_before_cut(classifier.max_length, classifier.truncate),
    }


def _with_words(file: Path) -> bytes:
    """Reads a model, and lets it give the words that it reads as well."""
    import onnx

    from textlstm.exporting.onnx_text import give_words

    model = onnx.load(file)
    give_words(model)
    return bytes(model.SerializeToString())


def _page_lines(page: Path, examples: int) -> list[str]:
    """Says where the page is, how it is seen, and which texts of others it shows."""
    lines = [folder_line(page)]
    if examples:
        lines.append(
            f"The page shows {number_of(examples, 'text')} of the test set to all readers."
        )
    shown = visible(shlex.quote(str(from_here(page))))
    return [*lines, f"To see the page: python -m http.server --directory {shown}"]


def _page_parts(classifier: TextClassifier) -> dict[str, bytes]:
    """The files that a page needs to run a model of words.

    Raises:
        InputError: a model of parts of words, or files that cannot be fetched.
    """
    from textlstm.exporting.exported import takes_texts

    if not takes_texts(classifier):
        raise InputError(
            "html=true needs a model of whole words, which takes texts as they are; this one's "
            "tokenizer splits words into parts. Train with data.tokenizer=word."
        )
    return browser_runtime(CACHE)


def _refuse_missing_packages() -> None:
    # onnxruntime would keep an identity of this machine in HOME.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401  (torch.onnx needs it)
    except ImportError as error:
        raise InputError(
            f"export needs the extra packages: {installing('export')} ({error})."
        ) from error


def _validation_rows(record: Record, classifier: TextClassifier) -> tuple[list[str], np.ndarray]:
    """Reads the texts of a run's validation rows, and their classes.

    Raises:
        InputError: the run has no validation rows, or its data have changed.
    """
    if record["refit"]:
        raise InputError(
            "int8=true compares on validation rows, and a refit has none. Export the run that it "
            "took its settings from to see what int8 changes, or leave int8=true out."
        )
    refuse_changed(record["data"]["sources"])
    data = TextDataModule(
        parse_settings(DataSettings, record["config"]["data"], "data"),
        cache=CACHE,
        seed=record["seed"],
        tokenizer_json=classifier.tokenizer.to_str(),
        tested=False,
    )
    data.setup()
    return data.splits["validation"]["text"][:], data.encoded["validation"].labels_N.numpy()


def _predicted_texts(file: Path) -> list[str]:
    """The first texts of a run's predictions.csv; none if it is not there.

    Raises:
        InputError: the file has no such texts.
    """
    if not file.is_file():
        return []
    try:
        texts = pd.read_csv(
            file, usecols=["text"], dtype=str, keep_default_na=False, nrows=COMPARED
        )["text"]
    except ValueError as error:
        raise InputError(
            f"{file} has no texts to compare on ({one_line(error)}). Bring it back from a copy, or "
            f"remove it to export without a comparison."
        ) from error
    return list(texts)


def _refuse_other_answers(compared: "Compared") -> None:
    if compared.unexplained > UNEXPLAINED * compared.texts:
        raise RuntimeError(
            f"The ONNX model has other probabilities than PyTorch for {compared.unexplained:,} of "
            f"{compared.texts:,} texts, such as {one_line(compared.example)[:100]!r}."
        )


def _inputs(classifier: TextClassifier, compared: "Compared | None") -> list[str]:
    """Describes what the model takes."""
    if compared is None:
        lines = ["inputs: tokens (int64, batch × length, padded with 0), lengths (int64, batch)"]
        if classifier.wide is not None:
            lines.append(
                "and terms (int64), values (float32), both batch × terms, padded with 0: what "
                "TextClassifier.load(RUN).wide.features(texts).padded() gives"
            )
        return lines

    lines = ["input: texts (string, batch), as they are: no tokenizer is needed"]
    lines.append(f"equal to 1e-5 for {compared.equal:,} of {compared.texts:,} texts of the run")
    if compared.equal < compared.texts:
        lines.append(
            f"not for {one_line(compared.example)[:100]!r}: the model composes no accents with "
            f"letters and knows no final sigma; give it texts in NFC"
        )
    return lines


def _change(
    file: Path, int8: Path, classifier: TextClassifier, texts: list[str], labels_N: np.ndarray
) -> str:
    """Says what eight bits change: bytes, accuracy, and classes of rows."""
    from textlstm.exporting.exported import onnx_probabilities, session_of

    before_N, after_N = (
        onnx_probabilities(session_of(model), classifier, texts).argmax(axis=1)
        for model in (file, int8)
    )
    sizes = [model.stat().st_size / 1e6 for model in (file, int8)]
    accuracies = [float((found_N == labels_N).mean()) for found_N in (before_N, after_N)]
    changed = int((before_N != after_N).sum())
    return (
        f"int8: {sizes[1]:.1f} MB in place of {sizes[0]:.1f} MB; accuracy on {len(texts):,} rows "
        f"of validation {accuracies[1]:.4f} in place of {accuracies[0]:.4f} "
        f"({accuracies[1] - accuracies[0]:+.4f}); {changed:,} of them get another class"
    )
