"""A pattern's page where there is much: the newest is read, and the rest is counted without being read."""

import psycopg
import pytest

from tests.fixtures_store import Clock, Desk
from triage.memory.patterns import Patterns
from triage.memory.reshaping import Reshaping
from triage.store.pattern_changes import PatternChanges
from triage.store.patterns import PatternFilter

MANY = 1_000_000
APART = "interval '1 minute'"

COLUMNS = (
    "pattern_id, source, scope, service, environment, title, event, text_key, status, priority, team, decision_id"
)
INCIDENTS = f"""
INSERT INTO incident ({COLUMNS}, id, state, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at,
    resolved_at, resolved_by)
SELECT {COLUMNS}, gen_random_uuid(), 'resolved', 100, 100, at, at, at, at + interval '9 min', 'ann'
FROM incident, LATERAL (
    SELECT %(now)s - n * 100 * {APART} AS at FROM generate_series(1, %(more)s / 100) AS n
) AS made
"""
OCCURRENCES = f"""
INSERT INTO occurrence (incident_id, pattern_id, source, scope, occurred_at, received_at)
SELECT %(incident)s, %(pattern)s, 'monitor', 's', at, at FROM (
    SELECT %(now)s - n * {APART} AS at FROM generate_series(1, %(more)s) AS n
) AS made
"""
BEATS = """
INSERT INTO pattern_beat
SELECT pattern_id, date_bin('5 minutes', occurred_at, 'epoch'), count(*) FROM occurrence GROUP BY 1, 2
ON CONFLICT (pattern_id, at) DO UPDATE SET occurrences = excluded.occurrences
"""
PATTERN = f"UPDATE pattern SET occurrences = %(more)s + 1, first_seen_at = %(now)s - %(more)s * {APART}"


@pytest.fixture
def patterns(desk: Desk) -> Patterns:
    return Patterns(desk.database, lambda: desk.active, desk.clock)


def grow(desk: Desk, occurrences: int) -> str:
    """One pattern that occurred that often, once a minute until now; each hundredth opened an incident."""
    first = desk.fire(title="Disk of host web1 full at 90%")
    asked = {
        "more": occurrences - 1,
        "now": desk.clock.now,
        "pattern": first.incident.pattern_id,
        "incident": first.incident.id,
    }
    with psycopg.connect(desk.database.url) as db:
        for key in ("incident_id", "pattern_id"):  # which need not be looked up a million times
            db.execute(f"ALTER TABLE occurrence DROP CONSTRAINT occurrence_{key}_fkey".encode())
        for statement in (INCIDENTS, OCCURRENCES, BEATS, PATTERN):
            db.execute(statement.encode(), asked)
    return first.incident.pattern_id


def test_a_pattern_that_occurred_a_million_times_is_told_from_its_sums_and_split_all_the_same(
    desk: Desk, clock: Clock, patterns: Patterns
) -> None:
    pattern_id = grow(desk, MANY)
    story = patterns.get(pattern_id)
    assert story.facts.members[0].occurrences == sum(story.facts.daily.values()) == MANY
    assert story.facts.counts == {"1h": 61, "24h": 1_441, "7d": 10_081, "30d": 43_201}
    assert (len(story.facts.recent), len(story.facts.incidents)) == (1_000, 500)
    assert story.life.rhythm is None  # a minute is the rhythm of the monitoring
    assert (story.life.resolve_mean_seconds, story.life.bucket_width) == (540.0, "month")
    listed = patterns.find(PatternFilter(sort="occurrences")).patterns
    assert [(one.row.id, one.row.occurrences) for one in listed] == [(pattern_id, MANY)]

    with psycopg.connect(desk.database.url) as db:
        db.execute("UPDATE incident SET state = 'resolved', status = 'resolved'")
    clock.advance(minutes=1)
    other = desk.fire(title="Disk of host web2 full at 91%")
    assert other.incident.pattern_id == pattern_id
    reshaping = Reshaping(PatternChanges(desk.database), clock)
    changed = reshaping.split(pattern_id, [other.incident.id], "ann")
    assert patterns.get(pattern_id).facts.members[0].occurrences == MANY
    assert patterns.get(changed.change.other_id or "").facts.counts["1h"] == 1
    reshaping.undo(changed.change.id, "ann")
    assert sum(patterns.get(pattern_id).facts.daily.values()) == MANY + 1
