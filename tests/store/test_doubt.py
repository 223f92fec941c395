"""A transaction whose commit was asked for and never confirmed: what the store can still find out about it."""

import psycopg
import pytest

from triage.domain.delivery import DeliveryKey
from triage.errors import StoreUnavailable
from triage.store.batch import PostgresStore
from triage.store.database import Database

KEY = DeliveryKey(principal="test", key="1", digest=b"")

DIES_AT_COMMIT = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON delivery DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION die();
"""


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return PostgresStore(database)


def write(store: PostgresStore, error: Exception | None = None) -> None:
    with store.writing() as batch:
        batch.hold([], [], [KEY])
        batch.keep_deliveries([(KEY, [])])
        if error is not None:
            raise error


def test_a_commit_that_was_not_confirmed_is_in_doubt(
    store: PostgresStore, database: Database, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute(DIES_AT_COMMIT)
    with pytest.raises(StoreUnavailable) as failed:
        write(store)
    assert database.is_reachable()
    assert failed.value.in_doubt is not None
    assert store.was_committed(failed.value.in_doubt) is False


def test_a_connection_lost_before_the_commit_leaves_no_doubt(store: PostgresStore) -> None:
    with pytest.raises(StoreUnavailable) as failed:
        write(store, error=StoreUnavailable("the database went away"))
    assert failed.value.in_doubt is None


def test_what_became_of_a_transaction_is_known_afterwards(store: PostgresStore) -> None:
    with store.writing() as batch:
        batch.hold([], [], [KEY])
        name = str(batch.transaction)
        with pytest.raises(StoreUnavailable, match="still at"):
            store.was_committed(name)
    assert store.was_committed(name) is True


def test_a_transaction_that_this_database_never_had_was_not_committed(store: PostgresStore) -> None:
    assert store.was_committed(str(2**40)) is False
