"""What the memory is worth and what it costs: ``python -m bench.recurrence --data DIR``, every table in one run.

Finding the earlier same problem by its text, beside plain means; masks beside a log parser that learns; merges
judged by hand; look-ups as the memory grows; a storm; the same alert at two services at once. ``--only NAME``
takes one part; ``--vectors 1000000`` adds a size of vectors only, which takes half an hour.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import httpx

from bench import adjudication, recurrence_lookups, storm
from bench.preparation import prepare
from bench.servers import Server, ours

AT_ONCE = 200


@click.command(help=__doc__)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--only", multiple=True, help="links, templates, merges, lookups, storm or concurrency.")
@click.option("--sizes", default="10000,100000", show_default=True, help="Texts in the memory, for look-ups.")
@click.option("--vectors", default="", help="Vectors only, for look-ups.")
def main(data: Path, only: tuple[str, ...], sizes: str, vectors: str) -> None:
    parts: Mapping[str, Callable[[], Iterator[str]]] = {
        "links": lambda: _module("bench.recurrence_links", "--data", str(data)),
        "templates": lambda: _module("bench.recurrence_templates", "--data", str(data)),
        "merges": lambda: adjudication.told(data),
        "lookups": lambda: recurrence_lookups.tables(_numbers(sizes), _numbers(vectors), lambda _: None),
        "storm": _storms,
        "concurrency": _concurrency,
    }
    if unknown := set(only) - parts.keys():
        raise click.UsageError(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    for name, part in parts.items():
        if not only or name in only:
            click.echo(f"\n== {name}")
            for line in part():
                click.echo(line)


def _numbers(written: str) -> list[int]:
    return [int(number) for number in written.split(",") if number]


def _module(name: str, *arguments: str) -> Iterator[str]:
    ended = subprocess.run([sys.executable, "-m", name, *arguments], capture_output=True, text=True, check=False)
    yield ended.stdout.rstrip()
    if ended.returncode:
        yield f"{name} failed: {ended.stderr.strip()[-500:]}"


def _storms() -> Iterator[str]:
    for together, clients in ((25, 4), (1, 32), (1, 128)):
        said, faults = storm.measure(10_000, 40, clients, together)
        yield said
        yield "; ".join(faults) or "every alert is accounted for: one incident a pattern, counts exact"


def _concurrency() -> Iterator[str]:
    """Two services on one database: the same new alert, then occurrences of one key."""
    prepared = prepare(click.echo)
    with tempfile.TemporaryDirectory(prefix="triage-twice-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        with (
            ours(folder / "data", prepared.models, folder / "log") as one,
            ours(folder / "data", prepared.models, folder / "log") as other,
        ):
            alert = {"title": "Replication stopped", "service": "orders-db", "dedup_key": "replication"}
            moment = "2026-03-09T09:42:00Z"
            yield _told("the same alert", one, _send((one, other), [{**alert, "started_at": moment}] * AT_ONCE))
            queue = {"title": "Queue grows", "service": "orders-db", "dedup_key": "queue"}
            moments = [f"2026-03-09T10:{n // 60:02}:{n % 60:02}Z" for n in range(AT_ONCE)]
            yield _told("one key", one, _send((one, other), [{**queue, "started_at": at} for at in moments]))


def _send(services: tuple[Server, ...], bodies: list[dict[str, str]]) -> list[str]:
    """The ids of the incidents that were answered; all at once, to the services in turn."""

    def send(place: int) -> str:
        url = f"http://127.0.0.1:{services[place % len(services)].port}/v1/incidents"
        answer = httpx.post(
            url, content=json.dumps(bodies[place]), headers={"Content-Type": "application/json"}, timeout=60
        )
        return str(answer.json()["incident"]["id"])

    with ThreadPoolExecutor(64) as pool:
        return list(pool.map(send, range(len(bodies))))


def _told(what: str, server: Server, ids: list[str]) -> str:
    counts = [server.get(f"/v1/incidents/{name}")["incident"] for name in sorted(set(ids))]
    told = ", ".join(f"{one['occurrences']} occurrences, {one['deliveries']} deliveries" for one in counts)
    return f"{what} {AT_ONCE} times at once at two services: {len(counts)} incident, {told}"


if __name__ == "__main__":
    main()
