"""A bundle before there is any history: ``starter``."""

from datetime import UTC, datetime
from pathlib import Path

import click

from training.commands.options import json_option, models_option, print_json
from training.encoder_export import DEFAULT_ENCODER, STEPS
from training.progress import ProgressBars
from training.starter import make_starter


@click.command()
@models_option
@click.option("--encoder", default=DEFAULT_ENCODER, show_default=True, help="sentence-transformers name or path.")
@json_option
def starter(models: Path, encoder: str, as_json: bool) -> None:
    """Write a bundle with an encoder and no heads; does nothing where a valid one is there."""
    with ProgressBars(hidden=as_json) as bars:
        result = make_starter(models, datetime.now(UTC), encoder, lambda step: bars.step(step, STEPS))
    if as_json:
        print_json({"version": result.folder.name, "made": result.made})
    else:
        click.echo(result.folder.name)
