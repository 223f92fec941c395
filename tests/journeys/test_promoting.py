"""Bundles change under load: no request fails, and every decision names the bundle that made it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.fixtures_service import Service, StartService, event_body
from triage.store.configurations import MOVE_LOCK

CLIENTS = 8
SWITCHED_WITHIN = 5.0
"""Seconds from the end of the command; services look every second, and then open the bundle."""


@dataclass
class Traffic:
    """What clients that never pause were answered: faults, the bundles that decisions named, and of every new
    decision (answered at, bundle). An incident that is joined keeps its decision, and the bundle of that time."""

    service: Service
    faults: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    decided: list[tuple[float, str]] = field(default_factory=list)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        stop = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._send_until, stop, number) for number in range(CLIENTS)]
            try:
                yield
            finally:
                stop.set()
            for client in clients:
                client.result()

    def _send_until(self, stop: threading.Event, number: int) -> None:
        """Half of the clients predict, half open and repeat incidents."""
        path = "/v1/predict" if number % 2 else "/v1/incidents"
        with httpx.Client(base_url=self.service.url, timeout=30) as client:
            sent = 0
            while not stop.is_set():
                sent += 1
                title = f"Client {'abcdefgh'[number]} reports trouble {' '.join(str(sent))}"
                try:
                    answer = client.post(path, json=event_body(title=title, source=f"client-{number}"))
                except httpx.TransportError as error:
                    self.faults.append(f"{path}: {type(error).__name__}")
                    continue
                if answer.status_code not in {200, 201}:
                    self.faults.append(f"{path}: {answer.status_code} {answer.text[:200]}")
                    continue
                body = answer.json()
                bundle = body.get("decision", body)["versions"]["bundle"]
                self.named.add(bundle)
                if path == "/v1/predict" or answer.status_code == 201:
                    self.decided.append((time.monotonic(), bundle))

    def wait_for(self, bundle: str, since: float, wanted: int = 20) -> float:
        """Seconds from ``since`` to the first decision by ``bundle``, once several were made by it."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            times = [at for at, name in self.decided if name == bundle and at >= since]
            if len(times) >= wanted:
                return min(times) - since
            time.sleep(0.02)
        raise AssertionError(f"no decision by {bundle}\n{self.faults[:5]}\n{self.service.log[-3000:]}")


@pytest.fixture
def two_bundles(start_service: StartService, starter_bundle: Path, trained_bundle: Path) -> Callable[..., Service]:
    """Starts services that have both bundles and run on the trained one."""

    def start(**options: bool) -> Service:
        service = start_service(started=False, **options)
        for bundle in (starter_bundle, trained_bundle):
            shutil.copytree(bundle, service.models / bundle.name)
        service.start()
        service.wait_until(lambda: active_of(service) == trained_bundle.name, "pointed at the trained bundle")
        return service

    return start


def active_of(service: Service) -> str | None:
    active = service.get("/v1/models").json()["active"]
    return active["version"] if active else None


def bundle_of(service: Service) -> str:
    found: str = service.get("/version").json()["bundle"]
    return found


