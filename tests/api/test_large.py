"""A large payload keeps its sender waiting, and nobody else."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future

import httpx
import orjson
import pytest

from tests.fixtures_api import PATIENCE, Api, event
from triage.serving import reception
from triage.sources.batch import SourceBatch

FILLING = "x" * 70_000


def test_a_large_payload_is_read_beside_the_event_loop(shared_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = threading.Event(), threading.Event()

    def slow(body: bytes, headers: Mapping[str, str]) -> SourceBatch:
        begun.set()
        over.wait(2)
        return SourceBatch()

    monkeypatch.setattr(reception, "PARSERS", {"slow": slow})
    sent: Future[httpx.Response] = shared_api.send("POST", "/v1/sources/slow", content=FILLING.encode())
    assert begun.wait(PATIENCE)
    assert shared_api.get("/livez").status_code == 200
    assert not sent.done()
    over.set()
    assert sent.result(PATIENCE).json()["accepted"] == 0


@pytest.mark.parametrize("path", ["/v1/incidents/batch", "/v1/predict/batch"])
def test_others_are_answered_while_a_large_batch_is_read_and_answered(shared_api: Api, path: str) -> None:
    """Of items that all have faults, so that nothing of the time goes to deciding."""
    faulty = event(description="é" * 7_000, nobody_knows=1)
    sent = shared_api.send(
        "POST",
        path,
        content=orjson.dumps({"incidents": [faulty] * 1_000}),
        headers={"content-type": "application/json"},
    )
    answered = 0
    while not sent.done():
        assert shared_api.get("/livez").status_code == 200
        answered += 1
    assert sent.result().status_code == 200
    assert answered > 4
