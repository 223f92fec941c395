"""A desk whose escalations are carried out and whose messages are delivered, on a clock that tests move."""

from collections.abc import Mapping
from datetime import timedelta

from tests.engine.fixtures import Running
from tests.fixtures_receivers import Hook
from tests.fixtures_store import CATALOGUE, Clock, Desk
from triage.domain.catalogue import Catalogue
from triage.domain.message import Message
from triage.notify.links import Links
from triage.notify.senders import send
from triage.responding import Responding
from triage.store.background import Backgrounds
from triage.store.incidents import Incidents
from triage.store.links import UsedLinks
from triage.store.outbox import MessageFilter, Outbox
from triage.telling.briefing import Briefings
from triage.telling.clicking import Clicking
from triage.telling.delivering import Delivered, Delivering, Send

BASE = "https://triage.northwind.example"


def told_by(hook: Hook, spare: Hook | None = None) -> str:
    """The catalogue of tests with everybody behind one webhook; Bob behind a second one, too."""
    ann = "{name: Ann, contacts: [{channel: hook, address: ann}]}"
    contacts = "{channel: hook, address: bob}" + (", {channel: spare, address: bob}" if spare else "")
    people = f"people:\n  ann: {ann}\n  bob: {{name: Bob, timezone: America/New_York, contacts: [{contacts}]}}\n"
    head, _, rest = CATALOGUE.partition("gateways:")[0].partition("people:\n")
    gateways = f"gateways:\n  hook: {{kind: webhook, url: '{hook.url}/{{address}}', secret: '${{HOOK_SECRET}}'}}\n"
    if spare:
        gateways += f"  spare: {{kind: webhook, url: '{spare.url}/{{address}}', secret: '${{HOOK_SECRET}}'}}\n"
    return head + people + rest[rest.index("teams:") :] + gateways


class Telling(Running):
    """A running desk and what delivers what it wants said."""

    def __init__(self, desk: Desk, clock: Clock, post: Send = send) -> None:
        super().__init__(desk, clock)
        self.outbox = Outbox(desk.database)
        self.environment: Mapping[str, str] = {"HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
        self.links = Links(b"secret" * 6, BASE)
        self.delivering = self.deliverer(post)
        self.incidents = incidents = Incidents(desk.database)
        self.responding = Responding(incidents, self.escalations, self.catalogue, clock)
        self.clicking = Clicking(
            self.outbox,
            UsedLinks(desk.database),
            incidents,
            self.corrections,
            self.responding,
            lambda: self.links,
            clock,
        )

    def catalogue(self) -> Catalogue:
        return self.desk.active.decider.catalogue

    def deliverer(self, post: Send = send) -> Delivering:
        """A further worker's."""
        database = self.desk.database
        briefings = Briefings(Incidents(database), self.escalations, Backgrounds(database), self.catalogue)
        return Delivering(
            Outbox(database),
            briefings,
            self.catalogue,
            self.clock,
            lambda: self.links,
            post,
            dict(self.environment),
        )

    def deliver(self) -> list[Delivered]:
        """Whatever is due now, one after the other, until nothing is."""
        done: list[Delivered] = []
        while (look := self.delivering.take(100)).parcels or look.more:
            done += [self.delivering.deliver(parcel) for parcel in look.parcels]
        return done

    def goes_on(self, minutes: float) -> None:
        """Time passes; messages are looked for every ten seconds."""
        end = self.clock.now + timedelta(minutes=minutes)
        while self.clock.now < end:
            self.engine.tick()
            self.deliver()
            self.clock.now = min(end, self.clock.now + timedelta(seconds=10))

    def messages(self) -> list[Message]:
        """All, oldest first."""
        return list(reversed(self.outbox.find(MessageFilter(limit=1000))))

    def outcomes(self, incident_id: str) -> list[tuple[str, str, str]]:
        return [(m.kind.value, m.recipient, m.state.value) for m in self.escalations.messages(incident_id)]
