"""Faults among rules: conditions that are never true, rules in each other's shadow, and contradictions."""

from collections.abc import Iterator
from datetime import date
from itertools import combinations

from triage.domain.incident import Status
from triage.domain.priority import Priority
from triage.rehearsal import findings as kinds
from triage.rehearsal.conditions import Read, implies, read, why_never
from triage.rehearsal.findings import Finding, Places
from triage.rules.checks import known_values, unknown_values
from triage.rules.chooser import RuleBook
from triage.rules.conjuncts import Among
from triage.rules.document import Path
from triage.rules.facts import CHAIN_FACTS
from triage.rules.rule import Adjustment, Rule

_TELLS_NOTHING = ("time.", "service.", "incident.service", "incident.environment", "incident.region")
"""Facts that say when and where, and nothing of what has happened."""


def check_rules(rulebook: RuleBook, places: Places, today: date) -> Iterator[Finding]:
    rules = rulebook.rules
    conditions = [read(rule) for rule in rules]
    known = {**known_values(rulebook.catalogue), "incident.status": [status.value for status in Status]}
    for number, (rule, condition) in enumerate(zip(rules, conditions, strict=True)):
        where, path = f"rule {rule.id}", ("rules", number, "when")
        why = why_never(condition, known)
        if why is not None:
            yield places.in_policy(kinds.RULE_NEVER, where, f"it never matches: {why}", path)
        for message in unknown_values(rule, rulebook.catalogue):
            yield places.in_policy(kinds.UNKNOWN_VALUE, where, message, path)
        if _hides_anything(rule, condition):
            yield places.in_policy(
                kinds.SUPPRESS_HIDES_ANYTHING,
                where,
                "it suppresses whatever comes then or there, P1 included",
                path,
            )
    yield from _shadowed(rules, conditions, places)
    yield from _contradicting(rules, conditions, places)
    yield from _unused(rulebook, places)
    yield from _overdue(rulebook, places, today)


def _hides_anything(rule: Rule, condition: Read) -> bool:
    if not isinstance(rule.then, Adjustment) or rule.then.suppress is None:
        return False
    return all(fact.startswith(_TELLS_NOTHING) for fact in condition.facts)


def _shadowed(rules: tuple[Rule, ...], conditions: list[Read], places: Places) -> Iterator[Finding]:
    choosing = [(number, rule) for number, rule in enumerate(rules) if isinstance(rule.then, str)]
    covered: set[str] = set()
    for turn, (number, rule) in enumerate(choosing):
        above = (other for place, other in choosing[:turn] if implies(conditions[number], conditions[place]))
        first = next(above, None)
        if first is not None:
            message = f"rule {first.id} above matches whenever this one would, and chooses {first.then}"
            yield places.in_policy(kinds.RULE_SHADOWED, f"rule {rule.id}", message, ("rules", number))
        elif covered >= {priority.value for priority in Priority}:
            message = "the rules above choose a policy for every priority already"
            yield places.in_policy(kinds.RULE_SHADOWED, f"rule {rule.id}", message, ("rules", number))
        covered |= _priorities_of(conditions[number])


def _priorities_of(condition: Read) -> set[str]:
    """The priorities for which the condition is true, whatever else is the case."""
    if condition.is_always:
        return {priority.value for priority in Priority}
    if condition.whole and len(condition.requirements) == 1:
        only = condition.requirements[0]
        if isinstance(only, Among) and only.fact == "priority":
            return {str(value) for value in only.values}
    return set()


def _contradicting(rules: tuple[Rule, ...], conditions: list[Read], places: Places) -> Iterator[Finding]:
    adjusting = [
        (number, rule, rule.then, conditions[number])
        for number, rule in enumerate(rules)
        if isinstance(rule.then, Adjustment)
    ]
    for (_, above, first, one), (number, below, second, other) in combinations(adjusting, 2):
        forwards, backwards = implies(one, other), implies(other, one)
        if not (forwards or backwards) or _changes_what_is_asked(first, other):
            continue
        for message in _contradictions(first, second, forwards=forwards, always_together=forwards and backwards):
            whole = f"it contradicts rule {above.id} above: {message}"
            yield places.in_policy(kinds.RULES_CONTRADICT, f"rule {below.id}", whole, ("rules", number))


def _changes_what_is_asked(first: Adjustment, other: Read) -> bool:
    """Whether what the upper rule does may keep the lower one from matching."""
    changes = first.set_priority is not None or first.assign is not None
    return changes and not other.facts.isdisjoint(CHAIN_FACTS)


def _contradictions(
    first: Adjustment, second: Adjustment, *, forwards: bool, always_together: bool
) -> Iterator[str]:
    """``forwards``: the lower one matches wherever the upper one does, so that what the upper one set is always
    overwritten. A lower exception to an upper rule is none."""
    if forwards and first.set_priority and second.set_priority and first.set_priority is not second.set_priority:
        yield f"it sets {second.set_priority.value} where that one has set {first.set_priority.value}"
    if forwards and first.assign and second.assign and first.assign != second.assign:
        yield f"it assigns {second.assign} where that one has assigned {first.assign}"
    if forwards and first.straight_to and second.straight_to and first.straight_to != second.straight_to:
        yield "the first one's straight_to counts, and this one's never does"
    bounds = (
        (first.priority_at_least, second.priority_at_most),
        (second.priority_at_least, first.priority_at_most),
    )
    for least, most in bounds:
        together = always_together or forwards or least is second.priority_at_least
        if together and least is not None and most is not None and least.is_more_urgent_than(most):
            yield f"at least {least.value} and at most {most.value} exclude each other; the more urgent wins"


def _unused(rulebook: RuleBook, places: Places) -> Iterator[Finding]:
    used = {rule.then for rule in rulebook.rules if isinstance(rule.then, str)}
    for policy_id in rulebook.policies:
        if policy_id not in used:
            where = f"policy {policy_id}"
            yield places.in_policy(kinds.POLICY_UNUSED, where, "no rule chooses it", ("policies", policy_id))


def _overdue(rulebook: RuleBook, places: Places, today: date) -> Iterator[Finding]:
    dated: list[tuple[str, str, date, Path]] = [
        (f"rule {rule.id}", rule.owner, rule.review_after, ("rules", number, "review_after"))
        for number, rule in enumerate(rulebook.rules)
    ]
    dated += [
        (f"policy {policy.id}", policy.owner, policy.review_after, ("policies", policy.id, "review_after"))
        for policy in rulebook.policies.values()
        if policy.review_after is not None
    ]
    for where, owner, review_after, path in dated:
        if review_after < today:
            message = f"{owner} meant to review it after {review_after.isoformat()}"
            yield places.in_policy(kinds.REVIEW_OVERDUE, where, message, path)
