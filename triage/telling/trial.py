"""A page that tells of nothing: whether somebody can be reached, before it matters."""

import uuid
from datetime import datetime

from triage.domain.access import Principal, Role
from triage.domain.catalogue import Catalogue
from triage.domain.message import Message, MessageKind
from triage.errors import Forbidden, UnknownWord

TRIAL = "test/"
"""How the keys of such messages begin."""


def reached_by_trial(asks: Principal, person: str | None, catalogue: Catalogue) -> str:
    """Who is to get it: ``person``, else whoever asks. Raises Forbidden for somebody else, UnknownWord for nobody
    of the catalogue."""
    wanted = person or asks.actor
    if wanted != asks.actor and asks.role is not Role.ADMIN:
        raise Forbidden("only administrators send test pages to others")
    if wanted not in catalogue.people:
        raise UnknownWord("a test page needs somebody of the catalogue: there is no way to reach anybody else")
    return wanted


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
