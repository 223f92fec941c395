"""The rules in force: from what is known about an incident to its priority, its team and its path.

Adjustments run in file order, each seeing what the ones above left. Bounds are collected and applied last:
every ``at least`` holds; every ``at most`` holds unless an ``at least`` asks for more, for the more urgent wins.
Then the first policy rule that matches chooses the path, and the last one always does. What a person decided, by
an override or by a correction of the pattern, no rule changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from triage.domain.catalogue import Catalogue
from triage.domain.decision import DecisionSource
from triage.domain.escalation import EscalationPath, EscalationPolicy
from triage.domain.priority import Priority
from triage.rules.checks import Finding, findings
from triage.rules.expression import Language
from triage.rules.facts import CHAIN_FACTS, CLOCK_FACTS, FACT_BY_NAME
from triage.rules.gate import AnyGate, Gate, NoGate
from triage.rules.path import PathBuilder, Wanted
from triage.rules.readings import Read, RuleFacts
from triage.rules.rule import Adjustment, RequiredCheckpoint, Rule

__all__ = ["RuleBook", "RuleFacts", "RuleOutcome"]

_BY_PEOPLE = (DecisionSource.OVERRIDE, DecisionSource.CORRECTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """``fired``: each rule that matched and what it did, in order. ``faults``: ids of rules whose condition could
    not be evaluated, which counts as no match. ``notes``: people passed over on the path, and why."""

    priority: Priority
    priority_source: DecisionSource
    team: str
    team_source: DecisionSource
    path: EscalationPath
    fired: tuple[str, ...]
    review_reasons: tuple[str, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()


class RuleBook:
    """A loaded ``escalation.yaml``. ``decide`` is pure and may be called from several threads. ``reads_clock``:
    time alone may change what its rules conclude."""

    def __init__(
        self,
        *,
        version: str,
        catalogue: Catalogue,
        rules: tuple[Rule, ...],
        policies: Mapping[str, EscalationPolicy],
        language: Language,
        gate: Callable[[Sequence[Rule]], AnyGate] = Gate,
    ) -> None:
        self.version = version
        self.catalogue = catalogue
        self.rules = rules
        self.policies = dict(policies)
        self._language = language
        self._paths = PathBuilder(catalogue)
        used = {name for rule in rules if rule.when for name in rule.when.facts}
        self.reads_clock = not used.isdisjoint(CLOCK_FACTS)
        self._reads = [(name, FACT_BY_NAME[name].read) for name in sorted(used)]
        self._adjusting = [(rule, rule.then) for rule in rules if isinstance(rule.then, Adjustment)]
        self._choosing = [(rule, self.policies[rule.then]) for rule in rules if isinstance(rule.then, str)]
        self._adjusting_gate = gate([rule for rule, _ in self._adjusting])
        self._choosing_gate = gate([rule for rule, _ in self._choosing])

    def decide(self, facts: RuleFacts) -> RuleOutcome:
        """Always an outcome with a path; reads no clock but ``facts.now``."""
        chain = _Chain(facts, self.catalogue)
        conditions = _Conditions(self._language, self._reads, facts, self.catalogue)
        conditions.see(chain)
        self._adjust(chain, conditions)
        chain.apply_bounds()
        conditions.see(chain)
        chain.apply_suppression(conditions)
        chain.apply_silence()
        return self._outcome(facts, chain, conditions, *self._choose(conditions))

    def without_gate(self) -> "RuleBook":
        """The same rules, each of which is asked every time: what the gate is measured and tested against."""
        return RuleBook(
            version=self.version,
            catalogue=self.catalogue,
            rules=self.rules,
            policies=self.policies,
            language=self._language,
            gate=NoGate,
        )

    def _adjust(self, chain: "_Chain", conditions: "_Conditions") -> None:
        """In file order; what a rule changes may bring others in below it, and take some out."""
        passage = self._adjusting_gate.enter(conditions.values)
        while (place := passage.next(conditions.values)) is not None:
            rule, adjustment = self._adjusting[place]
            if passage.is_certain() or conditions.match(rule):
                chain.apply(rule, adjustment)
                if conditions.see(chain):
                    passage.see(conditions.values)

    def _choose(self, conditions: "_Conditions") -> tuple[Rule, EscalationPolicy]:
        """The first that matches; the last one always does."""
        passage = self._choosing_gate.enter(conditions.values)
        while (place := passage.next(conditions.values)) is not None:
            if passage.is_certain() or conditions.match(self._choosing[place][0]):
                return self._choosing[place]
        return self._choosing[-1]

    def checks(self, today: date | None = None) -> tuple[Finding, ...]:
        """What its owners should look at, though it loads; overdue reviews only when ``today`` is given."""
        return findings(self.catalogue, self.rules, self.policies, today)

    def _outcome(
        self,
        facts: RuleFacts,
        chain: "_Chain",
        conditions: "_Conditions",
        rule: Rule,
        policy: EscalationPolicy,
    ) -> RuleOutcome:
        built = self._paths.build(
            Wanted(
                policy=policy,
                rule=rule.id,
                owner=self.catalogue.teams[chain.team],
                priority=chain.priority,
                customer_tier=facts.incident.customer_tier,
                opened_at=facts.opened_at,
                starts_at=chain.starts_at,
                overrides=facts.oncall_overrides,
                vendor=facts.service.vendor if facts.service else None,
                straight_to=chain.straight_to,
                also_tell=tuple(chain.also_tell),
                checkpoints=tuple(chain.checkpoints.values()),
                suppressed_because=chain.suppressed_because,
            )
        )
        return RuleOutcome(
            priority=chain.priority,
            priority_source=facts.priority_source if chain.priority is facts.priority else DecisionSource.RULE,
            team=chain.team,
            team_source=chain.team_source,
            path=built.path,
            fired=(*chain.fired, f"{rule.id}: policy {policy.id}"),
            review_reasons=tuple(dict.fromkeys((*chain.review_reasons, *built.unanswered))),
            faults=tuple(conditions.faults),
            notes=built.notes,
        )


class _Conditions:
    """Asks the rules' conditions about one incident, with the values that the chain has come to."""

    def __init__(
        self, language: Language, reads: list[tuple[str, Read]], facts: RuleFacts, catalogue: Catalogue
    ) -> None:
        self._language = language
        self._facts = facts
        self._catalogue = catalogue
        self._chained = [(name, read) for name, read in reads if name in CHAIN_FACTS]
        self.values = {name: read(facts, catalogue) for name, read in reads}
        self._seen = (facts.priority, facts.team)
        self._activation: Any = None
        self.faults: list[str] = []

    def see(self, chain: "_Chain") -> bool:
        """Whether anything has changed."""
        if self._seen == (chain.priority, chain.team):
            return False
        self._seen = (chain.priority, chain.team)
        facts = replace(self._facts, priority=chain.priority, team=chain.team)
        # The library copies the values, so a change needs another activation.
        self.values = {**self.values, **{name: read(facts, self._catalogue) for name, read in self._chained}}
        self._activation = None
        return True

    def match(self, rule: Rule) -> bool:
        if rule.when is None:
            return True
        if self._activation is None:
            self._activation = self._language.activation(self.values)
        found = rule.when.evaluate(self._activation)
        if found is None:
            self.faults.append(rule.id)
        return bool(found)


