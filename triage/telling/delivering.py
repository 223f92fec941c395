"""Delivers what escalations want said: messages leave the outbox, those that are the same as one, by the way that
is next in turn; what nobody needs any more stays, and what nobody takes ends as a dead letter that is told of.

Nothing here waits for anybody but the one target that is being sent to. A process may run it on many threads, and
any number of processes may: a message is held by one of them, and its key is the same when it goes out twice.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from pydantic import TypeAdapter

from triage.domain.catalogue import Catalogue
from triage.domain.message import Briefing, Message, MessageKind, Outgoing
from triage.errors import DeliveryFailed, NotFound, TriageError
from triage.escalation.state import SendUpdate
from triage.escalation.wording import update_text
from triage.notify.links import LinkAction, Links
from triage.notify.ways import Target, resolve, ways_to
from triage.notify.wording import Occasion, write
from triage.oncall import Standing, nothing_stands
from triage.store.outbox import Outbox, Taken
from triage.telling.alarm import alarms, undelivered
from triage.telling.briefing import Briefings
from triage.telling.sifting import together, why_not

log = structlog.get_logger("triage.delivering")

HELD_FOR = timedelta(minutes=3)
"""Longer than a message takes from the outbox to its target; that of a worker that died is taken again then."""
QUIET = timedelta(seconds=30)
"""Whoever was told of one of the same hears of the further ones together, this much later."""
GIVEN_UP_AFTER = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=5)
ALARM_AFTER = 3
"""Rounds through all ways of a recipient after which somebody is told that messages do not arrive."""
STORE_TURNS = 3
"""Threads that use the database at a time: connections are shared with those who answer requests."""
PATIENCE = 45.0
"""Seconds that a target may take to answer. A slow one has lanes of its own, so it delays nobody else."""
PATIENCE_WITH_ANOTHER_WAY = 10.0
"""The same for a page or an approval to somebody who can be reached by another way, too."""

Send = Callable[[Target, Outgoing, float], None]
_UPDATE: TypeAdapter[SendUpdate] = TypeAdapter(SendUpdate)
_ANSWERED = {MessageKind.PAGE, MessageKind.APPROVAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Messages that go out as one, and where to. ``ways``: how many the recipient has; ``target`` None: there is
    none, and ``fault`` says why."""

    messages: tuple[Message, ...]
    ways: int
    target: Target | None
    fault: str = ""

    @property
    def first(self) -> Message:
        return self.messages[0]

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.messages]

    @property
    def lane(self) -> str:
        """What is slow or dead together."""
        return self.target.lane if self.target else "nowhere"

    @property
    def way(self) -> str:
        """As logs, figures and people may see it."""
        return self.target.way.name if self.target else "none"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look into the outbox found; ``more``: there may be others that are due now."""

    parcels: list[Parcel]
    more: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a parcel: ``sent``, ``failed``, ``dead`` or ``withdrawn``."""

    outcome: str
    messages: int
    fault: str = ""


