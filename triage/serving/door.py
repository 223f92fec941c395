"""The first thing that listens: says that the process is alive while the service itself is still being loaded.

Loading the libraries takes longer than an orchestrator should wait for a sign of life. Requests that come
meanwhile wait at the door and are then served by the service.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application(Protocol):
    """What is behind the door: an ASGI application with a life of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def living(self) -> AbstractAsyncContextManager[None]: ...

    def goodbye(self) -> None:
        """The server stops: answers that would go on for ever end now."""


class Door:
    """``load`` makes the application, in a thread, once the server listens. ``on_failure`` is told what it
    raised, and is to end the server: nobody is behind the door then."""

    def __init__(self, load: Callable[[], Application], on_failure: Callable[[BaseException], None]) -> None:
        self._load = load
        self._on_failure = on_failure
        self._inside: Application | None = None
        self._opened = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if self._inside is None and scope["path"] == "/livez":
            await _answer(send, 200, b'{"status":"alive"}')
            return
        await self._opened.wait()
        if self._inside is None:
            await _answer(send, 503, b'{"status":"not loaded"}')
        else:
            await self._inside(scope, receive, send)

    def goodbye(self) -> None:
        if self._inside is not None:
            self._inside.goodbye()

    async def _live(self, receive: Receive, send: Send) -> None:
        """Let the server listen at once; load beside it; close when the server does."""
        await receive()
        closing = asyncio.Event()
        living = asyncio.create_task(self._live_inside(closing))
        living.add_done_callback(self._watch)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        closing.set()
        await asyncio.wait([living])
        await send({"type": "lifespan.shutdown.complete"})

    def _watch(self, living: asyncio.Task[None]) -> None:
        if not living.cancelled() and (error := living.exception()) is not None:
            self._opened.set()
            self._on_failure(error)

    async def _live_inside(self, closing: asyncio.Event) -> None:
        application = await asyncio.to_thread(self._load)
        async with application.living():
            self._inside = application
            self._opened.set()
            await closing.wait()


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