@dataclass(slots=True)
class _Chain:
    """The values as the adjustments applied so far have left them."""

    facts: RuleFacts
    catalogue: Catalogue
    priority: Priority = field(init=False)
    team: str = field(init=False)
    team_source: DecisionSource = field(init=False)
    fired: list[str] = field(default_factory=list)
    at_least: list[Priority] = field(default_factory=list)
    at_most: list[Priority] = field(default_factory=list)
    also_tell: dict[str, None] = field(default_factory=dict)
    straight_to: tuple[str, ...] = ()
    checkpoints: dict[str, RequiredCheckpoint] = field(default_factory=dict)
    review_reasons: list[str] = field(default_factory=list)
    suppressed_because: str | None = None
    suppressing: list[tuple[Rule, str]] = field(default_factory=list)
    hold: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.priority = self.facts.priority
        if self.facts.before is not None:
            self.at_least.append(self.facts.before.priority)
        self.team = self.catalogue.answering_team(self.facts.team).id
        self.team_source = self.facts.team_source if self.team == self.facts.team else DecisionSource.CATALOGUE

    def apply(self, rule: Rule, wanted: Adjustment) -> None:
        done = [*self._apply_priority(wanted), *self._apply_team(wanted)]
        if wanted.also_tell:
            self.also_tell.update(dict.fromkeys(wanted.also_tell))
            done.append(f"also tell {', '.join(wanted.also_tell)}")
        if wanted.straight_to:
            done.append(f"straight to {', '.join(wanted.straight_to)}")
            if self.straight_to and self.straight_to != wanted.straight_to:
                done.append(f"a rule above sends it to {', '.join(self.straight_to)}")
            self.straight_to = self.straight_to or wanted.straight_to
        if wanted.checkpoint:
            self.checkpoints.setdefault(wanted.checkpoint.checkpoint.id, wanted.checkpoint)
            done.append(f"checkpoint {wanted.checkpoint.checkpoint.id}")
        if wanted.require_review:
            self.review_reasons.append(f"{rule.id}: {wanted.require_review}")
            done.append("review")
        if wanted.suppress:
            self.suppressing.append((rule, wanted.suppress))
            done.append("suppress")
        if wanted.hold:
            self.hold = max(self.hold, wanted.hold)
            done.append(f"hold {wanted.hold.total_seconds() / 60:g} min")
        self.fired.append(f"{rule.id}: {', '.join(done)}")

    def apply_bounds(self) -> None:
        """``at most`` first, so that where bounds contradict each other the more urgent wins."""
        if self.facts.priority_source in _BY_PEOPLE:
            return
        for bound in self.at_most:
            self.priority = self.priority.lowered_to(bound)
        for bound in self.at_least:
            self.priority = self.priority.raised_to(bound)

    def apply_suppression(self, conditions: "_Conditions") -> None:
        """A rule that suppresses what is not urgent is asked again when bounds have had their say, so that nothing
        is hidden that became urgent below it."""
        for rule, reason in self.suppressing:
            if rule.when is None or rule.when.facts.isdisjoint(CHAIN_FACTS) or conditions.match(rule):
                self.suppressed_because = self.suppressed_because or f"{rule.id}: {reason}"
            else:
                self.fired.append(f"{rule.id}: not for {self.priority.value}")

    def apply_silence(self) -> None:
        """Last of all: a silence hides nothing more urgent than what it was made for."""
        silence = self.facts.silence
        if silence is None:
            return
        if silence.hides(self.priority):
            self.suppressed_because = self.suppressed_because or f"silence {silence.id}: {silence.reason}"
            self.fired.append(f"silence {silence.id}: suppress")
        else:
            self.fired.append(f"silence {silence.id}: not for {self.priority.value}")

    @property
    def starts_at(self) -> datetime:
        """When the first step falls due. What is most urgent is never held."""
        return self.facts.now if self.priority is Priority.P1 else self.facts.now + self.hold

    def _apply_priority(self, wanted: Adjustment) -> list[str]:
        done: list[str] = []
        if wanted.set_priority:
            done.append(f"priority {wanted.set_priority.value}")
            if self.facts.priority_source not in _BY_PEOPLE:
                self.priority = wanted.set_priority
        if wanted.priority_at_least:
            done.append(f"priority at least {wanted.priority_at_least.value}")
            self.at_least.append(wanted.priority_at_least)
        if wanted.priority_at_most:
            done.append(f"priority at most {wanted.priority_at_most.value}")
            self.at_most.append(wanted.priority_at_most)
        if done and self.facts.priority_source in _BY_PEOPLE:
            done.append(f"kept {self.priority.value} as a person decided")
        return done

    def _apply_team(self, wanted: Adjustment) -> list[str]:
        if wanted.assign is None:
            return []
        if self.facts.team_source in _BY_PEOPLE:
            return [f"assign {wanted.assign}", f"kept {self.team} as a person decided"]
        self.team = self.catalogue.answering_team(wanted.assign).id
        self.team_source = self.facts.team_source if self.team == self.facts.team else DecisionSource.RULE
        return [f"assign {self.team}"]