def promote(service: Service, version: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return service.training("promote", "--models", str(service.models), "--version", version, *options)


def test_no_request_fails_while_bundles_are_promoted_and_rolled_back(
    two_bundles: Callable[..., Service],
    starter_bundle: Path,
    trained_bundle: Path,
    record_property: Callable[[str, object], None],
) -> None:
    service = two_bundles()
    starter, trained = starter_bundle.name, trained_bundle.name
    traffic = Traffic(service)
    with traffic.flowing():
        traffic.wait_for(trained, 0.0)
        done = promote(service, starter, "--reason", "a trial", "--by", "ann", "--expect", trained)
        moved_at = time.monotonic()
        assert done.returncode == 0, done.stderr
        forward = traffic.wait_for(starter, moved_at)
        asked_at = time.monotonic()
        back = service.post("/v1/models/rollback", {"reason": "worse", "expect": starter})
        answered_at = time.monotonic()
        assert back.json()["active"]["version"] == trained, back.text
        traffic.wait_for(trained, answered_at)
        time.sleep(2.5)  # more than one refresh: nothing flips again
    assert traffic.faults == []
    assert traffic.named == {name for _, name in traffic.decided} == {starter, trained}
    assert forward < SWITCHED_WITHIN
    # A batch that was under way at that moment may still be answered by the other bundle.
    late = [name for at, name in traffic.decided if at > answered_at + 2.0]
    assert set(late) == {trained}
    assert service.degraded == {}
    moves = service.get("/v1/models").json()["activations"]
    assert [(m["version"], m["by"], m["rollback"]) for m in moves][:2] == [
        (trained, "local", True),
        (starter, "shell:ann", False),
    ]
    record_property("decisions while bundles changed", len(traffic.decided))
    record_property("seconds from promote to its first decision", f"{forward:.2f}")
    record_property("seconds that a rollback took to answer", f"{answered_at - asked_at:.2f}")


def test_a_bundle_is_promoted_in_the_embedded_database_of_a_running_service(
    two_bundles: Callable[..., Service], starter_bundle: Path, trained_bundle: Path
) -> None:
    service = two_bundles(embedded=True)
    done = promote(service, starter_bundle.name)
    assert done.returncode == 0, done.stderr
    assert str(service.data) in done.stdout
    service.wait_until(lambda: bundle_of(service) == starter_bundle.name, "followed")
    service.stop()
    service.start()
    assert bundle_of(service) == starter_bundle.name
    back = service.training("rollback", "--json")
    assert back.returncode == 0, back.stderr
    service.wait_until(lambda: bundle_of(service) == trained_bundle.name, "rolled back")


def test_a_damaged_bundle_is_refused_by_both_ways_and_nothing_changes(
    two_bundles: Callable[..., Service], starter_bundle: Path, trained_bundle: Path
) -> None:
    service = two_bundles()
    model = service.models / starter_bundle.name / "encoder" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    traffic = Traffic(service)
    with traffic.flowing():
        done = promote(service, starter_bundle.name)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: the bundle {starter_bundle.name} is refused: encoder/model.onnx")
        refused = service.post("/v1/models/promote", {"version": starter_bundle.name, "reason": "x"})
        assert (refused.status_code, refused.json()["code"]) == (409, "bundle_refused")
    assert traffic.faults == []
    assert traffic.named == {trained_bundle.name}
    assert active_of(service) == trained_bundle.name
    assert service.degraded == {}


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL], ids=lambda s: s.name)
def test_an_interrupted_promotion_has_changed_nothing_and_can_be_done_again(
    two_bundles: Callable[..., Service], starter_bundle: Path, trained_bundle: Path, ended_by: signal.Signals
) -> None:
    service = two_bundles()
    starter, before = starter_bundle.name, service.get("/v1/models").json()
    command = [sys.executable, "-m", "training", "promote"]
    command += ["--models", str(service.models), "--version", starter]
    assert service.database_url is not None
    with psycopg.connect(service.database_url, autocommit=True) as other:
        # Somebody else is about to move the pointer: the command waits in the middle of its transaction.
        other.execute("SELECT pg_advisory_lock(%s)", (MOVE_LOCK,))
        with subprocess.Popen(
            command, env=service.environment, cwd=service.home, stderr=subprocess.PIPE, text=True
        ) as promoting:
            service.wait_until(lambda: waits_for_the_lock(other), "about to move the pointer")
            os.kill(promoting.pid, ended_by)
            _, said = promoting.communicate(timeout=30)
        assert promoting.returncode != 0
        assert "Traceback" not in said
    assert service.get("/v1/models").json() == before
    assert promote(service, starter).returncode == 0
    service.wait_until(lambda: bundle_of(service) == starter, "followed")


def waits_for_the_lock(db: "psycopg.Connection[tuple[int, ...]]") -> bool:
    row = db.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted",
        (MOVE_LOCK & 0xFFFFFFFF,),
    ).fetchone()
    return row is not None and row[0] > 0
