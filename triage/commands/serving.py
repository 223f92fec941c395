"""``triage serve`` and ``triage worker``."""

import signal
import sys
import threading
from datetime import timedelta

import click
import structlog
import uvicorn

from triage import __version__
from triage.app import create_app
from triage.errors import StoreUnavailable, TriageError
from triage.housekeeping import Housekeeping
from triage.logs import configure_logs
from triage.service import utc_now
from triage.settings import Settings
from triage.store.opening import open_database

log = structlog.get_logger("triage.serve")

WORKER_EVERY = timedelta(seconds=5)


@click.command()
@click.option("--host", help="Address to bind to; another than loopback needs a token.  [TRIAGE_HOST]")
@click.option("--port", type=int, help="Port to listen on.  [TRIAGE_PORT]")
def serve(host: str | None, port: int | None) -> None:
    """Run the API, on an embedded database unless TRIAGE_DATABASE_URL names one."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings(**given)  # type: ignore[arg-type]
    configure_logs(settings.log_level)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    fatal: list[str] = []

    def give_up(why: str) -> None:
        fatal.append(why)
        server.should_exit = True

    app = create_app(settings, give_up)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    _greet(settings)
    server.run()
    if fatal:
        raise click.ClickException(fatal[0])


def _greet(settings: Settings) -> None:
    base = f"http://{settings.host}:{settings.port}"
    click.echo(
        f"Triage {__version__} on {base}  (docs: {base}/docs, health: {base}/readyz). Ctrl-C stops everything."
    )
    if settings.is_loopback:
        click.echo("Without a token only this machine may connect. Send a first alert:\n")
        click.echo(f"  curl -s {base}/v1/incidents -H 'Content-Type: application/json' -d \\")
        click.echo(
            '    \'{"title": "Checkout error rate above 5%", "service": "checkout", "environment": "production",'
            ' "severity": "critical"}\'\n'
        )
    sys.stdout.flush()


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
                stop.wait(WORKER_EVERY.total_seconds())
    except TriageError as error:
        raise click.ClickException(str(error)) from error
