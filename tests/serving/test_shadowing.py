"""A challenger beside the bundle in force: asked about every incident, followed by nobody, judged by people."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from scipy.stats import binomtest

from tests.fixtures_api import Api, OpenApi
from training.__main__ import cli
from triage.challenge import sign_test
from triage.prediction.manifest import MANIFEST_FILE, manifest_bytes, read_manifest

TWIN, YOUNG = "twin", "of-tomorrow"
TITLES = ("refund stuck in pending", "disk nearly full on the primary", "token rejected", "tunnel is down")


def copied(bundle: Path, models: Path, version: str, later: timedelta = timedelta()) -> Path:
    """The same bundle by another name, made ``later``."""
    folder = shutil.copytree(bundle, models / version)
    manifest = read_manifest(bundle)
    changed = replace(manifest, version=version, created_at=manifest.created_at + later)
    (folder / MANIFEST_FILE).write_bytes(manifest_bytes(changed))
    return folder


@pytest.fixture
def models(tmp_path: Path, starter_bundle: Path, muddled_bundle: Path) -> Path:
    """One that learnt, its twin, one that is made tomorrow, and one that knows nothing."""
    folder = tmp_path / "models"
    for bundle in (starter_bundle, muddled_bundle):
        shutil.copytree(bundle, folder / bundle.name)
    copied(muddled_bundle, folder, TWIN, -timedelta(hours=1))
    copied(muddled_bundle, folder, YOUNG, timedelta(days=365))
    return folder


@pytest.fixture
def address(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def api(open_api: OpenApi, models: Path, address: str, muddled_bundle: Path) -> Api:
    """Every fifth incident is drawn to be judged."""
    api = open_api(models_dir=models, database_url=SecretStr(address), review_sample=0.2)
    api.post("/v1/models/promote", {"version": muddled_bundle.name, "reason": "to begin with"})
    return api


def name(api: Api, version: str, **more: str) -> Any:
    return api.post("/v1/models/shadow", {"version": version, "reason": "a trial", **more})


def report(api: Api) -> dict[str, Any] | None:
    found: dict[str, Any] | None = api.get("/v1/models/shadow").json()["report"]
    return found


def fill(api: Api, count: int) -> dict[str, str]:
    """The priority that each was given, by incident: the bundle learnt it from the environment."""
    fired = [
        api.fire(title=f"{TITLES[n % 4]} ({n // 4})", service=f"s{n}", environment="production")
        for n in range(count)
    ]
    return {one["incident"]["id"]: one["decision"]["priority"]["value"] for one in fired}


def asked_about(api: Api, count: int) -> dict[str, Any]:
    api.wait_until(lambda: (report(api) or {"counts": {"incidents": 0}})["counts"]["incidents"] == count)
    found = report(api)
    assert found is not None
    return found


def test_it_is_asked_about_what_came_before_and_after_and_changes_nothing(
    api: Api, muddled_bundle: Path, starter_bundle: Path
) -> None:
    copied(starter_bundle, api.settings.models_dir, "blank", -timedelta(days=3))
    fill(api, 4)
    assert report(api) is None
    assert name(api, "blank").json()["changed"] is True
    asked_about(api, 4)
    fired = api.fire(title="Refund of order 4711 is stuck", service="shop")
    assert fired["decision"]["versions"]["bundle"] == muddled_bundle.name
    found = asked_about(api, 5)
    assert (found["version"], found["incumbent"], found["reason"]) == ("blank", muddled_bundle.name, "a trial")
    assert found["priority"]["would_act"] < found["priority"]["acts"]
    assert found["differing"]
    assert api.get("/v1/models").json()["challenger"]["version"] == "blank"
    assert api.metric("triage_shadowed_total") == 5
    assert api.count("decision") == 5


def test_a_twin_concludes_the_same_of_every_incident(api: Api) -> None:
    fill(api, 12)
    name(api, TWIN)
    found = asked_about(api, 12)
    for target in ("team", "priority"):
        assert found[target]["same"] == 12
        assert found[target]["acts"] == found[target]["would_act"]
    assert found["differing"] == []


def test_of_incidents_that_it_may_have_learnt_from_it_is_not_asked(api: Api) -> None:
    fill(api, 2)
    name(api, YOUNG)
    api.wait_until(lambda: report(api) is not None)
    name(api, TWIN)
    asked_about(api, 2)
    name(api, YOUNG)
    found = report(api)
    assert found is not None
    assert found["counts"]["incidents"] == 0
    assert datetime.fromisoformat(found["since"]) > datetime.now().astimezone()


def test_people_say_which_of_the_two_is_right(api: Api, starter_bundle: Path) -> None:
    copied(starter_bundle, api.settings.models_dir, "blank", -timedelta(days=3))
    priorities = fill(api, 60)
    name(api, "blank")
    found = asked_about(api, 60)
    assert found["priority"]["verdict"] == "Of no judged incident is one of them right alone."
    # Whoever is drawn is confirmed: then the one in force is never wrong, and the other one where it differs.
    with api.service.parts.database.connection() as db:
        rows = db.execute(
            "SELECT q.incident_id::text AS id, a.priority <> q.suggested_priority AS differs"
            " FROM review_item AS q JOIN challenger_answer AS a USING (incident_id) WHERE draw < 0.2"
        ).fetchall()
    for row in rows:
        answer = api.post(f"/v1/review/{row['id']}", {"priority": priorities[row["id"]]})
        assert answer.status_code == 200, answer.text
    found = report(api)
    assert found is not None
    priority, differ = found["priority"], sum(row["differs"] for row in rows)
    assert differ > 0
    assert (priority["incumbent"]["n"], priority["incumbent"]["value"]) == (len(rows), 1.0)
    assert priority["challenger"]["value"] == pytest.approx(1 - differ / len(rows))
    assert (priority["only_incumbent"], priority["only_challenger"]) == (differ, 0)
    assert priority["p"] == pytest.approx(min(1.0, 2 * 0.5**differ))


def test_each_refusal_says_why_and_leaves_what_ran(api: Api, models: Path, muddled_bundle: Path) -> None:
    def problem(version: str, **more: str) -> tuple[int, str]:
        answer = name(api, version, **more)
        return answer.status_code, answer.json()["detail"]

    assert name(api, "none").json() == {"challenger": None, "changed": False}
    assert name(api, TWIN, expect="none").status_code == 200
    assert name(api, TWIN).json()["changed"] is False
    assert problem("no-such")[0] == 404
    status, why = problem(muddled_bundle.name)
    assert (status, "cannot challenge itself" in why) == (409, True)
    status, why = problem(YOUNG, expect="another")
    assert (status, f"is {TWIN} and not another" in why) == (409, True)
    (models / YOUNG / "card.md").unlink()
    status, why = problem(YOUNG)
    assert (status, "card.md" in why) == (409, True)
    assert api.get("/v1/models").json()["challenger"]["version"] == TWIN
    assert name(api, "none").json() == {"challenger": None, "changed": True}
    assert report(api) is None


def test_once_it_is_in_force_it_challenges_nobody_and_does_again_when_that_is_taken_back(api: Api) -> None:
    name(api, TWIN)
    assert api.post("/v1/models/promote", {"version": TWIN, "reason": "better"}).status_code == 200
    assert report(api) is None
    assert api.post("/v1/models/rollback", {"reason": "worse"}).status_code == 200
    assert (report(api) or {})["version"] == TWIN


def test_one_that_cannot_be_opened_any_more_is_left_alone_and_counted(api: Api, models: Path) -> None:
    name(api, TWIN)
    shutil.rmtree(models / TWIN)
    fill(api, 1)
    api.wait_until(lambda: api.metric("triage_failures_total", code="shadow") > 0)
    assert api.get("/readyz").status_code == 200


def test_a_decision_whose_configuration_is_gone_keeps_no_other_from_being_asked_about(api: Api) -> None:
    fill(api, 3)
    with api.service.parts.database.connection() as db:
        db.execute("ALTER TABLE decision DISABLE TRIGGER decision_immutable")
        db.execute(
            "UPDATE decision SET record = jsonb_set(record, '{versions,policy}', '\"gone\"')"
            " WHERE id = (SELECT decision_id FROM review_item ORDER BY opened_at OFFSET 1 LIMIT 1)"
        )
    name(api, TWIN)
    asked_about(api, 2)
    api.fire(title="Another one", service="later")
    asked_about(api, 3)


def test_the_command_line_names_tells_and_ends(
    api: Api, address: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_DATABASE_URL", address)
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(models))

    def run(*asked: str) -> str:
        result = CliRunner().invoke(cli, ["shadow", *asked])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert run().startswith("No bundle runs beside")
    assert (
        run("--version", TWIN, "--reason", "a trial", "--by", "ann")
        == f"{TWIN} runs beside the bundle in force.\n"
    )
    assert run("--version", TWIN) == f"{TWIN} does so already.\n"
    assert "after it was made" in run()
    fill(api, 3)
    assert asked_about(api, 3)["by"] == "shell:ann"
    said = run()
    assert "asked about 3 incidents" in said
    assert "team: the same in 100.0%" in said
    assert json.loads(run("--json"))["report"]["counts"]["incidents"] == 3
    assert run("--end") == "No bundle runs beside the one in force now.\n"
    assert json.loads(run("--json")) == {"report": None}


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 9), (9, 3), (5, 5), (40, 70), (900, 1_200)])
def test_the_sign_test_is_the_exact_one(one: int, other: int) -> None:
    assert sign_test(one, other) == pytest.approx(binomtest(one, one + other).pvalue)


def test_without_a_difference_there_is_nothing_to_test() -> None:
    assert sign_test(0, 0) is None
