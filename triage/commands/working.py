"""``triage worker``: what is due whether or not anybody asks."""

import signal
import threading
import time

import click
import structlog

from triage.engine import Engine
from triage.errors import StoreUnavailable, TriageError
from triage.oncall import OnCall
from triage.serving.housekeeping import Housekeeping
from triage.serving.logs import configure_logs
from triage.serving.metrics import Metrics
from triage.serving.opening import open_database
from triage.serving.parts import utc_now
from triage.serving.posting import Posting, make_delivering, make_links
from triage.serving.stored import StoredCatalogue
from triage.serving.ticking import Ticking
from triage.settings import Settings
from triage.store.clock import DatabaseClock
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.escalations import Escalations
from triage.store.oncall import OnCallOverrides

log = structlog.get_logger("triage.worker")

HOUSE_KEPT_EVERY = 5.0
"""Seconds between two passes over what is forgotten or old."""
SENT_WITHIN = 60.0
"""Seconds that a single pass waits for its messages to be taken."""
ASKED_AGAIN_AFTER = 0.5
"""Seconds between two looks for a database that went away."""


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, and stop.")
def worker(once: bool) -> None:
    """Carry escalations on, deliver messages, close forgotten incidents, clear out what is old. Any number may."""
    settings = Settings()
    configure_logs(settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with open_database(settings, wait=not once, stop=stop) as database:
            _work(database, settings, stop, once=once)
    except TriageError as error:
        raise click.ClickException(str(error)) from error


def _work(database: Database, settings: Settings, stop: threading.Event, *, once: bool) -> None:
    catalogue = StoredCatalogue(Configurations(database))
    housekeeping = Housekeeping(database, utc_now)
    swaps = OnCall(OnCallOverrides(database), catalogue, utc_now)
    shared = DatabaseClock(database)
    engine = Engine(Escalations(database), catalogue, shared, swaps.standing)
    delivering = make_delivering(database, catalogue, shared, swaps.standing, make_links(database, settings))
    metrics = Metrics()
    ticking = Ticking(lambda: None if database.is_down else engine, metrics)
    posting = Posting(lambda: None if database.is_down else delivering, metrics)
    if once:
        _keep_house(database, housekeeping)
        ticking.tick()
        posting.once(within=SENT_WITHIN)
        return
    ticking.start()
    posting.start()
    kept_at = -HOUSE_KEPT_EVERY
    while not stop.is_set():
        if time.monotonic() >= kept_at + HOUSE_KEPT_EVERY:
            kept_at = time.monotonic()
            _keep_house(database, housekeeping)
        if database.is_down:
            database.is_reachable()
        stop.wait(ASKED_AGAIN_AFTER)
    ticking.stop()
    posting.stop()


def _keep_house(database: Database, housekeeping: Housekeeping) -> None:
    try:
        housekeeping.tick()
    except StoreUnavailable as error:
        log.warning("the database is away", why=str(error))
