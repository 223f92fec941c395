"""``/v1/patterns/preview`` and ``/v1/patterns/threshold``: looking before the threshold is turned."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pydantic import SecretStr

from tests.fixtures_api import Api, OpenApi
from triage.domain.access import Role
from triage.memory.likeness import Likeness

FIRST = "Card payments are declined for all customers in the web shop"
SECOND = "Customers of the web shop report that their card payments are declined"
THIRD = "In the web shop card payments of customers are being declined"
UNLIKE = "Backup of the staging wiki took longer than four hours"
TABLES = ("likeness", "incident", "decision", "pattern", "pattern_change", "text_embedding", "timeline")


@pytest.fixture
def models(tmp_path: Path, starter_bundle: Path, other_starter: Path) -> Path:
    for bundle in (starter_bundle, other_starter):
        shutil.copytree(bundle, tmp_path / "models" / bundle.name)
    return tmp_path / "models"


@pytest.fixture
def api(open_api: OpenApi, models: Path, new_database: Callable[[], str]) -> Api:
    """One problem in two wordings, and another one. Nothing is linked at a threshold of 0.99."""
    api = open_api(models_dir=models, database_url=SecretStr(new_database()))
    for title in (FIRST, UNLIKE, SECOND):
        api.fire(title=title)
    return api


def preview(api: Api, **body: object) -> dict[str, Any]:
    response = api.post("/v1/patterns/preview", body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def threshold(api: Api) -> dict[str, Any]:
    response = api.get("/v1/patterns/threshold")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def turn(api: Api, to: float) -> dict[str, Any]:
    response = api.post("/v1/patterns/threshold", {"threshold": to, "reason": "tried in a preview"})
    assert response.status_code == 200, response.text
    api.wait_until(lambda: in_force(api) == to)
    found: dict[str, Any] = response.json()
    return found


def in_force(api: Api) -> float:
    active = api.service.activation.active
    assert active is not None
    return active.search.likeness.threshold


def test_a_lower_threshold_shows_what_it_would_have_linked(api: Api) -> None:
    found = preview(api, threshold=0.5)
    assert (found["texts"], found["looked_at"], found["unembedded"]) == (3, 3, 0)
    assert (found["in_force"], found["threshold"]) == (Likeness().threshold, 0.5)
    assert (found["linked_now"], found["linked_then"], found["split"]["count"]) == (0, 1, 0)
    link = found["merged"]["examples"][0]
    assert (link["incident"]["title"], link["earlier"]["title"], link["told"]) == (SECOND, FIRST, None)
    assert 0.5 < link["similarity"] < 0.9


def test_answers_are_as_described(api: Api) -> None:
    document = api.get("/openapi.json").json()
    answers = {"PreviewView": preview(api, threshold=0.5), "ThresholdView": threshold(api)}
    for name, answer in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.validate(schema, answer)


def test_a_higher_threshold_shows_what_it_would_not_link_any_more(api: Api) -> None:
    turn(api, 0.5)
    found = preview(api, threshold=0.95)
    assert (found["linked_now"], found["linked_then"], found["merged"]["count"]) == (1, 0, 0)
    assert [link["incident"]["title"] for link in found["split"]["examples"]] == [SECOND]


def test_an_incident_asks_only_among_those_before_it(api: Api) -> None:
    found = preview(api, threshold=0.0)
    pairs = {link["incident"]["title"]: link["earlier"]["title"] for link in found["merged"]["examples"]}
    assert pairs == {SECOND: FIRST, UNLIKE: FIRST}


def test_what_recurred_under_a_known_text_asks_nothing(api: Api) -> None:
    first = api.get("/v1/incidents").json()["incidents"][-1]["id"]
    assert api.post(f"/v1/incidents/{first}/resolve").status_code == 200
    assert api.fire(title=FIRST)["decision"]["recurrence"]["matched_by"] == "fingerprint"
    assert preview(api)["texts"] == 3


def test_what_people_said_of_two_patterns_is_told(api: Api) -> None:
    link = preview(api, threshold=0.5)["merged"]["examples"][0]
    patterns = [link[end]["pattern_id"] for end in ("incident", "earlier")]
    address = f"/v1/patterns/{patterns[0]}"
    apart = api.post(f"{address}/not-the-same", {"pattern": patterns[1]})
    assert apart.status_code == 200, apart.text
    assert preview(api, threshold=0.5)["merged"]["examples"][0]["told"] == "different"
    assert api.post(f"{address}/merge", {"pattern": patterns[1], "anyway": True}).status_code == 200
    found = preview(api, threshold=0.5)
    assert found["merged"]["examples"][0]["told"] == "same"
    assert next(p for p in found["curve"] if p["threshold"] == 0.5)["by_people"] == 1


def test_a_preview_changes_nothing(api: Api) -> None:
    api.wait_until(lambda: api.count("escalation_event") == 0)  # what was fired has been taken up
    before = [api.count(table) for table in TABLES]
    preview(api, threshold=0.5)
    assert [api.count(table) for table in TABLES] == before
    assert in_force(api) == Likeness().threshold
    assert threshold(api)["since"] is None


def test_with_little_to_measure_on_it_says_how_much_is_needed(api: Api) -> None:
    found = preview(api)
    assert found["recommended"] is None
    assert found["threshold"] == found["in_force"]
    assert found["reason"]


def test_after_turning_the_next_new_text_is_linked_accordingly(api: Api) -> None:
    turned = turn(api, 0.5)
    linked = api.fire(title=THIRD)["decision"]["recurrence"]
    assert linked["matched_by"] == "similarity"
    assert (turned["threshold"], turned["by"], turned["reason"]) == (0.5, "local", "tried in a preview")
    assert turned["measured"]["texts"] == 3
    assert threshold(api) == turned
    turn(api, 1.0)
    assert api.fire(title=f"{THIRD} today")["decision"]["recurrence"]["matched_by"] is None


def test_another_encoder_has_a_threshold_of_its_own(api: Api, models: Path, starter_bundle: Path) -> None:
    before = turn(api, 0.5)
    active = api.get("/v1/models").json()["in_force"]
    other = next(folder.name for folder in models.iterdir() if folder.name != active)
    assert api.post("/v1/models/promote", {"version": other, "reason": "another encoder"}).status_code == 200
    api.wait_until(lambda: threshold(api)["encoder"] != before["encoder"])
    assert threshold(api)["threshold"] == in_force(api) == Likeness().threshold
    turn(api, 0.7)
    assert api.post("/v1/models/rollback", {"reason": "back"}).status_code == 200
    api.wait_until(lambda: threshold(api) == before)
    api.wait_until(lambda: in_force(api) == 0.5)


def test_without_a_bundle_there_is_no_threshold_to_speak_of(open_api: OpenApi, new_database: Any) -> None:
    api = open_api(database_url=SecretStr(new_database()))
    for response in (
        api.get("/v1/patterns/threshold"),
        api.post("/v1/patterns/preview"),
        api.post("/v1/patterns/threshold", {"threshold": 0.5, "reason": "why not"}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    "body", [{"threshold": 1.1}, {"threshold": -0.1}, {"target": 0}, {"days": 0}, {"days": 366}, {"else": 1}]
)
def test_what_cannot_be_meant_is_refused(shared_api: Api, body: dict[str, object]) -> None:
    assert shared_api.post("/v1/patterns/preview", body).status_code == 422


def test_turning_needs_a_reason(shared_api: Api) -> None:
    for body in ({"threshold": 0.5}, {"threshold": 0.5, "reason": " "}, {"reason": "x"}):
        assert shared_api.post("/v1/patterns/threshold", body).status_code == 422


def test_each_needs_its_role(shared_api: Api) -> None:
    asked = (
        ("get", "threshold", Role.SOURCE),
        ("post", "preview", Role.RESPONDER),
        ("post", "threshold", Role.REVIEWER),
    )
    for number, (method, name, role) in enumerate(asked):
        with shared_api.with_token(shared_api.issue(role, f"person:one-{number}")):
            response = getattr(shared_api, method)(f"/v1/patterns/{name}")
            assert response.status_code == 403, name
