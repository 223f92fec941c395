"""A page that tells of nothing: whether somebody can be reached, before it matters."""

import uuid
from datetime import datetime

from triage.domain.message import Message, MessageKind

TRIAL = "test/"
"""How the keys of such messages begin."""


def trial_page(person: str, asked_by: str, now: datetime) -> Message:
    """To ``person``, by their own contact methods."""
    return Message(
        key=f"{TRIAL}{uuid.uuid4()}",
        incident_id=None,
        kind=MessageKind.ALARM,
        recipient=f"person:{person}",
        detail={"title": "Test page", "lines": [f"Asked for by {asked_by}. Nothing has happened."]},
        made_at=now,
    )
