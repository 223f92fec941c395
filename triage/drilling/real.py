"""A drill on the real clock: an incident like any other, whose messages say that it is a drill, and that counts
in no figures. People answer it as they would, and what they did is held against the policy."""

import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from triage.domain.delivery import Delivery
from triage.drilling.report import DrillReport, report_of
from triage.drilling.subject import check_drilled
from triage.errors import BadRequest, NotFound, TriageError
from triage.rehearsal.scenario import ReportShape, incident_of
from triage.store.incidents import Incidents
from triage.store.outbox import MessageFilter, Outbox
from triage.store.watching import Drilled, Watches
from triage.telling.briefing import DRILL_SOURCE
from triage.triager import Received, Triager


class RealDrills:
    def __init__(
        self,
        triager: Triager,
        incidents: Incidents,
        outbox: Outbox,
        watches: Watches,
        clock: Callable[[], datetime],
    ) -> None:
        self._triager = triager
        self._incidents = incidents
        self._outbox = outbox
        self._watches = watches
        self._clock = clock

    def begin(self, report: ReportShape, lasts: timedelta, actor: str) -> DrillReport:
        """Open it; what nobody has resolved by then is ended. Raises BadRequest where what comes in would be
        neither a P1 nor a P2, and then nobody was told."""
        title = f"Drill: {report.title}"
        event = incident_of(report.model_copy(update={"source": DRILL_SOURCE, "title": title}))
        event = event.with_changes(dedup_key=f"drill-{uuid.uuid4()}")
        (forecast,) = self._triager.predict([event])
        check_drilled(forecast.priority.value)
        outcome = self._triager.receive([Delivery(events=(event,), actor=f"source:{DRILL_SOURCE}")])[0]
        first = outcome if isinstance(outcome, TriageError) else outcome[0]
        if isinstance(first, TriageError):
            raise first
        if not isinstance(first, Received) or not first.opened:
            raise BadRequest("another incident of the same is open; resolve it first")
        with self._incidents.changing(first.incident.id) as change:
            change.record.closes_at = self._clock() + lasts
            change.note(self._clock(), "drill", actor)
        return self.report(first.incident.id, actor)

    def report(self, incident_id: str, actor: str = "triage") -> DrillReport:
        """As it stands; it is kept with the drill. Raises NotFound for an incident that is none."""
        record = self._incidents.get(incident_id)
        if record.source != DRILL_SOURCE or record.decision_id is None:
            raise NotFound("no such drill is stored")
        messages = list(reversed(self._outbox.find(MessageFilter(incident_id=incident_id, limit=500))))
        decision = self._incidents.get_decision(record.decision_id).decision
        found = report_of("real", record, decision, messages, record.resolved_at or self._clock())
        self._watches.note_drill(
            Drilled(
                id=incident_id,
                policy=found.policy,
                kind="real",
                incident_id=incident_id,
                made_by=actor,
                made_at=found.opened_at,
                report=report_as_json(found),
            )
        )
        return found


def report_as_json(report: DrillReport) -> dict[str, object]:
    """Moments as RFC 3339 says."""
    return asdict(report) | {"opened_at": report.opened_at.isoformat(), "ended_at": report.ended_at.isoformat()}
