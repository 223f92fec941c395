"""``triage serve``: listens at once, loads the service behind the door."""

import signal
import socket
import sys
from collections.abc import Callable
from importlib import import_module

import click
import uvicorn

from triage import __version__
from triage.serving.door import Application, Door
from triage.serving.logs import configure_logs
from triage.settings import Settings


class Server(uvicorn.Server):
    """``goodbye`` ends streams, which it would otherwise wait for until its patience is over."""

    def __init__(self, config: uvicorn.Config, goodbye: Callable[[], None]) -> None:
        super().__init__(config)
        self._goodbye = goodbye

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._goodbye()
        await super().shutdown(sockets)


@click.command()
@click.option("--host", help="Address to bind to; another than loopback needs a token.  [TRIAGE_HOST]")
@click.option("--port", type=int, help="Port to listen on.  [TRIAGE_PORT]")
def serve(host: str | None, port: int | None) -> None:
    """Run the API, on an embedded database unless TRIAGE_DATABASE_URL names one."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings(**given)  # type: ignore[arg-type]
    configure_logs(settings.log_level)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        has_token = settings.read_bootstrap_token() is not None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    fatal: list[str] = []

    def give_up(why: str) -> None:
        fatal.append(why)
        server.should_exit = True

    def load() -> Application:
        application: Application = import_module("triage.app").create_app(settings, give_up)
        return application

    door = Door(load, lambda error: give_up(f"the service cannot be loaded: {type(error).__name__}: {error}"))
    server = Server(
        uvicorn.Config(
            door,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        ),
        door.goodbye,
    )
    _greet(settings, needs_token=has_token or not settings.is_loopback)
    # uvicorn raises the signal that ended it once more; it has been obeyed by then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run()
    if fatal:
        raise click.ClickException(fatal[0])


def _greet(settings: Settings, *, needs_token: bool) -> None:
    base = f"http://{settings.host}:{settings.port}"
    click.echo(
        f"Triage {__version__} on {base}  (docs: {base}/docs, health: {base}/readyz). Ctrl-C stops everything."
    )
    if not needs_token:
        click.echo(
            "As long as there is no token, this machine alone may connect and needs none. Send a first alert:\n"
        )
        click.echo(f"  curl -s {base}/v1/incidents -H 'Content-Type: application/json' -d \\")
        click.echo(
            '    \'{"title": "Checkout error rate above 5%", "service": "checkout-api",'
            ' "environment": "production", "severity": "critical"}\'\n'
        )
    sys.stdout.flush()
