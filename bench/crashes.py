"""``python -m bench.crashes``: workers, PostgreSQL, or both are killed again and again while escalations run.

Real workers (``triage worker``) on an embedded database of its own carry a few hundred escalations up a ladder
of many short steps, and deliver its pages to a webhook of this process; each round kills one of the three with
SIGKILL. At the end every escalation must have told exactly what the machine alone tells, in that order: none lost,
no step skipped, none taken twice; and whatever counts as sent must have arrived under its key.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bench.telling import Receiver
from triage.active import Active
from triage.decider import Decider
from triage.domain.delivery import Delivery
from triage.domain.incident import Incident
from triage.domain.reach import Surroundings
from triage.errors import TriageError
from triage.escalation.machine import advance, begin
from triage.escalation.state import Event, Opened, Page, TimePassed
from triage.rules.configuration import Configuration, configuration_from_texts
from triage.store.batch import PostgresStore
from triage.store.configurations import Configurations
from triage.store.database import Database, migrate
from triage.store.embedded import EmbeddedDatabase, start_embedded
from triage.triager import Received, Triager

CATALOGUE = """
organisation: Crashes
timezone: UTC
triage_desk: desk
people:
  ann: {name: Ann, contacts: [{channel: email, address: ann@crashes.example}]}
  bob: {name: Bob, contacts: [{channel: email, address: bob@crashes.example}]}
  cem: {name: Cem, contacts: [{channel: email, address: cem@crashes.example}]}
teams:
  desk: {name: Desk, responders: [ann]}
gateways:
  email: {kind: webhook, url: "{url}/{address}", secret: bench, receipt: true}
"""
POLICY = """
rules:
  - {id: all, owner: desk, review_after: 2030-01-01, then: {policy: long}}
policies:
  long:
    owner: desk
    review_after: 2030-01-01
    kinds: [time]
    repeat: 5
    steps:
      - {targets: ["person:ann"], acknowledge_within: {step}s}
      - {targets: ["person:bob"], acknowledge_within: {step}s, repeat: 1}
      - {targets: ["person:cem"], acknowledge_within: {step}s}
"""
WORKERS = 2


class Site:
    """The server and the workers, and how they are killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: EmbeddedDatabase = start_embedded(folder)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_workers(self) -> None:
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        environment = {
            **os.environ,
            "TRIAGE_DATABASE_URL": self.server.url,
            "TRIAGE_DATA_DIR": str(self.folder / "worker"),
            "TRIAGE_LOG_LEVEL": "ERROR",
        }
        while len(self.workers) < WORKERS:
            self.workers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "triage", "worker"], env=environment, stdout=subprocess.DEVNULL
                )
            )

    def kill_worker(self, draw: random.Random) -> None:
        worker = draw.choice(self.workers)
        worker.kill()
        worker.wait()

    def kill_server(self) -> None:
        pid_file = self.server.folder / "cluster" / "postmaster.pid"
        os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
        while True:
            try:
                self.server = start_embedded(self.folder)
            except TriageError:
                time.sleep(0.2)
            else:
                return

    def close(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait()
        self.server.stop()


@click.command()
@click.option("--rounds", default=100, show_default=True, help="How often something is killed.")
@click.option("--incidents", default=200, show_default=True)
@click.option("--step", default=5, show_default=True, help="Seconds that a step is given.")
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, incidents: int, step: int, seed: int) -> None:
    draw = random.Random(seed)
    receiver = Receiver()
    catalogue = CATALOGUE.replace("{url}", receiver.url)
    configuration = configuration_from_texts(catalogue, POLICY.replace("{step}", str(step)))
    with tempfile.TemporaryDirectory(prefix="triage-crashes-") as place:
        Path(place).chmod(0o711)
        site = Site(Path(place))
        try:
            migrate(site.server.url)
            opened = _open(site.server.url, configuration, incidents)
            expected = _expected(opened[0], configuration)
            killed = Counter[str]()
            for number in range(rounds):
                site.start_workers()
                time.sleep(draw.uniform(0.3, 3.0))
                what = draw.choice(("worker", "server", "both"))
                killed[what] += 1
                if what != "server":
                    site.kill_worker(draw)
                if what != "worker":
                    site.kill_server()
                click.echo(f"\r{number + 1} of {rounds}", nl=False, err=True)
            site.start_workers()
            _wait_for_the_end(site.server.url, incidents)
            _tell(site.server.url, expected, incidents, killed)
            _tell_delivered(site.server.url, receiver)
        finally:
            site.close()


