"""``python -m bench.pages``: each page of the console with 200,000 incidents in the store, and 200 pages open.

Incidents of the example's company come in through the API; then they are multiplied in the database, each with its
occurrence, decision, escalation, timeline and page to somebody, over ninety days and 2,000 patterns. Times are the
service's own, seen from a client on the same machine; ``/livez`` beside them says what asking alone costs.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import httpx
import psycopg
from psycopg.rows import dict_row

from bench.servers import Server, ours
from triage.store.opening import opened_database

SUBJECTS = (
    "error rate above 5%",
    "latency above 2 s",
    "replication lag above 30 s",
    "disk 91% full",
    "login fails",
)
SERVICES = (
    ("payment-gateway", "critical"), ("checkout-api", "error"), ("orders-db", "warning"), ("search", "warning"),
    ("merchant-portal", "info"), ("edge", "critical"), ("kubernetes", "error"), ("data-warehouse", "ticket"),
)  # fmt: skip
OPEN_SHARE = 0.02
PATTERNS = 2_000
AUDITED = ("timeline", "message")


@click.command()
@click.option("--incidents", default=200_000, show_default=True)
@click.option("--rounds", default=40, show_default=True, help="How often each page is asked for.")
@click.option("--open", "watching", default=200, show_default=True, help="Pages that are open and live.")
@click.option("--models", type=click.Path(path_type=Path), default=Path("models"), show_default=True)
def main(incidents: int, rounds: int, watching: int, models: Path) -> None:
    """Time every page, then how long a change takes to reach every open one."""
    with tempfile.TemporaryDirectory(prefix="triage-pages-", dir="/tmp") as folder:
        root = Path(folder)
        root.chmod(0o711)
        with ours(root / "data", models.resolve(), root / "log") as server:
            with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
                fill(client)
                with opened_database(None, root / "data", size=2, timeout=10) as database:
                    begun = time.monotonic()
                    with psycopg.connect(database.url, autocommit=True, row_factory=dict_row) as db:
                        multiply(db, incidents)
                        sizes = db.execute("SELECT count(*) AS n FROM incident").fetchone()
                click.echo(f"{sizes and sizes['n']:,} incidents, made in {time.monotonic() - begun:.0f} s")
                measure(client, rounds)
            asyncio.run(watch(server, watching))


def fill(client: httpx.Client) -> None:
    for service, severity in SERVICES:
        for subject in SUBJECTS:
            event = {"title": f"{service}: {subject}", "service": service, "environment": "production"}
            answer = client.post("/v1/incidents", json={**event, "severity": severity, "source": "monitor"})
            answer.raise_for_status()
    time.sleep(2)


def multiply(db: psycopg.Connection[dict[str, Any]], incidents: int) -> None:
    """Every table that a page reads. Triggers are left out: the audit log of invented rows says nothing."""
    for table in AUDITED:
        db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for statement in STATEMENTS:
        db.execute(statement, {"incidents": incidents, "patterns": PATTERNS, "open": OPEN_SHARE})
    for table in AUDITED:
        db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    db.execute("ANALYZE")


STATEMENTS = (
    "CREATE TEMP TABLE seed AS SELECT row_number() OVER (ORDER BY id) AS k, incident.* FROM incident",
    "CREATE TEMP TABLE kinds AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, %(patterns)s) AS n",
    """INSERT INTO pattern (id, root, scope, template, first_seen_at, last_seen_at, occurrences)
    SELECT kinds.id, kinds.id, p.scope, p.template || ' ' || kinds.n, now() - interval '90 days', now(),
        %(incidents)s / %(patterns)s
    FROM kinds JOIN seed ON seed.k = 1 + kinds.n %% (SELECT count(*) FROM seed)
    JOIN pattern AS p ON p.id = seed.pattern_id""",
    """CREATE TEMP TABLE made AS
    SELECT gen_random_uuid() AS id, seed.k, kinds.id AS pattern, now() - random() * interval '90 days' AS at,
        random() < %(open)s AS is_open, turn AS n
    FROM generate_series(1, %(incidents)s) AS turn
    JOIN seed ON seed.k = 1 + turn %% (SELECT count(*) FROM seed)
    JOIN kinds ON kinds.n = 1 + (turn * 7919::bigint) %% %(patterns)s""",
    """INSERT INTO incident (id, pattern_id, source, scope, service, environment, title, event, text_key, state,
        status, priority, team, decision_id, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at,
        acknowledged_at, acknowledged_by, resolved_at, resolved_by, resolution, needs_review)
    SELECT m.id, m.pattern, s.source, s.scope, s.service, s.environment, s.title || ' on host-' || m.n %% 5000,
        s.event, s.text_key, CASE WHEN m.is_open THEN s.state ELSE 'resolved' END,
        CASE WHEN m.is_open THEN s.status ELSE 'resolved' END, s.priority, s.team, s.decision_id, 1, 1, m.at, m.at,
        m.at, CASE WHEN m.is_open THEN NULL ELSE m.at + interval '5 minutes' END,
        CASE WHEN m.is_open THEN NULL ELSE (ARRAY['ines', 'henrik', 'dana', 'wei'])[1 + m.n %% 4] END,
        CASE WHEN m.is_open THEN NULL ELSE m.at + interval '40 minutes' END,
        CASE WHEN m.is_open THEN NULL ELSE (ARRAY['ines', 'henrik', 'dana', 'wei'])[1 + m.n %% 4] END,
        CASE WHEN m.is_open OR m.n %% 5 > 0 THEN NULL ELSE 'restarted worker ' || m.n %% 900 END, s.needs_review
    FROM made AS m JOIN seed AS s ON s.k = m.k""",
    """INSERT INTO occurrence (incident_id, pattern_id, source, scope, occurred_at, received_at)
    SELECT m.id, m.pattern, s.source, s.scope, m.at, m.at FROM made AS m JOIN seed AS s ON s.k = m.k""",
    """INSERT INTO pattern_beat (pattern_id, at, occurrences)
    SELECT pattern, date_bin('5 minutes', at, 'epoch'), count(*) FROM made GROUP BY 1, 2""",
    """INSERT INTO escalation (incident_id, state, team, due_at)
    SELECT m.id, CASE WHEN m.is_open THEN e.state ELSE jsonb_set(e.state, '{phase}', '"resolved"') END, e.team,
        CASE WHEN m.is_open THEN now() + interval '1 day' END
    FROM made AS m JOIN seed AS s ON s.k = m.k JOIN escalation AS e ON e.incident_id = s.id""",
    """INSERT INTO timeline (incident_id, at, kind, actor, detail)
    SELECT m.id, m.at + (t.id %% 50) * interval '1 second', t.kind, t.actor, t.detail
    FROM made AS m JOIN seed AS s ON s.k = m.k JOIN timeline AS t ON t.incident_id = s.id""",
    """INSERT INTO message (key, incident_id, kind, recipient, detail, made_at, state, due_at, sent_at)
    SELECT m.id || '/' || x.key, m.id, x.kind, x.recipient, x.detail, m.at, 'sent', m.at, m.at
    FROM made AS m JOIN seed AS s ON s.k = m.k JOIN message AS x ON x.incident_id = s.id""",
    """INSERT INTO review_item (incident_id, pattern_id, decision_id, opened_at, worth, lead, saves,
        remaining, reasons, draw, suggested_priority, suggested_team, acts_priority, acts_team, done_at, done_by)
    SELECT m.id, m.pattern, q.decision_id, m.at, random(),
        row_number() OVER (PARTITION BY m.pattern ORDER BY m.n %% 20 = 0, m.n) = 1, q.saves,
        q.remaining, q.reasons, random(), q.suggested_priority, q.suggested_team, true, true,
        CASE WHEN m.n %% 20 = 0 THEN m.at END, CASE WHEN m.n %% 20 = 0 THEN 'amara' END
    FROM made AS m JOIN seed AS s ON s.k = m.k JOIN review_item AS q ON q.incident_id = s.id""",
    """INSERT INTO triage_override (incident_id, pattern_id, priority, team, made_by, made_at)
    SELECT m.id, m.pattern, q.suggested_priority, q.suggested_team, 'amara', m.at
    FROM made AS m JOIN seed AS s ON s.k = m.k JOIN review_item AS q ON q.incident_id = s.id
    WHERE m.n %% 20 = 0""",
)


def pages(client: httpx.Client) -> Iterator[tuple[str, list[str]]]:
    """Each page's name, with the addresses that stand for it in turn."""
    newest = client.get("/v1/incidents", params={"limit": 200}).json()["incidents"]
    opened = client.get("/v1/incidents", params={"limit": 200, "state": "triggered"}).json()["incidents"]
    yield "incidents, open", ["/"]
    yield "incidents, all", ["/incidents?state=all"]
    yield "incidents, mine", ["/incidents?whose=mine"]
    yield "incidents, filtered", [
        "/incidents?state=resolved&team=payments", "/incidents?state=all&service=orders-db&priority=P3",
        "/incidents?state=all&environment=production&since=7d",
        "/incidents?state=all&source=monitor&order=urgency",
    ]  # fmt: skip
    yield "incidents, words", ["/incidents?state=all&q=replication+lag", "/incidents?state=all&q=host-17"]
    yield "one incident, open", [f"/incidents/{one['id']}" for one in opened]
    yield "one incident, over", [f"/incidents/{one['id']}" for one in newest]
    yield "review", ["/review"]
    yield "report", ["/report"]
    yield "on call", ["/oncall"]
    yield "patterns", ["/patterns", "/patterns?flag=frequent", "/patterns?sort=occurrences"]
    yield "one pattern", [f"/patterns/{one['pattern_id']}" for one in newest[:50]]
    yield "search", ["/search?q=replication", "/search?q=restarted", "/search?q=orders-db", "/search?q=host-42"]
    yield "policy", ["/policy"]
    yield "policy, check", ["/policy/check"]
    yield (
        "policy, what if",
        ["/policy/what-if?title=Card+authorisations+fail&service=payment-gateway&severity=critical"],
    )
    yield "models", ["/models"]
    yield "insights", ["/insights", "/insights?by=team", "/insights?by=week"]
    yield "(nothing: /livez)", ["/livez"]


