"""The port that a server listens on."""

import asyncio
import socket

import pytest

pytest.importorskip("uvicorn")

from textlstm.serving.server import open_port


def test_the_last_part_of_an_answer_does_not_wait_for_a_receipt():
    """TCP holds it back for 40 ms unless the connection says otherwise."""
    found = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        found.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def connect() -> None:
        opened = open_port("127.0.0.1", 0)
        async with await asyncio.start_server(answer, sock=opened):
            reader, writer = await asyncio.open_connection(*opened.getsockname())
            await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(connect())
    assert found[0] != 0
