"""A real PostgreSQL for tests: one server per test process, one fresh and migrated database per test."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest

from triage.active import Active
from triage.decider import Decider
from triage.domain.delivery import Delivery, DeliveryKey
from triage.domain.incident import Incident
from triage.prediction.cold_start import ColdStart
from triage.prediction.predictor import Predictor
from triage.rules.configuration import Configuration, configuration_from_texts
from triage.store.batch import PostgresStore
from triage.store.configurations import Configurations
from triage.store.database import Database, migrate
from triage.store.embedded import EmbeddedDatabase, start_embedded
from triage.triager import Outcome, Received, Triager

CATALOGUE = """
organisation: Northwind Test
timezone: Europe/Stockholm
triage_desk: desk
people:
  ann: {name: Ann, contacts: [{channel: email, address: ann@northwind.example}]}
  bob: {name: Bob, contacts: [{channel: email, address: bob@northwind.example}]}
teams:
  desk: {name: Triage desk, responders: [ann]}
  databases:
    name: Databases
    description: PostgreSQL clusters, replication, backups, slow queries and full disks of database hosts
    responders: [bob]
  payments:
    name: Payments
    description: Card payments, refunds, acquirers and the checkout's payment step
    responders: [ann]
  problems: {name: Problem management, responders: [ann]}
services:
  orders-db: {name: Orders database, owner: databases, tier: 1}
  card-gateway: {name: Card gateway, owner: payments, tier: 1}
priorities:
  P1: {label: Critical}
  P2: {label: High}
  P3: {label: Moderate}
severities:
  critical: {priority: P1, floor: P2}
  warning: {priority: P3, floor: P4}
  info: {priority: P5, floor: P5}
matrix:
  high: {high: P1, low: P3}
gateways:
  email: {kind: record}
"""

POLICY = """
rules:
  - id: fifth-time
    owner: desk
    review_after: 2027-01-01
    when: recurrence.occurrences_24h >= 5
    then: {assign: problems}
  - id: urgent
    owner: desk
    review_after: 2027-01-01
    when: priority == 'P1'
    then: {policy: fast}
  - id: last
    owner: desk
    review_after: 2027-01-01
    then: {policy: standard}
policies:
  fast:
    owner: desk
    review_after: 2027-01-01
    kinds: [time, hierarchical]
    steps:
      - {targets: [owner], acknowledge_within: 5m}
      - {targets: [owner.lead], acknowledge_within: 5m}
  standard:
    owner: desk
    review_after: 2027-01-01
    kinds: [time]
    steps:
      - {targets: [owner]}
"""


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedDatabase]:
    """In a folder that the database's own account can reach; pytest's temporary folders are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="triage-test-"))
    folder.chmod(0o711)
    started = start_embedded(folder)
    yield started
    # Nobody needs what is in it, so its last checkpoint, which takes many seconds, is spared.
    postmaster = (started.folder / "cluster" / "postmaster.pid").read_text().splitlines()[0]
    os.kill(int(postmaster), signal.SIGQUIT)
    started.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def new_database(server: EmbeddedDatabase) -> Callable[[], str]:
    """Makes an empty, migrated database and gives its address."""
    numbers = count()
    template = "migrated"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {template}")
    migrate(address_of(server.url, template))

    def create() -> str:
        name = f"test_{next(numbers)}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return address_of(server.url, name)

    return create


def address_of(url: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(url, dbname=name)


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url, size=4, timeout=10)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def configuration() -> Configuration:
    return configuration_from_texts(CATALOGUE, POLICY)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 9, 9, 42, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Desk:
    """A triager on a real database, as tests talk to it."""

    def __init__(self, database: Database, configuration: Configuration, clock: Clock) -> None:
        self.database = database
        self.configuration = configuration
        self.clock = clock
        self.active = Active(Decider(configuration, None, None), {})
        self.triager = Triager(PostgresStore(database), lambda: self.active, clock)
        self.keep()

    def keep(self) -> None:
        held = self.configuration
        Configurations(self.database).keep(
            (held.catalogue.version, held.catalogue_text), (held.rulebook.version, held.policy_text), "test", ""
        )

    def use(self, bundle: Path) -> None:
        predictor = Predictor.open(bundle)
        words = ColdStart(self.configuration.catalogue, predictor.encoder)
        self.active = Active(Decider(self.configuration, predictor, words), {})

    def send(self, *events: Incident, key: str | None = None, digest: bytes = b"same") -> list[Outcome]:
        marked = DeliveryKey(principal="test", key=key, digest=digest) if key else None
        answer = self.triager.receive([Delivery(events=events, actor="source:test", key=marked)])[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fire(self, **fields: object) -> Received:
        """One firing event that must be received."""
        outcome = self.send(an_event(**fields))[0]
        assert isinstance(outcome, Received)
        return outcome

    def count(self, table: str) -> int:
        with self.database.connection() as db:
            row = db.execute(f"SELECT count(*) AS n FROM {table}").fetchone()
        assert row is not None
        return int(row["n"])


def an_event(**fields: object) -> Incident:
    """A readable default, changed where the test says so."""
    event = Incident(
        title="Replication lag above 30 s on orders-db",
        service="orders-db",
        environment="production",
        severity="warning",
        source="monitor",
    )
    return event.with_changes(**fields)


@pytest.fixture
def desk(database: Database, configuration: Configuration, clock: Clock) -> Desk:
    return Desk(database, configuration, clock)
