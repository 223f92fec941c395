"""``triage export``: a history file of what happened here, with the labels that people gave."""

import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click
import orjson

from triage.commands.history_file import FORMATS, format_of, row_of, writing
from triage.commands.options import ended_in_order, moment
from triage.domain.provenance import Label, PastIncident, priority_label, team_label
from triage.errors import HistoryError, TriageError
from triage.memory.catalogues import Catalogues
from triage.serving.opening import open_database
from triage.settings import Settings
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.exporting import PastIncidents

_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """``since`` and ``until`` bound when an incident was opened: from ``since`` on, before ``until``."""

    output: Path
    form: str
    since: datetime | None = None
    until: datetime | None = None
    with_unlabelled: bool = False


@dataclass(slots=True, kw_only=True)
class ExportSummary:
    """``priority`` and ``team`` count labels by their source; ``unknown_catalogues`` could not be read."""

    incidents: int = 0
    rows: int = 0
    priority: Counter[str] = field(default_factory=Counter)
    team: Counter[str] = field(default_factory=Counter)
    first_at: datetime | None = None
    last_at: datetime | None = None
    unknown_catalogues: list[str] = field(default_factory=list)

    def note(self, past: PastIncident, priority: Label, team: Label) -> None:
        """One more row. Incidents come oldest opened first, but may have happened in another order."""
        self.rows += 1
        for counts, label in ((self.priority, priority), (self.team, team)):
            if label.value is not None:
                counts[label.source.value] += 1
        at = past.occurred_at
        self.first_at, self.last_at = min(self.first_at or at, at), max(self.last_at or at, at)


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="history.jsonl",
    show_default=True,
    help="The file; what it is follows from its name.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Instead of what the file's name says.")
@click.option(
    "--since",
    metavar="WHEN",
    callback=moment,
    help="Opened at that time or later: 2026-03-09 or 2026-03-09T09:42Z.",
)
@click.option("--until", metavar="WHEN", callback=moment, help="Opened before that time.")
@click.option("--with-unlabelled", is_flag=True, help="Also the incidents that no person gave a label.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def export(
    output: Path,
    form: str | None,
    since: datetime | None,
    until: datetime | None,
    with_unlabelled: bool,
    as_json: bool,
) -> None:
    """Write past incidents as a history file to train on, with where each label came from.

    A label is what a person said: a triage override (reviewed), or the team that an incident was resolved under,
    if one of its people took or resolved it or somebody had chosen it before and nobody moved it (resolved).
    What was imported goes out as it came, in its history's own words. What only a machine said is left out.
    """
    output = output.resolve()
    form = form or format_of(output)
    if form is None:
        raise click.UsageError(f"the file's name says no format: end it in one of {', '.join(FORMATS)}")
    if output.exists() and not output.is_file():
        raise click.UsageError("--output is no regular file")
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since is not before --until")
    request = ExportRequest(output=output, form=form, since=since, until=until, with_unlabelled=with_unlabelled)
    try:
        with ended_in_order(), open_database(Settings()) as database:
            summary = _export(database, request, hidden=as_json)
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    _tell(request, summary, as_json=as_json)


def _export(database: Database, request: ExportRequest, *, hidden: bool) -> ExportSummary:
    """Raises HistoryError when there is nothing to write or it cannot be written, StoreUnavailable."""
    past = PastIncidents(database)
    bounds = request.since, request.until
    summary = ExportSummary()
    catalogues = Catalogues(Configurations(database))
    with (
        click.progressbar(
            length=past.count(*bounds), label="export", file=sys.stderr, hidden=hidden, show_pos=True
        ) as bar,
        writing(request.output, request.form) as write,
        closing(past.read(*bounds)) as incidents,
    ):
        for incident in incidents:
            summary.incidents += 1
            priority = priority_label(incident)
            team = team_label(incident, catalogues.find(incident.catalogue))
            if request.with_unlabelled or priority.value is not None or team.value is not None:
                write(row_of(incident, priority, team))
                summary.note(incident, priority, team)
            if summary.incidents % _PROGRESS_EVERY == 0:
                bar.update(_PROGRESS_EVERY)
        bar.update(summary.incidents % _PROGRESS_EVERY)
        if not summary.rows:
            raise HistoryError(_nothing(summary))
    summary.unknown_catalogues = catalogues.unknown
    return summary


def _nothing(summary: ExportSummary) -> str:
    if not summary.incidents:
        return "no incident was opened in that time; nothing was written"
    return f"no person gave any of {summary.incidents:,} incidents a label; nothing was written"


def _tell(request: ExportRequest, summary: ExportSummary, *, as_json: bool) -> None:
    left_out = summary.incidents - summary.rows
    if as_json:
        content = {
            "file": str(request.output),
            "format": request.form,
            "incidents": summary.incidents,
            "rows": summary.rows,
            "left_out": left_out,
            "priority": dict(summary.priority),
            "team": dict(summary.team),
            "first_at": summary.first_at,
            "last_at": summary.last_at,
            "unknown_catalogues": summary.unknown_catalogues,
        }
        click.echo(orjson.dumps(content))
        return
    click.echo(
        f"{request.output}: {summary.rows:,} of {summary.incidents:,} incidents,"
        f" {summary.first_at:%Y-%m-%d} to {summary.last_at:%Y-%m-%d}."
    )
    for name, counts in (("priority", summary.priority), ("team", summary.team)):
        told = ", ".join(f"{counts[source]:,} {source}" for source in sorted(counts)) or "none"
        click.echo(f"  {name:8}  {told}")
    if left_out:
        click.echo(f"  {left_out:,} left out: no person gave them a label.")
    for version in summary.unknown_catalogues:
        click.echo(f"Warning: {version} cannot be read, so nobody's team under it is known.", err=True)
