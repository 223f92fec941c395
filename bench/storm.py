"""A storm: thousands of alerts of a few patterns as fast as they go in, and every one of them accounted for.

    python -m bench.storm [--alerts 10000] [--patterns 40] [--clients 32]

Says how long it took and how long each waited, and then whether exactly the incidents, occurrences and deliveries
are there that should be. Exit code 1 if one is missing or one too many.
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
def main(alerts: int, patterns: int, clients: int) -> None:
    prepared = prepare(click.echo)
    with tempfile.TemporaryDirectory(prefix="triage-storm-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        bodies = folder / "bodies.jsonl"
        bodies.write_text("".join(f"{json.dumps(body)}\n" for body in storm(alerts, patterns)), encoding="utf-8")
        with ours(folder / "data", prepared.models, folder / "log") as server:
            order = Order(
                port=server.port, path="/v1/incidents", bodies=str(bodies), clients=clients, seconds=600.0
            )
            record = drive(order)
            latencies = sorted(record.latencies)
            cuts = quantiles(latencies, n=100)
            click.echo(
                f"{len(latencies)} alerts of {patterns} patterns in {record.elapsed:.1f} s"
                f" ({len(latencies) / record.elapsed:.0f}/s, {clients} clients): p50 {cuts[49] * 1e3:.0f} ms,"
                f" p99 {cuts[98] * 1e3:.0f} ms, slowest {latencies[-1] * 1e3:.0f} ms; answers {record.statuses}"
            )
            faults = list(account(server, alerts, patterns))
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise SystemExit(1)
    click.echo("every alert is accounted for")


def storm(alerts: int, patterns: int) -> Iterator[dict[str, Any]]:
    """Alerts whose patterns take turns; each an occurrence of its own of its pattern's key."""
    kinds = list(distinct(patterns))
    for number in range(alerts):
        kind = number % patterns
        yield {
            **kinds[kind],
            "source": "storm",
            "dedup_key": f"storm-{kind}",
            "started_at": (STARTED + timedelta(seconds=number)).isoformat(),
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
