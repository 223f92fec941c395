"""``python -m bench.review``: what the review queue costs while many incidents wait in it.

An embedded database of its own is filled with incidents that wait, of patterns of very different sizes, and one
storm whose items are worth more than all others. Told are, in milliseconds (median / worst), the list, taking the
next item, an item of the sample, what is closed with an answer, and the figures of the model.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import click
import psycopg

from triage.store.database import Database, migrate
from triage.store.embedded import start_embedded
from triage.store.judgements import Judgements
from triage.store.review_items import ReviewItems, close_item

RUNS = 20
FOR = timedelta(minutes=10)


@click.command()
@click.option("--incidents", default=200_000, show_default=True)
@click.option("--patterns", default=20_000, show_default=True)
@click.option("--storm", default=10_000, show_default=True, help="Incidents of one pattern, worth most of all.")
def main(incidents: int, patterns: int, storm: int) -> None:
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as place:
        Path(place).chmod(0o711)
        server = start_embedded(Path(place))
        try:
            migrate(server.url)
            database = Database(server.url)
            database.open()
            _fill(server.url, incidents, patterns)
            click.echo(f"{incidents:,} incidents wait, of {patterns:,} patterns")
            _measure(database)
            with psycopg.connect(server.url) as db:
                db.execute(_STORM, {"storm": storm})
                db.execute(_LEADING)
            click.echo(f"the {storm:,} that are worth most are of one pattern")
            _measure(database)
            database.close()
        finally:
            server.stop()


def _fill(url: str, incidents: int, patterns: int) -> None:
    with psycopg.connect(url) as db:
        db.execute(_PATTERNS, {"patterns": patterns})
        db.execute(_INCIDENTS, {"incidents": incidents, "patterns": patterns})
        db.execute(_ITEMS)
        db.execute(_LEADING)
        db.execute("ANALYZE")


def _measure(database: Database) -> None:
    items, judgements, now = ReviewItems(database), Judgements(database), datetime.now(UTC)
    turn = iter(range(1_000_000))

    def answer() -> None:
        found = items.best("ann", now, 1)[0].item.incident_id
        with database.connection() as db:
            close_item(db, found, "ann", now)

    def take(which: Callable[[str, datetime, datetime], object]) -> object:
        return which(f"reviewer {next(turn)}", now, now + FOR)

    _tell("the list of 50", lambda: items.best("ann", now, 50))
    _tell("how many wait", items.count)
    _tell("the next one, each for somebody else", lambda: take(items.take_best))
    _tell("one of the sample", lambda: take(partial(items.take_sampled, rate=0.02)))
    _tell("finding and closing one", answer)
    _tell("the sample, judged", lambda: judgements.judged(0.02))
    _tell("coverage of 90 days", lambda: judgements.coverage(now - timedelta(days=90), now))


def _tell(what: str, act: Callable[[], object]) -> None:
    took = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        act()
        took.append((time.perf_counter() - begun) * 1_000)
    click.echo(f"  {what}: {median(took):.1f} / {max(took):.1f} ms")


_PATTERNS = """
INSERT INTO pattern (id, root, scope, template, first_seen_at, last_seen_at)
SELECT id, id, '', '', now(), now() FROM (
    SELECT md5('pattern ' || n)::uuid AS id FROM generate_series(0, %(patterns)s - 1) AS n
) AS new
"""
# A few patterns have most of the incidents.
_INCIDENTS = """
INSERT INTO incident (id, pattern_id, source, scope, title, event, text_key, state, status, priority, team,
    decision_id, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at)
SELECT md5('incident ' || n)::uuid, md5('pattern ' || floor(power(random(), 3) * %(patterns)s)::int)::uuid,
    'bench', '', 'Disk ' || n || ' full', '{"title": "Disk full"}', decode(md5(n::text), 'hex'), 'triggered',
    'new', 'P3', 'desk', md5('decision ' || n)::uuid, 1, 1, at, at, at
FROM (SELECT n, now() - n * interval '30 seconds' AS at FROM generate_series(1, %(incidents)s) AS n) AS new
"""
_ITEMS = """
INSERT INTO review_item (incident_id, pattern_id, decision_id, opened_at, lead, worth, saves, remaining,
    reasons, draw, suggested_priority, suggested_team, acts_priority, acts_team)
SELECT id, pattern_id, decision_id, opened_at, false, ln(1 + saves) / ln(1001), saves, 1,
    '[["uncertain: the team", 0.8]]', random(), 'P3', 'desk', true, true
FROM (SELECT *, 1000 * random() AS saves FROM incident) AS new
"""
_LEADING = """
UPDATE review_item SET lead = true WHERE incident_id IN (
    SELECT DISTINCT ON (pattern_id) incident_id FROM review_item WHERE done_at IS NULL
    ORDER BY pattern_id, saves DESC, opened_at DESC
)
"""
_STORM = """
WITH moved AS (
    UPDATE incident SET pattern_id = md5('pattern 0')::uuid
    WHERE id IN (SELECT incident_id FROM review_item WHERE done_at IS NULL ORDER BY worth DESC LIMIT %(storm)s)
    RETURNING id
)
UPDATE review_item SET pattern_id = md5('pattern 0')::uuid, worth = 0.9 + worth / 10,
    saves = 500 + saves / 2, lead = false
WHERE incident_id IN (SELECT id FROM moved)
"""


if __name__ == "__main__":
    main()
