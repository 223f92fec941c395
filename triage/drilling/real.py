"""A drill on the real clock: an incident like any other, whose messages say that it is a drill, and that counts
in no figures. People answer it as they would, and what they did is held against the policy."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from triage.domain.incident import DRILL_SOURCE
from triage.drilling.report import DrillReport, report_as_json, report_of
from triage.drilling.subject import check_drilled, receive_one
from triage.errors import BadRequest, NotFound
from triage.rehearsal.scenario import ReportShape, incident_of
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents
from triage.store.watching import Drilled, Watches
from triage.triager import Triager


class RealDrills:
    def __init__(
        self,
        triager: Triager,
        incidents: Incidents,
        escalations: Escalations,
        watches: Watches,
        clock: Callable[[], datetime],
    ) -> None:
        self._triager = triager
        self._incidents = incidents
        self._escalations = escalations
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
        first = receive_one(self._triager, event)
        if not first.opened:
            raise BadRequest("another incident of the same is open; resolve it first")
        with self._incidents.changing(first.incident.id) as change:
            change.record.closes_at = self._clock() + lasts
            change.note(self._clock(), "drill", actor)
        found = self.report(first.incident.id)
        self._watches.note_drill(
            Drilled(
                id=first.incident.id,
                policy=found.policy,
                kind="real",
                incident_id=first.incident.id,
                made_by=actor,
                made_at=found.opened_at,
                report=report_as_json(found),
            )
        )
        return found

    def report(self, incident_id: str) -> DrillReport:
        """As it stands. Raises NotFound for an incident that is no drill."""
        record = self._incidents.get(incident_id)
        if record.source != DRILL_SOURCE or record.decision_id is None:
            raise NotFound("no such drill is stored")
        decision = self._incidents.get_decision(record.decision_id).decision
        messages = self._escalations.messages(incident_id)
        return report_of("real", record, decision, messages, record.resolved_at or self._clock())
