"""Silences: what they hide, what they never hide, and who is told once they are over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures_api import Api, OpenApi
from triage.domain.access import Role

UNKNOWN = "0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11"
TWO_HOURS = {"for": "PT2H", "reason": "Somebody works on it"}


def silence(api: Api, pattern_id: str, **body: object) -> dict[str, Any]:
    response = api.post(f"/v1/patterns/{pattern_id}/silence", {**TWO_HOURS, **body})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()["silence"]
    return found


def silences(api: Api, **query: object) -> list[dict[str, Any]]:
    response = api.get("/v1/silences", params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["silences"]
    return found


def end(api: Api, silence_id: str) -> dict[str, Any]:
    response = api.send("DELETE", f"/v1/silences/{silence_id}").result()
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["silence"]
    return found


def known(api: Api, **fields: object) -> str:
    """A pattern, none of whose incidents is open."""
    incident = api.fire(**fields)["incident"]
    assert api.post(f"/v1/incidents/{incident['id']}/resolve").status_code == 200
    found: str = incident["pattern_id"]
    return found


def decision(api: Api, incident: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/incidents/{incident['id']}").json()["decision"]
    return found


def test_a_silence_hides_what_is_no_more_urgent_and_counts_it(api: Api) -> None:
    pattern_id = known(api, severity="warning")
    made = silence(api, pattern_id)
    assert (made["priority"], made["active"], made["suppressed"], made["by"]) == ("P3", True, 0, "local")
    hidden = [api.fire(severity="warning") for _ in range(3)]
    assert all(one["decision"]["escalation"]["suppressed"] for one in hidden)
    assert "Somebody works on it" in hidden[0]["decision"]["escalation"]["suppressed_because"]
    told = silences(api, active=True)[0]
    assert (told["id"], told["suppressed"]) == (made["id"], 3)
    assert told["suppressed_at"] is not None
    page = api.get(f"/v1/patterns/{pattern_id}").json()
    assert page["silences"] == [told]
    assert api.get("/v1/patterns").json()["patterns"][0]["silenced_until"] == made["ends_at"]


def test_a_silence_never_hides_what_is_more_urgent(api: Api) -> None:
    made = silence(api, known(api, severity="warning"))
    urgent = api.fire(severity="critical")["decision"]
    assert (urgent["priority"]["value"], urgent["escalation"]["suppressed"]) == ("P1", False)
    assert silences(api)[0]["suppressed"] == 0
    end(api, made["id"])


def test_an_incident_that_becomes_urgent_is_told_in_spite_of_its_silence(api: Api) -> None:
    silence(api, known(api, severity="warning"))
    opened = api.fire(severity="warning")
    assert opened["decision"]["escalation"]["suppressed"]
    raised = api.fire(severity="critical")
    assert raised["incident"]["id"] == opened["incident"]["id"]
    assert not decision(api, opened["incident"])["escalation"]["suppressed"]


@pytest.mark.parametrize(("word", "priority"), [("P2", "P2"), ("High", "P2"), ("critical", "P1")])
def test_a_priority_may_be_said_in_any_of_its_words(shared_api: Api, word: str, priority: str) -> None:
    assert silence(shared_api, known(shared_api, title=f"Known as {word}"), priority=word)["priority"] == priority


def test_an_ended_silence_tells_somebody_of_what_is_still_open(open_api: OpenApi) -> None:
    api = open_api()
    with api.with_token(api.issue(Role.RESPONDER, "person:bob")):
        pattern_id = known(api)
        made = silence(api, pattern_id)
        hidden = api.fire()
        assert hidden["decision"]["escalation"]["suppressed"]
        ended = end(api, made["id"])
        assert (ended["active"], ended["ended_by"]) == (False, "bob")
        assert end(api, made["id"]) == ended
        api.wait_until(lambda: not decision(api, hidden["incident"])["escalation"]["suppressed"])
        now = decision(api, hidden["incident"])
        assert now["escalation"]["steps"][0]["targets"]
        assert now["decision_id"] != hidden["decision"]["decision_id"]
        entry = api.get(f"/v1/incidents/{hidden['incident']['id']}/timeline").json()["timeline"][-1]
        assert (entry["kind"], entry["actor"]) == ("decided", "triage")
        assert entry["detail"]["because"] == "the silence that hid it is over"
        assert silences(api, active=True) == []
        assert [one["suppressed"] for one in silences(api, active=False)] == [1]
        assert not api.fire()["decision"]["escalation"]["suppressed"]


def test_a_silence_ends_at_its_time(api: Api) -> None:
    pattern_id = known(api)
    until = datetime.now(UTC) + timedelta(seconds=1.5)
    silence(api, pattern_id, **{"for": None, "until": until.isoformat()})
    hidden = api.fire()
    assert hidden["decision"]["escalation"]["suppressed"]
    api.wait_until(lambda: not decision(api, hidden["incident"])["escalation"]["suppressed"])
    assert datetime.now(UTC) > until
    told = silences(api)[0]
    assert (told["active"], told["ended_by"], told["ended_at"]) == (False, None, None)


def test_what_was_split_off_is_silent_no_more(api: Api) -> None:
    pattern_id = known(api, title="Disk of host web2 full at 90%")
    silence(api, pattern_id)
    hidden = api.fire(title="Disk of host web1 full at 91%")
    assert hidden["decision"]["escalation"]["suppressed"]
    body = {"incidents": [hidden["incident"]["id"]]}
    assert api.post(f"/v1/patterns/{pattern_id}/split", body).status_code == 200
    api.wait_until(lambda: not decision(api, hidden["incident"])["escalation"]["suppressed"])


def test_what_is_of_its_own_again_is_silent_no_more(api: Api) -> None:
    one, other = known(api, title="Replica lags"), known(api, title="Replication is behind")
    silence(api, other)
    merged = api.post(f"/v1/patterns/{one}/merge", {"pattern": other}).json()
    hidden = api.fire(title="Replica lags")
    assert hidden["decision"]["escalation"]["suppressed"]
    assert api.post(f"/v1/patterns/changes/{merged['change_id']}/undo").status_code == 200
    api.wait_until(lambda: not decision(api, hidden["incident"])["escalation"]["suppressed"])
    assert api.fire(title="Replication is behind")["decision"]["escalation"]["suppressed"]


def test_a_silence_holds_for_what_was_merged(api: Api) -> None:
    one, other = known(api, title="Replica lags"), known(api, title="Replication is behind")
    silence(api, other)
    assert api.post(f"/v1/patterns/{one}/merge", {"pattern": other}).status_code == 200
    assert api.fire(title="Replica lags")["decision"]["escalation"]["suppressed"]
    assert silences(api)[0]["pattern_id"] == one


def test_silences_are_listed_newest_first_in_pages(api: Api) -> None:
    made = [silence(api, known(api, title=f"Problem {letter}"))["id"] for letter in "abc"]
    first = api.get("/v1/silences", params={"limit": 2}).json()
    rest = api.get("/v1/silences", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["silences"] + rest["silences"]] == made[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "no end"},
        {"for": "PT2H"},
        {"for": "PT2H", "reason": ""},
        {"for": "PT2H", "reason": "  "},
        {"for": "PT0S", "reason": "x"},
        {"for": "P31D", "reason": "x"},
        {"for": "soon", "reason": "x"},
        {"for": 7200, "reason": "x"},
        {"until": "2026-01-01T00:00:00Z", "reason": "x"},
        {"until": "2199-01-01T00:00:00Z", "reason": "x"},
        {"until": "tomorrow", "reason": "x"},
        {"until": "2199-01-01T00:00:00Z", "for": "PT2H", "reason": "x"},
        {"for": "PT2H", "reason": "x", "priority": "Whatever"},
        {"for": "PT2H", "reason": "x", "forever": True},
    ],
)
def test_a_silence_that_cannot_be_is_422(shared_api: Api, body: dict[str, Any]) -> None:
    pattern_id = shared_api.fire(title="Never silenced")["incident"]["pattern_id"]
    response = shared_api.post(f"/v1/patterns/{pattern_id}/silence", body)
    assert response.status_code == 422, response.text
    assert shared_api.get(f"/v1/patterns/{pattern_id}").json()["silences"] == []


@pytest.mark.parametrize("query", [{"active": "perhaps"}, {"limit": 0}, {"cursor": "!"}])
def test_a_list_that_cannot_be_is_422(shared_api: Api, query: dict[str, str]) -> None:
    assert shared_api.get("/v1/silences", params=query).status_code == 422


@pytest.mark.parametrize("identifier", [UNKNOWN, "not-a-uuid"])
def test_what_nobody_stored_is_404(shared_api: Api, identifier: str) -> None:
    assert shared_api.post(f"/v1/patterns/{identifier}/silence", TWO_HOURS).status_code == 404
    assert shared_api.send("DELETE", f"/v1/silences/{identifier}").result().status_code == 404
