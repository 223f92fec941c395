"""A simulation drawn as text: who is told when, by whose clock it is night, and how it ends."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from textwrap import shorten
from zoneinfo import ZoneInfo

from triage.domain.catalogue import Catalogue
from triage.domain.wording import in_words
from triage.escalation.handover import HandOver
from triage.escalation.state import (
    AskApproval,
    CallVendor,
    Effect,
    Note,
    Notice,
    Page,
    Phase,
    Post,
    SendUpdate,
    StandDown,
)
from triage.escalation.wording import update_text
from triage.rehearsal.scenario import ScenarioShape
from triage.rehearsal.simulate import Simulation
from triage.rules.readings import WEEKDAYS

_SIGN: dict[type[Effect], str] = {
    Page: "☎",
    Post: "✎",
    CallVendor: "⇢",
    AskApproval: "?",
    SendUpdate: "✉",
    StandDown: "✓",
    Note: "·",
}
_ENDED = {
    Phase.CALLING: "nobody has answered",
    Phase.ACKNOWLEDGED: "it is being worked on",
    Phase.RESOLVED: "it is resolved",
    Phase.QUIET: "nobody is told",
}
NIGHT = ("22:00", "06:00")
"""By the clock of whoever is told; who is told in it is woken."""


def is_night(at: datetime, zone: ZoneInfo) -> bool:
    clock = at.astimezone(zone).strftime("%H:%M")
    return clock >= NIGHT[0] or clock < NIGHT[1]


def zone_of(catalogue: Catalogue, person: str, target: str = "") -> ZoneInfo:
    """The clock that a person lives by: their own, else their schedule's, else the organisation's."""
    found = catalogue.people.get(person)
    if found is not None and found.timezone:
        return ZoneInfo(found.timezone)
    kind, _, name = target.partition(":")
    return ZoneInfo(catalogue.schedules[name].timezone) if kind == "oncall" else catalogue.zone


def draw(simulation: Simulation, catalogue: Catalogue) -> str:
    """The whole simulation, at most some 120 characters wide."""
    return "\n".join(
        [*_head(simulation, catalogue), "", *_rows(simulation, catalogue), "", *_foot(simulation, catalogue)]
    )


def _head(simulation: Simulation, catalogue: Catalogue) -> Iterator[str]:
    scenario, first = simulation.scenario, simulation.rulings[0]
    local = simulation.opened_at.astimezone(catalogue.zone)
    kind = [WEEKDAYS[local.weekday()].capitalize()]
    if local.date() in catalogue.holidays:
        kind.append("a holiday")
    if is_night(simulation.opened_at, catalogue.zone):
        kind.append("at night")
    yield f"{_subject(scenario)}"
    yield f"comes in at {local:%Y-%m-%d %H:%M} {catalogue.timezone}, {', '.join(kind)}"
    outcome = first.outcome
    priority, team, path = outcome.priority, outcome.team, outcome.path
    yield f"{priority.value} ({outcome.priority_source.value}) · team {team} ({outcome.team_source.value})"
    yield f"policy {path.policy} by rule {path.rule} · {', '.join(kind.value for kind in path.kinds)}"
    for fired in outcome.fired[:-1]:
        yield f"  rule {fired}"
    for reason in outcome.review_reasons:
        yield f"  review: {reason}"
    for name, moment in (("acknowledge", outcome.path.acknowledge_by), ("resolve", outcome.path.resolve_by)):
        if moment is not None:
            yield f"  promised: {name} by {moment.astimezone(catalogue.zone):%Y-%m-%d %H:%M}"


def _subject(scenario: ScenarioShape) -> str:
    incident = scenario.incident
    about = [word for word in (incident.service, incident.environment, incident.severity) if word]
    return f"{shorten(incident.title, 80, placeholder=' …')}{' · ' if about else ''}{' · '.join(about)}"


def _rows(simulation: Simulation, catalogue: Catalogue) -> Iterator[str]:
    rulings = list(simulation.rulings[1:])
    last: datetime | None = None
    yield "   after  here   ·  step  what"
    for entry in simulation.entries:
        while rulings and rulings[0].at <= entry.at and entry.happened is None:
            ruling = rulings.pop(0)
            yield _line(
                ruling.at, simulation, catalogue, "▸", "", _ruled(ruling.outcome.fired, ruling.because), last
            )
            last = ruling.at
        if entry.happened is not None:
            yield _line(entry.at, simulation, catalogue, "●", "", entry.happened, last)
        elif entry.effect is not None and not _is_said_already(entry.effect):
            if isinstance(entry.effect, SendUpdate):
                text = _update(entry.effect, entry.at, simulation, catalogue)
                yield _line(entry.at, simulation, catalogue, _SIGN[SendUpdate], "", text, last)
                last = entry.at
                continue
            number = getattr(entry.effect, "number", None)
            step = "desk" if number == 0 and isinstance(entry.effect, Page) else str(number or "")
            told = told_of(entry.effect, entry.at, catalogue)
            yield _line(entry.at, simulation, catalogue, _SIGN[type(entry.effect)], step, told, last)
        else:
            continue
        last = entry.at


def _update(update: SendUpdate, at: datetime, simulation: Simulation, catalogue: Catalogue) -> str:
    """Who hears it, and the very words, as concluded by then."""
    outcome = [ruling.outcome for ruling in simulation.rulings if ruling.at <= at][-1]
    incident = simulation.scenario.incident
    told = [*update.channels, *(catalogue.person_name(person) for person in update.people)]
    words = update_text(
        update,
        title=incident.title,
        service=incident.service or "an unknown service",
        priority=catalogue.label_of(outcome.priority),
        team=catalogue.teams[outcome.team].name,
    )
    return f"to {', '.join(told)}: “{words}”"


def _is_said_already(effect: Effect) -> bool:
    return isinstance(effect, Note) and effect.notice is Notice.PATH_CHANGED


def _ruled(fired: tuple[str, ...], because: str) -> str:
    return f"{because}; rule {fired[-1]}"


def _line(
    at: datetime,
    simulation: Simulation,
    catalogue: Catalogue,
    sign: str,
    step: str,
    what: str,
    last: datetime | None,
) -> str:
    when = (
        f"{_length(at - simulation.opened_at):>8}  {at.astimezone(catalogue.zone):%H:%M}"
        if at != last
        else " " * 15
    )
    return f"{when}  {'☾' if is_night(at, catalogue.zone) else ' '} {sign}  {step:<4}  {what}".rstrip()


def _length(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    days, minutes = divmod(minutes, 24 * 60)
    return f"+{f'{days}d ' if days else ''}{minutes // 60}:{minutes % 60:02}"


def told_of(effect: Effect, at: datetime, catalogue: Catalogue) -> str:
    """One effect in words, without the incident's text."""
    match effect:
        case Page():
            return _page(effect, at, catalogue)
        case Post():
            return f"write to {', '.join(effect.channels)}"
        case CallVendor():
            until = f", has until {_clock(effect.answer_by, catalogue)}" if effect.answer_by else ""
            contract = f" (contract {effect.contract})" if effect.contract else ""
            return f"call vendor {catalogue.vendors[effect.vendor].name}{contract}{until}"
        case AskApproval():
            people = ", ".join(catalogue.person_name(person) for person in effect.people) or "nobody"
            asked = f"{effect.role}{' as deputy' if effect.deputy else ''}"
            until = _clock(effect.answer_by, catalogue)
            return f"ask {people} ({asked}) to approve {effect.checkpoint}, until {until}"
        case SendUpdate():
            told = [*effect.channels, *(catalogue.person_name(person) for person in effect.people)]
            following = f"next update in {in_words(effect.next_within)}" if effect.next_within else "the last one"
            return f"update to {', '.join(told)}: {effect.status}; {following}"
        case StandDown():
            return f"all clear to {', '.join(catalogue.person_name(person) for person in effect.people)}"
        case Note():
            mark = "!! " if effect.notice in _LOUD else ""
            return f"{mark}{effect.message}"
    return ""


