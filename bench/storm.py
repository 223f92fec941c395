"""A storm: thousands of alerts of a few patterns as fast as they go in, and every one of them accounted for.

    python -m bench.storm [--alerts 10000] [--patterns 40] [--clients 32] [--together 1]

Says how long it took and how long each waited, and then whether exactly the incidents, occurrences and deliveries
are there that should be. With ``--together`` so many alerts come in one body, as an Alertmanager groups them; else
each comes alone. Exit code 1 if one is missing or one too many.
"""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import click

from bench.load import Order
from bench.preparation import prepare
from bench.rounds import drive
from bench.servers import Server, ours
from bench.texts import generate_history

STARTED = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)


@click.command(help=__doc__)
@click.option("--alerts", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--patterns", type=click.IntRange(min=1, max=200), default=40, show_default=True)
@click.option("--clients", type=click.IntRange(min=1, max=256), default=32, show_default=True)
@click.option("--together", type=click.IntRange(min=1, max=1_000), default=1, show_default=True)
def main(alerts: int, patterns: int, clients: int, together: int) -> None:
    said, faults = measure(alerts, patterns, clients, together)
    click.echo(said)
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise SystemExit(1)
    click.echo("every alert is accounted for")


def measure(alerts: int, patterns: int, clients: int, together: int) -> tuple[str, list[str]]:
    """What is said of one storm, and what is missing or too much after it."""
    prepared = prepare(click.echo)
    with tempfile.TemporaryDirectory(prefix="triage-storm-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        bodies = folder / "bodies.jsonl"
        sent = webhooks(alerts, patterns, together) if together > 1 else storm(alerts, patterns)
        bodies.write_text("".join(f"{json.dumps(body)}\n" for body in sent), encoding="utf-8")
        path = "/v1/sources/alertmanager" if together > 1 else "/v1/incidents"
        with ours(folder / "data", prepared.models, folder / "log") as server:
            order = Order(port=server.port, path=path, bodies=str(bodies), clients=clients, seconds=600.0)
            record = drive(order)
            latencies = sorted(record.latencies)
            cuts = quantiles(latencies, n=100)
            each = "alone" if together == 1 else f"{together} together"
            said = (
                f"{alerts:,} alerts of {patterns} patterns, {each}, in {record.elapsed:.1f} s"
                f" ({alerts / record.elapsed:,.0f}/s, {clients} clients): answers p50 {cuts[49] * 1e3:.0f} ms,"
                f" p99 {cuts[98] * 1e3:.0f} ms, slowest {latencies[-1] * 1e3:.0f} ms; {record.statuses}"
            )
            return said, list(account(server, alerts, patterns))


def storm(alerts: int, patterns: int) -> Iterator[dict[str, Any]]:
    """Alerts whose patterns take turns; each an occurrence of its own of its pattern's key."""
    kinds = list(distinct(patterns))
    for number in range(alerts):
        kind = number % patterns
        yield {
            **kinds[kind],
            "source": "storm",
            "dedup_key": f"storm-{kind}",
            "started_at": (STARTED + timedelta(milliseconds=number)).isoformat(),
        }


def webhooks(alerts: int, patterns: int, together: int) -> Iterator[dict[str, Any]]:
    """The same alerts as an Alertmanager sends them: each body a group of one pattern, as long as it has some."""
    waiting: dict[int, list[dict[str, Any]]] = {}
    for number, body in enumerate(storm(alerts, patterns)):
        group = waiting.setdefault(number % patterns, [])
        group.append(_alert(body, number))
        if len(group) == together:
            yield _webhook(group)
            group.clear()
    yield from (_webhook(group) for group in waiting.values() if group)


def _alert(body: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "Storm", "service": body["service"], "severity": "warning"},
        "annotations": {"summary": body["title"], "description": body["description"]},
        "startsAt": body["started_at"],
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{number:016x}",
    }


def _webhook(group: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": group[0]["labels"]["service"],
        "status": "firing",
        "receiver": "triage",
        "groupLabels": {"service": group[0]["labels"]["service"]},
        "commonLabels": group[0]["labels"],
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "truncatedAlerts": 0,
        "alerts": list(group),
    }


def distinct(patterns: int) -> Iterator[dict[str, Any]]:
    """Titles that differ in words, with a service of their own, so that no two are one pattern."""
    for kind, row in zip(range(patterns), generate_history(patterns), strict=True):
        yield {"title": row["title"], "description": row["description"] or "", "service": f"service-{kind}"}


def account(server: Server, alerts: int, patterns: int) -> Iterator[str]:
    """What is missing or too much."""
    incidents = server.get("/v1/incidents?limit=200")["incidents"]
    if len(incidents) != patterns:
        yield f"{len(incidents)} incidents instead of {patterns}"
    for what in ("occurrences", "deliveries"):
        found = sum(incident[what] for incident in incidents)
        if found != alerts:
            yield f"{found} {what} instead of {alerts}"


if __name__ == "__main__":
    main()
