"""A database that is slow, or busy with somebody else's work, is not one that is away."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from triage.errors import StoreUnavailable
from triage.store.database import Database, PatientConnection


@pytest.fixture
def hasty(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database, with little patience for its statements."""
    monkeypatch.setattr("triage.store.database.PROBE_PATIENCE", 5.0)
    database._patience.set(0.2)
    return database


@pytest.fixture
def other(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody else's work in the same database."""
    with psycopg.connect(database_url) as connection:
        yield connection


def test_a_statement_that_waits_for_a_lock_is_given_up_and_the_database_stays_in_use(
    hasty: Database, other: psycopg.Connection
) -> None:
    other.execute("LOCK TABLE incident")
    with pytest.raises(StoreUnavailable, match="is busy") as failed, hasty.transaction() as db:
        db.execute("LOCK TABLE incident")
    assert failed.value.retry_after == 1
    assert not hasty.is_down
    with hasty.connection() as db:
        assert db.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_statement_that_was_given_up_does_not_go_on_in_the_server(
    hasty: Database, other: psycopg.Connection, database_url: str
) -> None:
    other.execute("LOCK TABLE incident")
    with pytest.raises(StoreUnavailable), hasty.transaction() as db:
        db.execute("LOCK TABLE incident")
    with psycopg.connect(database_url, autocommit=True) as watcher:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
        waiting += " WHERE datname = current_database())"
        for _ in range(100):
            if watcher.execute(waiting.encode()).fetchone() == (0,):
                break
            watcher.execute("SELECT pg_sleep(0.02)")
        assert watcher.execute(waiting.encode()).fetchone() == (0,)


def test_a_database_whose_connections_are_all_at_work_is_busy_and_reachable(database_url: str) -> None:
    database = Database(database_url, size=2, timeout=0.2)
    database.open()
    try:
        with (
            database.connection(),
            database.connection(),
            pytest.raises(StoreUnavailable, match="is busy"),
            database.connection(),
        ):
            pass
        with database.connection(), database.connection():
            assert database.is_reachable()
        assert not database.is_down
    finally:
        database.close()


def test_a_server_that_does_not_answer_the_question_either_is_away(
    hasty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hasty, "url", "host=127.0.0.1 port=1")
    with pytest.raises(StoreUnavailable, match="cannot be reached"), hasty.connection() as db:
        db.execute("SELECT pg_sleep(5)")
    assert hasty.is_down


def test_work_that_nobody_waits_for_has_more_patience_in_its_own_thread_only(database: Database) -> None:
    found: list[float] = []

    def look() -> None:
        with database.connection() as db:
            assert isinstance(db, PatientConnection)
            found.append(db.patience)

    with database.unattended():
        look()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    unattended, elsewhere, afterwards = found
    assert unattended > elsewhere == afterwards
