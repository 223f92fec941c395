"""``python -m training``: the command line of those who make bundles."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from training.encoder_export import DEFAULT_ENCODER
from training.starter import make_starter
from triage.errors import TriageError

_STEPS = ("load", "export", "quantise", "verify", "write")

_models = click.option(
    "--models", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where bundles are."
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")


@click.group()
def cli() -> None:
    """Make bundles from an organisation's history, and use them."""


@cli.command()
@_models
@click.option("--encoder", default=DEFAULT_ENCODER, show_default=True, help="sentence-transformers name or path.")
@_json
def starter(models: Path, encoder: str, as_json: bool) -> None:
    """Write a bundle with an encoder and no heads; does nothing where a valid one is there."""
    with click.progressbar(length=len(_STEPS), label="Starter bundle", file=sys.stderr, hidden=as_json) as bar:

        def step(name: str) -> None:
            bar.label = f"Starter bundle: {name}"
            bar.update(_STEPS.index(name) - bar.pos)

        result = make_starter(models, datetime.now(UTC), encoder, step)
        bar.update(len(_STEPS) - bar.pos)
    if as_json:
        _print_json({"version": result.folder.name, "made": result.made})
    else:
        click.echo(result.folder.name)


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
