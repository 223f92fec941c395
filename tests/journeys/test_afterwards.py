"""After an incident, as the people of a service do it: drilled before, reviewed, measured, and audited."""

import csv
import io
import json

import psycopg
import pytest

from tests.fixtures_service import Service, StartService


@pytest.fixture(scope="module")
def service(start_shared: StartService) -> Service:
    return start_shared()


@pytest.fixture(scope="module")
def over(service: Service) -> str:
    """The id of a P1 that was taken, worked on and resolved."""
    incident_id = str(service.fire(severity="critical", service="orders-db")["incident"]["id"])
    sent = {"state": "sent"}
    service.wait_until(lambda: bool(service.get("/v1/messages", params=sent).json()["messages"]), "a page is sent")
    for path, body in (
        ("acknowledge", None),
        ("status", {"status": "investigating"}),
        ("note", {"text": "the disk is full"}),
        ("resolve", {"resolution": "grew the disk"}),
    ):
        assert service.post(f"/v1/incidents/{incident_id}/{path}", body).status_code == 200
    return incident_id


def test_it_is_reviewed(service: Service, over: str) -> None:
    asked = {
        "summary": "A disk filled up.",
        "satisfaction": 4,
        "follow_ups": [{"what": "Alert on disks", "owner": "ann", "due_at": "2031-01-31T12:00:00+01:00"}],
    }
    said = service.post(f"/v1/incidents/{over}/review", asked)
    assert said.status_code == 200, said.text
    sheet = service.get(f"/v1/incidents/{over}/review").json()
    assert (sheet["review"]["satisfaction"], sheet["incident"]["id"]) == (4, over)
    assert {"opened", "paged", "note", "resolved", "reviewed"} <= {entry["kind"] for entry in sheet["timeline"]}
    (action,) = service.get("/v1/follow-ups").json()["follow_ups"]
    assert (action["owner"], action["due_at"][:10]) == ("ann", "2031-01-31")
    assert service.post(f"/v1/follow-ups/{action['id']}/done").json()["done_by"] == "local"
    assert service.get("/v1/follow-ups").json()["follow_ups"] == []
    refused = service.post(f"/v1/incidents/{over}/review", {"satisfaction": 6})
    assert refused.status_code == 422


def test_it_is_measured(service: Service, over: str) -> None:
    found = service.get("/v1/metrics/escalation", params={"by": "team"}).json()
    assert (found["total"]["incidents"], found["groups"][0]["group"]) == (1, "databases")
    assert found["total"]["mobilise"]["count"] == 1
    text = service.get("/v1/metrics/escalation", params={"by": "priority", "format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["group"], row["incidents"]) for row in rows] == [("all", "1"), ("P1", "1")]
    fatigue = service.get("/v1/metrics/escalation", params={"format": "csv", "table": "fatigue"}).text
    assert fatigue.startswith("person,pages,at_night,hour_00")


def test_its_policy_is_drilled(service: Service) -> None:
    drilled = service.post("/v1/policy/drill", {})
    assert drilled.status_code == 200, drilled.text
    report = drilled.json()
    assert (report["kind"], report["policy"], report["as_planned"]) == ("virtual", "fast", True)
    policies = {one["id"]: one for one in service.get("/v1/policy").json()["policies"]}
    assert (policies["fast"]["drill_due"], policies["standard"]["drill_due"]) == (False, True)
    real = service.post("/v1/policy/drill", {"real": True, "lasts_seconds": 600}).json()
    assert real["incident_id"]
    path = f"/v1/policy/drills/{real['incident_id']}"
    service.wait_until(lambda: bool(service.get(path).json()["told"]), "somebody is told that it is a drill")
    service.post(f"/v1/incidents/{real['incident_id']}/resolve")
    assert service.get(path).json()["resolved_after"] is not None
    by_command = service.triage("drill", "--json", "--answer", "2m")
    assert by_command.returncode == 0, by_command.stderr
    assert json.loads(by_command.stdout)["acknowledged_after"] == 120


def test_prometheus_reads_the_same(service: Service, over: str) -> None:
    service.wait_until(
        lambda: (
            service.metric("triage_escalation_30d", figure="escalation_rate") == 0.0
            and "triage_escalation_30d" in service.get("/metrics").text
        ),
        "the figures are shown",
    )
    service.wait_until(lambda: service.metric("triage_messages_total", outcome="sent") >= 1, "a page is counted")


def test_the_audit_log_finds_what_was_changed_and_removed(service: Service, over: str) -> None:
    assert service.triage("audit", "seal").returncode == 0
    sound = service.triage("audit", "verify", "--json")
    assert sound.returncode == 0, sound.stdout + sound.stderr
    head = json.loads(sound.stdout)["head"]
    assert service.database_url is not None
    with psycopg.connect(service.database_url, autocommit=True) as db:
        for table in ("timeline", "audit"):
            db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        db.execute("UPDATE timeline SET actor = 'eve' WHERE kind = 'note'")
        db.execute("DELETE FROM audit WHERE kind = 'acknowledged'")
        for table in ("timeline", "audit"):
            db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    found = service.triage("audit", "verify", "--expect", head)
    assert found.returncode == 1
    assert "missing from the log; it was in seal" in found.stdout
    assert "what it tells of was changed: timeline" in found.stdout
    exported = service.triage("audit", "export")
    assert exported.returncode == 0
    assert any("seal" in json.loads(line) for line in exported.stdout.splitlines())
