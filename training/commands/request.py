"""What a training needs to know, as options and as a request."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from training.commands.options import FILE, FOLDER
from training.recipes import RECIPES, Recipe
from training.train import TrainRequest
from triage.rules.configuration import Configuration, load_configuration

_share = click.FloatRange(0, 1, min_open=True, max_open=True)

_LEARNING = (
    click.option("--history", type=FILE, required=True, help="JSON lines (gzipped or not), CSV or Parquet."),
    click.option(
        "--recipe", type=click.Choice(sorted(RECIPES)), default="default", show_default=True, help="How to learn."
    ),
    click.option("--quick", is_flag=True, help="The recipe `quick`: for a first impression."),
    click.option("--encoder", help="sentence-transformers name or path; by default that of the bundle in use."),
    click.option("--source", help="Only the rows of this source: severities differ between organisations."),
    click.option(
        "--max-p1-miss", type=_share, help="Promise that at most this share of true P1s is triaged as less urgent."
    ),
    click.option("--coverage", type=_share, help="Promise sets of teams that hold the true one so often."),
    click.option("--confidence", type=_share, help="Keep the bound on missed P1s with this confidence."),
    click.option("--config", type=FOLDER, help="A configuration folder: parent teams, inactive teams."),
    click.option("--leave-out", multiple=True, metavar="KEY", help="A fact that nothing may be learnt from."),
)


def learning_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a training needs to know, in this order on the help page."""
    for option in reversed(_LEARNING):
        command = option(command)
    return command


def recipe_for(options: Mapping[str, Any]) -> Recipe:
    """The recipe with what the command line changes in it."""
    recipe = RECIPES["quick" if options["quick"] else options["recipe"]]
    changes = {
        name: options[name] for name in ("max_p1_miss", "coverage", "confidence") if options[name] is not None
    }
    if options["leave_out"]:
        changes["leave_out"] = tuple(options["leave_out"])
    if options["confidence"] is not None and options["max_p1_miss"] is None:
        raise click.UsageError("--confidence says how sure the bound of --max-p1-miss is, which is not there")
    return replace(recipe, **changes)


def configuration_for(options: Mapping[str, Any]) -> Configuration | None:
    """Raises ``ConfigurationError``."""
    return load_configuration(options["config"]) if options["config"] is not None else None


def request_for(models: Path, options: Mapping[str, Any]) -> TrainRequest:
    configuration = configuration_for(options)
    return TrainRequest(
        history=options["history"],
        models=models,
        recipe=recipe_for(options),
        created_at=datetime.now(UTC),
        encoder=options["encoder"],
        source=options["source"],
        catalogue=configuration.catalogue if configuration is not None else None,
    )
