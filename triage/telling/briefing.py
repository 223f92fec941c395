"""Hand-overs: everything that whoever is told of an incident has to know, gathered when they are told."""

from collections.abc import Callable
from datetime import datetime

from triage.domain.catalogue import Catalogue
from triage.domain.decision import Decision, DecisionSource
from triage.domain.incident import DRILL_SOURCE
from triage.domain.message import Briefing, Done
from triage.domain.reach import Surroundings
from triage.domain.record import IncidentRecord, TimelineEntry
from triage.escalation.handover import HandOver, hand_over
from triage.oncall import Standing, nothing_stands
from triage.store.background import Backgrounds
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents

MOST_DONE = 10
MOST_SIMILAR = 3
RULES_NAMED = 3


class Briefings:
    def __init__(
        self,
        incidents: Incidents,
        escalations: Escalations,
        backgrounds: Backgrounds,
        catalogue: Callable[[], Catalogue],
        standing: Standing = nothing_stands,
    ) -> None:
        self._incidents = incidents
        self._escalations = escalations
        self._backgrounds = backgrounds
        self._catalogue = catalogue
        self._standing = standing

    def of(self, incident_id: str, now: datetime) -> Briefing:
        """As of now. Raises NotFound, StoreUnavailable, and Unavailable while no catalogue is in force."""
        catalogue, record = self._catalogue(), self._incidents.get(incident_id)
        decision = self._decision(record)
        similar = decision.explanation.similar if decision else ()
        background = self._backgrounds.of(record, similar, most_done=MOST_DONE, most_similar=MOST_SIMILAR)
        stands = self._stands(catalogue, incident_id, now)
        service = catalogue.find_service(record.service, record.environment)
        return Briefing(
            incident_id=record.id,
            title=record.title,
            description=record.event.description or None,
            service=service.name if service else record.service,
            environment=record.environment,
            priority=record.priority.value,
            label=catalogue.label_of(record.priority),
            team=catalogue.team_name(record.team),
            state=record.state.value,
            opened_at=record.opened_at,
            occurrences=record.occurrences,
            acknowledged_by=record.acknowledged_by,
            why=why(decision) if decision else (),
            told=stands.told if stands else (),
            done=tuple(Done(at=entry.at, by=entry.actor, what=said(entry)) for entry in background.done),
            similar=background.earlier,
            known_fix=background.known_fix,
            runbook=service.runbook if service else None,
            next_at=stands.next_at if stands else None,
            next_is=stands.next_is if stands else None,
            drill=record.source == DRILL_SOURCE,
        )

    def _decision(self, record: IncidentRecord) -> Decision | None:
        if record.decision_id is None:
            return None
        return self._incidents.decisions_of([record.decision_id]).get(record.decision_id)

    def _stands(self, catalogue: Catalogue, incident_id: str, now: datetime) -> HandOver | None:
        running = self._escalations.get(incident_id)
        if running is None or running.state is None:
            return None
        around = Surroundings(catalogue=catalogue, overrides=self._standing(now))
        return hand_over(around, running.state, now)


def why(decision: Decision) -> tuple[str, ...]:
    """Sentences on where priority and team came from, and which rules had a say."""
    said = [
        f"priority {because(decision.priority.source, decision.priority.probability)}",
        f"team {because(decision.team.source, decision.team.probability)}",
    ]
    rules = decision.explanation.rules
    if rules:
        more = f" and {len(rules) - RULES_NAMED} more" if len(rules) > RULES_NAMED else ""
        said.append(f"by rules {'; '.join(rules[-RULES_NAMED:])}{more}")
    return tuple(said)


def because(source: DecisionSource, probability: float | None) -> str:
    """Where a value came from, and how sure that is."""
    sure = f", {probability:.0%} sure" if probability is not None else ""
    return _SOURCES[source] + sure


_SOURCES = {
    DecisionSource.MODEL: "as the model suggests",
    DecisionSource.RULE: "by a rule",
    DecisionSource.CORRECTION: "as a person corrected it for this pattern",
    DecisionSource.OVERRIDE: "as a person decided",
    DecisionSource.REPORTED: "as reported",
    DecisionSource.MATRIX: "from impact and urgency",
    DecisionSource.CATALOGUE: "from the catalogue",
    DecisionSource.FALLBACK: "by default, as nothing says otherwise",
}


def said(entry: TimelineEntry) -> str:
    """What somebody did, without who it was."""
    detail = entry.detail
    reason = f": {detail['reason']}" if detail.get("reason") else ""
    match entry.kind:
        case "note":
            return str(detail.get("text", ""))
        case "status":
            return f"now {detail.get('status')}"
        case "overridden":
            changed = [str(detail[word]) for word in ("priority", "team") if detail.get(word)]
            return f"changed to {', '.join(changed)}{reason}"
        case "acknowledged":
            return "took it" + (f" over from {detail['taken_over_from']}" if detail.get("taken_over_from") else "")
        case "override_withdrawn":
            return "took back what they had changed"
        case "escalated":
            return f"asked for the next step{reason}"
        case "approved" | "refused":
            return f"{entry.kind} {detail.get('checkpoint')}{reason}"
    return f"{entry.kind}{reason}"
