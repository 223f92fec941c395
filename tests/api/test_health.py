"""What a service says of itself to everybody, and what only to those it knows."""

from pathlib import Path

import pytest

from tests.fixtures_api import ELSEWHERE, Api
from tests.fixtures_store import CATALOGUE
from triage.domain.access import Role


@pytest.fixture
def degraded_api(api: Api) -> Api:
    """One whose catalogue was spoilt with a word that nobody else should read."""
    catalogue = Path(api.settings.config_dir) / "catalogue.yaml"
    catalogue.write_text(CATALOGUE + "hush_hush: 1\n", encoding="utf-8")
    api.wait_until(lambda: "configuration" in api.service.degraded)
    return api


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer guessed"}, {"authorization": "Basic YTpi"}])
def test_strangers_are_told_which_parts_are_degraded_and_not_why(
    degraded_api: Api, headers: dict[str, str]
) -> None:
    degraded_api.issue(Role.ADMIN, "person:ann")
    degraded_api.client_address = ELSEWHERE
    answer = degraded_api.get("/readyz", headers=headers)
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "degraded": {"bundle": None, "configuration": None}},
    )


@pytest.mark.parametrize("role", Role)
def test_any_token_is_told_why(degraded_api: Api, role: Role) -> None:
    token = degraded_api.issue(role, "person:ann")
    answer = degraded_api.get("/readyz", headers={"authorization": f"Bearer {token}"})
    assert "hush_hush" in answer.json()["degraded"]["configuration"]


def test_this_machine_is_told_why_as_long_as_there_are_no_tokens(degraded_api: Api) -> None:
    assert "hush_hush" in degraded_api.get("/readyz").json()["degraded"]["configuration"]
    headers = {"origin": "https://evil.example"}
    assert "hush_hush" not in degraded_api.get("/readyz", headers=headers).text
