"""One shape for every error of the API."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from textlstm.checks import InputError, nearest
from textlstm.plurals import number_of
from textlstm.serving.guard import TOO_LARGE
from textlstm.serving.messages import ErrorAnswer, ExplainQuestion, PredictQuestion
from textlstm.serving.model import Busy

KEYS = {*PredictQuestion.model_fields, *ExplainQuestion.model_fields}
EXPECTED = (
    'a JSON object such as {"texts": ["a text"]}, with the header Content-Type: application/json'
)


def add_error_answers(app: FastAPI) -> None:
    """Lets an application answer each error with an `ErrorAnswer`."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        where, message = describe_invalid(error.errors())
        return error_answer(request, 422, message, where=where)

    @app.exception_handler(InputError)
    async def mistaken(request: Request, error: InputError) -> JSONResponse:
        return error_answer(request, 422, str(error))

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> JSONResponse:
        message = "Too many requests are waiting. Send it again in a second."
        return error_answer(request, 503, message, headers={"Retry-After": "1"})

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return error_answer(
            request, error.status_code, _said(request, error), headers=dict(error.headers or {})
        )

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return error_answer(request, 500, "This is a fault of the server; its log says more.")


def error_answer(
    request: Request,
    status: int,
    message: str,
    *,
    where: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Makes the answer of one error."""
    answer = ErrorAnswer(error=message, where=where, request_id=request.state.request_id)
    return JSONResponse(answer.model_dump(), status_code=status, headers=headers)


def _said(request: Request, error: HTTPException) -> str:
    """Says what is wrong with a request that no function has seen."""
    method, path = request.method, request.url.path[:100]
    if error.status_code == 404:
        return f"There is no {path!r}; /openapi.json lists what there is."
    if error.status_code == 405:
        return f"{path} does not take {method}; /openapi.json lists what there is."
    if error.status_code == 413:
        return TOO_LARGE
    if error.status_code == 400:
        return f"The body cannot be read; {EXPECTED} was expected."
    return f"{HTTPStatus(error.status_code).phrase}."


def describe_invalid(errors: Sequence[Any]) -> tuple[str | None, str]:
    """Says where the first mistake of a body or a query is, and what it is.

    What was sent is not repeated: it may be long, and it may be private.
    """
    # A key that does not exist explains another that is missing.
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    kind, path = first["type"], list(first["loc"])
    part = path.pop(0) if path else "body"
    if kind == "json_invalid":
        said = first.get("ctx", {}).get("error", "")
        place = f" at character {path[0]}" if path else ""
        return "body", f"The body is no JSON ({said}{place}); {EXPECTED} was expected."
    if part == "body" and not path and kind != "value_error":
        return "body", f"The body must be {EXPECTED}."

    where = _place(path) or str(part)
    more = f" (And {number_of(len(errors) - 1, 'more mistake')}.)" if len(errors) > 1 else ""
    if kind == "extra_forbidden":
        return where, f"There is no key {where[:100]!r}.{nearest(where[:100], KEYS)}{more}"
    said = first["msg"].removeprefix("Value error, ")
    return where, f"{where}: {said}.{more}"


def _place(path: Sequence[str | int]) -> str:
    """Writes a path as a person does: `texts[3]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(
        "."
    )
