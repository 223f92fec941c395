"""``/v1/policy/simulate`` and ``/v1/policy/backtest``: a policy tried without telling or storing anything."""

from typing import Any

import pytest

from tests.fixtures_api import Api
from tests.fixtures_store import POLICY
from triage.domain.access import Role

SCENARIO = {"at": "2027-02-01T23:40:00Z", "incident": {"title": "Shop is down", "service": "shop"}}


def simulate(api: Api, **body: object) -> dict[str, Any]:
    response = api.post("/v1/policy/simulate", {"scenario": SCENARIO, **body})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_simulation_tells_who_would_be_told_when(api: Api):
    found = simulate(api)
    pages = [entry for entry in found["timeline"] if entry["kind"] == "page"]
    assert pages[0]["after_seconds"] == 0
    assert pages[0]["person"] == found["path"]["steps"][0]["forecast"][0]
    assert found["decisions"][0]["rule"] == found["path"]["rule"]
    assert found["drawing"].splitlines()[0].startswith("Shop is down")


def test_simulation_stores_and_tells_nothing(api: Api):
    simulate(api)
    assert [api.count(table) for table in ("incident", "decision", "timeline")] == [0, 0, 0]


def test_proposed_rules_are_tried_and_not_put_in_force(api: Api):
    hushed = POLICY.replace("rules:\n", HUSH, 1)
    assert simulate(api, escalation=hushed)["phase"] == "quiet"
    assert simulate(api)["phase"] != "quiet"


HUSH = (
    "rules:\n  - {id: hush, owner: desk, review_after: 2030-01-01, when: \"incident.service == 'shop'\","
    " then: {suppress: tried out}}\n"
)


def test_faulty_proposal_is_refused_with_file_and_line(api: Api):
    response = api.post("/v1/policy/simulate", {"scenario": SCENARIO, "escalation": "rules:\n  - {id: x}\n"})
    assert response.status_code == 422
    (fault,) = response.json()["errors"]
    assert fault["at"] == "escalation"
    assert "escalation.yaml:" in fault["message"]


@pytest.mark.parametrize(
    ("scenario", "at"),
    [
        ({}, "scenario.at"),
        ({**SCENARIO, "until": "90d"}, "scenario"),
        ({**SCENARIO, "at": "9999-12-31T23:00:00Z"}, "scenario"),
        ({**SCENARIO, "at": "0001-01-01T00:00:00+14:00"}, "scenario"),
        ({**SCENARIO, "then": [{"after": "1m", "override": {}}]}, "scenario.then.0.override"),
        ({**SCENARIO, "answer": 1}, "scenario.answer"),
    ],
)
def test_faulty_scenario_is_refused_field_by_field(api: Api, scenario, at):
    response = api.post("/v1/policy/simulate", {"scenario": scenario})
    assert response.status_code == 422
    assert at in [fault["at"] for fault in response.json()["errors"]]


def test_unknown_team_in_a_scenario_is_said(api: Api):
    response = api.post("/v1/policy/simulate", {"scenario": {**SCENARIO, "team": "nowhere"}})
    assert (response.status_code, response.json()["detail"]) == (422, "unknown team 'nowhere'")


def test_backtest_compares_what_was_decided_lately(api: Api):
    for title in ("Shop is down", "Shop is slow", "Checkout fails"):
        api.fire(title=title, service="shop")
    response = api.post("/v1/policy/backtest", {"escalation": POLICY.replace("rules:\n", HUSH, 1), "missed": 0})
    assert response.status_code == 200, response.text
    found = response.json()
    assert found["incidents"] == 3
    assert (found["before"]["paged_incidents"], found["after"]["paged_incidents"]) == (3, 0)
    assert found["after"]["suppressed"] == 3
    assert all(change["after"]["pages"] == 0 for change in found["people"])


def test_backtest_of_the_policy_in_force_changes_nothing(api: Api):
    api.fire(title="Shop is down", service="shop")
    found = api.post("/v1/policy/backtest", {}).json()
    assert found["before"] == found["after"]
    assert found["told_otherwise"] == 0


@pytest.mark.parametrize(("path", "role"), [("simulate", Role.SOURCE), ("backtest", Role.RESPONDER)])
def test_trying_a_policy_takes_a_role(api: Api, path: str, role: Role):
    with api.with_token(api.issue(role, "source:probe" if role is Role.SOURCE else "person:ann")):
        assert api.post(f"/v1/policy/{path}", {"scenario": SCENARIO}).status_code == 403


def test_check_tells_findings_of_a_proposal(api: Api):
    response = api.post("/v1/policy/check", {"escalation": POLICY.replace("rules:\n", NEVER, 1)})
    assert response.status_code == 200, response.text
    found = response.json()
    assert (found["loads"], found["fault"]) == (True, None)
    never = next(one for one in found["findings"] if one["code"] == "rule-never")
    assert (never["where"], never["file"], never["line"]) == ("rule never", "escalation.yaml", 3)


NEVER = (
    "rules:\n  - {id: never, owner: desk, review_after: 2030-01-01,"
    " when: \"priority == 'P1' && priority == 'P2'\", then: {require_review: x}}\n"
)


def test_check_answers_why_a_proposal_does_not_load(api: Api):
    found = api.post("/v1/policy/check", {"escalation": POLICY.replace("priority ==", "priorty ==")}).json()
    assert (found["loads"], found["findings"]) == (False, [])
    line = POLICY.splitlines().index("    when: priority == 'P1'") + 1
    assert found["fault"].startswith(f"escalation.yaml:{line}: rule 'urgent': unknown name 'priorty'")
