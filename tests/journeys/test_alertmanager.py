"""A real Alertmanager fires, repeats itself, and resolves."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures_alertmanager import Alertmanager, StartAlertmanager
from tests.fixtures_service import Service, StartService

pytestmark = pytest.mark.needs("prometheus-alertmanager")


@pytest.fixture(scope="module")
def triage(start_shared: StartService) -> Service:
    return start_shared()


@pytest.fixture(scope="module")
def alertmanager(start_alertmanager: StartAlertmanager, triage: Service) -> Alertmanager:
    return start_alertmanager(triage)


def now(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat(timespec="milliseconds")


def incidents_of(triage: Service, name: str) -> list[dict[str, Any]]:
    """Those of an alert of this name, oldest first."""
    found = [one for one in triage.incidents() if one["event"]["labels"].get("alertname") == name]
    return found[::-1]


def wait_for(triage: Service, name: str, **wanted: Any) -> dict[str, Any]:
    """The one incident of this name, once it has these values."""

    def is_there() -> bool:
        return any(wanted.items() <= one.items() for one in incidents_of(triage, name))

    triage.wait_until(is_there, f"an incident of {name} with {wanted}")
    (incident,) = incidents_of(triage, name)
    return incident


def wait_for_another_message(triage: Service, name: str) -> None:
    before = sum(one["deliveries"] for one in incidents_of(triage, name))
    triage.wait_until(
        lambda: sum(one["deliveries"] for one in incidents_of(triage, name)) > before, "another message"
    )


def test_an_alert_opens_an_incident_and_its_resolve_ends_it(triage: Service, alertmanager: Alertmanager) -> None:
    alertmanager.add("ReplicationLag", service="orders-db", severity="critical", env="production")
    opened = wait_for(triage, "ReplicationLag", state="triggered")
    assert (opened["priority"], opened["team"], opened["environment"]) == ("P1", "databases", "production")
    assert triage.timeline(opened["id"]) == ["opened", "decided"]
    alertmanager.add("ReplicationLag", service="orders-db", severity="critical", env="production", end=now())
    resolved = wait_for(triage, "ReplicationLag", state="resolved")
    assert resolved["id"] == opened["id"]
    assert triage.timeline(opened["id"]) == ["opened", "decided", "resolved"]


def test_a_repeated_alert_is_a_delivery_and_no_occurrence(triage: Service, alertmanager: Alertmanager) -> None:
    alertmanager.add("DiskFull", service="orders-db")
    wait_for(triage, "DiskFull", state="triggered")
    wait_for_another_message(triage, "DiskFull")
    wait_for_another_message(triage, "DiskFull")
    (incident,) = incidents_of(triage, "DiskFull")
    assert incident["occurrences"] == 1
    assert triage.timeline(incident["id"]) == ["opened", "decided"]


def test_an_alert_that_fires_again_after_its_resolve_is_a_recurrence(
    triage: Service, alertmanager: Alertmanager
) -> None:
    alertmanager.add("Flaps", service="orders-db")
    first = wait_for(triage, "Flaps", state="triggered")
    alertmanager.add("Flaps", service="orders-db", end=now())
    wait_for(triage, "Flaps", state="resolved")
    alertmanager.add("Flaps", service="orders-db", start=now())
    triage.wait_until(lambda: len(incidents_of(triage, "Flaps")) == 2, "open again")
    second = incidents_of(triage, "Flaps")[1]
    decision = triage.get(f"/v1/incidents/{second['id']}").json()["decision"]
    assert decision["recurrence"]["kind"] == "recurrence"
    assert decision["recurrence"]["of"] == first["id"]
    assert decision["recurrence"]["occurrences"]["1h"] == 2


def test_alerts_of_a_group_that_say_the_same_join_and_all_must_end(
    triage: Service, alertmanager: Alertmanager
) -> None:
    for instance in ("a", "b"):
        alertmanager.add("Saturated", summary="The pool is exhausted", service="orders-db", instance=instance)
    joined = wait_for(triage, "Saturated", occurrences=2)
    alertmanager.add("Saturated", service="orders-db", instance="a", end=now())
    wait_for_another_message(triage, "Saturated")
    wait_for_another_message(triage, "Saturated")
    assert incidents_of(triage, "Saturated")[0]["state"] == "triggered"
    alertmanager.add("Saturated", service="orders-db", instance="b", end=now())
    assert wait_for(triage, "Saturated", state="resolved")["id"] == joined["id"]


def test_alerts_of_a_group_on_other_services_are_incidents_of_their_own(
    triage: Service, alertmanager: Alertmanager
) -> None:
    services = ("orders-db", "card-gateway")
    for service in services:
        alertmanager.add("ErrorRate", summary="Error rate above 5 %", service=service)
    triage.wait_until(lambda: len(incidents_of(triage, "ErrorRate")) == 2, "two incidents")
    alertmanager.add("ErrorRate", service="orders-db", end=now())

    def states() -> dict[str, str]:
        return {one["service"]: one["state"] for one in incidents_of(triage, "ErrorRate")}

    triage.wait_until(lambda: states()["orders-db"] == "resolved", "partly resolved")
    wait_for_another_message(triage, "ErrorRate")
    assert states() == {"orders-db": "resolved", "card-gateway": "triggered"}


def test_two_alertmanagers_that_send_the_same_count_as_one(
    triage: Service, alertmanager: Alertmanager, start_alertmanager: StartAlertmanager
) -> None:
    pair = (alertmanager, start_alertmanager(triage))
    start = now(minutes=-1)
    for one in pair:
        one.add("Unreachable", service="orders-db", start=start)
    wait_for(triage, "Unreachable", state="triggered")
    for _ in range(3):
        wait_for_another_message(triage, "Unreachable")
    assert all(one.notifications("sent") > 0 for one in pair)
    (incident,) = incidents_of(triage, "Unreachable")
    assert incident["occurrences"] == 1
    for one in pair:
        one.add("Unreachable", service="orders-db", start=start, end=now())
    assert wait_for(triage, "Unreachable", state="resolved")["occurrences"] == 1


def test_what_a_truncated_group_leaves_out_is_counted(
    triage: Service, start_alertmanager: StartAlertmanager
) -> None:
    alertmanager = start_alertmanager(triage, max_alerts=2)
    alertmanager.put(*({"labels": {"alertname": "Many", "service": f"shop-{number}"}} for number in range(5)))
    triage.wait_until(lambda: len(incidents_of(triage, "Many")) == 2, "two incidents")
    assert triage.metric("triage_source_omitted_events_total", source="alertmanager") % 3 == 0
    assert triage.metric("triage_source_omitted_events_total", source="alertmanager") > 0


def test_whatever_labels_say_alertmanager_is_told_that_it_arrived(
    triage: Service, start_alertmanager: StartAlertmanager
) -> None:
    alertmanager = start_alertmanager(triage)
    values = {
        "empty": " ",
        "control": "a\x00b\x07c\u2028d",
        "right_to_left": "\u202eטקסט\u202c",
        "emoji": "🔥" * 200,
        "long": "x" * 100_000,
        "quotes": "'; DROP TABLE incident; -- {{ .Labels }} <script>",
        "surrogate_pair": "\U0001f9ea\ufffe",
    }
    fields = ("service", "severity", "env", "team", "priority", "region", "data_exposure", "summary")
    alertmanager.put(
        *(
            {
                "labels": {"alertname": f"Garbage{name}"} | dict.fromkeys(fields, value),
                "annotations": {"summary": value, "description": value, "runbook_url": value},
            }
            for name, value in values.items()
        ),
        {"labels": {f"label_{number}": "v" * 200 for number in range(500)} | {"alertname": "GarbageMany"}},
        {"labels": {"alertname": "x" * 5_000}},
    )
    triage.wait_until(lambda: alertmanager.notifications("sent") >= len(values) + 2, "all sent")
    triage.wait_until(lambda: len(incidents_of(triage, "GarbageMany")) == 1, "stored")
    assert alertmanager.notifications("failed") == 0
    assert {name for name in values if incidents_of(triage, f"Garbage{name}")} == set(values)
    assert triage.metric("triage_failures_total", code="unexpected") == 0


def test_a_source_token_lets_alertmanager_in_and_no_other_does(
    start_service: StartService, start_alertmanager: StartAlertmanager
) -> None:
    service = start_service(BOOTSTRAP_TOKEN="for-the-operator-0123456789")
    made = service.triage("token", "create", "--role", "source", "--source", "alertmanager", "--json")
    token = json.loads(made.stdout)["token"]
    known = start_alertmanager(service, http_config={"authorization": {"type": "Bearer", "credentials": token}})
    unknown = start_alertmanager(service, http_config={"authorization": {"credentials": "guessed"}})
    service.client.headers["Authorization"] = "Bearer for-the-operator-0123456789"
    known.add("Known", service="orders-db")
    unknown.add("Unknown", service="orders-db")
    assert wait_for(service, "Known", state="triggered")["source"] == "alertmanager"
    service.wait_until(lambda: unknown.notifications("failed") > 0, "refused")
    assert known.notifications("failed") == 0
    assert incidents_of(service, "Unknown") == []
    refused = service.get("/v1/incidents", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
