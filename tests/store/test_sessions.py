"""Sessions of the console: found by their secret alone, and over when their time is."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.store.database import Database
from triage.store.sessions import Sessions

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
IDLE, LASTS = timedelta(hours=12), timedelta(days=7)


@pytest.fixture
def sessions(database: Database) -> Sessions:
    return Sessions(database)


def begin(sessions: Sessions) -> str:
    return sessions.begin(b"digest of a token", "person:ann", NOW, LASTS)


def test_a_session_is_found_by_its_secret_which_is_kept_nowhere(database: Database, sessions: Sessions) -> None:
    secret = begin(sessions)
    found = sessions.find(secret, NOW, IDLE)
    assert found is not None
    assert found.token_digest == b"digest of a token"
    assert sessions.find("something else", NOW, IDLE) is None
    with database.connection() as db:
        kept = db.execute("SELECT row_to_json(session)::text AS row FROM session").fetchone()
        told = db.execute("SELECT string_agg(row_to_json(audit)::text, '') AS rows FROM audit").fetchone()
    assert kept is not None
    assert told is not None
    assert secret not in kept["row"] + told["rows"]


def test_one_that_is_not_used_ends(sessions: Sessions) -> None:
    secret = begin(sessions)
    assert sessions.find(secret, NOW + IDLE - timedelta(minutes=1), IDLE) is not None
    assert sessions.find(secret, NOW + 2 * IDLE - timedelta(minutes=2), IDLE) is not None
    assert sessions.find(secret, NOW + 3 * IDLE, IDLE) is None


def test_one_that_is_used_ends_too_after_its_time(sessions: Sessions) -> None:
    secret, now = begin(sessions), NOW
    while now < NOW + LASTS - timedelta(hours=10):
        now += timedelta(hours=10)
        assert sessions.find(secret, now, IDLE) is not None
    assert sessions.find(secret, NOW + LASTS, IDLE) is None


def test_one_that_was_ended_is_over_and_twice_is_once(sessions: Sessions) -> None:
    secret = begin(sessions)
    sessions.end(secret, NOW)
    sessions.end(secret, NOW)
    assert sessions.find(secret, NOW, IDLE) is None


def test_old_ones_are_forgotten_and_others_are_not(database: Database, sessions: Sessions) -> None:
    begin(sessions)
    assert sessions.forget(NOW + LASTS) == 0
    assert sessions.forget(NOW + LASTS + timedelta(days=2)) == 1
    with database.connection() as db:
        assert db.execute("SELECT FROM session").rowcount == 0
