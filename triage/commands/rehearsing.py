"""``triage simulate`` and ``triage backtest``: policies tried out before they page anybody."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from triage.api.backtests import pasts_of_rows, unknown_words
from triage.domain.schedule import OnCallOverride
from triage.drilling.trying import past_of_decision
from triage.errors import TriageError
from triage.history.rows import read_history
from triage.rehearsal.backtest import Answering, Past
from triage.rehearsal.backtest import backtest as run_backtest
from triage.rehearsal.comparison import compare, draw_comparison
from triage.rehearsal.drawing import draw
from triage.rehearsal.scenario import ReportShape, ScenarioShape, read_scenario, scenario_from
from triage.rehearsal.simulate import simulate as run_simulation
from triage.rehearsal.telling import simulation_as_json
from triage.rules.configuration import Configuration, load_configuration
from triage.rules.shape import read_duration
from triage.serving.opening import open_database
from triage.settings import Settings
from triage.store.decided import DecidedIncidents
from triage.store.oncall import OnCallOverrides

MOST = 200_000
"""Incidents that a backtest of the database looks at, the newest."""
_FIELDS = sorted(set(ReportShape.model_fields) - {"labels", "title", "description"})


def moment_option(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
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
@click.option("--at", callback=moment_option, help="When it comes in, with time zone. Left out: now.")
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
        said = scenario_of(scenario) if scenario else ScenarioShape(at=datetime.now(UTC).replace(microsecond=0))
        given: dict[str, Any] = {"at": at, "priority": priority, "team": team}
        given |= {"answer_within": answer_within, "until": until}
        incident: dict[str, Any] = {"title": title, **pairs_of(fields, "--set")}
        if labels:
            incident["labels"] = pairs_of(labels, "--label")
        said = scenario_from(said, given, incident)
        found = run_simulation(configuration.rulebook, said)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(orjson.dumps(simulation_as_json(found, configuration.catalogue)))
    else:
        click.echo(draw(found, configuration.catalogue))


def scenario_of(scenario: Path) -> ScenarioShape:
    try:
        return read_scenario(scenario.read_text(encoding="utf-8-sig"), str(scenario))
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{scenario}: cannot be read: {type(error).__name__}") from None


def pairs_of(given: tuple[str, ...], option: str) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} {pair}: expected NAME=VALUE")
        found[name] = value
    return found


@click.command()
@click.argument("history", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option(
    "--proposed",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="Folder of the policy to try.",
)
@click.option(
    "--config", "folder", type=click.Path(path_type=Path, file_okay=False), help="Today's, to compare with."
)
@click.option(
    "--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="Without HISTORY: how far back."
)
@click.option(
    "--missed",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Of the pages, how many nobody answers.",
)
@click.option(
    "--answer", "within", metavar="TIME", default="5m", show_default=True, help="The others are answered within."
)
@click.option(
    "--people",
    type=click.IntRange(1, 1000),
    default=15,
    show_default=True,
    help="How many are shown of each kind.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def backtest(
    history: Path | None,
    proposed: Path,
    folder: Path | None,
    days: int,
    missed: float,
    within: str,
    people: int,
    as_json: bool,
) -> None:
    """Run a history through a proposed policy and through today's: who would have been woken, how often, and what
    changes.

    HISTORY is a file as `triage import` reads it; without one it is what was decided here in the last --days.
    Nothing is sent. Both policies meet the same incidents, the same shifts and the same luck with who answers.
    """
    try:
        answering = Answering(within=read_duration(within), missed=missed)
        today = load_configuration(folder or Settings().config_dir)
        other = load_configuration(proposed)
        pasts, swaps = (_rows(history, today, other), ()) if history else _decided(days, today)
        if not pasts[0]:
            raise click.ClickException("there is no incident in that history; nothing to compare")
        found = compare(
            run_backtest(today.rulebook, pasts[0], answering, swaps),
            run_backtest(other.rulebook, pasts[1], answering, swaps),
        )
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--answer") from None
    if as_json:
        click.echo(orjson.dumps(found.as_json()))
    else:
        click.echo(draw_comparison(found, other.catalogue, people))


def _rows(file: Path, today: Configuration, proposed: Configuration) -> tuple[list[Past], list[Past]]:
    rows = read_history(file, require_labels=False).rows
    timed = [row for row in rows if row.incident.occurred_at or row.incident.started_at]
    if len(timed) < len(rows):
        click.echo(f"{len(rows) - len(timed):,} rows tell no time and are left out.", err=True)
    priorities, teams = unknown_words(timed, proposed.catalogue)
    for words, what in ((priorities, "priorities"), (teams, "teams")):
        if words:
            shown = ", ".join(sorted(words)[:3])
            message = f"{len(words)} {what} of the history are not in the catalogue, such as {shown}."
            click.echo(f"{message} Name them there as words or aliases.", err=True)
    return list(pasts_of_rows(timed, today.catalogue)), list(pasts_of_rows(timed, proposed.catalogue))


def _decided(days: int, today: Configuration) -> tuple[tuple[list[Past], list[Past]], tuple[OnCallOverride, ...]]:
    """With the swaps of that time."""
    now = datetime.now(UTC)
    since = now - timedelta(days=days)
    with open_database(Settings()) as database:
        with closing(DecidedIncidents(database).read(since, MOST)) as found:
            pasts = [past_of_decision(incident, today.catalogue) for incident in found]
        swaps = OnCallOverrides(database).standing(since, now)
    return (pasts, pasts), swaps
