"""``triage token``: create, list, revoke."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

import click
import orjson

from triage.domain.access import Role
from triage.errors import ConfigurationError, TriageError
from triage.rules.configuration import load_configuration
from triage.serving.opening import open_database
from triage.settings import Settings
from triage.store.tokens import Tokens


@click.group()
def token() -> None:
    """Bearer tokens: shown once, stored as a digest."""


@token.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--person", help="Id of a person of the catalogue.")
@click.option("--source", help="Name of a source; its events carry it.")
@click.option("--days", type=click.IntRange(min=1), help="Days until it expires; never without.")
@click.option("--json", "as_json", is_flag=True)
def create(role: str, person: str | None, source: str | None, days: int | None, as_json: bool) -> None:
    """Create a token for a person or a source and print it. It cannot be shown again."""
    if (person is None) == (source is None):
        raise click.UsageError("a token belongs to a --person or to a --source")
    settings = Settings()
    if person is not None:
        _check_person(person, settings)
    owner = f"person:{person}" if person else f"source:{source}"
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    try:
        with open_database(settings) as database:
            token_id, secret = Tokens(database).create(Role(role), owner, expires_at)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(orjson.dumps({"id": token_id, "token": secret, "role": role, "owner": owner}))
    else:
        click.echo(secret)
        click.echo(f"Token {token_id} for {owner}, role {role}. Keep it now: it is not stored.", err=True)


def _check_person(person: str, settings: Settings) -> None:
    """A token acts in the name of its owner, who had better exist; a configuration that cannot be read is
    no reason to keep people out. Raises UsageError."""
    try:
        people = load_configuration(settings.config_dir).catalogue.people
    except ConfigurationError as error:
        click.echo(
            f"Warning: the catalogue cannot be read, so nobody knows whether {person} is in it: {error}", err=True
        )
        return
    if person not in people:
        raise click.UsageError(f"the catalogue has no person {person!r}{_like(person, people)}")


def _like(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word.casefold(), known)
    return f"; did you mean {' or '.join(close)}?" if close else ""


@token.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_tokens(as_json: bool) -> None:
    """Tokens without their secrets."""
    try:
        with open_database(Settings()) as database:
            records = Tokens(database).read_all()
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(orjson.dumps(records))
        return
    for record in records:
        state = "revoked" if record.revoked_at else "valid"
        until = f" until {record.expires_at:%Y-%m-%d}" if record.expires_at else ""
        click.echo(f"{record.id}  {record.role.value:9}  {record.owner:30}  {state}{until}")


@token.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """Make a token invalid, within a second on every replica."""
    try:
        with open_database(Settings()) as database:
            Tokens(database).revoke(token_id)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Token {token_id} is revoked.")
