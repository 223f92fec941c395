"""``triage replay`` in a process of its own: the same decision, whatever came after it."""

import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fixtures_service import Service, StartService, event_body
from tests.fixtures_store import CATALOGUE, POLICY
from triage.store.configurations import Configurations
from triage.store.database import Database


@pytest.fixture(scope="module")
def trained(start_shared: StartService, starter_bundle: Path, trained_bundle: Path) -> Service:
    """A service whose trained bundle decides; the starter lies beside it."""
    service = start_shared(started=False)
    for bundle in (starter_bundle, trained_bundle):
        shutil.copytree(bundle, service.models / bundle.name)
    return service.start()


def replayed(service: Service, decision_id: str) -> dict[str, Any]:
    done = service.triage("replay", decision_id, "--json")
    assert done.returncode in {0, 1}, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["same"] == (done.returncode == 0)
    return found


def decide(service: Service, /, **fields: object) -> dict[str, Any]:
    decision: dict[str, Any] = service.fire(**fields)["decision"]
    return decision


def test_decisions_replay_after_reload_promotion_override_and_more_history(
    trained: Service, starter_bundle: Path, trained_bundle: Path
) -> None:
    first = decide(trained, dedup_key="lag")
    assert first["versions"]["bundle"] == trained_bundle.name
    predicted = trained.post("/v1/predict?record=true", event_body(title="Refunds fail at the acquirer")).json()
    trained.write(
        CATALOGUE.replace("Card payments", "Wallets"), POLICY.replace("policy: standard", "policy: fast")
    )
    trained.reload()
    trained.wait_until(lambda: trained.get("/version").json()["policy"] != first["versions"]["policy"], "reloaded")
    for number in range(5):
        trained.fire(title=f"Replication lag above {number} s on orders-db")
    incident = trained.fire(dedup_key="lag", started_at="2026-03-09T09:42:00Z")["incident"]
    overridden = trained.post(f"/v1/incidents/{incident['id']}/override", {"priority": "P1"}).json()["decision"]
    promote(trained, starter_bundle.name)
    trained.wait_until(lambda: trained.get("/version").json()["bundle"] == starter_bundle.name, "promoted")
    last = decide(trained, title="Something else", service="card-gateway")
    assert last["versions"]["bundle"] == starter_bundle.name
    for decision in (first, predicted, overridden, last):
        assert replayed(trained, decision["decision_id"]) == {"same": True, "differences": []}
    told = trained.triage("replay", first["decision_id"])
    assert told.returncode == 0
    assert "The same when derived again." in told.stdout
    assert f"team {first['team']['value']}" in told.stdout


def promote(service: Service, version: str) -> None:
    database = Database(str(service.database_url), size=2)
    database.open()
    Configurations(database).point("bundle", version, "test", "promoted")
    database.close()


def tamper(service: Service, decision_id: str, change: str) -> None:
    """As somebody with all rights over the database might: the table itself refuses."""
    with psycopg.connect(str(service.database_url)) as connection:
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute(change, [decision_id])  # type: ignore[arg-type]
        connection.rollback()
        connection.execute("ALTER TABLE decision DISABLE TRIGGER decision_immutable")
        assert connection.execute(change, [decision_id]).rowcount == 1  # type: ignore[arg-type]
        connection.execute("ALTER TABLE decision ENABLE TRIGGER decision_immutable")


CONCLUSION = """UPDATE decision SET record = jsonb_set(record, '{team,value}', '"desk"') WHERE id = %s"""
PROBABILITY = "UPDATE decision SET record = jsonb_set(record, '{team,probability}', '0.123457') WHERE id = %s"
SAID = """UPDATE decision SET inputs = jsonb_set(inputs, '{incident,severity}', '"critical"') WHERE id = %s"""


@pytest.mark.parametrize(
    ("change", "at"),
    [(CONCLUSION, "team.value"), (PROBABILITY, "team.probability"), (SAID, "priority.value")],
    ids=["a changed conclusion", "a changed probability", "a changed input"],
)
def test_a_tampered_record_shows_where_it_differs(trained: Service, change: str, at: str) -> None:
    decision = decide(trained, title=f"Tampered with {at}")
    tamper(trained, decision["decision_id"], change)
    told = trained.triage("replay", decision["decision_id"])
    assert told.returncode == 1
    assert "Derived again it differs:" in told.stdout
    assert f"  {at}: stored " in told.stdout
    assert at in {difference["at"] for difference in replayed(trained, decision["decision_id"])["differences"]}


def test_what_cannot_be_replayed_says_why(trained: Service) -> None:
    for unknown in ("00000000-0000-0000-0000-000000000000", "not-an-id"):
        done = trained.triage("replay", unknown)
        assert done.returncode == 1
        assert done.stderr == "Error: no such decision is stored\n"
    decision = decide(trained, title="Its bundle will be gone")
    bundle = trained.models / decision["versions"]["bundle"]
    bundle.rename(bundle.with_name(".away"))
    done = trained.triage("replay", decision["decision_id"])
    bundle.with_name(".away").rename(bundle)
    assert done.returncode == 1
    assert f"the bundle {bundle.name} is not in" in done.stderr
