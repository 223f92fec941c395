"""An incident on a virtual clock: decided on by the rules and carried out by the machine that the service runs."""

from dataclasses import dataclass, replace
from datetime import datetime

from triage.domain.catalogue import Catalogue
from triage.domain.decision import (
    DecisionSource,
    LabelSuggestion,
    Progress,
    Standing,
    Suggestion,
    TriageOverride,
)
from triage.domain.incident import Incident, Status
from triage.domain.priority import Priority
from triage.domain.reach import Surroundings
from triage.domain.recurrence import Recurrence
from triage.domain.schedule import OnCallOverride
from triage.escalation.machine import advance, begin
from triage.escalation.state import (
    Acknowledged,
    Decided,
    Effect,
    Escalation,
    Event,
    Opened,
    Phase,
    Resolved,
    TimePassed,
)
from triage.rules.baseline import Said, baseline
from triage.rules.chooser import RuleBook, RuleFacts, RuleOutcome

_NEW, _NO_MODEL = Recurrence(), Suggestion()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an incident beside its report. ``priority`` and ``team``: what a history, or a decision
    before any rule, says of it, and from where; ``suggestion``: a model's."""

    recurrence: Recurrence = _NEW
    suggestion: Suggestion = _NO_MODEL
    priority: Priority | None = None
    priority_source: DecisionSource = DecisionSource.REPORTED
    team: str | None = None
    team_source: DecisionSource = DecisionSource.REPORTED
    override: TriageOverride | None = None
    oncall_overrides: tuple[OnCallOverride, ...] = ()


class VirtualIncident:
    """One incident from its opening on. Times are given and only ever go forward; nothing is read from a clock."""

    def __init__(
        self, rulebook: RuleBook, incident: Incident, opened_at: datetime, known: Known | None = None
    ) -> None:
        self.incident = incident
        self.opened_at = opened_at
        self.known = known or Known()
        self.status = Status.NEW
        self.status_since = opened_at
        self.alerts = 1
        self._rulebook = rulebook
        self._acknowledged_at: datetime | None = None
        self.outcome: RuleOutcome = self._conclude(opened_at, None)
        self.state: Escalation = begin(self.outcome.path, opened_at)

    @property
    def catalogue(self) -> Catalogue:
        return self._rulebook.catalogue

    @property
    def is_over(self) -> bool:
        return self.state.phase in (Phase.RESOLVED, Phase.QUIET)

    def open(self, around: Surroundings) -> tuple[Effect, ...]:
        return self._advance(around, Opened(), self.opened_at)

    def pass_time(self, around: Surroundings, now: datetime) -> tuple[Effect, ...]:
        return self._advance(around, TimePassed(), now)

    def happen(self, around: Surroundings, event: Event, now: datetime) -> tuple[Effect, ...]:
        """Something that people or vendors did."""
        effects = self._advance(around, event, now)
        if (
            isinstance(event, Acknowledged)
            and self.state.phase is Phase.ACKNOWLEDGED
            and self.status is Status.NEW
        ):
            self.work_on(Status.TRIAGING, now)
        if isinstance(event, Resolved):
            self.work_on(Status.RESOLVED, now)
        return effects

    def work_on(self, status: Status, now: datetime) -> None:
        if status is not self.status:
            self.status, self.status_since = status, now

    def alert(self, around: Surroundings, incident: Incident, now: datetime) -> tuple[Effect, ...]:
        """A further event of the same incident."""
        standing = self._standing()
        self.incident, self.alerts = incident, self.alerts + 1
        return self.decide_again(around, now, "another alert", standing)

    def override(self, around: Surroundings, said: TriageOverride, now: datetime) -> tuple[Effect, ...]:
        """A person says otherwise; what one said before of the other label stays."""
        before = self.known.override
        if before is not None:
            said = replace(said, priority=said.priority or before.priority, team=said.team or before.team)
        self.known = replace(self.known, override=said)
        return self.decide_again(around, now, f"override by {said.by}")

    def decide_again(
        self, around: Surroundings, now: datetime, because: str, standing: Standing | None = None
    ) -> tuple[Effect, ...]:
        """Ask the rules again about what is known now."""
        team = self.outcome.team
        self.outcome = self._conclude(now, standing or self._standing())
        moved = self.outcome.team != team
        return self._advance(around, Decided(self.outcome.path, because, moved), now)

    def _standing(self) -> Standing:
        outcome = self.outcome
        return Standing(
            priority=outcome.priority,
            priority_source=outcome.priority_source,
            team=outcome.team,
            team_source=outcome.team_source,
            severity=self.incident.severity,
        )

    def _advance(self, around: Surroundings, event: Event, now: datetime) -> tuple[Effect, ...]:
        self.state, effects = advance(around, self.state, event, now)
        self._acknowledged_at = self.state.acknowledged_at
        return effects

    def _conclude(self, now: datetime, standing: Standing | None) -> RuleOutcome:
        catalogue, known, incident = self.catalogue, self.known, self.incident
        said = Said(
            incident=incident,
            suggestion=known.suggestion,
            words=LabelSuggestion(source=DecisionSource.CATALOGUE),
            override=known.override,
            correction=None,
            standing=standing,
        )
        start = baseline(said, catalogue)
        priority, priority_source = start.priority.value, start.priority.source
        team, team_source = start.team.value, start.team.source
        if standing is None:
            if known.priority is not None:
                priority, priority_source = known.priority, known.priority_source
            if known.team is not None:
                team, team_source = known.team, known.team_source
        return self._rulebook.decide(
            RuleFacts(
                incident=incident,
                service=catalogue.find_service(incident.service, incident.environment),
                suggestion=known.suggestion,
                recurrence=known.recurrence,
                priority=priority,
                priority_source=priority_source,
                team=team,
                team_source=team_source,
                now=now,
                opened_at=self.opened_at,
                before=standing,
                progress=Progress(
                    status=self.status,
                    status_since=self.status_since,
                    acknowledged_at=self._acknowledged_at,
                    alerts=self.alerts,
                ),
                oncall_overrides=known.oncall_overrides,
            )
        )
