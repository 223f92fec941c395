"""Which bundle is active: ``promote``, ``rollback``."""

from dataclasses import asdict
from pathlib import Path

import click

from training.commands.options import json_option, models_option, print_json
from training.promote import MoveRequest, MoveResult, whoever_asks
from training.promote import promote as promote_bundle
from training.promote import rollback as rollback_bundle
from triage.settings import Settings

_reason = click.option("--reason", default="", help="Why, for the history of what was active when.")
_by = click.option("--by", help="Who answers for it; by default this account.")
_expect = click.option("--expect", metavar="V", help="Refuse unless V is active now, or `none` if nothing is.")


@click.command()
@models_option
@click.option("--version", required=True, help="The bundle's version.")
@_reason
@_by
@_expect
@json_option
def promote(models: Path, version: str, reason: str, by: str | None, expect: str | None, as_json: bool) -> None:
    """Make a bundle active: every service on the database of the TRIAGE_* settings follows within seconds."""
    request = MoveRequest(models=models, by=f"shell:{by or whoever_asks()}", reason=reason, expect=expect)
    _report_move(promote_bundle(Settings(), request, version), as_json)


@click.command()
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where bundles are.  [TRIAGE_MODELS_DIR]",
)
@_reason
@_by
@_expect
@json_option
def rollback(models: Path | None, reason: str, by: str | None, expect: str | None, as_json: bool) -> None:
    """Make the bundle active that was active before; once more, and it goes further back."""
    settings = Settings()
    who = f"shell:{by or whoever_asks()}"
    request = MoveRequest(models=models or settings.models_dir, by=who, reason=reason, expect=expect)
    _report_move(rollback_bundle(settings, request), as_json)


def _report_move(result: MoveResult, as_json: bool) -> None:
    if as_json:
        print_json(asdict(result))
    elif result.changed:
        click.echo(
            f"{result.version} is active now (before: {result.previous or 'none'}). Services on the database"
            f" {result.database} follow within seconds."
        )
    else:
        click.echo(f"{result.version} is active already in the database {result.database}: nothing was changed.")
