"""The database goes away while events come in: what was answered is never lost, and nothing is done twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.fixtures_outage import ServerToLose, freeze, postgres_processes
from tests.fixtures_service import Service, StartService, event_body
from triage.store.embedded_server import DatabaseFolder

Measure = Callable[[str, object], None]
AT_ONCE = 1.0
"""Seconds within which a receipt is there, also for the request that finds the database gone."""
STARTED = datetime(2026, 3, 9, 9, 42, tzinfo=UTC)


def webhook(*alerts: dict[str, Any]) -> dict[str, Any]:
    """The body of an Alertmanager webhook, as far as it matters."""
    return {"version": "4", "status": "firing", "alerts": list(alerts)}


def alert(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, "service": "orders-db", "severity": "warning", **labels},
        "annotations": {"summary": name},
        "startsAt": STARTED.isoformat(),
        "endsAt": (STARTED + timedelta(minutes=3)).isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
    }


def receipt_of(answer: httpx.Response) -> str:
    assert answer.status_code == 202, answer.text
    assert answer.elapsed.total_seconds() < AT_ONCE
    receipt: str = answer.json()["receipt"]
    return receipt


def wait_until_drained(service: Service) -> None:
    service.wait_until(lambda: service.readyz().status_code == 200, "ready again")
    service.wait_until(
        lambda: "spool" not in service.degraded and service.metric("triage_spool_pending") == 0, "drained"
    )


def test_events_wait_on_disk_and_are_carried_out_once_in_their_order(
    server_to_lose: ServerToLose, start_service: StartService
) -> None:
    service = start_service(database_url=server_to_lose.new_database())
    before = service.fire(dedup_key="lag", started_at=STARTED.isoformat())
    server_to_lose.stop()
    receipts = [
        receipt_of(service.post("/v1/incidents", event_body(title="Disk full on orders-db", dedup_key="disk"))),
        receipt_of(service.post("/v1/incidents", {"event": "resolved", "dedup_key": "disk", "source": "monitor"})),
        *(receipt_of(service.post("/v1/incidents", event_body(title="Queue grows"))) for _ in range(3)),
        receipt_of(service.post("/v1/incidents/resolve", {"dedup_key": "lag", "source": "monitor"})),
        receipt_of(service.post("/v1/sources/alertmanager", webhook(alert("Latency"), alert("Errors")))),
        receipt_of(service.post("/v1/sources/alertmanager", webhook(alert("Errors")))),
        receipt_of(service.post("/v1/sources/alertmanager", webhook(alert("Latency", "resolved")))),
        receipt_of(
            service.post("/v1/incidents/batch", {"incidents": [event_body(title="One"), event_body(title="Two")]})
        ),
    ]
    assert len(set(receipts)) == len(receipts)
    server_to_lose.start()
    wait_until_drained(service)
    found = {one["title"]: (one["state"], one["occurrences"], one["deliveries"]) for one in service.incidents()}
    assert found == {
        before["incident"]["title"]: ("resolved", 1, 1),
        "Disk full on orders-db": ("resolved", 1, 1),
        "Queue grows": ("triggered", 3, 3),
        "Latency": ("resolved", 1, 1),
        "Errors": ("triggered", 1, 2),
        "One": ("triggered", 1, 1),
        "Two": ("triggered", 1, 1),
    }
    assert service.metric("triage_spool_drained_total") == len(receipts)
    assert service.fire(title="Afterwards")["joined"] is False


def test_what_needs_the_database_says_when_to_come_back_and_predictions_go_on(
    server_to_lose: ServerToLose, start_service: StartService
) -> None:
    service = start_service(database_url=server_to_lose.new_database())
    incident_id = service.fire()["incident"]["id"]
    server_to_lose.stop()
    for answer in (
        service.get("/v1/incidents"),
        service.get(f"/v1/incidents/{incident_id}"),
        service.post(f"/v1/incidents/{incident_id}/override", {"priority": "P1"}),
        service.post(f"/v1/incidents/{incident_id}/acknowledge"),
        service.post("/v1/predict?record=true", event_body()),
    ):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "store_unavailable"
    predicted = service.post("/v1/predict", event_body())
    assert predicted.status_code == 200, predicted.text
    assert predicted.elapsed.total_seconds() < AT_ONCE
    assert predicted.json()["team"]["value"] == "databases"
    assert predicted.json()["escalation"]["steps"][0]["forecast"] == ["bob"]
    assert "memory" in predicted.json()["degraded"]
    assert "decided without memory" in predicted.json()["review"]["reasons"]
    server_to_lose.start()
    service.wait_until(lambda: service.readyz().status_code == 200, "ready again")
    assert "memory" not in service.post("/v1/predict", event_body()).json()["degraded"]
    assert service.post(f"/v1/incidents/{incident_id}/override", {"priority": "P1"}).status_code == 200


def test_health_and_metrics_say_what_is_missing(server_to_lose: ServerToLose, start_service: StartService) -> None:
    service = start_service(database_url=server_to_lose.new_database())
    assert service.metric("triage_degraded", part="database") == 0
    server_to_lose.stop()
    receipt_of(service.post("/v1/incidents", event_body()))
    answer = service.readyz()
    assert answer.status_code == 503
    assert "cannot be reached" in answer.json()["degraded"]["database"]
    assert "1 payload" in answer.json()["degraded"]["spool"]
    assert service.get("/livez").status_code == 200
    assert service.metric("triage_degraded", part="database") == 1
    assert service.metric("triage_spool_pending") == 1
    assert service.metric("triage_spooled_total") == 1
    server_to_lose.start()
    wait_until_drained(service)
    service.wait_until(lambda: service.readyz().json()["status"] == "ready", "ready again")
    assert service.metric("triage_degraded", part="database") == 0


def test_a_service_killed_during_the_outage_drains_what_it_kept_after_its_restart(
    server_to_lose: ServerToLose, start_service: StartService
) -> None:
    service = start_service(database_url=server_to_lose.new_database())
    service.fire(dedup_key="lag", started_at=STARTED.isoformat())
    server_to_lose.stop()
    receipt_of(service.post("/v1/incidents", event_body(title="Before the kill")))
    service.kill()
    service.launch()
    service.wait_until(
        lambda: service.post("/v1/incidents", event_body(title="While away")).status_code == 202, "up"
    )
    receipt_of(service.post("/v1/incidents", {"event": "resolved", "dedup_key": "lag", "source": "monitor"}))
    assert service.readyz().status_code == 503
    service.kill()
    server_to_lose.start()
    service.start()
    wait_until_drained(service)
    assert {one["title"]: (one["state"], one["occurrences"]) for one in service.incidents()} == {
        "Replication lag above 30 s on orders-db": ("resolved", 1),
        "Before the kill": ("triggered", 1),
        "While away": ("triggered", 1),
    }


def test_tokens_are_asked_for_and_known_in_an_outage_that_began_before_the_start(
    server_to_lose: ServerToLose, start_service: StartService
) -> None:
    service = start_service(database_url=server_to_lose.new_database(), BOOTSTRAP_TOKEN="letmein-0123456789")
    service.stop()
    server_to_lose.stop()
    service.launch()
    service.wait_until(
        lambda: service.post("/v1/incidents", event_body()).status_code == 401, "asking for a token"
    )
    known = {"Authorization": "Bearer letmein-0123456789"}
    receipt_of(service.post("/v1/incidents", event_body(), headers=known))
    assert (
        service.post("/v1/incidents", event_body(), headers={"Authorization": "Bearer other"}).status_code == 401
    )
    server_to_lose.start()
    wait_until_drained(service)


def test_a_report_is_kept_as_an_event_is(server_to_lose: ServerToLose, start_service: StartService) -> None:
    service = start_service(database_url=server_to_lose.new_database())
    with httpx.Client(base_url=service.url, timeout=30) as client:
        csrf = client.get("/report").text.split('name="csrf" value="')[1].split('"')[0]
        server_to_lose.stop()
        receipt_of(service.post("/v1/incidents", event_body(title="The first to find it gone")))
        answer = client.post("/report", data={"csrf": csrf, "title": "The till prints nothing", "once": "1"})
        assert answer.status_code == 303, answer.text
        assert "kept on disk" in client.cookies["triage_said"].replace("%20", " ")
    server_to_lose.start()
    wait_until_drained(service)
    assert "The till prints nothing" in {one["title"] for one in service.incidents()}


def test_a_full_spool_says_when_to_come_back(server_to_lose: ServerToLose, start_service: StartService) -> None:
    service = start_service(database_url=server_to_lose.new_database(), SPOOL_MAX_BYTES="1500")
    server_to_lose.stop()
    answers = [service.post("/v1/incidents", event_body(title=f"Event {n}")) for n in range(8)]
    kept = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(kept) + len(refused) == len(answers)
    assert kept
    assert refused
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    server_to_lose.start()
    wait_until_drained(service)
    assert len(service.incidents()) == len(kept)


def test_a_killed_embedded_database_comes_back_by_itself_with_every_answered_event(
    start_service: StartService,
) -> None:
    service = start_service(embedded=True)
    sent = [service.post("/v1/incidents", event_body(title=f"Before {n}")) for n in range(3)]
    for process in postgres_processes(DatabaseFolder(service.data / "postgres")):
        process.kill()
    sent += [service.post("/v1/incidents", event_body(title=f"During {n}")) for n in range(20)]
    assert {answer.status_code for answer in sent} <= {201, 202}
    wait_until_drained(service)
    assert [one["occurrences"] for one in service.incidents()] == [1] * len(sent)


def test_a_frozen_database_holds_nobody_up_for_long(start_service: StartService, record_property: Measure) -> None:
    service = start_service(embedded=True)
    service.fire(title="Before")
    frozen = postgres_processes(DatabaseFolder(service.data / "postgres"))
    freeze(frozen)
    try:
        first = service.post("/v1/incidents", event_body(title="First"))
        assert first.status_code == 202, first.text
        record_property("seconds to the first receipt of a frozen database", first.elapsed.total_seconds())
        receipt_of(service.post("/v1/incidents", event_body(title="Second")))
        assert service.get("/v1/incidents").status_code == 503
        assert service.post("/v1/predict", event_body()).json()["degraded"]
        assert "cannot be reached" in service.degraded["database"]
    finally:
        for process in frozen:
            process.resume()
    wait_until_drained(service)
    assert sorted((one["title"], one["occurrences"]) for one in service.incidents()) == [
        ("Before", 1),
        ("First", 1),
        ("Second", 1),
    ]
