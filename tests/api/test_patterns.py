"""Patterns as people look at them: lists, and everything that is known of one."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_api import Api, OpenApi
from tests.fixtures_store import CATALOGUE, POLICY

UNKNOWN = "0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11"


def pattern_of(received: dict[str, Any]) -> str:
    found: str = received["incident"]["pattern_id"]
    return found


def page(api: Api, pattern_id: str) -> dict[str, Any]:
    response = api.get(f"/v1/patterns/{pattern_id}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def listed(api: Api, **query: object) -> list[str]:
    response = api.get("/v1/patterns", params=query)
    assert response.status_code == 200, response.text
    return [pattern["name"].split()[0] for pattern in response.json()["patterns"]]


@pytest.fixture(scope="module")
def four(shared_api: Api) -> list[str]:
    """Four patterns, the one seen last first; the last but one occurred five times."""
    fired = [
        shared_api.fire(title="Disk of orders-db is full", severity="critical"),
        *(shared_api.fire(title="Card acquirer answers slowly", service="card-gateway") for _ in range(5)),
        shared_api.fire(title="Door of the car park stays open", service=None, environment=None),
        shared_api.fire(title="Nightly Übung was 100% late", severity="info"),
    ]
    return list(dict.fromkeys(pattern_of(one) for one in reversed(fired)))


def test_patterns_are_listed_with_what_was_seen_last_first(shared_api: Api, four: list[str]) -> None:
    assert listed(shared_api) == ["Nightly", "Door", "Card", "Disk"]
    found = shared_api.get("/v1/patterns").json()["patterns"]
    assert [one["id"] for one in found] == four
    assert found[2]["occurrences"] == 5
    assert (found[2]["service"], found[2]["open_incidents"], found[2]["known_fix"]) == ("card-gateway", 1, False)
    assert found[2]["flags"] == ["frequent", "burst"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sort": "occurrences", "limit": 1}, ["Card"]),
        ({"q": "orders-db"}, ["Disk"]),
        ({"q": "FULL disk"}, ["Disk"]),
        ({"q": "disk slowly"}, []),
        ({"q": "übung"}, ["Nightly"]),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"q": "\\"}, []),
        ({"q": "'); DROP TABLE pattern; --\x00"}, []),
        ({"service": "card-gateway"}, ["Card"]),
        ({"service": "Card gateway"}, ["Card"]),
        ({"service": "CARD_gateway"}, ["Card"]),
        ({"service": "unheard of"}, []),
        ({"service": "card"}, []),
        ({"since": "2199-01-01T00:00:00Z"}, []),
        ({"since": "2001-01-01T00:00:00Z", "q": "door"}, ["Door"]),
        ({"flag": "frequent"}, ["Card"]),
        ({"flag": "burst", "sort": "occurrences"}, ["Card"]),
        ({"flag": "novel"}, ["Nightly", "Door", "Disk"]),
        ({"flag": "novel", "q": "door"}, ["Door"]),
        ({"flag": "periodic"}, []),
        ({"flag": "flapping"}, []),
        ({"flag": "rare"}, []),
    ],
)
def test_a_filter_keeps_what_it_says(
    shared_api: Api, four: list[str], query: dict[str, str], found: list[str]
) -> None:
    assert listed(shared_api, **query) == found


@pytest.mark.parametrize("sort", ["last_seen", "occurrences"])
@pytest.mark.parametrize("flag", [None, "novel"])
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_lead_through_the_whole_list_and_end(
    shared_api: Api, four: list[str], sort: str, flag: str | None, limit: int
) -> None:
    query: dict[str, object] = {"limit": limit, "sort": sort} | ({"flag": flag} if flag else {})
    found: list[str] = []
    for _ in range(5):
        told = shared_api.get("/v1/patterns", params=query).json()
        found += [pattern["id"] for pattern in told["patterns"]]
        if told["next_cursor"] is None:
            break
        query["cursor"] = told["next_cursor"]
    assert told["next_cursor"] is None
    assert sorted(found) == sorted(four if flag is None else [four[0], four[1], four[3]])
    if sort == "last_seen" and flag is None:
        assert found == four


@pytest.mark.parametrize(
    "query",
    [
        {"flag": "loud"},
        {"sort": "name"},
        {"limit": 0},
        {"limit": 201},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+23:00"},
        {"cursor": "!"},
        {"cursor": "MjAyNi0wMS0wMVQwMDowMDowMCBub3QtYS11dWlk"},
        {
            "cursor": "MjAyNi0wMS0wMVQwMDowMDowMCAwZjVjOWQ2ZS0wYzVlLTRmMGUtOWE1OS0zYjBmNGY0ZjdjMTE=",
            "sort": "occurrences",
        },
        {"cursor": "MTIgMGY1YzlkNmUtMGM1ZS00ZjBlLTlhNTktM2IwZjRmNGY3YzEx"},
    ],
)
def test_a_list_that_cannot_be_is_422(shared_api: Api, query: dict[str, str]) -> None:
    response = shared_api.get("/v1/patterns", params=query)
    assert response.status_code == 422
    assert response.json()["code"] == "invalid"


@pytest.mark.parametrize("identifier", [UNKNOWN, "not-a-uuid", "%00"])
def test_a_pattern_that_nobody_stored_is_404(shared_api: Api, identifier: str) -> None:
    assert shared_api.get(f"/v1/patterns/{identifier}").status_code == 404


def test_a_page_tells_what_is_known_of_a_pattern(api: Api) -> None:
    first = api.fire(title="Disk on db-host at 91%", labels={"instance": "db-1:9100", "team": "x"})
    pattern_id = pattern_of(first)
    api.post(f"/v1/incidents/{first['incident']['id']}/override", {"priority": "P2", "team": "payments"})
    api.post(f"/v1/incidents/{first['incident']['id']}/resolve", {"resolution": "Emptied the log folder"})
    api.fire(title="Disk on db-host at 93%", labels={"instance": "db-2:9100", "host": "db-2"})
    found = page(api, pattern_id)
    assert (found["id"], found["merged_into"], found["named"]) == (pattern_id, None, False)
    assert found["name"] == "Disk on db-host at …"
    assert (found["service"], found["environment"], found["runbook"]) == ("orders-db", "production", None)
    assert (found["occurrences"], found["open_incidents"]) == (2, 1)
    assert found["counts"] == {"1h": 2, "24h": 2, "7d": 2, "30d": 2}
    assert found["services"] == {"orders-db": 2}
    assert found["hosts"] == {"db-1:9100": 1, "db-2": 1, "db-2:9100": 1}
    assert found["priorities"] == {"counts": {"P2": 2}, "latest": "P2", "overridden": 1, "latest_override": "P2"}
    assert found["teams"]["latest_override"] == "payments"
    assert [one["resolution"] for one in found["resolutions"]] == ["Emptied the log folder"]
    assert found["resolutions"][0]["incident_id"] == first["incident"]["id"]
    assert [bucket["count"] for bucket in found["life"]["chart"]["buckets"]] == [2]
    assert found["life"]["chart"]["width"] == "day"
    assert found["life"]["resolve_mean_seconds"] > 0
    assert [member["id"] for member in found["members"]] == [pattern_id]
    assert found["known_by"] == {"exact_texts": 2, "templates": 1, "refused_templates": 0, "words": []}
    assert (found["silences"], found["changes"], found["different_from"]) == ([], [], [])


def test_the_runbook_is_the_catalogues(open_api: OpenApi, tmp_path: Path) -> None:
    folder = tmp_path / "with-runbook"
    folder.mkdir()
    row = "{name: Orders database, owner: databases, tier: 1"
    (folder / "catalogue.yaml").write_text(
        CATALOGUE.replace(row, f"{row}, runbook: 'https://runbooks.example/db'")
    )
    (folder / "escalation.yaml").write_text(POLICY)
    api = open_api(config_dir=folder)
    assert page(api, pattern_of(api.fire()))["runbook"] == "https://runbooks.example/db"


def test_any_member_answers_for_its_family_as_its_root(api: Api) -> None:
    root = pattern_of(api.fire(title="Replica lags"))
    member = pattern_of(api.fire(title="Replication is behind"))
    assert api.post(f"/v1/patterns/{root}/merge", {"pattern": member}).status_code == 200
    found = page(api, member)
    assert (found["id"], found["merged_into"], found["occurrences"]) == (root, root, 2)
    assert [one["id"] for one in found["members"]] == [root, member]
    assert page(api, root.upper())["merged_into"] is None
    listed = api.get("/v1/patterns").json()["patterns"]
    assert [(one["id"], one["occurrences"], one["open_incidents"]) for one in listed] == [(root, 2, 2)]
    assert api.get("/v1/patterns", params={"q": "behind"}).json()["patterns"][0]["id"] == root


def test_a_life_is_told_as_it_stood_at_a_moment(api: Api) -> None:
    pattern = api.fire(title="Nightly export of orders is late")["incident"]["pattern_id"]
    with api.service.parts.database.connection() as db:
        db.execute("UPDATE occurrence SET occurred_at = '2026-03-02T03:00Z'")
        db.execute("UPDATE pattern_beat SET at = '2026-03-02T03:00Z'")
        db.execute("UPDATE incident SET opened_at = '2026-03-02T03:00Z'")
    before = api.get(f"/v1/patterns/{pattern}?at=2026-03-01T00:00:00Z").json()
    then = api.get(f"/v1/patterns/{pattern}?at=2026-03-02T03:10:00Z").json()
    assert before["counts"] == {"1h": 0, "24h": 0, "7d": 0, "30d": 0}
    assert then["counts"] == {"1h": 1, "24h": 1, "7d": 1, "30d": 1}
    assert api.get(f"/v1/patterns/{pattern}?at=9999-12-31T23:59:59-14:00").status_code == 422
