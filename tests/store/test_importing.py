"""A history in the database: what is stored of each row, counted once, under the patterns that there are."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures_store import Desk, an_event
from triage.domain.delivery import Delivery
from triage.domain.incident import State, Status
from triage.domain.priority import Priority
from triage.domain.recurrence import MatchedBy, RecurrenceKind
from triage.errors import StoreRefused
from triage.history.rows import HistoryRow
from triage.memory.importing import Importer, incident_id, sift
from triage.memory.similar import Similar
from triage.recurrence.looking import look_at
from triage.store.batch import PostgresStore
from triage.store.importing import PostgresImport
from triage.store.incidents import Incidents
from triage.triager import Received

LAG = "Replication lag above 30 s on orders-db"


def a_row(line: int, **fields: Any) -> HistoryRow:
    """A labelled row of the same text as ``an_event``; what is no column of its own is of the incident."""
    own = {name: fields.pop(name) for name in list(fields) if name in HistoryRow.__slots__}
    given: dict[str, Any] = {
        "id": f"INC-{line}",
        "priority": "High",
        "team": "Databases",
        "duplicate_of": None,
        "resolved_at": None,
        "label_source": None,
        "incident": an_event(**{"occurred_at": datetime(2026, 3, 1, 8, tzinfo=UTC), **fields}),
    }
    return HistoryRow(line=line, **{**given, **own})


def take(desk: Desk, rows: Sequence[HistoryRow], portion: int = 100) -> Importer:
    importer = Importer(PostgresImport(desk.database), desk.configuration.catalogue)
    past = sift(rows, desk.clock.now).past
    assert sum(importer.take(past, portion)) == len(past)
    return importer


def ask(desk: Desk, statement: str) -> list[dict[str, Any]]:
    with desk.database.connection() as db:
        return db.execute(statement.encode()).fetchall()


def test_a_row_becomes_a_resolved_incident_that_was_never_decided_on(desk: Desk) -> None:
    at, over = datetime(2026, 2, 1, 8, tzinfo=UTC), datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
    row = a_row(1, occurred_at=at, service="Orders database", resolved_at=over, resolution="failed over")
    importer = take(desk, [row])
    (name,) = ask(desk, "SELECT id FROM incident")
    record = Incidents(desk.database).get(str(name["id"]))
    assert (record.state, record.status, record.decision_id) == (State.RESOLVED, Status.RESOLVED, None)
    assert (record.opened_at, record.resolved_at, record.resolved_by) == (at, over, "history")
    assert (record.resolution, record.service) == ("failed over", "orders-db")
    assert (record.priority, record.team) == (Priority.P2, "databases")
    assert (record.event, record.occurrences) == (row.incident, 1)
    assert importer.imported.incidents == 1


def test_rows_of_one_template_are_one_pattern_with_its_counts_and_beats(desk: Desk) -> None:
    first = datetime(2026, 3, 1, 8, 1, tzinfo=UTC)
    rows = [
        a_row(n, title=f"Disk of the ledger {n}0% full", occurred_at=first + timedelta(minutes=n))
        for n in (4, 1, 2, 9)
    ]
    imported = take(desk, rows, portion=2).imported
    (pattern,) = ask(desk, "SELECT * FROM pattern")
    assert pattern["occurrences"] == 4
    assert pattern["first_seen_at"] == first + timedelta(minutes=1)
    assert pattern["last_seen_at"] == first + timedelta(minutes=9)
    beats = ask(desk, "SELECT at, occurrences FROM pattern_beat ORDER BY at")
    assert [(beat["at"].minute, beat["occurrences"]) for beat in beats] == [(0, 2), (5, 1), (10, 1)]
    assert (imported.patterns, imported.new_patterns) == ({str(pattern["id"]): 4}, {str(pattern["id"])})


def test_taking_the_same_rows_again_adds_nothing(desk: Desk) -> None:
    rows = [a_row(n, dedup_key=f"k{n % 2}", title=f"{LAG}, shard {n}") for n in range(6)]
    filled = ("incident", "imported", "incident_key", "occurrence", "pattern", "pattern_key", "pattern_beat")
    tables = (*filled, "text_terms")
    take(desk, rows)
    before = [desk.count(table) for table in tables], ask(desk, "SELECT * FROM pattern")
    again = take(desk, rows).imported
    assert (again.known, again.incidents, again.patterns) == (6, 0, {})
    after = [desk.count(table) for table in tables], ask(desk, "SELECT * FROM pattern")
    assert after == before


def test_rows_without_ids_are_known_by_what_they_say(desk: Desk) -> None:
    rows = [a_row(n, id=f"line:{n}", title=f"{LAG}, shard {n}") for n in range(1, 4)]
    take(desk, rows)
    moved = [a_row(n + 10, id=f"line:{n + 10}", title=f"{LAG}, shard {n}", team="Payments") for n in range(1, 5)]
    again = take(desk, moved).imported
    assert (again.known, again.incidents) == (3, 1)


def test_an_incident_of_this_very_service_is_known(desk: Desk) -> None:
    incident = desk.fire().incident
    imported = take(desk, [a_row(1, id=incident.id)]).imported
    assert (imported.known, desk.count("incident")) == (1, 1)


def test_a_live_event_of_the_same_text_is_the_recurrence_of_the_imported_one(desk: Desk) -> None:
    at = desk.clock.now - timedelta(days=2)
    take(desk, [a_row(1, occurred_at=at), a_row(2, occurred_at=at + timedelta(hours=1))])
    newest = ask(desk, "SELECT id, pattern_id FROM incident ORDER BY opened_at DESC LIMIT 1")[0]
    received = desk.fire()
    found = received.recurrence
    assert received.opened
    assert (found.kind, found.matched_by) == (RecurrenceKind.RECURRENCE, MatchedBy.FINGERPRINT)
    assert (found.of, found.pattern_id) == (str(newest["id"]), str(newest["pattern_id"]))
    assert (found.total, found.occurrences["24h"], found.occurrences["7d"]) == (3, 1, 3)
    assert found.first_seen_at == at


def test_a_pattern_that_is_known_is_widened_and_counted_on(desk: Desk) -> None:
    live = desk.fire().incident
    earlier = desk.clock.now - timedelta(days=40)
    imported = take(desk, [a_row(1, occurred_at=earlier)]).imported
    (pattern,) = ask(desk, "SELECT * FROM pattern")
    assert str(pattern["id"]) == live.pattern_id
    assert (pattern["first_seen_at"], pattern["last_seen_at"]) == (earlier, desk.clock.now)
    assert (pattern["occurrences"], imported.new_patterns) == (2, set())


def test_what_people_merged_counts_under_the_pattern_it_was_merged_into(desk: Desk) -> None:
    into = desk.fire(title="The primary is gone").incident.pattern_id
    merged = desk.fire().incident.pattern_id
    with desk.database.connection() as db:
        db.execute("UPDATE pattern SET root = %s WHERE id = %s", (into, merged))
    take(desk, [a_row(1)])
    (stored,) = ask(desk, "SELECT pattern_id FROM incident WHERE decision_id IS NULL")
    assert str(stored["pattern_id"]) == into


def test_a_split_template_recognises_only_by_the_words_that_were_split_off(desk: Desk) -> None:
    look, other = (
        look_at(an_event(title="Job of order 17 failed on ledger")),
        look_at(an_event(title="Job 9 failed on mail")),
    )
    assert look.template_key != other.template_key
    ours = desk.fire(title="Something else").incident.pattern_id
    with desk.database.connection() as db:
        key = look.template_key
        db.execute("INSERT INTO pattern_split VALUES (%s, %s, %s)", (key, ["job", "ledger"], ours))
        db.execute("INSERT INTO pattern_key (digest, pattern_id, refused) VALUES (%s, %s, true)", (key, ours))
    rows = [a_row(1, title="Job of order 17 failed on ledger"), a_row(2, title="Job of order 18 failed on ledger")]
    assert take(desk, rows).imported.patterns == {ours: 2}


def test_a_refused_template_makes_a_pattern_for_each_text(desk: Desk) -> None:
    look = look_at(an_event(title="Job of order 17 failed"))
    other = desk.fire(title="Something else").incident.pattern_id
    with desk.database.connection() as db:
        statement = "INSERT INTO pattern_key (digest, pattern_id, refused) VALUES (%s, %s, true)"
        db.execute(statement, (look.template_key, other))
    imported = take(
        desk, [a_row(1, title="Job of order 17 failed"), a_row(2, title="Job of order 18 failed")]
    ).imported
    assert len(imported.new_patterns) == 2


def test_an_occurrence_is_counted_once_whoever_tells_of_it(desk: Desk) -> None:
    started = desk.clock.now - timedelta(minutes=10)
    desk.fire(dedup_key="lag", started_at=started)
    same = {"dedup_key": "lag", "started_at": started, "occurred_at": started}
    other = {**same, "started_at": started - timedelta(hours=1), "occurred_at": started - timedelta(hours=1)}
    rows = [a_row(1, **same), a_row(2, **other), a_row(3, **other)]
    take(desk, rows)
    take(desk, [*rows, a_row(4, **other)])
    assert (desk.count("incident"), desk.count("occurrence")) == (5, 2)
    assert ask(desk, "SELECT occurrences FROM pattern") == [{"occurrences": 2}]
    assert ask(desk, "SELECT sum(occurrences) AS n FROM pattern_beat") == [{"n": 2}]


def test_an_alert_that_still_fires_opens_an_incident_though_a_history_calls_it_over(desk: Desk) -> None:
    started = desk.clock.now - timedelta(hours=3)
    same = {"dedup_key": "lag", "started_at": started}
    take(desk, [a_row(1, **same)])
    (stored,) = ask(desk, "SELECT id FROM incident")
    received = desk.fire(**same)
    assert (received.opened, received.counted) == (True, True)
    assert (received.recurrence.of, received.recurrence.matched_by) == (str(stored["id"]), MatchedBy.KEY)


def test_a_repair_of_which_nobody_says_how_long_it_took_is_not_averaged(desk: Desk) -> None:
    at = desk.clock.now - timedelta(days=2)
    rows = [
        a_row(1, occurred_at=at),
        a_row(2, occurred_at=at, resolved_at=at + timedelta(hours=1)),
        a_row(3, occurred_at=at, resolved_at=at - timedelta(hours=1)),
    ]
    take(desk, rows)
    assert desk.fire().recurrence.resolve_seconds == 3_600


def test_words_that_the_catalogue_lacks_are_kept_and_stand_under_its_defaults(desk: Desk) -> None:
    rows = [a_row(1, priority="3 - Rot", team="Group 70"), a_row(2, priority=None, team=None)]
    imported = take(desk, rows).imported
    assert imported.unknown_priorities == {"3 - Rot": 1}
    assert imported.unknown_teams == {"Group 70": 1}
    found = ask(
        desk,
        "SELECT t.history_id, t.priority AS said, t.team AS called, i.priority, i.team FROM imported AS t"
        " JOIN incident AS i ON i.id = t.incident_id ORDER BY t.history_id",
    )
    assert [tuple(row.values()) for row in found] == [
        ("INC-1", "3 - Rot", "Group 70", "P3", "desk"),
        ("INC-2", None, None, "P3", "desk"),
    ]


def test_each_text_is_found_by_its_words_once_they_are_counted(desk: Desk) -> None:
    take(desk, [a_row(1), a_row(2), a_row(3, title="Card payments declined", service="card-gateway")])
    assert desk.count("text_terms") == 2
    store = PostgresImport(desk.database)
    store.finish()
    assert ask(desk, "SELECT texts FROM term WHERE term = 0") == [{"texts": 2}]
    (stored,) = ask(desk, "SELECT id FROM incident WHERE title = 'Card payments declined'")
    live = desk.fire(title="Card payments declined again", service="card-gateway").incident
    similar = Similar(PostgresStore(desk.database), Incidents(desk.database), lambda: desk.active)
    assert str(stored["id"]) == similar.find(live.id, 1)[0].incident.id


def test_a_portion_is_stored_whole_or_not_at_all(desk: Desk) -> None:
    importer = Importer(PostgresImport(desk.database), desk.configuration.catalogue)
    past = sift([a_row(1), a_row(2, label_source="nobody")], desk.clock.now).past
    with desk.database.connection() as db:
        db.execute("ALTER TABLE imported ADD CHECK (label_source <> 'nobody')")
    with pytest.raises(StoreRefused):
        next(importer.take(past, 100))
    assert (desk.count("incident"), desk.count("pattern"), importer.imported.incidents) == (0, 0, 0)


def test_a_service_and_an_import_count_on_the_same_pattern_at_the_same_time(desk: Desk) -> None:
    at = desk.clock.now - timedelta(days=1)
    rows = [a_row(n, occurred_at=at + timedelta(seconds=n)) for n in range(60)]
    outcomes: list[Any] = []

    def serve(number: int) -> None:
        for turn in range(5):
            event = an_event(dedup_key=f"{number} {turn}", title=f"{LAG}, {number} {turn}")
            outcomes.append(desk.triager.receive([Delivery(events=(an_event(), event), actor="source:test")])[0])

    services = [threading.Thread(target=serve, args=(number,)) for number in range(2)]
    imports = [threading.Thread(target=take, args=(desk, rows, 7)) for _ in range(2)]
    for thread in (*services, *imports):
        thread.start()
    for thread in (*services, *imports):
        thread.join(60)
    assert all(isinstance(one, Received) for outcome in outcomes for one in outcome)
    assert ask(desk, "SELECT count(*) AS n FROM incident WHERE decision_id IS NULL") == [{"n": 60}]
    total = ask(desk, "SELECT sum(occurrences) AS n FROM pattern")[0]["n"]
    assert total == desk.count("occurrence") == 60 + 2 * 5 * 2
    assert ask(desk, "SELECT sum(occurrences) AS n FROM pattern_beat") == [{"n": total}]
    (most,) = ask(desk, "SELECT max(occurrences) AS n FROM pattern")
    assert most["n"] >= 60 + 10  # the history's text is one pattern, whoever came first


def test_two_imports_of_one_history_store_each_row_once(desk: Desk) -> None:
    rows = [a_row(n, title=f"{LAG}, shard {n}") for n in range(40)]
    done: list[Importer] = []
    threads = [threading.Thread(target=lambda: done.append(take(desk, rows, 9))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(one.imported.incidents for one in done) == 40
    assert sum(one.imported.known for one in done) == 80
    assert desk.count("incident") == desk.count("imported") == desk.count("occurrence") == 40


CLOCKS = [
    ({"occurred_at": datetime(1970, 1, 1, tzinfo=UTC)}, None),
    ({"occurred_at": datetime(2026, 3, 10, tzinfo=UTC)}, None),
    ({"occurred_at": None}, None),
    ({"occurred_at": None, "started_at": datetime(2026, 3, 2, tzinfo=UTC)}, datetime(2026, 3, 2, tzinfo=UTC)),
    ({"occurred_at": datetime(2026, 3, 3, tzinfo=UTC)}, datetime(2026, 3, 3, tzinfo=UTC)),
]


@pytest.mark.parametrize(("said", "at"), CLOCKS)
def test_a_clock_that_says_nothing_is_no_date(desk: Desk, said: dict[str, Any], at: datetime | None) -> None:
    row = a_row(1, **said)
    sifted = sift([row], desk.clock.now)
    assert [past.at for past in sifted.past] == ([at] if at else [])
    assert sifted.undated == (at is None)
    given = datetime(2025, 1, 1, tzinfo=UTC)
    assert [past.at for past in sift([row], desk.clock.now, given).past] == [at or given]


def test_rows_come_oldest_first_each_once_and_not_without_words(desk: Desk) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [
        a_row(1, occurred_at=at + timedelta(hours=2)),
        a_row(2, occurred_at=at),
        a_row(3, id="INC-1", title="the same id again"),
        a_row(4, id="INC-1", source="another system", occurred_at=at + timedelta(hours=1)),
        a_row(5, title=""),
    ]
    sifted = sift(rows, desk.clock.now)
    assert [past.row.line for past in sifted.past] == [2, 4, 1]
    assert (sifted.repeated, sifted.wordless) == (1, 1)


def test_an_incident_is_the_same_whatever_is_said_of_it_later() -> None:
    rows = [a_row(n, id=f"line:{n}", priority=said, resolution=said) for n, said in ((1, "High"), (2, None))]
    assert incident_id(rows[0]) == incident_id(rows[1])
    assert incident_id(rows[0]) != incident_id(a_row(1, id="line:1", title="another"))
