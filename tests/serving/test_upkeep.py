"""What keeps the service up: each part on its own, whatever becomes of the others."""

import shutil
from datetime import timedelta
from pathlib import Path

import orjson
import psycopg
import pytest
from pydantic import SecretStr

from tests.fixtures_api import Api, OpenApi, event
from triage.domain.access import Principal, Role
from triage.serving.parts import utc_now
from triage.store.embedding_index import INDEX_LOCK, ensure_embedding_index

PRINCIPAL = Principal(owner="source:monitor", role=Role.SOURCE)


def put_aside_and_drain(api: Api, title: str) -> None:
    api.service.keep("v1/incidents", orjson.dumps(event(title=title)), {}, PRINCIPAL)
    api.wait_until(lambda: not api.service.spooling)
    assert title in [one["title"] for one in api.get("/v1/incidents").json()["incidents"]]


def indexes(url: str) -> list[str]:
    with psycopg.connect(url) as db:
        rows = db.execute(
            "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE indisvalid AND relname LIKE 'text_embedding%' AND relname <> 'text_embedding_pkey'"
        ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("table", ["active", "token"])
def test_a_part_that_always_fails_keeps_none_of_the_others_from_running(api: Api, table: str) -> None:
    with api.service.parts.database.connection() as db:
        db.execute(f"ALTER TABLE {table} RENAME TO elsewhere".encode())
    put_aside_and_drain(api, "Drained all the same")


def test_the_index_of_the_encoder_in_force_is_built_beside_the_rest(
    open_api: OpenApi, tmp_path: Path, database_url: str, starter_bundle: Path
) -> None:
    shutil.copytree(starter_bundle, tmp_path / "models" / starter_bundle.name)
    with psycopg.connect(database_url) as writer:
        # A build waits for every transaction that has written.
        writer.execute("INSERT INTO text_embedding VALUES ('other', 'x', '[1]')")
        api = open_api(database_url=SecretStr(database_url))
        put_aside_and_drain(api, "While the index is built")
        assert api.service.parts.database.is_down is False
        assert indexes(database_url) == []
    api.wait_until(lambda: len(indexes(database_url)) == 1)


def test_one_replica_builds_and_the_others_do_not_wait(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as builder:
        builder.execute("SELECT pg_advisory_lock(%s)", (INDEX_LOCK,))
        assert ensure_embedding_index(database_url, "encoder", 3) is False
    assert ensure_embedding_index(database_url, "encoder", 3) is True
    assert ensure_embedding_index(database_url, "encoder", 3) is True
    assert len(indexes(database_url)) == 1


def test_a_service_without_a_worker_closes_forgotten_incidents_and_forgets_old_keys(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.serving.upkeep.HOUSE_KEPT_EVERY", 0.1)
    incident_id = api.fire()["incident"]["id"]
    api.post("/v1/incidents", event(title="Keyed"), headers={"idempotency-key": "old"})
    with api.service.parts.database.connection() as db:
        db.execute("UPDATE incident SET closes_at = %s WHERE id = %s", (utc_now() - timedelta(1), incident_id))
        db.execute("UPDATE delivery SET received_at = now() - interval '30 days'")
    api.wait_until(lambda: api.get(f"/v1/incidents/{incident_id}").json()["incident"]["state"] == "resolved")
    api.wait_until(lambda: api.count("delivery") == 0)
