"""Incidents as they stand: lists, one, what happened to it, what is like it."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures_api import Api, OpenApi, event
from triage.engine import SAID

UNKNOWN = "0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11"


@pytest.fixture(scope="module")
def five(shared_api: Api) -> list[dict[str, Any]]:
    """Five incidents, oldest first."""
    opened = [
        shared_api.fire(title="Disk of orders-db is full", severity="critical"),
        shared_api.fire(title="Card acquirer answers slowly", service="card-gateway"),
        shared_api.fire(title="Replica of orders-db lags behind", severity="info"),
        shared_api.fire(title="Door of the car park stays open", service=None, environment=None),
        shared_api.fire(title="Nightly export was late", severity="info"),
    ]
    ids = [one["incident"]["id"] for one in opened]
    assert shared_api.post(f"/v1/incidents/{ids[3]}/acknowledge").status_code == 200
    assert shared_api.post(f"/v1/incidents/{ids[4]}/resolve").status_code == 200
    assert shared_api.post(f"/v1/incidents/{ids[1]}/status", {"status": "investigating"}).status_code == 200
    return [one["incident"] for one in opened]


def listed(api: Api, **query: object) -> list[str]:
    response = api.get("/v1/incidents", params=query)
    assert response.status_code == 200, response.text
    return [incident["title"].split()[0] for incident in response.json()["incidents"]]


def test_incidents_are_listed_newest_first(shared_api: Api, five: list[dict[str, Any]]) -> None:
    assert listed(shared_api) == ["Nightly", "Door", "Replica", "Card", "Disk"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "triggered"}, ["Replica", "Card", "Disk"]),
        ({"state": "acknowledged"}, ["Door"]),
        ({"state": "resolved"}, ["Nightly"]),
        ({"status": "investigating"}, ["Card"]),
        ({"status": "triaging"}, ["Door"]),
        ({"team": "payments"}, ["Card"]),
        ({"team": "Payments"}, ["Card"]),
        ({"team": "nobody"}, []),
        ({"priority": "P1"}, ["Disk"]),
        ({"priority": "Critical"}, ["Disk"]),
        ({"q": "orders-db"}, ["Replica", "Disk"]),
        ({"q": '"car park"'}, ["Door"]),
        ({"q": "orders-db -replica"}, ["Disk"]),
        ({"q": "'); DROP TABLE incident; --"}, []),
        ({"since": "2001-01-01T00:00:00Z", "state": "resolved"}, ["Nightly"]),
        ({"since": "2199-01-01T00:00:00Z"}, []),
        ({"since": "9999-12-31T23:59:59Z"}, []),
        ({"state": "triggered", "team": "databases", "priority": "P1"}, ["Disk"]),
        ({"pattern": UNKNOWN}, []),
        ({"team": "nul\x00", "q": "nul\x00"}, []),
    ],
)
def test_a_filter_keeps_what_it_says(
    shared_api: Api, five: list[dict[str, Any]], query: dict[str, str], found: list[str]
) -> None:
    assert listed(shared_api, **query) == found


def test_a_pattern_lists_its_incidents(shared_api: Api, five: list[dict[str, Any]]) -> None:
    assert listed(shared_api, pattern=five[0]["pattern_id"]) == ["Disk"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_lead_through_the_whole_list_and_end(
    shared_api: Api, five: list[dict[str, Any]], limit: int
) -> None:
    titles: list[str] = []
    query: dict[str, object] = {"limit": limit}
    for _ in range(-(-5 // limit)):
        page = shared_api.get("/v1/incidents", params=query).json()
        titles += [incident["title"].split()[0] for incident in page["incidents"]]
        query["cursor"] = page["next_cursor"]
    assert page["next_cursor"] is None
    assert titles == ["Nightly", "Door", "Replica", "Card", "Disk"]


def test_a_page_is_not_disturbed_by_what_is_opened_meanwhile(api: Api) -> None:
    for n in range(4):
        api.fire(title=f"Problem {'abcd'[n]}", service=None)
    first = api.get("/v1/incidents", params={"limit": 2}).json()
    api.fire(title="Problem between", service=None)
    second = api.get("/v1/incidents", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [i["title"] for i in first["incidents"] + second["incidents"]] == [
        "Problem d",
        "Problem c",
        "Problem b",
        "Problem a",
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"state": "open"},
        {"status": "done"},
        {"priority": "Whatever"},
        {"pattern": "not-a-uuid"},
        {"since": "yesterday"},
        {"since": "9999-12-31T23:59:59-23:00"},
        {"since": "0001-01-01T00:00:00+23:00"},
        {"cursor": "!"},
        {"cursor": "ä"},
        {"cursor": "MjAyNi0wMS0wMVQwMDowMDowMCBub3QtYS11dWlk"},
        {"cursor": "MDAwMS0wMS0wMVQwMDowMDowMCsyMzowMCAwZjVjOWQ2ZS0wYzVlLTRmMGUtOWE1OS0zYjBmNGY0ZjdjMTE="},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "1e400"},
        {"q": "x" * 513},
    ],
)
def test_a_filter_that_says_nothing_possible_is_422(shared_api: Api, query: dict[str, str]) -> None:
    response = shared_api.get("/v1/incidents", params=query)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_one_incident_comes_with_its_decision(api: Api) -> None:
    received = api.fire()
    response = api.get(f"/v1/incidents/{received['incident']['id']}")
    assert response.status_code == 200
    assert response.json() == {"incident": received["incident"], "decision": received["decision"]}


@pytest.mark.parametrize("rest", ["", "/timeline", "/similar"])
@pytest.mark.parametrize("identifier", [UNKNOWN, "7", "not-a-uuid", "%00", "ä" * 300])
def test_an_incident_nobody_stored_is_404(shared_api: Api, identifier: str, rest: str) -> None:
    response = shared_api.get(f"/v1/incidents/{identifier}{rest}")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_a_timeline_holds_everything_that_happened_oldest_first(api: Api) -> None:
    incident = api.fire(dedup_key="lag", started_at="2026-03-09T09:42:00Z")["incident"]
    one = f"/v1/incidents/{incident['id']}"
    api.fire(dedup_key="lag", started_at="2026-03-09T09:52:00Z")
    api.post(f"{one}/acknowledge")
    api.post(f"{one}/status", {"status": "mitigating"})
    api.post(f"{one}/override", {"priority": "P2", "reason": "Only one replica"})
    api.post(f"{one}/resolve", {"resolution": "Restarted"})
    # An escalation has a time of its own, and is left out here.
    timeline = [e for e in api.get(f"{one}/timeline").json()["timeline"] if e["kind"] not in SAID]
    kinds = [entry["kind"] for entry in timeline]
    assert kinds == ["opened", "decided", "occurred", "acknowledged", "status", "overridden", "resolved"]
    assert timeline[2]["detail"]["matched_by"] == "key"
    assert timeline[5]["detail"] | {"priority": "P2", "reason": "Only one replica"} == timeline[5]["detail"]
    assert timeline[6]["detail"]["resolution"] == "Restarted"
    assert {entry["actor"] for entry in timeline[3:]} == {"local"}
    assert [entry["at"] for entry in timeline] == sorted(entry["at"] for entry in timeline)


@pytest.mark.parametrize("k", ["0", "51", "many"])
def test_similar_takes_1_to_50(shared_api: Api, k: str) -> None:
    assert shared_api.get(f"/v1/incidents/{uuid4()}/similar", params={"k": k}).status_code == 422


def test_without_an_encoder_words_alone_say_what_is_similar(shared_api: Api, five: list[dict[str, Any]]) -> None:
    similar = shared_api.get(f"/v1/incidents/{five[0]['id']}/similar").json()["similar"]
    assert similar[0]["incident"]["title"] == "Replica of orders-db lags behind"
    assert 0 < similar[0]["similarity"] < 1


def test_similar_names_the_nearest_earlier_ones_and_what_resolved_them(
    open_api: OpenApi, starter_bundle: Path
) -> None:
    api = open_api(models_dir=starter_bundle.parent)
    api.wait_until(lambda: "bundle" not in api.get("/readyz").json()["degraded"])
    near = api.fire(title="Replication to the standby has stopped", service=None, environment="staging")
    api.post(f"/v1/incidents/{near['incident']['id']}/resolve", {"resolution": "Grew the WAL volume"})
    api.fire(title="Customers cannot pay with gift cards", service="card-gateway")
    asked = api.fire(title="Standby no longer replicates", service="orders-db")
    similar = api.get(f"/v1/incidents/{asked['incident']['id']}/similar", params={"k": 2}).json()["similar"]
    assert similar[0]["incident"]["id"] == near["incident"]["id"]
    assert similar[0]["resolution"] == "Grew the WAL volume"
    assert 1 >= similar[0]["similarity"] > similar[1]["similarity"] >= -1


def test_every_time_of_every_answer_is_written_in_the_same_form(api: Api) -> None:
    opened = api.fire(dedup_key="lag", started_at="2026-03-09T10:42:00+01:00")["incident"]["id"]
    sent = {"incidents": [event(dedup_key="lag")]}
    answers = [
        api.post("/v1/incidents", event(dedup_key="lag", started_at="2026-03-09T09:42:00Z")),
        api.post("/v1/incidents/batch", sent),
        api.post("/v1/predict", event()),
        api.post("/v1/predict/batch", sent),
        api.post(f"/v1/incidents/{opened}/acknowledge"),
        api.post(f"/v1/incidents/{opened}/override", {"priority": "P2"}),
        api.get("/v1/incidents"),
        api.get(f"/v1/incidents/{opened}"),
        api.get(f"/v1/incidents/{opened}/timeline"),
    ]
    for answer in answers:
        times = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', answer.text)
        assert times, answer.url
        assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}(\.\d+)?Z", time) for time in times), (answer.url, times)
