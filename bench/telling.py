"""Targets that are dead, slow or lying beside one that works: whom they delay, what becomes of their messages.

``python -m bench.telling`` runs engine and deliveries on a database of its own with four targets, real receivers:
one works, one is dead, one takes 30 s, one answers 200 with nothing though a receipt was asked for. Incidents page
people behind each of them at the same time. The baseline is the same with the target that works alone.
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from triage.active import Active
from triage.decider import Decider
from triage.domain.delivery import Delivery
from triage.domain.incident import Incident
from triage.domain.message import MessageState
from triage.engine import Engine
from triage.notify.links import Links
from triage.oncall import nothing_stands
from triage.rules.configuration import Configuration, configuration_from_texts
from triage.serving.logs import configure_logs
from triage.serving.metrics import Metrics
from triage.serving.parts import utc_now
from triage.serving.posting import Posting, make_delivering
from triage.serving.ticking import Ticking
from triage.store.batch import PostgresStore
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.escalations import Escalations
from triage.store.opening import opened_database
from triage.store.outbox import MessageFilter, Outbox
from triage.triager import Triager

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DEAD_PORT = 9
"""Of a service that nobody runs; connections are refused."""


class Receiver:
    """``takes`` seconds to answer ``body``; ``times`` when each key came first."""

    def __init__(self, takes: float = 0.0, body: str | None = None) -> None:
        self.times: dict[str, float] = {}
        self.received = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                key = self.headers["idempotency-key"]
                outer.received += 1
                outer.times.setdefault(key, time.time())
                time.sleep(takes)
                content = (key if body is None else body).encode()
                try:
                    self.send_response(200)
                    self.send_header("content-length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()


def configuration_for(urls: dict[str, str]) -> Configuration:
    """A person behind each target, who owns a service."""
    people = "\n".join(f"  {n}: {{name: {n}, contacts: [{{channel: {n}, address: x}}]}}" for n in urls)
    teams = "\n".join(f"  {n}: {{name: {n}, responders: [{n}]}}" for n in urls)
    services = "\n".join(f"  on-{n}: {{name: on {n}, owner: {n}}}" for n in urls)
    gateways = "\n".join(
        f'  {n}: {{kind: webhook, url: "{url}", secret: "{SECRET}", receipt: {str(n == "lying").lower()}}}'
        for n, url in urls.items()
    )
    catalogue = (
        f"organisation: Bench\ntriage_desk: works\npeople:\n{people}\nteams:\n{teams}\nservices:\n{services}\n"
        f"severities:\n  critical: {{priority: P1, floor: P1}}\ngateways:\n{gateways}\n"
    )
    policy = (
        "rules:\n  - {id: last, owner: works, review_after: 2027-06-30, then: {policy: page}}\n"
        "policies:\n  page:\n    owner: works\n    review_after: 2027-06-30\n    kinds: [time]\n"
        "    steps: [{targets: [owner], acknowledge_within: 6h}]\n"
    )
    return configuration_from_texts(catalogue, policy)


@contextmanager
def running(database: Database, configuration: Configuration) -> Iterator[Triager]:
    """What carries on and delivers, as in a service."""
    active = Active(Decider(configuration, None, None), {})
    held = configuration
    Configurations(database).keep(
        (held.catalogue.version, held.catalogue_text), (held.rulebook.version, held.policy_text), "bench", ""
    )
    links = Links(os.urandom(32), "http://127.0.0.1:8080")
    engine = Engine(Escalations(database), lambda: configuration.catalogue, utc_now)
    delivering = make_delivering(database, lambda: configuration.catalogue, utc_now, nothing_stands, lambda: links)
    ticking, posting = Ticking(lambda: engine, Metrics()), Posting(lambda: delivering, Metrics())
    ticking.start()
    posting.start()
    try:
        yield Triager(PostgresStore(database), lambda: active, utc_now)
    finally:
        ticking.stop()
        posting.stop()


def fire(triager: Triager, names: list[str], each: int, spread: float) -> None:
    """``each`` incidents on the service of every name, over ``spread`` seconds, all of different kinds."""
    for number in range(each):
        for name in names:
            event = Incident(
                title=f"{name} {_word(number)} {_word(number * 7 + 3)} is gone",
                service=f"on-{name}",
                severity="critical",
                environment=_word(number),
                source="bench",
                occurred_at=datetime.now(UTC),
            )
            triager.receive([Delivery(events=(event,), actor="source:bench")])
        time.sleep(spread / each)


def _word(number: int) -> str:
    letters = "bcdfghjklmnpqrstvwxz"
    return letters[number % 20] + letters[number // 20 % 20] + letters[number // 400 % 20] + "arum"


def delays(outbox: Outbox, receiver: Receiver) -> list[float]:
    """Seconds from wanting something said to its arrival."""
    found = outbox.find(MessageFilter(recipient="person:works", limit=10_000))
    return [receiver.times[m.key] - m.made_at.timestamp() for m in found if m.key in receiver.times]


@click.command()
@click.option("--each", default=100, show_default=True, help="Incidents behind each target.")
@click.option("--spread", default=60.0, show_default=True, help="Seconds over which they come in.")
@click.option("--wait", default=90.0, show_default=True, help="Seconds to look on afterwards.")
def main(each: int, spread: float, wait: float) -> None:
    """Alone, then beside targets that are dead, slow and lying."""
    configure_logs("ERROR")
    for beside in (False, True):
        works, slow, lying = Receiver(), Receiver(takes=30.0), Receiver(body="")
        urls = {"works": works.url}
        if beside:
            urls |= {"dead": f"http://127.0.0.1:{DEAD_PORT}", "slow": slow.url, "lying": lying.url}
        with tempfile.TemporaryDirectory(prefix="triage-bench-") as folder:
            Path(folder).chmod(0o711)
            with opened_database(None, Path(folder), size=8, timeout=10) as database:
                with running(database, configuration_for(urls)) as triager:
                    fire(triager, list(urls), each, spread)
                    time.sleep(wait if beside else 5)
                outbox = Outbox(database)
                found = sorted(delays(outbox, works))
                told = "beside dead, slow and lying ones" if beside else "alone"
                middle, late = statistics.median(found), found[int(len(found) * 0.99) - 1]
                click.echo(
                    f"the target that works, {told}: {len(found)} arrived; seconds p50 {middle:.2f},"
                    f" p99 {late:.2f}, at most {found[-1]:.2f}"
                )
                if beside:
                    for name in ("dead", "slow", "lying"):
                        messages = outbox.find(MessageFilter(recipient=f"person:{name}", limit=10_000))
                        states = {s.value: sum(m.state is s for m in messages) for s in MessageState}
                        click.echo(f"{name}: {states}")
                    click.echo(f"slow: {len(slow.times)} keys in {slow.received} requests")
        for receiver in (works, slow, lying):
            receiver.close()


if __name__ == "__main__":
    main()
