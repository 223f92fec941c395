"""What a link in a message does: shown first, done by one click, and done once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from triage.corrections import Corrections
from triage.domain.message import Message
from triage.domain.record import IncidentRecord
from triage.errors import Conflict, LinkNotValid
from triage.notify.links import Link, LinkAction, Links
from triage.responding import Responding
from triage.store.incidents import Incidents
from triage.store.links import UsedLinks
from triage.store.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a link would do, to which incidents; ``used_at``: when it was used."""

    link: Link
    messages: tuple[Message, ...]
    incidents: tuple[IncidentRecord, ...]
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    """What became of each incident: as it stands now, and why nothing was done to it, if so."""

    offer: Offer
    done: tuple[tuple[IncidentRecord, str | None], ...]


class Clicking:
    def __init__(
        self,
        outbox: Outbox,
        used: UsedLinks,
        incidents: Incidents,
        corrections: Corrections,
        responding: Responding,
        links: Callable[[], Links],
        clock: Callable[[], datetime],
    ) -> None:
        self._outbox = outbox
        self._used = used
        self._incidents = incidents
        self._corrections = corrections
        self._responding = responding
        self._links = links
        self._clock = clock

    def look(self, signed: str) -> Offer:
        """Changes nothing. Raises LinkNotValid for a link that is too old or not ours."""
        link = self._links().read(signed, self._clock())
        messages = tuple(m for m in self._outbox.sent_together(link.key) if m.incident_id is not None)
        found = self._incidents.get_many([m.incident_id for m in messages if m.incident_id is not None])
        if not found:
            raise LinkNotValid("what the link is about is gone")
        return Offer(
            link=link,
            messages=messages,
            incidents=tuple(found.values()),
            used_at=self._used.link_used_at(link.digest),
        )

    def click(self, signed: str) -> Clicked:
        """Do it, in the name of whom the message went to. Raises LinkNotValid, also for one that was used."""
        offer = self.look(signed)
        if offer.used_at is not None:
            raise LinkNotValid("the link was used already")
        by_incident = {message.incident_id: message for message in offer.messages}
        done: list[tuple[IncidentRecord, str | None]] = []
        for record in offer.incidents:
            try:
                done.append((self._act(offer.link, record.id, by_incident[record.id]), None))
            except Conflict as error:
                done.append((record, str(error)))
        # Last, so that a link whose action failed half-way can be clicked again; each action twice is once.
        self._used.use_link(offer.link.digest, offer.link.person, self._clock())
        return Clicked(offer=offer, done=tuple(done))

    def _act(self, link: Link, incident_id: str, message: Message) -> IncidentRecord:
        match link.action:
            case LinkAction.ACKNOWLEDGE:
                return self._corrections.acknowledge(incident_id, link.person)
            case LinkAction.RESOLVE:
                return self._corrections.resolve(incident_id, link.person, None)
        return self._responding.answer(
            incident_id,
            link.person,
            message.detail.get("checkpoint"),
            approved=link.action is LinkAction.APPROVE,
            # The message went to whoever had to decide; who plays the role may have changed since.
            for_anybody=True,
        )
