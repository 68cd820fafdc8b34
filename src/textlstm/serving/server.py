"""Runs an application on a port until it is told to end."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from textlstm.checks import InputError

DRAINED = 30  # seconds that requests may take after the server was told to end


def open_port(host: str, port: int) -> socket.socket:
    """Opens a port; 0 is any that is free.

    Raises:
        InputError: it is in use, or this machine has no such address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # Without a protocol asyncio would leave TCP to hold an answer's end back for 40 ms.
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except (OSError, ValueError) as error:  # the latter for what no host is called
        said = getattr(error, "strerror", None) or error
        raise InputError(
            f"host={host} port={port} cannot be opened: {said}. Take another port, or 0 for any "
            f"that is free; host= takes an address of this machine."
        ) from error
    return opened


def url_of(opened: socket.socket) -> str:
    """The address of the page, as a browser takes it."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def run_server(app: ASGIApp, opened: socket.socket, *, announce: Callable[[], None]) -> None:
    """Answers requests until Ctrl-C, SIGTERM or SIGHUP, and then those that have begun.

    The signal is passed on at the end.

    Args:
        announce: is called as soon as requests are answered.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAINED,
    )
    server = _Server(config, announce)
    with _hanging_up(server):
        server.run(sockets=[opened])


class _Server(uvicorn.Server):
    """Says when it has started."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


@contextmanager
def _hanging_up(server: uvicorn.Server) -> Iterator[None]:
    """Lets SIGHUP end the server as SIGTERM does; uvicorn alone would be torn down at once."""
    number = getattr(signal, "SIGHUP", None)
    if number is None or signal.getsignal(number) == signal.SIG_IGN:
        yield
        return
    told = False

    def hang_up(*_: object) -> None:
        nonlocal told
        told = server.should_exit = True

    before = signal.signal(number, hang_up)
    try:
        yield
    finally:
        signal.signal(number, before)
        if told:
            signal.raise_signal(number)
