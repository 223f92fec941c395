"""``triage replay``, ``triage db`` and ``triage doctor``: looking at what is there."""

from dataclasses import asdict

import click
import orjson

from triage.errors import BundleError, ConfigurationError, TriageError
from triage.prediction.bundle import find_latest
from triage.prediction.predictor import Predictor
from triage.replay import Replayer
from triage.rules.configuration import load_configuration
from triage.serving.opening import open_database
from triage.settings import Settings
from triage.store.configurations import Configurations
from triage.store.incidents import Incidents


@click.command()
@click.argument("decision_id")
@click.option("--json", "as_json", is_flag=True)
def replay(decision_id: str, as_json: bool) -> None:
    """Derive a stored decision again from its record and show any difference."""
    settings = Settings()
    try:
        with open_database(settings) as database:
            replayer = Replayer(Incidents(database), Configurations(database), settings.models_dir)
            result = replayer.replay(decision_id)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    same = not result.differences
    if as_json:
        click.echo(orjson.dumps({"same": same, "differences": [asdict(d) for d in result.differences]}))
    else:
        stored = result.stored
        click.echo(
            f"Decision {decision_id} of {stored.decided_at:%Y-%m-%d %H:%M:%S} UTC: {stored.priority.value.value}"
            f" ({stored.priority.source.value}), team {stored.team.value} ({stored.team.source.value}),"
            f" policy {stored.escalation.policy} by rule {stored.escalation.rule}"
        )
        click.echo("The same when derived again." if same else "Derived again it differs:")
        for difference in result.differences:
            click.echo(f"  {difference.at}: stored {difference.stored!r}, derived {difference.derived!r}")
    if not same:
        raise SystemExit(1)


@click.group()
def db() -> None:
    """The database."""


@db.command()
def migrate() -> None:
    """Bring the schema up to date. ``serve`` does this by itself."""
    try:
        with open_database(Settings()):
            click.echo("The schema is up to date.")
    except TriageError as error:
        raise click.ClickException(str(error)) from error


@click.command()
def doctor() -> None:
    """Check configuration, bundle and database, one line each."""
    settings = Settings()
    faults = 0
    try:
        configuration = load_configuration(settings.config_dir)
        click.echo(f"ok    configuration  {configuration.rulebook.version}")
    except ConfigurationError as error:
        faults += 1
        click.echo(f"FAULT configuration  {error}")
    latest = find_latest(settings.models_dir)
    try:
        if latest is None:
            raise BundleError(str(settings.models_dir), "a bundle", "none; make one: python -m training starter")
        click.echo(f"ok    bundle         {Predictor.open(latest).version}")
    except BundleError as error:
        faults += 1
        click.echo(f"FAULT bundle         {error}")
    try:
        with open_database(settings) as database, database.connection() as connection:
            row = connection.execute("SHOW server_version").fetchone()
            click.echo(f"ok    database       PostgreSQL {row['server_version'] if row else '?'}")
    except TriageError as error:
        faults += 1
        click.echo(f"FAULT database       {error}")
    if faults:
        raise SystemExit(1)
