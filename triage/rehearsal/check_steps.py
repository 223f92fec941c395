"""Faults of single steps: whom they name, whom they wait for, and vendors without a contract's clock."""

from collections.abc import Iterator

from triage.domain.catalogue import Catalogue
from triage.domain.escalation import Checkpoint, EscalationPolicy
from triage.domain.priority import Priority
from triage.rehearsal import findings as kinds
from triage.rehearsal.findings import Finding, Places
from triage.rules.chooser import RuleBook
from triage.rules.rule import Adjustment


def named_people(policy: EscalationPolicy, number: int, catalogue: Catalogue, places: Places) -> Iterator[Finding]:
    for target in policy.steps[number].targets:
        person = catalogue.people.get(target.removeprefix("person:")) if target.startswith("person:") else None
        if person is not None and not (person.active and person.contacts):
            why = "has no contact method" if person.active else "is not active"
            path = ("policies", policy.id, "steps", number, "targets")
            where = f"policy {policy.id}, step {number + 1}"
            yield places.in_policy(kinds.PERSON_UNREACHABLE, where, f"{person.id} {why}", path)


def vendors(policy: EscalationPolicy, number: int, catalogue: Catalogue, places: Places) -> Iterator[Finding]:
    targets = policy.steps[number].targets
    named = [target.removeprefix("vendor:") for target in targets if target.startswith("vendor:")]
    if "service.vendor" in targets:
        named += [service.vendor for service in catalogue.services.values() if service.vendor]
    for name in dict.fromkeys(named):
        vendor = catalogue.vendors[name]
        missing = [
            word
            for word, given in (("contact", vendor.contact), ("respond_within", vendor.respond_within))
            if not given
        ]
        if missing:
            message = f"it calls {vendor.name}, which has no {' and no '.join(missing)}"
            path = ("policies", policy.id, "steps", number, "targets")
            where = f"policy {policy.id}, step {number + 1}"
            yield places.in_policy(kinds.VENDOR_WITHOUT_CONTRACT, where, message, path)


def checkpoints(rulebook: RuleBook, places: Places) -> Iterator[Finding]:
    catalogue = rulebook.catalogue
    for number, rule in enumerate(rulebook.rules):
        if isinstance(rule.then, Adjustment) and rule.then.checkpoint is not None:
            path: tuple[str | int, ...] = ("rules", number, "then", "checkpoint")
            yield from _checkpoint(rule.then.checkpoint.checkpoint, f"rule {rule.id}", path, catalogue, places)
    for policy in rulebook.policies.values():
        for number, step in enumerate(policy.steps):
            if step.checkpoint is not None:
                where = f"policy {policy.id}, step {number + 1}"
                path = ("policies", policy.id, "steps", number, "checkpoint")
                yield from _checkpoint(step.checkpoint, where, path, catalogue, places)


def _checkpoint(
    checkpoint: Checkpoint, where: str, path: tuple[str | int, ...], catalogue: Catalogue, places: Places
) -> Iterator[Finding]:
    roles = [checkpoint.role, *([checkpoint.deputy] if checkpoint.deputy else [])]
    reached = [_players(role, catalogue) for role in roles]
    if not any(reached):
        message = f"nobody can be reached as {' or '.join(roles)}"
        yield places.in_policy(kinds.CHECKPOINT_ALONE, where, message, path)
    elif len(reached) > 1 and reached[0] == reached[1] and len(reached[0]) == 1:
        message = f"{checkpoint.role} and its deputy {checkpoint.deputy} are the same person"
        yield places.in_policy(kinds.CHECKPOINT_ALONE, where, message, path)
    slowest = max((sla.resolve_within for sla in catalogue.slas if sla.priority is Priority.P1), default=None)
    if slowest is not None and checkpoint.decide_within * len(roles) > slowest:
        message = (
            f"deciding may take {checkpoint.decide_within * len(roles)}, and a P1 has to be over in {slowest}"
        )
        yield places.in_policy(kinds.CHECKPOINT_ALONE, where, message, path)


def _players(role: str, catalogue: Catalogue) -> frozenset[str]:
    """Everybody who ever plays a role and can be reached."""
    kind, _, name = catalogue.roles[role].partition(":")
    ids = {
        "person": (name,),
        "team": catalogue.teams[name].responders if kind == "team" else (),
        "oncall": catalogue.schedules[name].participants if kind == "oncall" else (),
    }[kind]
    people = (catalogue.people.get(person) for person in ids)
    return frozenset(person.id for person in people if person is not None and person.active and person.contacts)
