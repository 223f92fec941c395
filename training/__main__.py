"""``python -m training``: the command line of those who make bundles."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from training.encoder_export import DEFAULT_ENCODER, STEPS
from training.progress import ProgressBars
from training.promote import MoveRequest, MoveResult, whoever_asks
from training.promote import promote as promote_bundle
from training.promote import rollback as rollback_bundle
from training.recipes import RECIPES
from training.starter import make_starter
from triage.errors import TriageError
from triage.settings import Settings

_models = click.option(
    "--models", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where bundles are."
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
_reason = click.option("--reason", default="", help="Why, for the history of what was active when.")
_by = click.option("--by", help="Who answers for it; by default this account.")
_expect = click.option("--expect", metavar="V", help="Refuse unless V is active now, or `none` if nothing is.")
_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def cli() -> None:
    """Make bundles from an organisation's history, and use them."""


@cli.command()
@_models
@click.option("--encoder", default=DEFAULT_ENCODER, show_default=True, help="sentence-transformers name or path.")
@_json
def starter(models: Path, encoder: str, as_json: bool) -> None:
    """Write a bundle with an encoder and no heads; does nothing where a valid one is there."""
    with ProgressBars(hidden=as_json) as bars:
        result = make_starter(models, datetime.now(UTC), encoder, lambda step: bars.step(step, STEPS))
    if as_json:
        _print_json({"version": result.folder.name, "made": result.made})
    else:
        click.echo(result.folder.name)


@cli.command()
@click.option("--history", type=_file, required=True, help="JSON lines (gzipped or not), CSV or Parquet.")
@_models
@click.option("--recipe", type=click.Choice(sorted(RECIPES)), default="default", show_default=True)
@click.option("--encoder", help="sentence-transformers name or path; by default that of the bundle in use.")
@click.option("--source", help="Only the rows of this source: severities differ between organisations.")
@_json
def train(
    history: Path, models: Path, recipe: str, encoder: str | None, source: str | None, as_json: bool
) -> None:
    """Learn from a history: write a bundle with heads and print its version."""
    # Only training needs scikit-learn's fitting side, which takes a second to import.
    from training.card import summary_of
    from training.train import TrainRequest
    from training.train import train as train_bundle

    request = TrainRequest(
        history=history,
        models=models,
        recipe=RECIPES[recipe],
        created_at=datetime.now(UTC),
        encoder=encoder,
        source=source,
    )
    with ProgressBars(hidden=as_json) as bars:
        result = train_bundle(request, bars.advance)
    summary = result.summary
    if as_json:
        heads = {name: head.describe() for name, head in summary.heads.items()}
        leaks = [str(leak) for leak in summary.leaks]
        content = {
            "version": result.folder.name,
            "rows": summary.cleaning.kept,
            "bad_rows": list(summary.bad_rows),
        }
        _print_json({**content, "leaks": leaks, "heads": heads})
    else:
        click.echo(summary_of(summary), err=True)
        click.echo(result.folder.name)


@cli.command()
@_models
@click.option("--version", help="A bundle's version; by default the latest.")
@click.option("--input", "source", type=_file, required=True, help="A file like a history; labels are not needed.")
@click.option("--output", "target", type=_file, required=True, help="JSON lines, one for each incident.")
@_json
def predict(models: Path, version: str | None, source: Path, target: Path, as_json: bool) -> None:
    """Suggest priority and team for every incident of a file."""
    from training.predict import predict as predict_file

    with ProgressBars(hidden=as_json) as bars:
        summary = predict_file(models, version, source, target, lambda n, of: bars.advance("predict", n, of))
    if as_json:
        _print_json(asdict(summary))
        return
    shares = ", ".join(f"{name} acts alone on {n:,}" for name, n in summary.acting.items()) or "no heads: all null"
    click.echo(f"{summary.rows:,} incidents by {summary.version}: {shares}.", err=True)
    for reason in summary.bad_rows[:20]:
        click.echo(f"skipped {reason}", err=True)


@cli.command()
@_models
@click.option("--version", required=True, help="The bundle's version.")
@_reason
@_by
@_expect
@_json
def promote(models: Path, version: str, reason: str, by: str | None, expect: str | None, as_json: bool) -> None:
    """Make a bundle active: every service on the database of the TRIAGE_* settings follows within seconds."""
    request = MoveRequest(models=models, by=f"shell:{by or whoever_asks()}", reason=reason, expect=expect)
    _report_move(promote_bundle(Settings(), request, version), as_json)


@cli.command()
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where bundles are.  [TRIAGE_MODELS_DIR]",
)
@_reason
@_by
@_expect
@_json
def rollback(models: Path | None, reason: str, by: str | None, expect: str | None, as_json: bool) -> None:
    """Make the bundle active that was active before; once more, and it goes further back."""
    settings = Settings()
    who = f"shell:{by or whoever_asks()}"
    request = MoveRequest(models=models or settings.models_dir, by=who, reason=reason, expect=expect)
    _report_move(rollback_bundle(settings, request), as_json)


def _report_move(result: MoveResult, as_json: bool) -> None:
    if as_json:
        _print_json(asdict(result))
    elif result.changed:
        click.echo(
            f"{result.version} is active now (before: {result.previous or 'none'}). Services on the database"
            f" {result.database} follow within seconds."
        )
    else:
        click.echo(f"{result.version} is active already in the database {result.database}: nothing was changed.")


def main() -> None:
    """Exit codes: 0 done, 1 refused or failed with a reason, 2 wrong usage."""
    try:
        cli(standalone_mode=True)
    except TriageError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


def _print_json(content: dict[str, Any]) -> None:
    click.echo(json.dumps(content, ensure_ascii=False))


if __name__ == "__main__":
    main()
