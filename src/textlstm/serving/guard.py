"""What surrounds each request: an id, bounds, host names, safe headers, a line in the log."""

import json
import logging
import re
import time
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from textlstm.serving.messages import BODY

log = logging.getLogger(__name__)

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
# A page may load and ask this server alone, and runs no script but its own files.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOO_LARGE = f"The request has more than {BODY:,} bytes. Send it in several parts."
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class Guard:
    """Gives each request an id, refuses giant ones and foreign host names, and logs how it ended.

    A page of another site could name this server by a host name of its own, and read the answers as
    if they were from its site: a server for this machine alone answers to the machine's own names.

    Args:
        hosts: the names that this server answers to; None takes any.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str] | None) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    *HEADERS,
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        refused = self._refused(headers)
        try:
            if refused is None:
                await self.app(scope, _bounded(receive), send_guarded)
            else:
                await _answer(*refused, request_id, send_guarded)
        finally:
            took = 1000 * (time.perf_counter() - started)
            log.info(
                "%s %s %d %.1f ms %s", scope["method"], scope["path"], status, took, request_id
            )

    def _refused(self, headers: dict[bytes, bytes]) -> tuple[int, str, str] | None:
        """Says what is wrong with the headers: a status, a sentence and the header, or nothing."""
        host = headers.get(b"host", b"").decode("latin-1")
        if self.hosts is not None and re.sub(r":\d*$", "", host).lower() not in self.hosts:
            said = (
                f"This server answers to {', '.join(sorted(self.hosts))} alone, and the request "
                f"names {host[:100]!r}. Let a proxy send one of these, or start the server with "
                f"host=0.0.0.0."
            )
            return 421, said, "header Host"
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > BODY:
            return 413, TOO_LARGE, "body"
        return None


def _bounded(receive: Receive) -> Receive:
    """Counts the bytes of a body, whose length may not have been told before.

    Raises:
        HTTPException: there are too many.
    """
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > BODY:
            raise HTTPException(413)
        return message

    return bounded


async def _answer(status: int, error: str, where: str, request_id: str, send: Send) -> None:
    """Answers a request that the application does not see."""
    body = json.dumps({"error": error, "where": where, "request_id": request_id}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
