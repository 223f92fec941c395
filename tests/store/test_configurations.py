"""Which version is active, what was before, and that nobody undoes what somebody else did meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.fixtures_store import address_of
from triage.errors import Conflict, StoreRefused
from triage.store.configurations import NOTHING, Configurations, Move
from triage.store.database import Database, migrate
from triage.store.embedded import EmbeddedDatabase

MIGRATIONS = Path(__file__).resolve().parents[2] / "triage/store/migrations"


@pytest.fixture
def configurations(database: Database) -> Configurations:
    return Configurations(database)


def active(configurations: Configurations) -> str:
    return configurations.read_pointers()["bundle"].version


def point(configurations: Configurations, *versions: str) -> None:
    for version in versions:
        configurations.point("bundle", version, "person:ann", f"for {version}")


def roll_back(configurations: Configurations) -> str:
    earlier = configurations.find_earlier("bundle")
    assert earlier is not None
    configurations.point("bundle", earlier.version, "person:bob", "back", restores=earlier)
    return active(configurations)


def test_every_move_is_remembered_with_who_made_it_and_why(configurations: Configurations) -> None:
    point(configurations, "a", "b")
    newest, oldest = configurations.read_moves("bundle", 20)
    assert (newest.version, newest.previous, newest.changed_by, newest.reason) == ("b", "a", "person:ann", "for b")
    assert (oldest.version, oldest.previous, oldest.restores) == ("a", None, None)
    assert newest.changed_at == configurations.read_pointers()["bundle"].changed_at
    assert configurations.read_moves("bundle", 1) == [newest]


def test_pointing_at_what_is_active_changes_and_remembers_nothing(configurations: Configurations) -> None:
    point(configurations, "a")
    before = configurations.read_pointers()
    assert configurations.point("bundle", "a", "person:bob", "again") is None
    assert configurations.read_pointers() == before
    assert len(configurations.read_moves("bundle", 20)) == 1


def test_repeated_rollbacks_go_further_back_and_not_to_and_fro(configurations: Configurations) -> None:
    point(configurations, "a", "b", "c")
    assert [roll_back(configurations), roll_back(configurations)] == ["b", "a"]
    assert configurations.find_earlier("bundle") is None
    assert [move.version for move in configurations.read_moves("bundle", 20)] == ["a", "b", "c", "b", "a"]


def test_a_rollback_after_a_new_promotion_skips_what_was_rolled_back_before(
    configurations: Configurations,
) -> None:
    point(configurations, "a", "b", "bad")
    assert roll_back(configurations) == "b"
    point(configurations, "c")
    assert [roll_back(configurations), roll_back(configurations)] == ["b", "a"]


def test_what_was_active_twice_is_gone_back_to_twice(configurations: Configurations) -> None:
    point(configurations, "a", "b", "a")
    assert [roll_back(configurations), roll_back(configurations)] == ["b", "a"]
    assert configurations.find_earlier("bundle") is None


def test_without_any_move_there_is_nothing_to_go_back_to(configurations: Configurations) -> None:
    assert configurations.find_earlier("bundle") is None
    point(configurations, "a")
    assert configurations.find_earlier("bundle") is None


def test_each_kind_has_a_history_of_its_own(configurations: Configurations) -> None:
    point(configurations, "a")
    configurations.keep(("cat1", "c"), ("policy1", "p"), "triage", "read")
    point(configurations, "b")
    configurations.keep(("cat1", "c"), ("policy2", "q"), "triage", "read again")
    assert [move.version for move in configurations.read_moves("policy", 20)] == ["policy2", "policy1"]
    assert [move.version for move in configurations.read_moves("catalogue", 20)] == ["cat1"]
    assert roll_back(configurations) == "a"


def test_a_move_from_another_version_than_the_expected_one_is_refused(configurations: Configurations) -> None:
    with pytest.raises(Conflict, match="active bundle is none and not a"):
        configurations.point("bundle", "b", "person:ann", "", expect="a")
    configurations.point("bundle", "a", "person:ann", "", expect=NOTHING)
    for wrong in ("b", NOTHING):
        with pytest.raises(Conflict, match=f"active bundle is a and not {wrong}"):
            configurations.point("bundle", "c", "person:ann", "", expect=wrong)
    assert active(configurations) == "a"
    configurations.point("bundle", "b", "person:ann", "", expect="a")
    assert active(configurations) == "b"


def test_of_many_who_expect_the_same_exactly_one_moves(configurations: Configurations) -> None:
    point(configurations, "start")

    def move(version: str) -> Move | Conflict | None:
        try:
            return configurations.point("bundle", version, "person:ann", "", expect="start")
        except Conflict as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(move, [f"v{number}" for number in range(8)]))
    moved = [outcome for outcome in outcomes if isinstance(outcome, Move)]
    assert len(moved) == 1
    assert active(configurations) == moved[0].version
    assert len(configurations.read_moves("bundle", 20)) == 2


@pytest.mark.parametrize(
    "change", ["UPDATE activation SET reason = ''", "DELETE FROM activation", "TRUNCATE activation"]
)
def test_the_history_is_never_changed(configurations: Configurations, database: Database, change: str) -> None:
    point(configurations, "a")
    with pytest.raises(StoreRefused), database.connection() as db:
        db.execute(change.encode())
    assert len(configurations.read_moves("bundle", 20)) == 1


def test_a_database_from_before_the_history_can_be_rolled_back(server: EmbeddedDatabase) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE from_before")
    url = address_of(server.url, "from_before")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE EXTENSION IF NOT EXISTS vector")
        db.execute((MIGRATIONS / "0001_foundation.sql").read_text().encode())
        db.execute("CREATE TABLE migration (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())")
        db.execute("INSERT INTO migration (name) VALUES ('0001_foundation.sql')")
        db.execute(
            "INSERT INTO active VALUES ('bundle', 'new', 'old', now(), 'triage', 'the first trained bundle')"
        )
    assert "0002_activation.sql" in migrate(url)
    database = Database(url)
    database.open()
    try:
        configurations = Configurations(database)
        assert roll_back(configurations) == "old"
        assert configurations.find_earlier("bundle") is None
    finally:
        database.close()
