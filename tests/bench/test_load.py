"""The load generator against a small server: what it sends, counts and refuses."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.load import Order
from bench.rounds import drive, figures_of


class Answering(ThreadingHTTPServer):
    daemon_threads = True
    status = 200
    answer = b'{"ok": true}'

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Answering

    def do_POST(self) -> None:
        self.server.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Answering]:
    answering = Answering()
    thread = threading.Thread(target=answering.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield answering
    answering.shutdown()
    thread.join()
    answering.server_close()


@pytest.fixture
def order(server: Answering, tmp_path: Path) -> Callable[..., Order]:
    file = tmp_path / "bodies.jsonl"
    file.write_bytes(b"\n".join(b'{"title": "number %d"}' % number for number in range(20)))

    def make(**changes: object) -> Order:
        given: dict[str, object] = {"clients": 3, "seconds": 30.0} | changes
        return Order(port=server.server_port, path="/predict", bodies=str(file), **given)  # type: ignore[arg-type]

    return make


def test_every_body_is_sent_once_and_every_answer_timed(server: Answering, order: Callable[..., Order]) -> None:
    record = drive(order())
    assert len(record.latencies) == 20
    assert record.statuses == {200: 20}
    assert sorted(server.received) == sorted(b'{"title": "number %d"}' % number for number in range(20))
    assert all(0 < latency < record.elapsed for latency in record.latencies)


def test_repeated_bodies_are_sent_until_the_time_is_over(server: Answering, order: Callable[..., Order]) -> None:
    record = drive(order(seconds=0.3, repeat=True))
    assert len(record.latencies) > 20
    assert 0.3 <= record.elapsed < 5


def test_an_answer_that_comes_in_pieces_is_one_answer(server: Answering, order: Callable[..., Order]) -> None:
    server.answer = b'{"large": "' + b"x" * 300_000 + b'"}'
    record = drive(order())
    assert record.statuses == {200: 20}
    assert record.answer_bytes > 20 * 300_000


def test_an_answer_that_is_no_success_ends_the_bench(server: Answering, order: Callable[..., Order]) -> None:
    server.status = 503
    with pytest.raises(SystemExit, match="503"):
        drive(order())


def test_figures_are_in_milliseconds_and_count_the_texts_of_a_batch(order: Callable[..., Order]) -> None:
    record = drive(order())
    figures = figures_of(record, texts_per_request=10)
    assert figures.rate == pytest.approx(200 / record.elapsed)
    assert figures.p50 <= figures.p99 <= 1000 * max(record.latencies)
    assert figures.generator_share < 1
