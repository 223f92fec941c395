"""By what a firing event can be recognised: its key, fingerprint, template and text."""

from functools import lru_cache

from triage.domain.incident import Incident
from triage.domain.memory import Looks
from triage.prediction.text import incident_text, text_key
from triage.recurrence.fingerprint import fingerprint, place, scope
from triage.recurrence.template import mask, template_key

LATELY = 1_024
"""Texts whose masks are remembered: in a storm the same few come again and again. At most 8 MB."""


def look_at(event: Incident) -> Looks:
    text = incident_text(event)
    key, masked = _read(text)
    at = place(event.region, event.cluster)
    return Looks(
        source=event.source,
        scope=scope(event.service, event.environment),
        text=text,
        text_key=key,
        fingerprint=fingerprint(text, event.service, event.environment, at),
        template=masked,
        template_key=template_key(masked, event.service, event.environment, at),
        dedup_key=event.dedup_key,
        started_at=event.started_at or (event.occurred_at if event.dedup_key is not None else None),
    )


@lru_cache(maxsize=LATELY)
def _read(text: str) -> tuple[bytes, str]:
    return text_key(text), mask(text)
