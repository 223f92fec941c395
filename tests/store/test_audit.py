"""The audit log knows everything that happened, and shows whatever was changed, removed or put in afterwards."""

import hashlib
import json
import threading

import psycopg
import pytest

from tests.engine.fixtures import Running
from tests.fixtures_store import Clock, Desk
from triage.errors import StoreRefused
from triage.store import audit as module
from triage.store.audit import GENESIS, Audit, Fault, Verified
from triage.store.database import Database


@pytest.fixture
def log(database: Database) -> Audit:
    return Audit(database)


@pytest.fixture
def lived(desk: Desk, clock: Clock, log: Audit) -> Running:
    """An incident that was decided, told, changed, acknowledged and resolved, in two seals."""
    running = Running(desk, clock)
    opened = desk.fire(severity="critical")
    running.engine.tick()
    log.seal(clock.now)
    running.corrections.override(opened.incident.id, "ann", priority="P2", team=None, reason="small")
    running.corrections.acknowledge(opened.incident.id, "bob")
    running.corrections.resolve(opened.incident.id, "bob", "restarted")
    running.engine.tick()
    log.seal(clock.now)
    return running


def tamper(database: Database, statement: str) -> None:
    """As the owner of the tables can."""
    tables = ("audit", "audit_seal", "timeline", "decision", "activation")
    with database.transaction() as db:
        for table in tables:
            db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        db.execute(statement.encode())
        for table in tables:
            db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())


def whats(found: Verified) -> list[str]:
    return [fault.what for fault in found.faults]


def test_everything_that_happened_is_in_it(lived: Running, log: Audit) -> None:
    kinds = [json.loads(line).get("kind") for line in log.export()]
    for kind in (
        "catalogue_activated",
        "policy_activated",
        "opened",
        "decision",
        "paged",
        "overridden",
        "acknowledged",
        "resolved",
        "stood_down",
    ):
        assert kind in kinds
    assert kinds.count("decision") == 2


def test_a_log_that_nobody_touched_is_sound(lived: Running, log: Audit) -> None:
    found = log.verify()
    assert (found.seals, found.unsealed, found.faults) == (2, 0, [])
    assert log.has_head(found.head)
    assert not log.has_head("ab" * 32)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE kind = 'overridden'", "changed after it was sealed"),
        ("UPDATE audit SET at = at + interval '1 second' WHERE kind = 'resolved'", "changed after it was sealed"),
        ("DELETE FROM audit WHERE kind = 'acknowledged'", "missing from the log; it was in seal 2"),
        ("UPDATE timeline SET actor = 'eve' WHERE kind = 'overridden'", "what it tells of was changed: timeline"),
        ("DELETE FROM timeline WHERE kind = 'paged'", "what it tells of is gone: timeline"),
        ("UPDATE decision SET record = jsonb_set(record, '{team,value}', '\"desk\"')", "was changed: decision"),
        ("UPDATE activation SET changed_by = 'eve' WHERE kind = 'policy'", "was changed: activation"),
        ("DELETE FROM audit_seal WHERE number = 1", "seal 1 is missing"),
        (
            "UPDATE audit_seal SET leaves = sha256('') || substr(leaves, 33) WHERE number = 2",
            "seal 2 does not follow from the one before it",
        ),
    ],
)
def test_what_was_changed_or_removed_is_found(lived: Running, log: Audit, statement: str, what: str) -> None:
    tamper(lived.desk.database, statement)
    assert any(what in said for said in whats(log.verify()))


def test_what_was_put_in_afterwards_is_found(lived: Running, log: Audit) -> None:
    tamper(lived.desk.database, "DELETE FROM audit WHERE kind = 'acknowledged'")
    tamper(
        lived.desk.database,
        "INSERT INTO audit (id, at, kind, actor, source, key) OVERRIDING SYSTEM VALUE"
        " VALUES (0, now(), 'acknowledged', 'eve', 'x', '1')",
    )
    assert Fault(0, "put in after its time was sealed") in log.verify().faults


def test_an_end_that_was_cut_off_is_found_by_the_head(lived: Running, log: Audit) -> None:
    head = log.verify().head
    tamper(
        lived.desk.database, "DELETE FROM audit WHERE id IN (SELECT unnest(ids) FROM audit_seal WHERE number = 2)"
    )
    tamper(lived.desk.database, "DELETE FROM audit_seal WHERE number = 2")
    found = log.verify()
    assert found.faults == []
    assert not log.has_head(head)


def test_rows_are_refused_a_change(lived: Running) -> None:
    for table in ("audit", "audit_seal", "timeline"):
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(StoreRefused, match="P0001"), lived.desk.database.connection() as db:
                db.execute(statement.encode())


def test_a_transaction_that_ends_late_is_sealed_all_the_same(desk: Desk, clock: Clock, log: Audit) -> None:
    """Its rows have lower ids than some that are sealed already."""
    with psycopg.connect(desk.database.url) as late:
        late.execute(
            "INSERT INTO timeline (incident_id, at, kind, actor) VALUES (gen_random_uuid(), now(), 'late', 'ann')"
        )
        desk.fire()
        log.seal(clock.now)
        assert log.verify().faults == []
        late.commit()
    assert log.verify().unsealed == 1
    assert log.seal(clock.now) == 1
    found = log.verify()
    assert (found.unsealed, found.faults) == (0, [])
    assert log.seal(clock.now) == 0


def test_one_sealer_seals_while_others_ask_too(
    desk: Desk, clock: Clock, log: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 7)
    stop = threading.Event()

    def seal() -> None:
        while not stop.is_set():
            log.seal(clock.now)

    sealers = [threading.Thread(target=seal) for _ in range(2)]
    for sealer in sealers:
        sealer.start()
    for number in range(20):
        desk.fire(title=f"Trouble number {number}", service="card-gateway")
    stop.set()
    for sealer in sealers:
        sealer.join()
    while log.seal(clock.now):
        pass
    found = log.verify()
    assert (found.unsealed, found.faults) == (0, [])
    assert found.rows == desk.count("audit")


def test_an_exported_file_is_checked_without_us(lived: Running, log: Audit) -> None:
    digest, leaves, seals = GENESIS, b"", 0
    for line in log.export():
        read = json.loads(line)
        if "seal" not in read:
            leaves += hashlib.sha256(line.rstrip(b"\n")).digest()
            continue
        digest, leaves, seals = hashlib.sha256(digest + leaves).digest(), b"", seals + 1
        assert digest.hex() == read["digest"]
    assert (seals, digest.hex()) == (2, log.verify().head)
