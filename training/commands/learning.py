"""Learning from a history, and suggesting for a file: ``train``, ``predict``."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from training.commands.options import FILE, json_option, models_option, print_json
from training.commands.request import learning_options, request_for
from training.progress import ProgressBars


@click.command()
@learning_options
@models_option
@json_option
def train(models: Path, as_json: bool, **options: Any) -> None:
    """Learn from a history: write a bundle with heads and print its version."""
    # Only training needs scikit-learn's fitting side, which takes a second to import.
    from training.card import summary_of
    from training.train import train as train_bundle

    with ProgressBars(hidden=as_json) as bars:
        result = train_bundle(request_for(models, options), bars.advance)
    summary = result.summary
    if as_json:
        print_json(
            {
                "version": result.folder.name,
                "rows": summary.cleaning.kept,
                "bad_rows": list(summary.bad_rows),
                "cleaning": summary.cleaning.describe(),
                "leaks": [str(leak) for leak in summary.leaks],
                "heads": {name: head.describe() for name, head in summary.heads.items()},
            }
        )
    else:
        click.echo(summary_of(summary), err=True)
        click.echo(result.folder.name)


@click.command()
@models_option
@click.option("--version", help="A bundle's version; by default the latest.")
@click.option("--input", "source", type=FILE, required=True, help="A file like a history; labels are not needed.")
@click.option("--output", "target", type=FILE, required=True, help="JSON lines, one for each incident.")
@json_option
def predict(models: Path, version: str | None, source: Path, target: Path, as_json: bool) -> None:
    """Suggest priority and team for every incident of a file."""
    from training.predict import predict as predict_file

    with ProgressBars(hidden=as_json) as bars:
        summary = predict_file(models, version, source, target, lambda n, of: bars.advance("predict", n, of))
    if as_json:
        print_json(asdict(summary))
        return
    shares = ", ".join(f"{name} acts alone on {n:,}" for name, n in summary.acting.items()) or "no heads: all null"
    click.echo(f"{summary.rows:,} incidents by {summary.version}: {shares}.", err=True)
    for reason in summary.bad_rows[:20]:
        click.echo(f"skipped {reason}", err=True)
