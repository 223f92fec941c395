"""``triage drill``: a P1 or P2 practised by the very engine, within seconds or with people."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from triage.active import Active
from triage.commands.rehearsing import moment_option, pairs_of, scenario_of
from triage.decider import Decider
from triage.domain.priority import Priority
from triage.drilling.drawing import draw_report
from triage.drilling.real import RealDrills
from triage.drilling.report import DrillReport, report_as_json
from triage.drilling.subject import urgent_report
from triage.drilling.virtual import rehearse
from triage.errors import TriageError
from triage.rehearsal.scenario import ReportShape, ScenarioShape, scenario_from
from triage.rules.configuration import Configuration, load_configuration
from triage.rules.shape import read_duration
from triage.serving.opening import open_database
from triage.serving.parts import utc_now
from triage.settings import Settings
from triage.store.batch import PostgresStore
from triage.store.database import Database
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents
from triage.store.watching import Watches
from triage.triager import Triager

LOOKED_EVERY = 1.0
BY = "command line"


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--config", "folder", type=click.Path(path_type=Path, file_okay=False), help="Of another policy.")
@click.option("--real", is_flag=True, help="On the real clock: people are told, and that it is a drill.")
@click.option(
    "--lasts", default="1h", show_default=True, metavar="TIME", help="Of a real one: ended after so long."
)
@click.option("--at", callback=moment_option, help="Virtual: when it comes in, with time zone. Left out: now.")
@click.option(
    "--priority",
    type=click.Choice(["P1", "P2"]),
    default="P1",
    show_default=True,
    help="Where nothing says what comes in: a severity of this priority on the most important service.",
)
@click.option("--title", help="Of the incident.")
@click.option("--set", "fields", multiple=True, metavar="NAME=VALUE", help="A field, such as service or severity.")
@click.option("--answer", "answer_within", metavar="TIME", help="Virtual: who is paged answers after so long.")
@click.option("--until", metavar="TIME", help="Virtual: how long it is watched; 24h unless the scenario says.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def drill(
    scenario: Path | None,
    folder: Path | None,
    real: bool,
    lasts: str,
    at: datetime | None,
    priority: str,
    title: str | None,
    fields: tuple[str, ...],
    answer_within: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Practise a P1 or P2: decided on, escalated and told by the very parts that do it for real.

    On a virtual clock it takes seconds, nothing is sent, and the report holds what the engine did against what the
    policy says. With --real people are told, and that it is a drill; the report says who answered when.
    """
    try:
        configuration = load_configuration(folder or Settings().config_dir)
        said = _scenario(scenario, configuration, priority, title, fields)
        said = scenario_from(said, {"at": at, "answer_within": answer_within, "until": until}, {})
        with open_database(Settings()) as database:
            if real:
                found = _practise(database, configuration, said.incident, read_duration(lasts), quiet=as_json)
            else:
                keep = folder is None
                found = rehearse(database, configuration, said, os.environ, by=BY, keep=keep)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--lasts") from None
    click.echo(orjson.dumps(report_as_json(found)) if as_json else draw_report(found, configuration.catalogue))
    if found.as_planned is False or found.faults:
        raise SystemExit(1)


def _scenario(
    scenario: Path | None, configuration: Configuration, priority: str, title: str | None, fields: tuple[str, ...]
) -> ScenarioShape:
    incident: dict[str, Any] = {"title": title, **pairs_of(fields, "--set")}
    if scenario is not None:
        return scenario_from(scenario_of(scenario), {}, incident)
    start = ReportShape() if fields else urgent_report(configuration, Priority(priority))
    said = ScenarioShape(at=datetime.now(UTC).replace(microsecond=0), incident=start)
    return scenario_from(said, {}, incident)


def _practise(
    database: Database, configuration: Configuration, report: ReportShape, lasts: timedelta, *, quiet: bool
) -> DrillReport:
    """Open it, and look until it is over. The services that run carry it out."""
    active = Active(Decider(configuration, None, None), {})
    triager = Triager(PostgresStore(database), lambda: active, utc_now)
    drills = RealDrills(triager, Incidents(database), Escalations(database), Watches(database), utc_now)
    found = drills.begin(report, lasts, BY)
    incident_id, until = found.incident_id or "", utc_now() + lasts + timedelta(seconds=30)
    seen = 0
    while found.resolved_after is None and utc_now() < until:
        time.sleep(LOOKED_EVERY)
        found = drills.report(incident_id)
        for told in found.told[seen:]:
            if not quiet:
                click.echo(f"{told.after:7.1f} s  {told.kind} to {told.recipient}", err=True)
        seen = len(found.told)
    return drills.report(incident_id)
