"""What a loadable configuration may still have wrong: findings for its owners, none of which stops it."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from triage.domain.catalogue import Catalogue
from triage.domain.escalation import EscalationPolicy
from triage.domain.priority import Priority
from triage.domain.reach import is_reachable
from triage.domain.recurrence import MatchedBy, RecurrenceKind
from triage.rules.document import closest
from triage.rules.readings import WEEKDAYS
from triage.rules.rule import Adjustment, Rule

_TEXT = r"""(?:'[^'\\]*'|"[^"\\]*")"""
_COMPARED = re.compile(rf"(?<![\w.])([a-z_]+(?:\.[a-z_0-9]+)?)\s*(?:==|!=|\bin\b)\s*(\[[^\]]*\]|{_TEXT})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``where`` names the entry: ``rule security-words``, ``team payments``."""

    where: str
    message: str


def findings(
    catalogue: Catalogue,
    rules: Collection[Rule],
    policies: Mapping[str, EscalationPolicy],
    today: date | None,
) -> tuple[Finding, ...]:
    """Everything found, the catalogue's first. Without ``today`` review dates are not looked at."""
    return (
        *_people(catalogue),
        *_unknown_values(catalogue, rules),
        *_unused(rules, policies),
        *(_overdue(rules, policies, today) if today else ()),
    )


def _people(catalogue: Catalogue) -> Iterator[Finding]:
    for schedule in catalogue.schedules.values():
        for person in dict.fromkeys(schedule.participants):
            if not is_reachable(catalogue.people[person]):
                yield Finding(
                    where=f"schedule {schedule.id}", message=f"{person} cannot be reached; the next answers"
                )
    for team in catalogue.teams.values():
        for rank, target in (("senior", team.senior), ("lead", team.lead)):
            if target and target.startswith("person:") and not is_reachable(catalogue.people[target[7:]]):
                yield Finding(where=f"team {team.id}", message=f"its {rank}, {target[7:]}, cannot be reached")
        if team.active and team.schedule is None and not team.responders:
            yield Finding(where=f"team {team.id}", message="it has neither a schedule nor responders")
    for service in catalogue.services.values():
        if not catalogue.teams[service.owner].active:
            answering = catalogue.answering_team(service.owner).id
            message = f"its owner {service.owner} is not active; {answering} answers"
            yield Finding(where=f"service {service.id}", message=message)


def _unknown_values(catalogue: Catalogue, rules: Collection[Rule]) -> Iterator[Finding]:
    for rule in rules:
        if isinstance(rule.then, Adjustment) and rule.then.assign and not catalogue.teams[rule.then.assign].active:
            yield Finding(where=f"rule {rule.id}", message=f"it assigns {rule.then.assign}, which is not active")
        for message in unknown_values(rule, catalogue):
            yield Finding(where=f"rule {rule.id}", message=message)


def unknown_values(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """Values that a fact can never have, so that the comparison is always the same."""
    known = known_values(catalogue)
    for fact, written in _COMPARED.findall(rule.when.expression if rule.when else ""):
        for value in (text[1:-1] for text in re.findall(_TEXT, written)):
            if fact in known and value and value not in known[fact]:
                yield f"{fact} is never {value!r}{closest(value, list(known[fact]))}"


def known_values(catalogue: Catalogue) -> dict[str, Collection[str]]:
    priorities = [priority.value for priority in Priority]
    return {
        "priority": priorities,
        "suggestion.priority": priorities,
        "team": catalogue.teams,
        "suggestion.team": catalogue.teams,
        "incident.assigned_team": catalogue.teams,
        "service.owner": catalogue.teams,
        "service.function": {service.function or "" for service in catalogue.services.values()},
        "service.vendor": catalogue.vendors,
        "incident.service": catalogue.services,
        "recurrence.kind": [kind.value for kind in RecurrenceKind],
        "recurrence.matched_by": [by.value for by in MatchedBy],
        "time.weekday": WEEKDAYS,
    }


def _unused(rules: Collection[Rule], policies: Mapping[str, EscalationPolicy]) -> Iterator[Finding]:
    used = {rule.then for rule in rules if isinstance(rule.then, str)}
    for policy_id in policies:
        if policy_id not in used:
            yield Finding(where=f"policy {policy_id}", message="no rule chooses it")


def _overdue(rules: Collection[Rule], policies: Mapping[str, EscalationPolicy], today: date) -> Iterator[Finding]:
    dated = [(f"rule {rule.id}", rule.owner, rule.review_after) for rule in rules]
    dated += [(f"policy {p.id}", p.owner, p.review_after) for p in policies.values() if p.review_after]
    for where, owner, review_after in dated:
        if review_after < today:
            yield Finding(where=where, message=f"{owner} meant to review it after {review_after.isoformat()}")