def _open(url: str, configuration: Configuration, incidents: int) -> list[Received]:
    database = Database(url)
    database.open()
    held = configuration
    Configurations(database).keep(
        (held.catalogue.version, held.catalogue_text), (held.rulebook.version, held.policy_text), "bench", ""
    )
    active = Active(Decider(configuration, None, None), {})
    triager = Triager(PostgresStore(database), lambda: active, lambda: datetime.now(UTC))
    words = ("".join(chr(97 + number // 26**place % 26) for place in range(3)) for number in range(incidents))
    events = tuple(Incident(title=f"Problem {word} of its own", source="bench", dedup_key=word) for word in words)
    (answer,) = triager.receive([Delivery(events=events, actor="source:bench")])
    database.close()
    if isinstance(answer, TriageError):
        raise answer
    return [one for one in answer if isinstance(one, Received)]


def _expected(opened: Received, configuration: Configuration) -> list[str]:
    """Whom the machine alone tells before the desk, in order."""
    around = Surroundings(catalogue=configuration.catalogue)
    now = opened.incident.opened_at
    state, told = begin(opened.decision.escalation, now), list[str]()
    event: Event = Opened()
    while state.step < len(state.path.steps):
        state, effects = advance(around, state, event, now)
        told += [effect.person for effect in effects if isinstance(effect, Page) and effect.number > 0]
        now, event = state.due_at or now + timedelta(seconds=1), TimePassed()
    return told


def _wait_for_the_end(url: str, incidents: int) -> None:
    database = Database(url)
    database.open()
    while True:
        with database.connection() as db:
            row = db.execute("SELECT count(*) AS n FROM escalation WHERE (state ->> 'step')::int >= 3").fetchone()
        if row is not None and row["n"] >= incidents:
            break
        time.sleep(0.5)
    database.close()


def _tell(url: str, expected: Sequence[str], incidents: int, killed: Counter[str]) -> None:
    database = Database(url)
    database.open()
    with database.connection() as db:
        rows = db.execute(
            "SELECT incident_id, array_agg(recipient ORDER BY made_at, key) AS told FROM message"
            " WHERE kind = 'page' AND (detail ->> 'number')::int > 0 GROUP BY 1"
        ).fetchall()
    database.close()
    wanted = [f"person:{person}" for person in expected]
    right = sum(row["told"] == wanted for row in rows)
    shorter = sum(len(row["told"]) < len(wanted) for row in rows)
    longer = sum(len(row["told"]) > len(wanted) for row in rows)
    click.echo(
        f"\nkilled: {dict(killed)}; {len(rows)} of {incidents} escalations told somebody;"
        f" {right} told exactly the {len(wanted)} pages of the machine alone, in that order;"
        f" {shorter} skipped one, {longer} took one twice"
    )


def _tell_delivered(url: str, receiver: Receiver) -> None:
    """Once nothing waits any more: of several that are the same, one went out for all."""
    database = Database(url)
    database.open()
    while True:
        with database.connection() as db:
            rows = db.execute("SELECT key, coalesce(sent_with, key) AS went_as, state FROM message").fetchall()
        if not any(row["state"] == "waiting" for row in rows):
            break
        time.sleep(0.5)
    database.close()
    states = Counter(row["state"] for row in rows)
    sent = [row["went_as"] for row in rows if row["state"] == "sent"]
    lost = sum(key not in receiver.times for key in sent)
    unknown = len(receiver.times.keys() - {row["key"] for row in rows})
    click.echo(
        f"messages: {dict(states)}; {len(receiver.times)} keys arrived in {receiver.received} requests;"
        f" {lost} sent ones never arrived, {unknown} arrived under a key that no message has"
    )


if __name__ == "__main__":
    main()
