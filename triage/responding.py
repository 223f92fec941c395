"""What responders say to a running escalation: on to the next step, yes or no to an approval, a note, not over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from triage.domain.catalogue import Catalogue
from triage.domain.escalation import Checkpoint, EscalationPath
from triage.domain.message import Message
from triage.domain.reach import Surroundings, members, targets_of_role
from triage.domain.record import IncidentRecord
from triage.errors import Conflict, Forbidden, NotFound, UnknownWord
from triage.escalation.handover import HandOver, hand_over
from triage.escalation.state import Timer, Verdict
from triage.oncall import Standing, nothing_stands
from triage.store.escalations import Escalations
from triage.store.incidents import Change, Incidents


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """A running escalation as whoever takes it over needs it. ``approvals``: what became of each checkpoint that
    was asked for; ``messages``: what was said, or waits to be said, in that order; ``timers``: what happens by
    itself, and when."""

    hand_over: HandOver
    path: EscalationPath
    approvals: dict[str, Verdict]
    messages: list[Message]
    timers: tuple[Timer, ...] = ()


class Responding:
    """``actor`` is always the person who asked; it takes effect with the next tick."""

    def __init__(
        self,
        incidents: Incidents,
        escalations: Escalations,
        catalogue: Callable[[], Catalogue],
        clock: Callable[[], datetime],
        standing: Standing = nothing_stands,
    ) -> None:
        self._incidents = incidents
        self._escalations = escalations
        self._catalogue = catalogue
        self._clock = clock
        self._standing = standing

    def escalate(self, incident_id: str, actor: str, reason: str = "") -> IncidentRecord:
        """The next step now. Raises NotFound; Conflict when it is over."""
        with self._incidents.changing(incident_id) as change:
            _check_open(change)
            change.note(self._clock(), "escalated", actor, reason=reason)
        return change.record

    def answer(
        self,
        incident_id: str,
        actor: str,
        checkpoint_id: str | None,
        *,
        approved: bool,
        reason: str = "",
        for_anybody: bool = False,
    ) -> IncidentRecord:
        """Yes or no to a checkpoint of its path; None: the only one it has. Whoever plays its role or stands in
        for it may, and with ``for_anybody`` everybody.

        Raises NotFound, UnknownWord for a checkpoint that the path lacks, Forbidden, and Conflict when it is over.
        """
        catalogue = self._catalogue()
        with self._incidents.changing(incident_id) as change:
            _check_open(change)
            checkpoint = _checkpoint(change, checkpoint_id)
            if not for_anybody and actor not in _approvers(catalogue, checkpoint):
                raise Forbidden(f"only {checkpoint.role} or its deputy decides on {checkpoint.id}")
            kind = "approved" if approved else "refused"
            change.note(self._clock(), kind, actor, checkpoint=checkpoint.id, reason=reason)
        return change.record

    def annotate(self, incident_id: str, actor: str, text: str) -> IncidentRecord:
        """A line for whoever reads the timeline; also of one that is over. Raises NotFound."""
        with self._incidents.changing(incident_id) as change:
            change.note(self._clock(), "note", actor, text=text)
        return change.record

    def reopen(self, incident_id: str, actor: str, reason: str = "") -> IncidentRecord:
        """It is not over: its path begins anew. Raises NotFound; Conflict when it is open."""
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            record = change.record
            if record.decision_id is None:
                raise Conflict("the incident came with a history and was never decided on here")
            if not record.reopen(now):
                raise Conflict("the incident is open")
            after = self._catalogue().source_settings(record.source).auto_resolve_after
            record.closes_at = now + after if after is not None else None
            change.claim_keys()
            change.note(now, "reopened", actor, because=reason or None)
        return change.record

    def progress(self, incident_id: str) -> Progressed:
        """Where its escalation stands. Raises NotFound for an incident that has none, or none yet."""
        running = self._escalations.get(incident_id)
        if running is None or running.state is None:
            raise NotFound("no escalation of this incident has begun")
        now = self._clock()
        around = Surroundings(catalogue=self._catalogue(), overrides=self._standing(now))
        return Progressed(
            hand_over=hand_over(around, running.state, now),
            path=running.state.path,
            approvals=dict(running.state.verdicts),
            messages=self._escalations.messages(incident_id),
            timers=running.state.timers,
        )


def _check_open(change: Change) -> None:
    if not change.record.is_open:
        raise Conflict("the incident is resolved already")


def _checkpoint(change: Change, checkpoint_id: str | None) -> Checkpoint:
    found = change.get_decision()
    steps = found.decision.escalation.steps if found is not None else ()
    checkpoints = [step.checkpoint for step in steps if step.checkpoint is not None]
    if checkpoint_id is None and len(checkpoints) == 1:
        return checkpoints[0]
    named = [checkpoint for checkpoint in checkpoints if checkpoint.id == checkpoint_id]
    if not named:
        known = ", ".join(checkpoint.id for checkpoint in checkpoints) or "none"
        raise UnknownWord(f"the path has no such checkpoint; there are: {known}")
    return named[0]


def _approvers(catalogue: Catalogue, checkpoint: Checkpoint) -> set[str]:
    roles = (role for role in (checkpoint.role, checkpoint.deputy) if role is not None)
    targets = (target for role in roles for target in targets_of_role(catalogue, role))
    return {person for target in targets for person in members(catalogue, target)}
