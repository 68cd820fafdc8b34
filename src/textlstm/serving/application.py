"""The API and the page as an application, which any ASGI server can run."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from textlstm.checks import InputError
from textlstm.serving.errors import add_error_answers
from textlstm.serving.files import ClassifyFile, FileAnswer, SentFile, safe_name
from textlstm.serving.guard import Guard
from textlstm.serving.messages import (
    ErrorAnswer,
    ExplainAnswer,
    ExplainQuestion,
    HealthAnswer,
    ModelAnswer,
    PredictAnswer,
    PredictQuestion,
)
from textlstm.serving.model import ServedModel

Part = TypeVar("Part")

# The files of the page by the package that holds them: exported pages have some of them, too.
PAGE = {
    "index.html": "textlstm.serving",
    "serve.js": "textlstm.serving",
    "single.js": "textlstm.serving",
    "words.js": "textlstm.serving",
    "many.js": "textlstm.serving",
    "csv.js": "textlstm.serving",
    "api.js": "textlstm.serving",
    "serve.css": "textlstm.serving",
    "answer.js": "textlstm.exporting",
    "text.js": "textlstm.exporting",
    "model.js": "textlstm.exporting",
    "page.css": "textlstm.exporting",
    "icon.svg": "textlstm.exporting",
}
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": said}
    for status, said in (
        (413, "The request is too large."),
        (422, "The request has a mistake."),
        (503, "Too many requests are waiting."),
    )
}


def make_application(
    served: ServedModel,
    card: ModelAnswer,
    *,
    classify_file: ClassifyFile,
    hosts: frozenset[str] | None,
) -> ASGIApp:
    """Makes the application of a model.

    Args:
        card: what `GET /model` answers.
        classify_file: reads a file that was sent.
        hosts: the host names that it answers to; None takes any.
    """
    app = FastAPI(
        title="textlstm",
        description=f"Classifies texts with the model {card.name}.",
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    add_error_answers(app)
    _add_page(app)
    _add_api(app, served, card, classify_file)
    return Guard(app, hosts=hosts)


def _add_page(app: FastAPI) -> None:
    """Adds the page and its files, which are read once."""
    for name, package in PAGE.items():
        content = (files(package) / "static" / name).read_bytes()
        path = "/" if name == "index.html" else f"/{name}"
        _add_file(app, path, content, KINDS[Path(name).suffix])


def _add_file(app: FastAPI, path: str, content: bytes, kind: str) -> None:
    @app.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)
    async def page_file() -> Response:
        return Response(content, media_type=kind)


def _add_api(
    app: FastAPI, served: ServedModel, card: ModelAnswer, classify_file: ClassifyFile
) -> None:
    """Adds what programs ask for."""

    @app.get("/health")
    async def health() -> HealthAnswer:
        """Says that the server answers."""
        return HealthAnswer()

    @app.get("/model")
    async def model() -> ModelAnswer:
        """Says which model answers, and how good it is."""
        return card

    @app.post("/predict", responses=ERRORS)
    async def predict(question: PredictQuestion) -> PredictAnswer:
        """Names the class of each text."""
        return await served.predict(question.texts)

    @app.post("/explain", responses=ERRORS)
    async def explain(question: ExplainQuestion) -> ExplainAnswer:
        """Says how much each word of a text adds to the probability of a class."""
        return await served.explain(
            question.texts, target=question.target, against=question.against
        )

    @app.post("/predict/file", responses=ERRORS, response_class=StreamingResponse)
    async def predict_file(
        request: Request,
        name: Annotated[str, Query(max_length=1000, description="the name of the file")],
        text_column: Annotated[str | None, Query(max_length=1000)] = None,
        format: Annotated[str | None, Query(max_length=20)] = None,
        spreadsheet: bool = False,
    ) -> StreamingResponse:
        """Classifies the texts of a file, which is the body, and answers as `predict` does: CSV.

        Headers of the answer have numbers: X-Texts of the texts, X-Unknown-Texts of those without a
        known word, and X-Cut-Texts of those that are longer than what the network reads.
        """
        body = await request.body()
        with tempfile.TemporaryDirectory(prefix="textlstm-") as folder:
            path = Path(folder, safe_name(name))
            path.write_bytes(body)
            file = SentFile(path, text_column or None, format or None, spreadsheet)
            answer = await _opened(served, classify_file, file)
        limits = [part async for part in _computed(served, answer.limits)]
        return StreamingResponse(
            _computed(served, answer.parts),
            media_type="text/csv; charset=utf-8",
            headers={
                "X-Texts": str(answer.texts),
                "X-Unknown-Texts": str(sum(part.unknown for part in limits)),
                "X-Cut-Texts": str(sum(part.cut for part in limits)),
            },
        )


async def _opened(served: ServedModel, classify_file: ClassifyFile, file: SentFile) -> FileAnswer:
    """Reads a file that was sent.

    Raises:
        InputError: as the reading of the file; the message has its name, and no folder.
    """
    try:
        return await served.compute(lambda: classify_file(file))
    except InputError as error:
        raise InputError(str(error).replace(f"{file.path.parent}/", "")) from error


async def _computed(served: ServedModel, parts: Iterator[Part]) -> AsyncIterator[Part]:
    """Computes the parts of an answer, between those of other requests."""
    while (part := await served.compute(lambda: next(parts, None))) is not None:
        yield part
