"""A running escalation over HTTP: the service itself carries it on."""

from typing import Any

import pytest

from tests.fixtures_api import Api
from triage.domain.access import Role

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def escalation(api: Api, incident: dict[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def has_begun() -> bool:
        response = api.get(f"/v1/incidents/{incident['id']}/escalation")
        if response.status_code == 200:
            found.append(response.json())
        return bool(found)

    api.wait_until(has_begun)
    return found[-1]


def said(api: Api, incident: dict[str, Any], count: int) -> list[tuple[str, str]]:
    """The first messages, once there are as many."""
    api.wait_until(lambda: len(escalation(api, incident)["messages"]) >= count)
    return [(one["kind"], one["recipient"]) for one in escalation(api, incident)["messages"]]


def test_service_carries_on_what_it_decides(api: Api):
    incident = api.fire(service="orders-db", severity="critical")["incident"]
    assert said(api, incident, 1) == [("page", "person:bob")]
    begun = escalation(api, incident)
    assert (begun["policy"], begun["hand_over"]["phase"], begun["hand_over"]["step"]) == ("fast", "calling", 1)
    kinds = [entry["kind"] for entry in api.get(f"/v1/incidents/{incident['id']}/timeline").json()["timeline"]]
    assert kinds[:3] == ["opened", "decided", "paged"]
    api.post(f"/v1/incidents/{incident['id']}/acknowledge")
    api.wait_until(lambda: escalation(api, incident)["hand_over"]["phase"] == "acknowledged")


def test_responder_asks_for_the_next_step_writes_a_note_and_reopens(api: Api):
    incident = api.fire(service="orders-db", severity="critical")["incident"]
    said(api, incident, 1)
    at = f"/v1/incidents/{incident['id']}"
    assert api.post(f"{at}/escalate", {"reason": "wider than we thought"}).status_code == 200
    assert len(said(api, incident, 2)) == 2
    assert api.post(f"{at}/note", {"text": "It is the second replica"}).status_code == 200
    assert api.post(f"{at}/reopen").status_code == 409
    assert api.post(f"{at}/resolve").status_code == 200
    assert api.post(f"{at}/escalate").status_code == 409
    reopened = api.post(f"{at}/reopen", {"reason": "It came back"})
    assert reopened.json()["incident"]["state"] == "triggered"
    kinds = [entry["kind"] for entry in api.get(f"{at}/timeline").json()["timeline"]]
    assert [kind for kind in kinds if kind in ("escalated", "note", "resolved", "reopened")] == [
        "escalated",
        "note",
        "resolved",
        "reopened",
    ]


def test_approval_that_the_path_does_not_ask_for_is_refused(api: Api):
    incident = api.fire()["incident"]
    refused = api.post(f"/v1/incidents/{incident['id']}/approve", {"checkpoint": "budget"})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "the path has no such checkpoint; there are: none"


@pytest.mark.parametrize("action", ["escalate", "approve", "note", "reopen"])
def test_source_may_not_respond_and_what_is_unknown_is_not_found(api: Api, action: str):
    body = {"text": "hello"} if action == "note" else None
    assert api.post(f"/v1/incidents/{UNKNOWN}/{action}", body).status_code == 404
    api.issue(Role.ADMIN, "person:ann")
    with api.with_token(api.issue(Role.SOURCE, "source:monitor")):
        assert api.post(f"/v1/incidents/{UNKNOWN}/{action}", body).status_code == 403


@pytest.mark.parametrize("identifier", [UNKNOWN, "not-a-uuid"])
def test_escalation_of_what_nobody_stored_is_not_found(shared_api: Api, identifier: str):
    assert shared_api.get(f"/v1/incidents/{identifier}/escalation").status_code == 404
