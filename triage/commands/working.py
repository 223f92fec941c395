"""``triage worker``: what is due whether or not anybody asks."""

import signal
import threading

import click
import structlog

from triage.errors import StoreUnavailable, TriageError
from triage.serving.housekeeping import Housekeeping
from triage.serving.logs import configure_logs
from triage.serving.opening import open_database
from triage.serving.service import utc_now
from triage.settings import Settings

log = structlog.get_logger("triage.worker")

TICK_EVERY = 5.0
"""Seconds between two passes."""


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, and stop.")
def worker(once: bool) -> None:
    """Close forgotten incidents and clear out what nobody needs any more. Any number may run."""
    settings = Settings()
    configure_logs(settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with open_database(settings, wait=not once, stop=stop) as database:
            housekeeping = Housekeeping(database, utc_now)
            while not stop.is_set():
                try:
                    housekeeping.tick()
                except StoreUnavailable as error:
                    log.warning("the database is away", why=str(error))
                    database.is_reachable()
                if once:
                    return
                stop.wait(TICK_EVERY)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
