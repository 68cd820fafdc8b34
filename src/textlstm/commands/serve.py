"""Answers in a browser and to programs with the model of a finished run."""

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from textlstm.checks import InputError, parse_settings
from textlstm.commandline.settings import PredictSettings, ServeSettings
from textlstm.commands.input_texts import read_input
from textlstm.commands.output_rows import table_cells
from textlstm.commands.predict import (
    find_model,
    predicted_rows,
    reading_of,
    refuse_missing_text,
)
from textlstm.escaping import BYTE_ORDER_MARK
from textlstm.model.bundle import TextClassifier
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import Record
from textlstm.runs.shown_model import describe_model
from textlstm.runs.tally import LimitCounter, Tally
from textlstm.typed import installing

if TYPE_CHECKING:
    from textlstm.serving.files import ClassifyFile, FileAnswer, SentFile


def serve(config: dict[str, Any]) -> None:
    """Serves a page and an API until Ctrl-C or SIGTERM; the run is only read.

    Raises:
        InputError: no finished run, the packages of the extra are missing, or a port that cannot be
            opened.
    """
    settings = parse_settings(ServeSettings, config)
    _refuse_missing_packages()
    from textlstm.serving.application import make_application
    from textlstm.serving.guard import LOOPBACK
    from textlstm.serving.messages import ModelAnswer
    from textlstm.serving.model import ServedModel
    from textlstm.serving.server import open_port, run_server, url_of

    # Texts are few at a time: the tokenizer's own threads would only take the cores from torch's.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    folder, record = find_model(settings.run)
    classifier = TextClassifier.load(folder)
    name = folder.parent.name if folder.name == "model" else folder.name
    shown = describe_model(classifier, record, name=name, predictions=RunFolder(folder).predictions)
    card = ModelAnswer.model_validate(shown)
    threshold = None if card.threshold is None else card.threshold.min_probability
    served = ServedModel(classifier, min_probability=threshold, threads=settings.threads)

    opened = open_port(settings.host, settings.port)
    app = make_application(
        served,
        card,
        classify_file=_file_classifier(classifier, record, threshold),
        hosts=LOOPBACK if opened.getsockname()[0] in ("127.0.0.1", "::1") else None,
    )
    url = url_of(opened)
    run_server(app, opened, announce=lambda: print(f"{url} (Ctrl-C ends the server)", flush=True))


def _refuse_missing_packages() -> None:
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"serve needs the extra packages: {installing('serve')} ({error})."
        ) from error


def _file_classifier(
    classifier: TextClassifier, record: Record | None, threshold: float | None
) -> "ClassifyFile":
    """Makes the function that classifies a file as `predict` does, with the same columns."""
    from textlstm.serving.files import PART, FileAnswer, bounded, refuse_giant

    limits = LimitCounter(classifier.tokenizer, classifier.max_length)
    as_predict = PredictSettings(
        run="",
        text=None,
        input=None,
        output=None,
        text_column=None,
        min_probability=threshold,
        batch_size=PART,
        threads=None,
    )

    def classify(file: "SentFile") -> "FileAnswer":
        columns: str | list[str] | None = file.text_column
        if columns is None and record is not None:
            columns = record["data"]["columns"]["text"]
        settings = replace(as_predict, format=file.format, spreadsheet=file.spreadsheet)
        path = str(file.path)
        reading = reading_of(path, record, settings)
        refuse_giant(file.path, reading)
        columns, chunks = read_input(path, columns, reading)
        read = bounded(chunks, columns)
        for chunk in read:
            refuse_missing_text(chunk, columns)
        rows = predicted_rows(iter(read), classifier, columns, settings, Tally())
        cells = table_cells(rows, spreadsheet=file.spreadsheet)
        return FileAnswer(
            texts=sum(chunk.rows() for chunk in read),
            limits=(limits.count(chunk.texts(columns, "input")) for chunk in read),
            parts=_csv_parts(cells, spreadsheet=file.spreadsheet),
        )

    return classify


def _csv_parts(cells: Iterator[list[Any]], *, spreadsheet: bool) -> Iterator[str]:
    """Writes lines as CSV, some at a time."""
    from textlstm.serving.files import PART

    start = BYTE_ORDER_MARK if spreadsheet else ""
    while lines := list(islice(cells, PART)):
        part = io.StringIO(newline="")
        part.write(start)
        csv.writer(part).writerows(lines)
        yield part.getvalue()
        start = ""
