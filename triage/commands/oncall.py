"""``triage oncall``: who is on call, until when, and where nobody is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from triage.commands.rehearsing import moment_option
from triage.domain.catalogue import Catalogue
from triage.domain.rotation import duty_at, gaps, shift_at
from triage.domain.schedule import OnCallOverride, Schedule
from triage.errors import StoreUnavailable, TriageError
from triage.escalation.calendar import shifts_calendar
from triage.oncall import AROUND
from triage.rules.configuration import load_configuration
from triage.serving.opening import open_database
from triage.settings import Settings
from triage.store.oncall import OnCallOverrides

SHOWN = 3


@click.command()
@click.option(
    "--config", "folder", type=click.Path(path_type=Path, file_okay=False), help="Folder of another catalogue."
)
@click.option("--at", callback=moment_option, help="With time zone. Left out: now.")
@click.option("--schedule", "schedule_id", help="Only this one.")
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True, help="How far ahead.")
@click.option(
    "--ics", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write its shifts as a calendar."
)
def oncall(folder: Path | None, at: datetime | None, schedule_id: str | None, days: int, ics: Path | None) -> None:
    """Who is on call on each schedule, until when and who is next; then when nobody is.

    Swaps are read from the database; where it cannot be opened, schedules are told as they are written.
    """
    moment = at or datetime.now(UTC)
    try:
        catalogue = load_configuration(folder or Settings().config_dir).catalogue
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    if schedule_id is not None and schedule_id not in catalogue.schedules:
        known = ", ".join(catalogue.schedules)
        raise click.UsageError(f"no schedule {schedule_id!r}; there are {known}")
    if ics is not None and schedule_id is None:
        raise click.UsageError("--ics needs --schedule")
    overrides = _overrides(moment, days)
    asked = [catalogue.schedules[schedule_id]] if schedule_id else list(catalogue.schedules.values())
    for schedule in asked:
        click.echo(_told(schedule, moment, overrides, catalogue))
    for schedule in asked:
        _tell_gaps(schedule, moment, days, overrides)
    if ics is not None:
        names = {person.id: person.name for person in catalogue.people.values()}
        ics.write_bytes(shifts_calendar(asked[0], moment, moment + timedelta(days=days), names, overrides))


def _overrides(at: datetime, days: int) -> tuple[OnCallOverride, ...]:
    try:
        with open_database(Settings()) as database:
            return OnCallOverrides(database).standing(at - AROUND, at + timedelta(days=days) + AROUND)
    except (StoreUnavailable, TriageError) as error:
        click.echo(f"Without swaps: {error}", err=True)
        return ()


def _told(schedule: Schedule, at: datetime, overrides: tuple[OnCallOverride, ...], catalogue: Catalogue) -> str:
    shift, zone = shift_at(schedule, at, overrides), ZoneInfo(schedule.timezone)
    until = shift.ends_at.astimezone(zone)
    order = duty_at(schedule, at, overrides).order
    if shift.person is None:
        return f"{schedule.id:20} NOBODY until {until:%a %Y-%m-%d %H:%M} {schedule.timezone}"
    following = f", then {catalogue.person_name(order[1])}" if len(order) > 1 else ""
    instead = f" for {catalogue.person_name(shift.relieves)}" if shift.relieves else ""
    who = f"{catalogue.person_name(shift.person)}{instead}"
    return f"{schedule.id:20} {who} until {until:%a %Y-%m-%d %H:%M} {schedule.timezone}{following}"


def _tell_gaps(schedule: Schedule, at: datetime, days: int, overrides: tuple[OnCallOverride, ...]) -> None:
    zone = ZoneInfo(schedule.timezone)
    found = gaps(schedule, at, at + timedelta(days=days), overrides)
    for gap in found[:SHOWN]:
        start, end = gap.starts_at.astimezone(zone), gap.ends_at.astimezone(zone)
        span = f"from {start:%a %Y-%m-%d %H:%M} to {end:%a %Y-%m-%d %H:%M} {schedule.timezone}"
        click.echo(f"{schedule.id}: nobody is on call {span}")
    if len(found) > SHOWN:
        click.echo(f"{schedule.id}: and {len(found) - SHOWN} gaps more within {days} days")
