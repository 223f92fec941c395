"""``triage check``: a configuration read strictly and rehearsed before it pages anybody."""

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import click
import orjson

from triage.commands.rehearsing import moment_option
from triage.errors import ConfigurationError
from triage.rehearsal.check import DAYS
from triage.rehearsal.check import check as rehearse
from triage.rehearsal.findings import Finding, Severity, finding_as_json
from triage.rules.configuration import Configuration, load_configuration
from triage.settings import Settings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=DAYS,
    show_default=True,
    help="How far ahead gaps are looked for.",
)
@click.option("--at", callback=moment_option, help="As of then, with time zone. Left out: now.")
@click.option("--strict", is_flag=True, help="Warnings end with exit code 1, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def check(folder: Path | None, days: int, at: datetime | None, strict: bool, as_json: bool) -> None:
    """Read a configuration folder strictly, rehearse it, and say what is wrong with it and how it is mended.

    Dead ends, steps without owners, people who cannot be reached, gaps in who is on call, rules that are never
    reached or contradict each other, priorities without a path, escalations longer than the SLA. Exit code 1 where
    somebody would not be told, or too late.
    """
    folder = folder or Settings().config_dir
    try:
        configuration = load_configuration(folder)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    found = rehearse(configuration, at or datetime.now(UTC), days=days)
    if as_json:
        click.echo(orjson.dumps({"findings": [finding_as_json(one) for one in found]}))
    else:
        _tell(folder, configuration, found)
    errors = any(one.kind.severity is Severity.ERROR for one in found)
    if errors or (strict and found):
        raise SystemExit(1)


def _tell(folder: Path, configuration: Configuration, found: tuple[Finding, ...]) -> None:
    for kind, group in groupby(found, key=lambda one: one.kind):
        click.echo(f"{kind.severity.value}: {kind.code}. {kind.meaning}")
        for one in group:
            place = f"{one.file}:{one.line}" if one.line else one.file
            click.echo(f"  {place}: {one.where}: {one.message}")
        click.echo(f"  → {kind.mend}")
    catalogue = configuration.catalogue
    count = f"{len(found)} finding{'s' if len(found) > 1 else ''}" if found else "No fault found"
    click.echo(
        f"{folder}: {len(catalogue.teams)} teams, {len(catalogue.services)} services,"
        f" {len(catalogue.people)} people; {catalogue.version}, {configuration.rulebook.version}. {count}."
    )
