"""Incidents that burn at the same time on connected services: one event with many voices."""

from dataclasses import dataclass
from datetime import datetime, timedelta

NEAR_IN_TIME = timedelta(minutes=10)
"""Outages spread through dependencies within retries and time-outs, and monitors look every few minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burning:
    """An open incident that a new one may belong with. ``root`` is the incident that its storm began with (itself,
    if it is part of none), ``size`` that storm's number of incidents."""

    incident_id: str
    pattern_id: str
    service: str
    environment: str | None
    opened_at: datetime
    root: str
    root_opened_at: datetime
    size: int
