"""What responders and reviewers do to an incident over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_api import Api, OpenApi
from tests.fixtures_store import CATALOGUE, POLICY
from triage.domain.access import Role

UNKNOWN = "0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11"


def act(api: Api, incident: dict[str, Any], action: str, body: object = None) -> dict[str, Any]:
    response = api.post(f"/v1/incidents/{incident['id']}/{action}", body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize(("word", "priority"), [("P2", "P2"), ("p2", "P2"), ("High", "P2"), ("critical", "P1")])
def test_a_priority_is_overridden_in_any_of_its_words(api: Api, word: str, priority: str) -> None:
    answer = act(api, api.fire()["incident"], "override", {"priority": word})
    assert answer["incident"]["priority"] == priority
    assert answer["decision"]["priority"]["value"] == priority
    assert answer["decision"]["priority"]["source"] == "override"


@pytest.mark.parametrize("word", ["payments", "Payments", "cards"])
def test_a_team_is_overridden_by_id_name_or_alias(open_api: OpenApi, tmp_path: Path, word: str) -> None:
    folder = tmp_path / "with-alias"
    folder.mkdir()
    (folder / "catalogue.yaml").write_text(
        CATALOGUE.replace("    name: Payments\n", "    name: Payments\n    aliases: [cards]\n")
    )
    (folder / "escalation.yaml").write_text(POLICY)
    api = open_api(config_dir=folder)
    answer = act(api, api.fire()["incident"], "override", {"team": word})
    assert answer["incident"]["team"] == "payments"
    assert answer["decision"]["team"]["source"] == "override"


def test_an_override_is_followed_by_the_path(api: Api) -> None:
    received = api.fire(severity="warning")
    assert received["decision"]["escalation"]["policy"] == "standard"
    answer = act(api, received["incident"], "override", {"priority": "P1", "team": "payments"})
    assert answer["decision"]["escalation"]["policy"] == "fast"
    assert answer["decision"]["escalation"]["steps"][0]["forecast"] == ["ann"]


def test_a_second_override_adds_to_the_first(api: Api) -> None:
    incident = api.fire()["incident"]
    act(api, incident, "override", {"priority": "P1"})
    answer = act(api, incident, "override", {"team": "payments"})
    assert (answer["incident"]["priority"], answer["incident"]["team"]) == ("P1", "payments")


def test_an_override_said_twice_is_the_same(api: Api) -> None:
    incident = api.fire()["incident"]
    first, second = (act(api, incident, "override", {"priority": "P1"}) for _ in range(2))
    assert first["incident"]["priority"] == second["incident"]["priority"] == "P1"


def test_no_event_undoes_an_override(api: Api) -> None:
    incident = api.fire(severity="warning")["incident"]
    act(api, incident, "override", {"priority": "P4", "team": "payments"})
    again = api.fire(severity="critical")["incident"]
    assert again["id"] == incident["id"]
    assert (again["priority"], again["team"]) == ("P4", "payments")


def test_a_correction_holds_for_the_next_incident_of_the_pattern(api: Api) -> None:
    incident = api.fire()["incident"]
    act(api, incident, "override", {"priority": "P2", "team": "payments"})
    act(api, incident, "resolve")
    following = api.fire()
    assert following["incident"]["id"] != incident["id"]
    decision = following["decision"]
    assert (decision["priority"]["value"], decision["priority"]["source"]) == ("P2", "correction")
    assert (decision["team"]["value"], decision["team"]["source"]) == ("payments", "correction")


def test_a_correction_says_nothing_of_other_patterns(api: Api) -> None:
    act(api, api.fire()["incident"], "override", {"team": "payments"})
    other = api.fire(title="Certificate of the intranet expires", service=None)
    assert other["decision"]["team"]["source"] != "correction"


@pytest.mark.parametrize(
    "body", [{"priority": "Catastrophic"}, {"team": "nobody"}, {"priority": "P2", "team": "nobody"}]
)
def test_an_unknown_word_is_422_and_changes_nothing(api: Api, body: dict[str, str]) -> None:
    incident = api.fire()["incident"]
    response = api.post(f"/v1/incidents/{incident['id']}/override", body)
    assert response.status_code == 422
    assert response.json()["code"] == "unknown_word"
    assert api.get(f"/v1/incidents/{incident['id']}").json()["incident"] == incident


@pytest.mark.parametrize("body", [{}, {"reason": "because"}, {"priority": None}])
def test_an_override_of_nothing_is_400(shared_api: Api, body: dict[str, object]) -> None:
    incident = shared_api.fire()["incident"]
    assert shared_api.post(f"/v1/incidents/{incident['id']}/override", body).status_code == 400


def test_acknowledging_twice_is_once(api: Api) -> None:
    incident = api.fire()["incident"]
    first = act(api, incident, "acknowledge")["incident"]
    second = act(api, incident, "acknowledge")["incident"]
    assert (first["state"], first["status"], first["acknowledged_by"]) == ("acknowledged", "triaging", "local")
    assert second == first


def test_the_first_to_acknowledge_keeps_it(open_api: OpenApi) -> None:
    api = open_api()
    incident = api.fire()["incident"]
    ann, bob = (api.issue(Role.RESPONDER, f"person:{name}") for name in ("ann", "bob"))
    for token in (ann, bob):
        with api.with_token(token):
            held = act(api, incident, "acknowledge")["incident"]
    assert held["acknowledged_by"] == "ann"


def test_work_moves_on_and_saying_so_twice_is_once(api: Api) -> None:
    incident = api.fire()["incident"]
    for _ in range(2):
        assert act(api, incident, "status", {"status": "mitigating"})["incident"]["status"] == "mitigating"
    timeline = api.get(f"/v1/incidents/{incident['id']}/timeline").json()["timeline"]
    assert [entry["kind"] for entry in timeline].count("status") == 1


@pytest.mark.parametrize(
    ("body", "status"), [({"status": "resolved"}, 400), ({"status": "asleep"}, 422), ({}, 422), ([], 422)]
)
def test_a_status_that_cannot_be_is_refused(shared_api: Api, body: object, status: int) -> None:
    incident = shared_api.fire()["incident"]
    assert shared_api.post(f"/v1/incidents/{incident['id']}/status", body).status_code == status


def test_resolving_keeps_what_helped_and_twice_is_once(api: Api) -> None:
    incident = api.fire(dedup_key="lag")["incident"]
    first = act(api, incident, "resolve", {"resolution": "Restarted the replica"})["incident"]
    second = act(api, incident, "resolve", {"resolution": "Something else"})["incident"]
    assert (first["state"], first["status"], first["resolution"]) == (
        "resolved",
        "resolved",
        "Restarted the replica",
    )
    assert second == first


def test_resolving_needs_no_body(api: Api) -> None:
    assert act(api, api.fire()["incident"], "resolve")["incident"]["resolution"] is None


def test_a_resolved_incident_frees_its_key(api: Api) -> None:
    incident = api.fire(dedup_key="lag", started_at="2026-03-09T09:42:00Z")["incident"]
    act(api, incident, "resolve")
    assert api.fire(dedup_key="lag", started_at="2026-03-09T10:42:00Z")["incident"]["id"] != incident["id"]


@pytest.mark.parametrize(("action", "body"), [("acknowledge", None), ("status", {"status": "triaging"})])
def test_what_is_over_is_not_taken_up_again(api: Api, action: str, body: object) -> None:
    incident = api.fire()["incident"]
    act(api, incident, "resolve")
    response = api.post(f"/v1/incidents/{incident['id']}/{action}", body)
    assert response.status_code == 409
    assert response.json()["code"] == "conflict"


@pytest.mark.parametrize("action", ["override", "acknowledge", "status", "resolve"])
@pytest.mark.parametrize("identifier", [UNKNOWN, "not-a-uuid"])
def test_an_action_on_what_nobody_stored_is_404(shared_api: Api, identifier: str, action: str) -> None:
    bodies: dict[str, object] = {"override": {"priority": "P1"}, "status": {"status": "triaging"}}
    response = shared_api.post(f"/v1/incidents/{identifier}/{action}", bodies.get(action))
    assert response.status_code == 404


@pytest.mark.parametrize("action", ["override", "status", "resolve"])
def test_an_unknown_key_in_an_action_is_422_and_named(shared_api: Api, action: str) -> None:
    incident = shared_api.fire()["incident"]
    response = shared_api.post(f"/v1/incidents/{incident['id']}/{action}", {"stauts": "triaging"})
    assert response.status_code == 422
    assert "stauts" in {error["at"] for error in response.json()["errors"]}


def test_every_action_is_remembered_under_the_name_of_who_asked(open_api: OpenApi) -> None:
    api = open_api()
    incident = api.fire()["incident"]
    with api.with_token(api.issue(Role.REVIEWER, "person:bob")):
        act(api, incident, "override", {"priority": "P1"})
        timeline = api.get(f"/v1/incidents/{incident['id']}/timeline").json()["timeline"]
    assert timeline[-1]["actor"] == "bob"
