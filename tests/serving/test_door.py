"""The process says that it is alive before the service behind it is loaded."""

import asyncio
import threading
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from triage.serving.door import Door, Receive, Scope, Send


class Behind:
    """Answers 200 to everything; ``gate`` holds its loading back."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.life: list[str] = []

    def load(self) -> "Behind":
        self.gate.wait(10)
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"behind"})

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        self.life.append("open")
        yield
        self.life.append("closed")


class Server:
    """Leads a door's life and asks it for paths."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.said: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.heard: list[str] = []

    async def __aenter__(self) -> "Server":
        await self.said.put({"type": "lifespan.startup"})
        self.living = asyncio.create_task(self.door({"type": "lifespan"}, self.said.get, self._hear))
        while not self.heard:
            await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.said.put({"type": "lifespan.shutdown"})
        await self.living

    async def _hear(self, message: MutableMapping[str, Any]) -> None:
        self.heard.append(message["type"])

    async def ask(self, path: str) -> tuple[int, bytes]:
        sent: list[MutableMapping[str, Any]] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.door({"type": "http", "path": path}, self.said.get, send)
        return sent[0]["status"], sent[1]["body"]


async def test_it_is_alive_at_once_and_others_wait_until_it_is_loaded() -> None:
    behind = Behind()
    async with Server(Door(behind.load, lambda error: None)) as server:
        assert await server.ask("/livez") == (200, b'{"status":"alive"}')
        waiting = asyncio.create_task(server.ask("/v1/predict"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        behind.gate.set()
        assert await waiting == (200, b"behind")
        assert await server.ask("/livez") == (200, b"behind")
    assert behind.life == ["open", "closed"]
    assert server.heard == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_what_cannot_be_loaded_is_told_and_nobody_waits_for_ever() -> None:
    def fail() -> Behind:
        raise RuntimeError("no such library")

    told: list[BaseException] = []
    async with Server(Door(fail, told.append)) as server:
        assert await server.ask("/v1/predict") == (503, b'{"status":"not loaded"}')
    assert [str(error) for error in told] == ["no such library"]
