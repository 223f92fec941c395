"""``python -m bench.escalations``: running escalations that fall due together, carried on by several workers.

Many escalations are open in an embedded database of its own; of them a part falls due within one minute, evenly
drawn. Workers, each a process with an engine, carry them on as the service does. Told are the lateness (from the
moment at which each was due until it was committed), whether each was carried on exactly once, and what a look for
what is due costs as the number of those that are not grows, beside looking at every open one.
"""

import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click
import orjson

from triage.domain.catalogue import Catalogue
from triage.domain.incident import Incident
from triage.domain.reach import Surroundings
from triage.engine import Engine
from triage.escalation.state import Escalation
from triage.rehearsal.virtual import VirtualIncident
from triage.rules.configuration import load_configuration
from triage.serving.ticking import TICK_EVERY
from triage.store.database import Database, migrate
from triage.store.embedded import start_embedded
from triage.store.escalations import STATE, Escalations, Held

CHUNK = 10_000
LEAD = 8.0
"""Seconds between the writing of the due times and the first of them, in which the workers start."""


class Watched(Escalations):
    """Remembers when what it held was committed."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.committed: list[tuple[str, float]] = []

    @contextmanager
    def holding(self, now: datetime, limit: int) -> Iterator[Held]:
        with super().holding(now, limit) as held:
            yield held
        at = time.time()
        self.committed += [(running.incident_id, at) for running in held.running]


def _work(url: str, folder: Path, until: float, results: "multiprocessing.Queue[list[tuple[str, float]]]") -> None:
    catalogue = load_configuration(folder).catalogue
    database = Database(url, size=2)
    database.open()
    escalations = Watched(database)
    engine = Engine(escalations, lambda: catalogue, lambda: datetime.now(UTC))
    while time.time() < until:
        if not engine.tick().more:
            time.sleep(TICK_EVERY)
    database.close()
    results.put(escalations.committed)


@click.command()
@click.option("--open", "count", default=100_000, show_default=True, help="Open escalations.")
@click.option("--due", default=20_000, show_default=True, help="Of them, due within the same minute.")
@click.option("--workers", default=2, show_default=True)
@click.option("--config", "folder", type=click.Path(path_type=Path), default=Path("config"), show_default=True)
def main(count: int, due: int, workers: int, folder: Path) -> None:
    catalogue, state = _an_escalation(folder)
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as place:
        Path(place).chmod(0o711)
        server = start_embedded(Path(place))
        try:
            migrate(server.url)
            database = Database(server.url)
            database.open()
            _fill(database, state, 1_000)
            few = _looks(database, catalogue)
            _fill(database, state, count - 1_000)
            many = _looks(database, catalogue)
            every = _looks_at_every(database)
            click.echo(
                f"a look for what is due, nothing being due, ms (median): {few:.2f} with 1,000 open,"
                f" {many:.2f} with {count:,}; looking at every one {every:.0f} ({every / many:.0f} times as long)"
            )
            _measure(database, server.url, folder, due, workers, count)
            database.close()
        finally:
            server.stop()


def _an_escalation(folder: Path) -> tuple[Catalogue, Escalation]:
    configuration = load_configuration(folder)
    catalogue = configuration.catalogue
    opened_at = datetime.now(UTC)
    incident = Incident(
        title="Card authorisations fail", service="payment-gateway", severity="critical", source="bench"
    )
    virtual = VirtualIncident(configuration.rulebook, incident, opened_at)
    virtual.open(Surroundings(catalogue=catalogue))
    return catalogue, virtual.state


def _fill(database: Database, state: Escalation, count: int) -> None:
    """Open escalations that are not due for a day."""
    stored: dict[str, Any] = STATE.dump_python(state, mode="json")
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    stored["timers"] = [{"kind": "acknowledge", "due_at": later, "step": state.step, "name": ""}]
    with database.unattended(), database.connection() as db:
        row = db.execute(
            "INSERT INTO pattern (id, root, scope, template, first_seen_at, last_seen_at)"
            " SELECT id, id, '', '', now(), now() FROM (SELECT gen_random_uuid() AS id) AS new RETURNING id"
        ).fetchone()
        assert row is not None
        for start in range(0, count, CHUNK):
            db.execute(
                "WITH new AS (INSERT INTO incident (id, pattern_id, source, scope, title, event, text_key, state,"
                " status, priority, team, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at)"
                " SELECT gen_random_uuid(), %s, 'bench', '', 'Card authorisations fail', '{}', '', 'triggered',"
                " 'new', 'P1', 'payments', 1, 1, now(), now(), now() FROM generate_series(1, %s) RETURNING id)"
                " INSERT INTO escalation (incident_id, state, due_at) SELECT id, %s::jsonb, %s FROM new",
                (row["id"], min(CHUNK, count - start), orjson.dumps(stored).decode(), later),
            )
        db.execute("VACUUM ANALYZE escalation, incident")


def _looks(database: Database, catalogue: Catalogue) -> float:
    engine = Engine(Escalations(database), lambda: catalogue, lambda: datetime.now(UTC))
    times = []
    for _ in range(300):
        began = time.perf_counter()
        engine.tick()
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _looks_at_every(database: Database) -> float:
    times = []
    with database.unattended(), database.connection() as db:
        for _ in range(3):
            began = time.perf_counter()
            now = datetime.now(UTC).isoformat()
            rows = db.execute("SELECT incident_id, state -> 'timers' AS timers FROM escalation").fetchall()
            assert not [row for row in rows if any(timer["due_at"] <= now for timer in row["timers"])]
            times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _measure(database: Database, url: str, folder: Path, due: int, workers: int, count: int) -> None:
    begins = time.time() + LEAD + due / 4_000
    draw = random.Random(7)
    with database.unattended(), database.transaction() as db:
        rows = db.execute("SELECT incident_id FROM escalation LIMIT %s", (due,)).fetchall()
        moments = {str(row["incident_id"]): begins + draw.random() * 60 for row in rows}
        given = [{"id": key, "at": datetime.fromtimestamp(at, UTC).isoformat()} for key, at in moments.items()]
        db.execute(
            "UPDATE escalation SET due_at = new.at::timestamptz,"
            " state = jsonb_set(state, '{timers,0,due_at}', to_jsonb(new.at))"
            " FROM jsonb_to_recordset(%s::jsonb) AS new (id uuid, at text) WHERE incident_id = new.id",
            (json.dumps(given),),
        )
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[list[tuple[str, float]]] = context.Queue()
    processes = [context.Process(target=_work, args=(url, folder, begins + 75, results)) for _ in range(workers)]
    for process in processes:
        process.start()
    committed = [one for _ in processes for one in results.get()]
    for process in processes:
        process.join()
    late = sorted(at - moments[key] for key, at in committed)
    cuts = quantiles(late, n=1000)
    click.echo(
        f"{due:,} of {count:,} due within a minute, {workers} workers: lateness p50 {cuts[499]:.2f} s,"
        f" p99 {cuts[989]:.2f} s, at most {late[-1]:.2f} s"
    )
    with database.connection() as db:
        row = db.execute(
            "SELECT count(*) FILTER (WHERE advanced = 1) AS once, count(*) FILTER (WHERE advanced > 1) AS more"
            " FROM escalation"
        ).fetchone()
        said = db.execute(
            "SELECT sum(n) AS messages, min(n) AS least, max(n) AS most"
            " FROM (SELECT count(*) AS n FROM message GROUP BY incident_id) AS said"
        ).fetchone()
    assert row is not None
    assert said is not None
    click.echo(
        f"carried on exactly once: {row['once']:,}; more often: {row['more']:,};"
        f" early: {sum(at < 0 for at in late):,};"
        f" messages {said['messages']:,}, {said['least']} to {said['most']} each"
    )


if __name__ == "__main__":
    main()