_LOUD = (
    Notice.ACKNOWLEDGE_BREACHED,
    Notice.RESOLVE_BREACHED,
    Notice.NOBODY_ANSWERED,
    Notice.SKIPPED,
    Notice.VENDOR_LATE,
)


def _page(page: Page, at: datetime, catalogue: Catalogue) -> str:
    zone = zone_of(catalogue, page.person, page.target)
    there = at.astimezone(zone)
    away = f", {there:%H:%M} there" if there.utcoffset() != at.astimezone(catalogue.zone).utcoffset() else ""
    woken = ", is woken" if is_night(at, zone) else ""
    again = f" again ({page.attempt})" if page.attempt > 1 else ""
    parts = f" as {', '.join(page.parts)}" if page.parts else ""
    until = f"; until {_clock(page.answer_by, catalogue)}" if page.answer_by > at else ""
    return f"page {catalogue.person_name(page.person)}{again} [{page.target}]{parts}{away}{woken}{until}"


def _clock(at: datetime | None, catalogue: Catalogue) -> str:
    return f"{at.astimezone(catalogue.zone):%H:%M}" if at else "further notice"


def _left(left: HandOver, catalogue: Catalogue) -> Iterator[str]:
    """The hand-over: parts, who owes an answer, and what happens next by itself."""
    where = f"step {left.step} of {left.steps}" if left.step <= left.steps else "the triage desk"
    yield f"Hand-over at {where}:"
    for played in left.parts:
        people = ", ".join(catalogue.person_name(person) for person in played.people) or "nobody now"
        yield f"  {played.part}: {people} [{played.target}]"
    for waiting in left.waiting:
        yield f"  waits for {waiting.what} until {_clock(waiting.until, catalogue)}"
    if left.next_at is not None:
        yield f"  at {_clock(left.next_at, catalogue)} {left.next_is}"


def _foot(simulation: Simulation, catalogue: Catalogue) -> Iterator[str]:
    told: dict[str, list[tuple[datetime, Page]]] = {}
    for at, page in simulation.pages:
        told.setdefault(page.person, []).append((at, page))
    for person, pages in told.items():
        first, page = pages[0]
        nights = sum(is_night(at, zone_of(catalogue, person, page.target)) for at, page in pages)
        woken = f", {nights} at night" if nights else ""
        when = _length(first - simulation.opened_at)
        many = "s" if len(pages) > 1 else ""
        yield f"{catalogue.person_name(person)}: {len(pages)} page{many}{woken}, first {when}"
    if simulation.left is not None and simulation.phase in (Phase.CALLING, Phase.ACKNOWLEDGED):
        yield from _left(simulation.left, catalogue)
    yield f"Ends {_length(simulation.ended - simulation.opened_at)}: {_ENDED[simulation.phase]}."
