"""The policy in force, drawn so that somebody can read which incident goes where."""

from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, Request, Response

from triage.console.routing import PageRoute, page
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.console.words import target_words
from triage.domain.catalogue import Catalogue
from triage.domain.escalation import Require, Step
from triage.domain.reach import who_is
from triage.domain.schedule import OnCallOverride
from triage.domain.wording import in_words
from triage.rules.rule import Adjustment, Rule
from triage.serving.parts import in_force
from triage.store.configurations import Configurations
from triage.telling.watching import Due

router = APIRouter(prefix="/policy", route_class=PageRoute, include_in_schema=False)

MOVES = 10
_OWNERS = {
    "owner": "the owning team",
    "owner.senior": "the owning team's senior",
    "owner.lead": "the owning team's lead",
    "owner.parent": "the owning team's parent team",
    "service.vendor": "the service's vendor",
}


@dataclass(frozen=True, slots=True)
class Rung:
    """A step as it is written. ``people``: whom it reaches now, where that does not depend on the incident."""

    title: str
    targets: tuple[str, ...]
    people: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A policy; ``rules``: ids of those that choose it."""

    due: Due
    rungs: tuple[Rung, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A rule in words. ``policy``: the one that it chooses; None: it adjusts and goes on."""

    rule: Rule
    when: str
    then: str
    policy: str | None


@router.get("")
def show(request: Request) -> Response:
    visitor = visitor_of(request)
    parts = service_of(request).parts
    rulebook = in_force(service_of(request).activation).decider.configuration.rulebook
    overrides = parts.oncall.standing(visitor.now)
    choosing = {rule.then for rule in rulebook.rules if isinstance(rule.then, str)}
    drawn = [
        Drawn(
            due,
            tuple(rung_of(step, number, visitor, overrides) for number, step in enumerate(due.policy.steps, 1)),
            tuple(rule.id for rule in rulebook.rules if rule.then == due.policy.id),
        )
        for due in parts.watching.dues()
    ]
    configurations = Configurations(parts.database)
    context = {
        "rulebook": rulebook,
        "rules": [line_of(rule, visitor.catalogue) for rule in rulebook.rules],
        "policies": sorted(drawn, key=lambda one: one.due.policy.id not in choosing),
        "catalogue": visitor.catalogue,
        "moves": configurations.read_moves("policy", MOVES),
        "today": visitor.now.astimezone(visitor.zone).date(),
    }
    return page(request, visitor, "policy.html", context)


def rung_of(step: Step, number: int, visitor: Visitor, overrides: tuple[OnCallOverride, ...]) -> Rung:
    catalogue = visitor.catalogue
    concrete = [target for target in step.targets if target.partition(":")[0] in ("oncall", "team", "person")]
    reached = (who_is(catalogue, target, visitor.now, overrides).people for target in concrete)
    return Rung(
        f"Step {number}",
        tuple(written_words(catalogue, target) for target in step.targets),
        tuple(dict.fromkeys(catalogue.person_name(person) for people in reached for person in people)),
        notes_of(step, catalogue),
    )


def written_words(catalogue: Catalogue, target: str) -> str:
    """A target as a policy writes it."""
    if target in _OWNERS:
        return _OWNERS[target]
    kind, _, name = target.partition(":")
    if kind == "role":
        return f"role {name}"
    if kind == "team" and "." in name:
        team, _, part = name.rpartition(".")
        return f"{target_words(catalogue, f'team:{team}')}'s {part}"
    return target_words(catalogue, target)


def notes_of(step: Step, catalogue: Catalogue) -> tuple[str, ...]:
    again = f", told {step.repeat + 1} times" if step.repeat else ""
    said = [f"{in_words(step.acknowledge_within)} to answer{again}"]
    if step.after > timedelta(0):
        said.insert(0, f"waits {in_words(step.after)} first")
    if step.require is Require.ALL and len(step.targets) > 1:
        said.append("all of them must answer")
    if step.round_robin:
        said.append("they take turns")
    if step.in_hours:
        said.append("waits for business hours")
    if step.channels:
        said.append(f"writes to {', '.join(step.channels)}")
    if step.resolve_within is not None:
        said.append(f"resolved within {in_words(step.resolve_within)}, or the next step begins")
    if step.checkpoint is not None:
        deputy = f", else {step.checkpoint.deputy}" if step.checkpoint.deputy else ""
        said.append(
            f"{step.checkpoint.role}{deputy} approves within {in_words(step.checkpoint.decide_within)}:"
            f" {step.checkpoint.reason}"
        )
    return (*said, *(f"{part}: {written_words(catalogue, target)}" for part, target in step.roles.items()))


def line_of(rule: Rule, catalogue: Catalogue) -> Line:
    when = rule.when.expression if rule.when is not None else "always"
    if isinstance(rule.then, str):
        return Line(rule, when, f"goes by policy {rule.then}", rule.then)
    return Line(rule, when, adjustment_words(rule.then, catalogue), None)


def adjustment_words(then: Adjustment, catalogue: Catalogue) -> str:
    said = [
        f"becomes {then.set_priority.value}" if then.set_priority else "",
        f"at least {then.priority_at_least.value}" if then.priority_at_least else "",
        f"at most {then.priority_at_most.value}" if then.priority_at_most else "",
        f"goes to {target_words(catalogue, f'team:{then.assign}')}" if then.assign else "",
        f"also tells {_listed(then.also_tell, catalogue)}" if then.also_tell else "",
        f"goes straight to {_listed(then.straight_to, catalogue)}" if then.straight_to else "",
        f"needs approval of {then.checkpoint.checkpoint.role}" if then.checkpoint else "",
        f"is to be reviewed: {then.require_review}" if then.require_review else "",
        f"tells nobody: {then.suppress}" if then.suppress else "",
        f"holds the first step for {in_words(then.hold)}" if then.hold else "",
    ]
    return ", ".join(filter(None, said))


def _listed(targets: tuple[str, ...], catalogue: Catalogue) -> str:
    return ", ".join(written_words(catalogue, target) for target in targets)