def measure(client: httpx.Client, rounds: int) -> None:
    click.echo(f"{'page':24}{'median ms':>10}{'p95 ms':>10}{'most ms':>10}{'KiB':>8}")
    for name, addresses in pages(client):
        first = client.get(addresses[0])
        if first.status_code == 404:
            click.echo(f"{name:24}{'no such page':>20}")
            continue
        taken, size = [], 0
        for turn in range(rounds):
            begun = time.perf_counter()
            answer = client.get(addresses[turn % len(addresses)])
            taken.append(1000 * (time.perf_counter() - begun))
            if answer.status_code != 200:
                raise SystemExit(f"{addresses[turn % len(addresses)]} answered {answer.status_code}")
            size = max(size, len(answer.content))
        p95 = statistics.quantiles(taken, n=20)[-1]
        late = "" if p95 <= 200 else "  more than 200"
        click.echo(
            f"{name:24}{statistics.median(taken):>10.1f}{p95:>10.1f}{max(taken):>10.1f}{size / 1024:>8.0f}{late}"
        )


async def watch(server: Server, count: int) -> None:
    """Half of the pages show the list, half the incident that changes."""
    base = f"http://127.0.0.1:{server.port}"
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=base, timeout=None, limits=limits) as client:
        page = (await client.get("/v1/incidents", params={"state": "triggered", "limit": 20})).json()["incidents"]
        told: list[float] = []
        ready = asyncio.Event()
        heard = asyncio.Semaphore(0)
        opened = 0

        async def listen(address: str, incident: str) -> None:
            nonlocal opened
            async with client.stream("GET", address) as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("retry:"):
                        opened += 1
                        if opened == count:
                            ready.set()
                    elif line.startswith("data:") and incident in line:
                        told.append(time.perf_counter())
                        heard.release()

        incident = page[0]["id"]
        addresses = [f"/live?incident={incident}" if n % 2 else "/live?state=open" for n in range(count)]
        tasks = [asyncio.create_task(listen(address, incident)) for address in addresses]
        await asyncio.wait_for(ready.wait(), 60)
        await asyncio.sleep(2)
        delays: list[float] = []
        for word in ("acknowledge", "note", "escalate"):
            told.clear()
            begun = time.perf_counter()
            answer = await client.post(f"/v1/incidents/{incident}/{word}", json=_body(word))
            answer.raise_for_status()
            for _ in range(count):
                await asyncio.wait_for(heard.acquire(), 20)
            delays += [at - begun for at in told[:count]]
            await asyncio.sleep(3)
            while not heard.locked():
                await heard.acquire()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    _tell(delays, count)


def _body(word: str) -> dict[str, Any] | None:
    return {"note": {"text": "seen"}, "escalate": {"reason": "nobody answers"}}.get(word)


def _tell(delays: Sequence[float], count: int) -> None:
    p95 = statistics.quantiles(delays, n=20)[-1]
    click.echo(
        f"{count} open pages, 3 changes: told after {statistics.median(delays):.2f} s (median),"
        f" p95 {p95:.2f} s, at most {max(delays):.2f} s"
    )


if __name__ == "__main__":
    main()