class Delivering:
    """``environment`` holds what addresses refer to; ``links`` gives what makes links in messages."""

    def __init__(
        self,
        outbox: Outbox,
        briefings: Briefings,
        catalogue: Callable[[], Catalogue],
        clock: Callable[[], datetime],
        links: Callable[[], Links],
        send: Send,
        environment: Mapping[str, str],
        standing: Standing = nothing_stands,
    ) -> None:
        self._outbox = outbox
        self._briefings = briefings
        self._catalogue = catalogue
        self._clock = clock
        self._links = links
        self._send = send
        self._environment = environment
        self._standing = standing
        self._turns = threading.BoundedSemaphore(STORE_TURNS)

    def take(self, limit: int, is_full: Callable[[str], bool] = lambda lane: False) -> Look:
        """What is to be sent now; the rest of what was due is withdrawn or waits. ``is_full`` says of a lane that
        it takes no more, so that another way is tried. Raises StoreUnavailable, Unavailable."""
        now, catalogue = self._clock(), self._catalogue()
        needed: list[Taken] = []
        needless: defaultdict[str, list[str]] = defaultdict(list)
        due = self._outbox.take(now, limit, HELD_FOR, QUIET)
        for taken in due:
            why = why_not(taken)
            if why is None:
                needed.append(taken)
            else:
                needless[why].append(taken.message.key)
        for why, keys in needless.items():
            self._outbox.withdraw(keys, why)
        parcels = []
        for same in together(needed):
            lately = max((one.told_lately for one in same if one.told_lately), default=None)
            messages = tuple(one.message for one in same)
            if lately is not None and messages[0].kind is not MessageKind.STAND_DOWN:
                self._outbox.wait([message.key for message in messages], lately + QUIET)
            else:
                parcels.append(self._parcel(catalogue, messages, is_full))
        return Look(parcels, more=len(due) >= limit)

    def deliver(self, parcel: Parcel) -> Delivered:
        """Send it, and write down what became of it. Raises StoreUnavailable where that cannot be written, and
        then it goes out again with the same key."""
        with self._turns:
            needed = self._outbox.is_needed(parcel.messages)
            parcel = replace(parcel, messages=tuple(m for m in parcel.messages if m.key in needed))
            if not parcel.messages:
                return Delivered("withdrawn", 0)
            if parcel.target is None:
                return self._failed(parcel, parcel.fault)
            try:
                with _named("it cannot be written"):
                    outgoing = self._write(parcel)
            except NotFound:
                self._outbox.withdraw(parcel.keys, "its incident is gone")
                return Delivered("withdrawn", len(parcel.messages))
            except DeliveryFailed as error:
                return self._failed(parcel, str(error))
        alone = parcel.ways == 1 or parcel.first.kind not in _ANSWERED
        try:
            with _named("it cannot be sent"):
                self._send(parcel.target, outgoing, PATIENCE if alone else PATIENCE_WITH_ANOTHER_WAY)
        except DeliveryFailed as error:
            with self._turns:
                return self._failed(parcel, str(error))
        with self._turns:
            self._outbox.sent(parcel.messages, self._clock())
        return Delivered("sent", len(parcel.messages))

    def put_back(self, parcel: Parcel, wait: timedelta) -> None:
        """Not tried: its lane takes no more now."""
        self._outbox.wait(parcel.keys, self._clock() + wait)

    def _parcel(
        self, catalogue: Catalogue, messages: tuple[Message, ...], is_full: Callable[[str], bool]
    ) -> Parcel:
        """By the way that is next in turn: each call of the same person begins with another one, and each failure
        goes on to the next."""
        first = messages[0]
        try:
            with _named("no way can be found"):
                ways = ways_to(catalogue, self._whom(catalogue, first))
                turn = int(first.detail.get("attempt", 1)) - 1 + first.attempts - 1
        except (DeliveryFailed, NotFound) as error:
            return Parcel(messages=messages, ways=1, target=None, fault=str(error))
        fault, found = "", list[Target]()
        for number in range(len(ways)):
            try:
                found.append(resolve(ways[(turn + number) % len(ways)], self._environment))
            except DeliveryFailed as error:
                fault = str(error)
        target = next((t for t in found if not is_full(t.lane)), next(iter(found), None))
        return Parcel(messages=messages, ways=len(ways), target=target, fault=fault)

    def _whom(self, catalogue: Catalogue, message: Message) -> str:
        """A vendor that no gateway reaches is called by whoever was told of the incident last."""
        kind, _, name = message.recipient.partition(":")
        vendor = catalogue.vendors.get(name)
        if kind != "vendor" or vendor is None or vendor.gateway:
            return message.recipient
        if message.incident_id is not None:
            told = self._briefings.of(message.incident_id, self._clock())
            if told.acknowledged_by in catalogue.people:
                return f"person:{told.acknowledged_by}"
            if told.told:
                return f"person:{told.told[-1][0]}"
        return message.recipient

    def _write(self, parcel: Parcel) -> Outgoing:
        now, catalogue, first = self._clock(), self._catalogue(), parcel.first
        ids = dict.fromkeys(m.incident_id for m in parcel.messages if m.incident_id is not None)
        briefings = [self._briefings.of(incident_id, now) for incident_id in ids]
        person = catalogue.people.get(first.person or "")
        zone = (person.timezone if person else None) or catalogue.timezone
        detail = dict(first.detail)
        vendor = catalogue.vendors.get(detail.get("vendor", ""))
        if vendor is not None:
            detail["contact"] = vendor.contact
        occasion = Occasion(
            messages=(replace(first, detail=detail), *parcel.messages[1:]),
            briefings=briefings,
            zone=ZoneInfo(zone),
            now=now,
            links=self._links_of(first, now),
            page=self._links().page_of(first.incident_id) if first.incident_id else "",
            update=_update(first, briefings),
            names={person_id: person.name for person_id, person in catalogue.people.items()},
        )
        return write(occasion)

    def _links_of(self, message: Message, now: datetime) -> dict[str, str]:
        actions = _LINKS.get(message.kind, ())
        if message.person is None or not actions:
            return {}
        links = self._links()
        return {a.value: links.make(a, message.key, message.person, now) for a in actions}

    def _failed(self, parcel: Parcel, fault: str) -> Delivered:
        """The next way at once; when all were tried, again after a while that grows; after an hour no more."""
        now, first = self._clock(), parcel.first
        rounds, tried = divmod(first.attempts, parcel.ways)
        dead = now - first.made_at >= GIVEN_UP_AFTER
        log.warning(
            "a message was not taken",
            key=first.key,
            kind=first.kind.value,
            way=parcel.way,
            attempts=first.attempts,
            dead=dead,
            why=fault,
        )
        if dead:
            self._outbox.give_up(parcel.messages, fault, now)
        else:
            wait = timedelta(0) if tried else min(timedelta(seconds=5 * 2 ** min(rounds - 1, 10)), LONGEST_WAIT)
            self._outbox.failed(parcel.keys, fault, now + wait)
        if first.kind is not MessageKind.ALARM and (dead or (rounds >= ALARM_AFTER and not tried)):
            self._raise_alarm(parcel, fault, now)
        return Delivered("dead" if dead else "failed", len(parcel.messages), fault)

    def _raise_alarm(self, parcel: Parcel, fault: str, now: datetime) -> None:
        """Once in a while for everything that does not arrive by one way."""
        overrides = self._standing(now)
        self._outbox.put(alarms(self._catalogue(), overrides, now, undelivered(parcel.way, parcel.first, fault)))


@contextmanager
def _named(what: str) -> Iterator[None]:
    """A message that breaks whoever handles it, by whatever fault of ours, fails like any other: it is tried again
    and given up in the end, and holds up none of the others."""
    try:
        yield
    except TriageError:
        raise
    except Exception as error:  # its owner is `_failed`: logged, counted, tried again, told of
        raise DeliveryFailed(f"{what} ({type(error).__name__})") from error


_LINKS = {
    MessageKind.PAGE: (LinkAction.ACKNOWLEDGE, LinkAction.RESOLVE),
    MessageKind.APPROVAL: (LinkAction.APPROVE, LinkAction.REFUSE),
}


def _update(message: Message, briefings: Sequence[Briefing]) -> str:
    if message.kind is not MessageKind.UPDATE or not briefings:
        return ""
    about = briefings[0]
    return update_text(
        _UPDATE.validate_python(dict(message.detail)),
        title=about.title,
        service=about.service or "an unknown service",
        priority=about.priority,
        team=about.team,
    )
