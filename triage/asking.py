"""Rules that read a clock, asked again while incidents are open: how long nobody has taken it, how long it is in
its status, whether it is night by now. Many are asked together, and only another conclusion is written down."""

import uuid
from collections.abc import Callable
from datetime import datetime

from triage.active import Active
from triage.corrections import Corrections, asked_again, differs
from triage.decider import Case
from triage.errors import NotFound
from triage.oncall import Standing, nothing_stands
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents

AT_ONCE = 100


class Asking:
    def __init__(
        self,
        escalations: Escalations,
        incidents: Incidents,
        corrections: Corrections,
        active: Callable[[], Active],
        clock: Callable[[], datetime],
        standing: Standing = nothing_stands,
    ) -> None:
        self._escalations = escalations
        self._incidents = incidents
        self._corrections = corrections
        self._active = active
        self._clock = clock
        self._standing = standing

    def ask(self, limit: int = AT_ONCE) -> int:
        """Of those whose turn it is; how many are decided otherwise now. Nothing is asked where no rule reads a
        clock. Raises StoreUnavailable, and Unavailable while nothing can decide."""
        active, now = self._active(), self._clock()
        if not active.decider.configuration.rulebook.reads_clock:
            return 0
        incident_ids = self._escalations.take_to_ask(now, limit)
        if not incident_ids:
            return 0
        records = [record for record in self._incidents.get_many(incident_ids).values() if record.is_open]
        recorded = self._incidents.recorded_decisions(
            [r.decision_id for r in records if r.decision_id is not None]
        )
        swaps = self._standing(now)
        asked = [
            (record, earlier)
            for record in records
            if record.decision_id is not None and (earlier := recorded.get(record.decision_id)) is not None
        ]
        cases = [
            Case(
                inputs=asked_again(earlier, record.progress, now, tuple(active.degraded), swaps),
                embedding=earlier.embedding,
                decision_id=str(uuid.uuid4()),
                incident_id=record.id,
            )
            for record, earlier in asked
        ]
        changed = 0
        for (record, earlier), decision in zip(asked, active.decider.decide(cases), strict=True):
            if differs(earlier.decision, decision):
                try:
                    changed += self._corrections.ask_again(record.id)
                except NotFound:
                    continue
        return changed
