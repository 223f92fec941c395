"""The command line as a person uses it, beside a running service."""

import json
import re
from pathlib import Path

import psycopg
import pytest

from tests.fixtures_service import Service, StartService, event_body
from tests.fixtures_store import CATALOGUE, POLICY


@pytest.fixture(scope="module")
def running(start_shared: StartService) -> Service:
    service = start_shared(started=False)
    service.write(catalogue=CATALOGUE + "sources:\n  monitor: {join_window: 1h, auto_resolve_after: 2h}\n")
    return service.start()


def test_a_token_is_shown_once_and_works_until_it_is_revoked(start_service: StartService) -> None:
    service = start_service()
    assert service.post("/v1/incidents", event_body()).status_code == 201
    admin = service.triage("token", "create", "--role", "admin", "--person", "ann")
    assert admin.returncode == 0, admin.stderr
    assert re.fullmatch(r"triage_[0-9a-f]{8}_[\w-]{43}\n", admin.stdout)
    created = json.loads(
        service.triage("token", "create", "--role", "responder", "--person", "bob", "--days", "7", "--json").stdout
    )
    ours = {"Authorization": f"Bearer {created['token']}"}

    def status(**headers: str) -> int:
        return service.get("/v1/incidents", headers=headers).status_code

    service.wait_until(lambda: status() == 401, "closed to whoever has none")
    service.wait_until(lambda: status(**ours) == 200, "known")
    listed = service.triage("token", "list").stdout
    assert [line.split()[1:4] for line in listed.splitlines()] == [
        ["admin", "person:ann", "valid"],
        ["responder", "person:bob", "valid"],
    ]
    assert created["token"] not in listed
    assert service.triage("token", "revoke", created["id"]).returncode == 0
    service.wait_until(lambda: status(**ours) == 401, "revoked")
    assert status(Authorization=f"Bearer {admin.stdout.strip()}") == 200
    assert "revoked" in service.triage("token", "list").stdout
    assert service.triage("token", "revoke", "00000000").returncode == 1
    assert created["token"] not in service.log


def test_a_token_is_for_somebody_of_the_catalogue(running: Service) -> None:
    unknown = running.triage("token", "create", "--role", "admin", "--person", "anne")
    assert unknown.returncode == 2
    assert "no person 'anne'; did you mean ann?" in unknown.stderr
    nobody = running.triage("token", "create", "--role", "admin", "--person", "zzz")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "did you mean" not in nobody.stderr


def test_a_catalogue_that_cannot_be_read_keeps_nobody_from_a_token(start_service: StartService) -> None:
    service = start_service(started=False)
    made = service.triage("token", "create", "--role", "admin", "--person", "zoe", TRIAGE_CONFIG_DIR="absent")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("triage_")
    assert "Warning: the catalogue cannot be read" in made.stderr


def test_check_reads_a_folder_strictly(running: Service) -> None:
    good = running.triage("check")
    assert good.returncode == 0, good.stderr
    assert "4 teams, 2 services, 2 people" in good.stdout
    assert "warning: no-commander." in good.stdout
    elsewhere = running.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "catalogue.yaml").write_text(CATALOGUE)
    (elsewhere / "escalation.yaml").write_text(POLICY.replace("priority == 'P1'", "priorty == 'P1'"))
    bad = running.triage("check", str(elsewhere))
    assert bad.returncode == 1
    line = POLICY.splitlines().index("    when: priority == 'P1'") + 1
    assert re.match(rf"Error: escalation\.yaml:{line}: .*priorty", bad.stderr), bad.stderr
    assert bad.stdout == ""


def test_doctor_says_what_is_well_and_what_is_not(running: Service, trained_bundle: Path) -> None:
    ill = running.triage("doctor")
    assert ill.returncode == 1
    assert [line.split()[:2] for line in ill.stdout.splitlines()] == [
        ["ok", "configuration"],
        ["FAULT", "bundle"],
        ["ok", "database"],
    ]
    assert "python -m training starter" in ill.stdout
    well = running.triage("doctor", TRIAGE_MODELS_DIR=str(trained_bundle.parent))
    assert well.returncode == 0, well.stdout
    assert trained_bundle.name in well.stdout
    alone = running.triage("doctor", TRIAGE_DATABASE_URL="postgresql://u:hush@127.0.0.1:1/x")
    assert alone.returncode == 1
    assert "FAULT database" in alone.stdout
    assert "hush" not in alone.stdout + alone.stderr


def test_a_worker_closes_what_was_forgotten_and_nothing_else(running: Service) -> None:
    forgotten = running.fire(title="Forgotten")["incident"]
    recent = running.fire(title="Recent")["incident"]
    with psycopg.connect(str(running.database_url)) as connection:
        connection.execute(
            "UPDATE incident SET closes_at = now() - interval '1 second' WHERE id = %s", [forgotten["id"]]
        )
    done = running.triage("worker", "--once")
    assert done.returncode == 0, done.stderr
    closed = running.get(f"/v1/incidents/{forgotten['id']}").json()["incident"]
    assert (closed["state"], closed["resolved_by"]) == ("resolved", "triage")
    assert running.timeline(forgotten["id"]) == ["opened", "decided", "resolved"]
    assert running.get(f"/v1/incidents/{recent['id']}").json()["incident"]["state"] == "triggered"
    again = running.fire(title="Forgotten")
    assert again["joined"] is False
    assert again["decision"]["recurrence"]["kind"] == "recurrence"


def test_migrating_what_is_up_to_date_changes_nothing(running: Service) -> None:
    done = running.triage("db", "migrate")
    assert (done.returncode, done.stdout) == (0, "The schema is up to date.\n")


@pytest.mark.parametrize(
    "arguments",
    [["replay"], ["token", "create", "--role", "admin"], ["token", "create", "--role", "king"], ["dance"]],
)
def test_wrong_usage_is_told_apart_from_failure(running: Service, arguments: list[str]) -> None:
    done = running.triage(*arguments)
    assert done.returncode == 2
    assert "Usage: " in done.stderr


@pytest.mark.parametrize("arguments", [["doctor"], ["replay", "x"], ["token", "list"], ["worker", "--once"]])
def test_a_database_that_is_away_is_one_sentence(running: Service, arguments: list[str]) -> None:
    done = running.triage(*arguments, TRIAGE_DATABASE_URL="postgresql://u:hush@127.0.0.1:1/x")
    assert done.returncode == 1
    assert "the database" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stdout + done.stderr
