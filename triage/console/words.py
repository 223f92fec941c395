"""Timelines and decisions in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from triage.console.templating import Clock, percent
from triage.domain.catalogue import Catalogue
from triage.domain.decision import Alternative, Decision, SecondLook
from triage.domain.record import TimelineEntry
from triage.telling.briefing import because, said

MACHINES = ("triage",)
_ICONS = {
    "paged": "☎",
    "posted": "✎",
    "update_sent": "✉",
    "stood_down": "✓",
    "vendor_called": "⇢",
    "approval_asked": "?",
    "acknowledged": "✋",
    "resolved": "✓",
    "note": "✎",
    "undelivered": "!",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline. ``by``: who did it, empty for the machine; ``loud``: worth a second look."""

    at: datetime
    icon: str
    by: str
    text: str
    loud: bool = False


def lines_of(timeline: list[TimelineEntry], catalogue: Catalogue, clock: Clock) -> list[Line]:
    """Oldest first."""
    return [
        Line(
            entry.at,
            _ICONS.get(entry.kind, "·"),
            "" if entry.actor in MACHINES else catalogue.person_name(entry.actor),
            told(entry, catalogue, clock),
            entry.kind == "undelivered" or entry.detail.get("notice") in _LOUD,
        )
        for entry in timeline
    ]


_LOUD = ("acknowledge_breached", "resolve_breached", "nobody_answered", "skipped", "vendor_late", "expired")


def told(entry: TimelineEntry, catalogue: Catalogue, clock: Clock) -> str:
    """What happened, as a sentence without its subject."""
    detail = entry.detail
    match entry.kind:
        case "opened":
            return "opened" + _matched(detail)
        case "occurred":
            return "came again" + _matched(detail)
        case "related":
            return f"belongs to a storm: {detail.get('because')}"
        case "decided":
            why = f" – {detail['because']}" if detail.get("because") else ""
            team = _team(catalogue, detail.get("team"))
            return f"decided: {detail.get('priority')}, {team}, policy {detail.get('policy')}{why}"
        case "overridden":
            changed = [detail.get("priority"), _team(catalogue, detail.get("team"))]
            reason = f": {detail['reason']}" if detail.get("reason") else ""
            return f"changed it to {', '.join(filter(None, changed))}{reason}"
        case "resolved":
            if detail.get("because") == "silent":
                return "closed, as nothing was heard of it any more"
            return "resolved it" + (f": {detail['resolution']}" if detail.get("resolution") else "")
        case "reopened":
            return "opened it again" + (f": {detail['because']}" if detail.get("because") else "")
        case "status":
            return f"{detail.get('was')} → {detail.get('status')}"
        case "reviewed":
            return f"wrote its review, {detail.get('follow_ups')} follow-up actions"
        case "undelivered":
            return (
                f"a {detail.get('kind')} to {_recipient(catalogue, detail)} did not arrive: {detail.get('fault')}"
            )
    return _escalated(entry, catalogue, clock)


def _escalated(entry: TimelineEntry, catalogue: Catalogue, clock: Clock) -> str:
    detail = entry.detail
    match entry.kind:
        case "paged":
            again = f", call {detail['attempt']}" if detail.get("attempt", 1) > 1 else ""
            until = clock.at(datetime.fromisoformat(detail["answer_by"]))
            who = catalogue.person_name(str(detail.get("person")))
            return f"paged {who} ({target_words(catalogue, str(detail.get('target')))}{again}), until {until}"
        case "posted":
            return f"wrote to {', '.join(detail.get('channels', ()))}"
        case "vendor_called":
            return f"called vendor {detail.get('vendor')}"
        case "approval_asked":
            people = ", ".join(catalogue.person_name(person) for person in detail.get("people", ())) or "nobody"
            return f"asked {people} to approve {detail.get('checkpoint')}"
        case "update_sent":
            return f"sent an update: {detail.get('status')}"
        case "stood_down":
            return (
                f"told {', '.join(catalogue.person_name(one) for one in detail.get('people', ()))} that it is over"
            )
        case "escalation":
            return str(detail.get("message", ""))
    return said(entry)


def _matched(detail: Mapping[str, Any]) -> str:
    return f", recognised by its {detail['matched_by']}" if detail.get("matched_by") else ""


def _team(catalogue: Catalogue, team_id: object) -> str:
    return catalogue.team_name(str(team_id or ""))


def _recipient(catalogue: Catalogue, detail: Mapping[str, Any]) -> str:
    kind, _, name = str(detail.get("recipient", "")).partition(":")
    return catalogue.person_name(name) if kind == "person" else f"{kind} {name}"


def target_words(catalogue: Catalogue, target: str) -> str:
    """``on call for payments``, ``team Payments``, a person's name."""
    kind, _, name = target.partition(":")
    match kind:
        case "oncall":
            return f"on call for {name}"
        case "team":
            return f"team {_team(catalogue, name)}"
        case "person":
            return catalogue.person_name(name)
        case "vendor":
            vendor = catalogue.vendors.get(name)
            return f"vendor {vendor.name if vendor else name}"
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """One half of a decision in words. ``others``: what it could also be, with how likely."""

    sentence: str
    others: tuple[tuple[str, str], ...] = ()


def priority_words(decision: Decision, catalogue: Catalogue) -> Because:
    found = decision.priority
    declined = ". The model was not sure enough to say" if found.abstained and found.probability is None else ""
    return Because(
        sentence=f"{found.value.value} {found.label}, {because(found.source, found.probability)}{declined}",
        others=_others(found.alternatives, {}),
    )


def team_words(decision: Decision, catalogue: Catalogue) -> Because:
    found = decision.team
    names = {team.id: team.name for team in catalogue.teams.values()}
    return Because(
        sentence=f"{names.get(found.value, found.value)}, {because(found.source, found.probability)}",
        others=_others(found.alternatives, names),
    )


def _others(alternatives: tuple[Alternative, ...], names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((names.get(one.value, one.value), percent(one.probability)) for one in alternatives[:4])


def second_look_words(look: SecondLook | None, catalogue: Catalogue) -> str | None:
    """A warning where the team that somebody chose before looks wrong."""
    if look is None or not look.looks_wrong:
        return None
    better = f"; {_team(catalogue, look.better_team)} looks better" if look.better_team else ""
    return f"It came assigned to {_team(catalogue, look.assigned_team)}, which looks wrong{better}"
