"""``triage simulate`` and ``triage backtest``: policies tried out before they page anybody."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from triage.errors import TriageError
from triage.rehearsal.drawing import draw
from triage.rehearsal.scenario import ReportShape, ScenarioShape, read_scenario, scenario_from
from triage.rehearsal.simulate import simulate as run_simulation
from triage.rehearsal.telling import simulation_as_json
from triage.rules.configuration import load_configuration
from triage.settings import Settings

_FIELDS = sorted(set(ReportShape.model_fields) - {"labels", "title", "description"})


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("expected such as 2026-12-25T02:40+01:00") from None
    if moment.tzinfo is None:
        raise click.BadParameter("which time zone? Write such as 2026-12-25T02:40+01:00, or …Z for UTC")
    return moment


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option(
    "--config", "folder", type=click.Path(path_type=Path, file_okay=False), help="Folder of the policy to try."
)
@click.option("--at", callback=_moment, help="When it comes in, with time zone. Left out: now.")
@click.option("--title", help="Of the incident; rules may look for words in it.")
@click.option("--set", "fields", multiple=True, metavar="NAME=VALUE", help=f"A field: {', '.join(_FIELDS)}.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label.")
@click.option("--priority", help="P1 to P5, as a model or a person would say before any rule.")
@click.option("--team", help="Id of a team, likewise.")
@click.option(
    "--answer", "answer_within", metavar="TIME", help="Whoever is paged answers after so long. Left out: nobody."
)
@click.option("--until", metavar="TIME", help="How long it is watched; 24h unless the scenario says otherwise.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def simulate(
    scenario: Path | None,
    folder: Path | None,
    at: datetime | None,
    title: str | None,
    fields: tuple[str, ...],
    labels: tuple[str, ...],
    priority: str | None,
    team: str | None,
    answer_within: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Play one incident on a virtual clock: who is told when, by which rule, also at night and on holidays.

    Nothing is sent. The incident is given by options, or by a SCENARIO file that also tells what happens later:
    acknowledgements, further alerts, overrides, approvals. Options go before what the file says.
    """
    try:
        configuration = load_configuration(folder or Settings().config_dir)
        said = _read(scenario) if scenario else ScenarioShape(at=datetime.now(UTC).replace(microsecond=0))
        given: dict[str, Any] = {"at": at, "priority": priority, "team": team}
        given |= {"answer_within": answer_within, "until": until}
        incident: dict[str, Any] = {"title": title, **_pairs(fields, "--set")}
        if labels:
            incident["labels"] = _pairs(labels, "--label")
        said = scenario_from(said, given, incident)
        found = run_simulation(configuration.rulebook, said)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(orjson.dumps(simulation_as_json(found, configuration.catalogue)))
    else:
        click.echo(draw(found, configuration.catalogue))


def _read(scenario: Path) -> ScenarioShape:
    try:
        return read_scenario(scenario.read_text(encoding="utf-8-sig"), str(scenario))
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{scenario}: cannot be read: {type(error).__name__}") from None


def _pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} {pair}: expected NAME=VALUE")
        found[name] = value
    return found
