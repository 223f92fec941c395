"""``/v1/models``: what there is, what is active, and moving on or back."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_api import Api, OpenApi, event
from triage.domain.access import Role


@pytest.fixture
def models(tmp_path: Path, starter_bundle: Path, trained_bundle: Path) -> Path:
    for bundle in (starter_bundle, trained_bundle):
        shutil.copytree(bundle, tmp_path / "models" / bundle.name)
    return tmp_path / "models"


@pytest.fixture
def starter(starter_bundle: Path) -> str:
    return starter_bundle.name


@pytest.fixture
def trained(trained_bundle: Path) -> str:
    return trained_bundle.name


@pytest.fixture
def api(open_api: OpenApi, models: Path, trained: str) -> Api:
    """A service on ``trained``, by itself."""
    api = open_api(models_dir=models)
    api.wait_until(lambda: overview(api)["active"] is not None)
    assert overview(api)["in_force"] == trained
    return api


def overview(api: Api) -> dict[str, Any]:
    response = api.get("/v1/models")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def problem(api: Api, action: str, **body: object) -> tuple[int, str, str]:
    response = api.post(f"/v1/models/{action}", body)
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"], response.json()["detail"]


def decided_by(api: Api) -> str:
    found: str = api.post("/v1/predict", event()).json()["versions"]["bundle"]
    return found


def test_the_overview_says_what_there_is_and_what_is_active_since_when(
    api: Api, starter: str, trained: str
) -> None:
    found = overview(api)
    assert (found["active"]["version"], found["active"]["by"], found["fault"]) == (trained, "triage", None)
    assert found["active"]["since"].endswith("Z")
    one, other = found["bundles"]
    assert (one["version"], one["kind"], one["usable"], one["refused"]) == (trained, "trained", True, None)
    assert one["heads"] == ["priority", "second_look", "team"]
    assert one["quality"]["team"]
    assert (other["version"], other["kind"], other["heads"], other["quality"]) == (starter, "starter", [], {})
    assert [move["version"] for move in found["activations"]] == [trained]


def test_promotion_and_rollback_are_in_force_when_they_are_answered(api: Api, starter: str, trained: str) -> None:
    response = api.post("/v1/models/promote", {"version": starter, "reason": "a trial", "expect": trained})
    assert response.status_code == 200, response.text
    assert response.json()["changed"] is True
    assert response.json()["active"]["previous"] == trained
    assert decided_by(api) == starter
    again = api.post("/v1/models/promote", {"version": starter, "reason": "again"})
    assert (again.status_code, again.json()["changed"]) == (200, False)
    back = api.post("/v1/models/rollback", {"reason": "worse", "expect": starter})
    assert back.json()["active"]["version"] == trained
    assert decided_by(api) == trained
    history = [(move["version"], move["reason"], move["rollback"]) for move in overview(api)["activations"]]
    assert history[:2] == [(trained, "worse", True), (starter, "a trial", False)]


def test_the_history_names_the_person_behind_the_token(api: Api, starter: str) -> None:
    with api.with_token(api.issue(Role.ENGINEER, "person:bob")):
        api.post("/v1/models/promote", {"version": starter, "reason": "a trial"})
        assert overview(api)["active"]["by"] == "person:bob"


def test_each_refusal_has_its_own_code_and_leaves_the_pointer(
    api: Api, models: Path, starter: str, trained: str
) -> None:
    status, code, detail = problem(api, "promote", version="no-such", reason="x")
    assert (status, code) == (404, "not_found")
    assert starter in detail
    status, code, detail = problem(api, "promote", version=starter, reason="x", expect="another")
    assert (status, code) == (409, "conflict")
    assert f"is {trained} and not another" in detail
    assert problem(api, "rollback", reason="x")[:2] == (409, "conflict")
    (models / starter / "card.md").unlink()
    status, code, detail = problem(api, "promote", version=starter, reason="x")
    assert (status, code) == (409, "bundle_refused")
    assert "card.md: expected a file, found nothing" in detail
    damaged = overview(api)["bundles"][1]
    assert (damaged["usable"], damaged["kind"]) == (False, None)
    assert "card.md" in damaged["refused"]
    assert overview(api)["active"]["version"] == trained
    assert decided_by(api) == trained


@pytest.mark.parametrize(
    ("action", "body", "at"),
    [
        ("promote", {"reason": "x"}, "version"),
        ("promote", {"version": "v"}, "reason"),
        ("promote", {"version": "v", "reason": ""}, "reason"),
        ("promote", {"version": "v", "reason": "x", "force": True}, "force"),
        ("rollback", {}, "reason"),
        ("rollback", {"reason": "x" * 2_001}, "reason"),
    ],
)
def test_a_body_with_faults_is_refused_by_field(api: Api, action: str, body: dict[str, Any], at: str) -> None:
    response = api.post(f"/v1/models/{action}", body)
    assert response.status_code == 422
    assert [fault["at"] for fault in response.json()["errors"]] == [at]


def test_without_a_bundle_the_overview_is_empty_and_says_why(open_api: OpenApi, tmp_path: Path) -> None:
    found = overview(open_api(models_dir=tmp_path / "empty"))
    assert (found["active"], found["in_force"], found["bundles"], found["activations"]) == (None, "none", [], [])
    assert "training starter" in found["fault"]
