"""How PostgreSQL plans our statements: look-ups by key once, lists for what they ask."""

from datetime import UTC, datetime

from triage.domain.incident import Incident
from triage.recurrence.looking import look_at
from triage.store.batch import PostgresBatch
from triage.store.database import Database, Db


def mode_of(db: Db) -> str:
    row = db.execute("SHOW plan_cache_mode").fetchone()
    assert row is not None
    return str(row["plan_cache_mode"])


def test_the_look_ups_of_a_batch_are_planned_once_and_not_for_every_event(database: Database) -> None:
    event = Incident(title="Disk full", dedup_key="disk", started_at=datetime(2026, 3, 9, tzinfo=UTC))
    with database.connection() as db:
        batch = PostgresBatch(db, writing=False)
        for _ in range(12):
            batch.recollect([look_at(event)], [event], datetime.now(UTC))
        planned = db.execute(
            "SELECT sum(generic_plans) AS once, sum(custom_plans) AS anew FROM pg_prepared_statements"
        ).fetchone()
    assert planned is not None
    assert planned["once"] > 0
    assert planned["anew"] == 0


def test_a_list_with_filters_is_planned_for_what_it_asks_and_the_connection_is_as_before(
    database: Database,
) -> None:
    with database.exploring() as db:
        assert mode_of(db) == "auto"
        same = db
    assert mode_of(same) == "force_generic_plan"
