"""A delivery: one message from a sender, with the events in it, and what became of each."""

from dataclasses import dataclass
from datetime import datetime

from triage.domain.incident import Incident
from triage.domain.recurrence import Recurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryKey:
    """By what a sender marks a message so that sending it again changes nothing. ``digest``: of its content."""

    principal: str
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventResult:
    """What became of one event: an incident and the decision it was answered with, or a fault."""

    incident_id: str | None = None
    decision_id: str | None = None
    opened: bool = False
    joined: bool = False
    counted: bool = False
    recurrence: Recurrence | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """``received_at`` is given when it was received earlier than now, by the spool. ``actor`` sent it."""

    events: tuple[Incident, ...]
    actor: str
    received_at: datetime | None = None
    key: DeliveryKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDelivery:
    """A delivery that was carried out before."""

    digest: bytes
    results: tuple[EventResult, ...]
