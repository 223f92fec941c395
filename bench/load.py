"""The load generator, a process of its own: ``python -m bench.load`` reads an order from standard input.

It shares the cores with what it measures, so it does as little as it can: requests are rendered before the clock
starts, answers are cut at their Content-Length and not looked into, and its own processor time is reported.
"""

import asyncio
import gc
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``bodies``: a file with one JSON body a line, sent once each in order, or over and over if ``repeat``."""

    port: int
    path: str
    bodies: str
    clients: int
    seconds: float
    repeat: bool = False


@dataclass(slots=True, kw_only=True)
class Record:
    """``latencies`` in seconds of answered requests; ``cpu_seconds`` what the generator itself spent meanwhile."""

    elapsed: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    answer_bytes: int = 0


class _Client(asyncio.Protocol):
    """One keep-alive connection with one request under way at a time."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer = bytearray()
        self._awaited = 0
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        request = self._run.next_request()
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._awaited:
            head = self._buffer.find(_HEAD_END)
            if head < 0:
                return
            self._awaited = head + len(_HEAD_END) + _content_length(bytes(self._buffer[:head]))
        if len(self._buffer) >= self._awaited:
            self._run.note(time.perf_counter() - self._sent_at, int(self._buffer[9:12]), self._awaited)
            del self._buffer[: self._awaited]
            self._awaited = 0
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


class _Run:
    def __init__(self, order: Order, requests: list[bytes]) -> None:
        self.record = Record()
        self._requests = iter(cycle(requests) if order.repeat else requests)
        self._seconds = order.seconds
        self._deadline = 0.0

    def begin(self) -> None:
        self._deadline = time.perf_counter() + self._seconds

    def next_request(self) -> bytes | None:
        return next(self._requests, None) if time.perf_counter() < self._deadline else None

    def note(self, latency: float, status: int, size: int) -> None:
        self.record.latencies.append(latency)
        self.record.statuses[status] = self.record.statuses.get(status, 0) + 1
        self.record.answer_bytes += size


def _content_length(head: bytes) -> int:
    """Both services always state it; anything else is no measurement."""
    _, found, rest = head.lower().partition(_LENGTH)
    if not found:
        raise SystemExit("an answer without Content-Length")
    return int(rest.split(b"\r\n", 1)[0])


def render(order: Order) -> list[bytes]:
    head = (
        f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    )
    bodies = Path(order.bodies).read_bytes().splitlines()
    return [head.format(len(body)).encode() + body for body in bodies]


async def carry_out(order: Order, requests: list[bytes]) -> Record:
    loop = asyncio.get_running_loop()
    run = _Run(order, requests)
    clients = []
    for _ in range(order.clients):
        _, client = await loop.create_connection(lambda: _Client(run), "127.0.0.1", order.port)
        clients.append(client)
    started, spent = time.perf_counter(), _cpu_seconds()
    run.begin()
    for client in clients:
        client.send()
    await asyncio.gather(*(client.done for client in clients))
    run.record.elapsed = time.perf_counter() - started
    run.record.cpu_seconds = _cpu_seconds() - spent
    return run.record


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    order = Order(**json.load(sys.stdin))
    requests = render(order)
    gc.disable()
    record = uvloop.run(carry_out(order, requests))
    json.dump(asdict(record), sys.stdout)


if __name__ == "__main__":
    main()
