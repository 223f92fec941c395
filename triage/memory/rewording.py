"""What a source says anew of an open incident, under its own key."""

from datetime import datetime

from triage.domain.incident import Incident
from triage.domain.memory import Looks, Match, Memory, Wording
from triage.domain.record import IncidentRecord
from triage.domain.recurrence import MatchedBy
from triage.recurrence.looking import look_at

MOST = 50
"""Texts kept of one incident: a source that says something new each time is not to be remembered for ever."""


class Rewordings:
    """Of one batch. ``texts``: where the texts to be remembered are collected, by text key."""

    def __init__(self, memory: Memory, texts: dict[bytes, str]) -> None:
        self._memory = memory
        self._texts = texts
        self._templates: dict[str, set[str]] = {}

    def take(
        self, event: Incident, look: Looks, match: Match, record: IncidentRecord, actor: str, now: datetime
    ) -> bool:
        """Whether the event says something that was not said of the incident before, beyond what changes from one
        message to the next. All texts are kept and found; the incident stays what the source says it is."""
        if match.matched_by is not MatchedBy.KEY:
            return False
        templates = self._templates_of(record)
        if look.template in templates or len(templates) >= MOST:
            return False
        templates.add(look.template)
        self._texts[look.text_key] = look.text
        self._memory.wordings.append(
            Wording(
                incident_id=record.id,
                text_key=look.text_key,
                title=event.title,
                description=event.description,
                since=now,
            )
        )
        reads_as = {"reads_as": match.reads_as} if match.reads_as is not None else {}
        self._memory.note(record.id, now, "reworded", actor, title=event.title, **reads_as)
        return True

    def _templates_of(self, record: IncidentRecord) -> set[str]:
        known = self._templates.get(record.id)
        if known is None:
            opening = record.event
            told = [(opening.title, opening.description), *self._memory.known_wordings.get(record.id, ())]
            known = {
                look_at(opening.with_changes(title=title, description=description)).template
                for title, description in told
            }
            self._templates[record.id] = known
        return known
