"""``triage audit``: the log of everything that happened, checked against its chain and handed to an auditor."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
import orjson

from triage.errors import TriageError
from triage.serving.opening import open_database
from triage.serving.parts import utc_now
from triage.settings import Settings
from triage.store.audit import AT_ONCE, Audit, Verified

SHOWN = 50
"""Faults that are listed for people; programs get all."""


@click.group()
def audit() -> None:
    """The audit log: what happened, in a chain of hashes that shows whether it was changed."""


@audit.command()
@click.option("--expect", metavar="DIGEST", help="A head that was written down earlier has to be in the chain.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def verify(expect: str | None, as_json: bool) -> None:
    """Find rows that were changed, removed or put in. Exit code 1 where there are any."""
    try:
        with open_database(Settings()) as database:
            log = Audit(database)
            found = log.verify()
            known = expect is None or log.has_head(expect)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        told = {**asdict(found), "expected_head": expect, "expected_head_found": known}
        click.echo(orjson.dumps(told).decode())
    else:
        _show(found)
        if not known:
            click.echo("The head that was expected is not in the chain: its end was cut off, or it is another.")
    if found.faults or not known:
        raise SystemExit(1)


def _show(found: Verified) -> None:
    click.echo(f"{found.rows} rows in {found.seals} seals; {found.unsealed} not sealed yet; head {found.head}")
    if not found.faults:
        click.echo("Nothing was changed, removed or put in.")
    for fault in found.faults[:SHOWN]:
        click.echo(f"  row {fault.row}: {fault.what}" if fault.row is not None else f"  {fault.what}")
    if len(found.faults) > SHOWN:
        click.echo(f"  and {len(found.faults) - SHOWN} more; --json lists them all")


@audit.command()
def seal() -> None:
    """Seal what is not sealed yet, as services do every few seconds."""
    try:
        with open_database(Settings()) as database:
            log, rows = Audit(database), 0
            while (sealed := log.seal(utc_now())) > 0:
                rows += sealed
                if sealed < AT_ONCE:
                    break
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{rows} rows sealed.")


@audit.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Else: standard output."
)
def export(output: Path | None) -> None:
    """All rows with their seals, as lines of JSON; docs/audit.md says how to check them without this service."""
    try:
        with open_database(Settings()) as database, click.open_file(str(output or "-"), "wb") as file:
            lines = 0
            for line in Audit(database).export():
                file.write(line)
                lines += 1
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{lines} lines written.", file=sys.stderr)
