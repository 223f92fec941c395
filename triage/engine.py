"""Carries escalations on: what happened to an incident and what fell due goes through the pure machine, and what
it wants said into the outbox, in one transaction.

Any number of processes may run it at once. It reads a clock once a tick, sleeps nowhere and sends nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import TypeAdapter

from triage.domain.catalogue import Catalogue
from triage.domain.message import Message, MessageKind
from triage.domain.reach import Surroundings
from triage.domain.record import TimelineEntry
from triage.errors import CannotCarryOn
from triage.escalation.machine import advance, begin
from triage.escalation.state import (
    Acknowledged,
    Answered,
    AskApproval,
    CallVendor,
    Decided,
    Effect,
    Escalated,
    Escalation,
    Event,
    Note,
    Opened,
    Page,
    Post,
    Resolved,
    SendUpdate,
    StandDown,
    TakeTurn,
    TimePassed,
)
from triage.oncall import Standing, nothing_stands
from triage.store.escalations import Carried, Escalations, Held, Running, Signal

log = structlog.get_logger("triage.engine")

AT_ONCE = 200
"""Escalations that one transaction carries on."""
LONGEST_WAIT = timedelta(minutes=1)
"""Between two tries of an escalation that cannot be carried on."""
MACHINE = "triage"
DETAIL: TypeAdapter[Any] = TypeAdapter(Any)


@dataclass(frozen=True, slots=True)
class Ticked:
    """``more``: there may be others that are due now."""

    carried_on: int
    failed: int
    more: bool


class Engine:
    """``catalogue`` gives the one in force: an escalation keeps the path it was decided, and people are who they
    are today. ``standing``: the shift swaps that stand."""

    def __init__(
        self,
        escalations: Escalations,
        catalogue: Callable[[], Catalogue],
        clock: Callable[[], datetime],
        standing: Standing = nothing_stands,
    ) -> None:
        self._escalations = escalations
        self._catalogue = catalogue
        self._clock = clock
        self._standing = standing

    def tick(self, at_once: int = AT_ONCE) -> Ticked:
        """One pass over what is due and what has happened. Raises StoreUnavailable with nothing done, and
        Unavailable while no catalogue is in force."""
        now, catalogue = self._clock(), self._catalogue()
        overrides = self._standing(now)
        with self._escalations.holding(now, at_once) as held:
            if not held.running:
                return Ticked(0, 0, more=held.more)
            around = Surroundings(
                catalogue=catalogue,
                overrides=overrides,
                pages=_pages(held, catalogue, now),
                turns=held.take_turns(key for running in held.running for key in _robins(running)),
            )
            carried = _carry_on(_Around(around), held.running, now)
            held.write(carried)
        return Ticked(len(carried.running), len(carried.failed), more=held.more)


def _carry_on(around: "_Around", held: Sequence[Running], now: datetime) -> Carried:
    """Each by itself: one that cannot be carried on is tried again later, and holds up none of the others."""
    carried = Carried(at=now)
    for running in held:
        try:
            if running.unreadable is not None:
                raise CannotCarryOn(running.unreadable)
            state, effects = _run(around, running, now)
        except Exception as error:  # noqa: BLE001 - its owner: kept with the row, logged, counted, tried again
            why = str(error) if isinstance(error, CannotCarryOn) else type(error).__name__
            carried.failed.append((running, why, now + _wait(running.failures)))
            log.error("an escalation cannot be carried on", incident_id=running.incident_id, why=why)
            continue
        running.state = state
        running.advanced += 1
        carried.running.append(running)
        if any(signal.kind == "resolved" for signal in running.signals):
            carried.over.add(running.incident_id)
        _say(carried, running, effects, now)
    return carried


def _wait(failures: int) -> timedelta:
    """Twice as long each time. An escalation that fails for hours must not make a number that no time can hold."""
    return min(timedelta(seconds=2 ** min(failures, 10)), LONGEST_WAIT)


class _Around:
    """What stands around the escalations of one tick; pages and turns of one count for the next."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._turns = dict(surroundings.turns)
        self._pages = dict(surroundings.pages)
        self._surroundings = replace(surroundings, turns=self._turns, pages=self._pages)

    def advance(self, state: Escalation, event: Event, now: datetime) -> tuple[Escalation, tuple[Effect, ...]]:
        state, effects = advance(self._surroundings, state, event, now)
        for effect in effects:
            if isinstance(effect, TakeTurn):
                self._turns[effect.key] = self._turns.get(effect.key, 0) + 1
            elif isinstance(effect, Page):
                self._pages[effect.person] = (*self._pages.get(effect.person, ()), now)
        return state, effects


def _run(around: _Around, running: Running, now: datetime) -> tuple[Escalation | None, list[Effect]]:
    """What happened first, in its order, then what fell due: who has answered is not called again because the
    service was slow to hear of it."""
    state, effects = running.state, list[Effect]()
    for signal in running.signals:
        event = _event(running, signal)
        if state is None:
            if signal.path is None:
                continue
            state, event = begin(signal.path, running.opened_at), Opened()
        if event is not None:
            state, done = around.advance(state, event, now)
            effects += done
    if state is not None:
        state, done = around.advance(state, TimePassed(), now)
        effects += done
    return state, effects


def _event(running: Running, signal: Signal) -> Event | None:
    match signal.kind:
        case "acknowledged":
            return Acknowledged(signal.actor)
        case "resolved":
            return Resolved(signal.actor)
        case "reopened":
            return Opened()
        case "escalated":
            return Escalated(signal.actor)
        case "approved" | "refused":
            return Answered(signal.checkpoint or "", signal.kind == "approved", signal.actor)
    if signal.path is None:
        return None
    moved = running.team is not None and signal.team != running.team
    running.team = signal.team
    because = signal.because or (
        f"changed by {signal.actor}" if signal.kind == "overridden" else "it was decided again"
    )
    return Decided(signal.path, because, moved)


def _robins(running: Running) -> set[str]:
    """The round robins that the paths of an escalation may take a turn of."""
    paths = [running.state.path] if running.state else []
    paths += [signal.path for signal in running.signals if signal.path is not None]
    return {step.robin_of(path.policy) for path in paths for step in path.steps if step.round_robin}


def _pages(held: Held, catalogue: Catalogue, now: datetime) -> dict[str, tuple[datetime, ...]]:
    """Those that may belong to a shift that runs now; nothing is counted where no schedule asks."""
    limited = [s for s in catalogue.schedules.values() if s.limits.pages_a_shift is not None]
    if not limited:
        return {}
    longest = max(layer.turn for schedule in limited for layer in schedule.layers)
    return held.count_pages(now - longest - timedelta(days=1))


def _say(carried: Carried, running: Running, effects: Sequence[Effect], now: datetime) -> None:
    said = 0
    for effect in effects:
        if isinstance(effect, TakeTurn):
            carried.turns[effect.key] = carried.turns.get(effect.key, 0) + 1
            continue
        detail = DETAIL.dump_python(asdict(effect), mode="json")
        kind = _NAMES[type(effect)]
        carried.entries.append(
            TimelineEntry(incident_id=running.incident_id, at=now, kind=kind, actor=MACHINE, detail=detail)
        )
        for message_kind, recipient in said_by(effect):
            carried.messages.append(
                Message(
                    key=f"{running.incident_id}/{running.advanced}/{said}",
                    incident_id=running.incident_id,
                    kind=message_kind,
                    recipient=recipient,
                    detail=detail,
                    made_at=now,
                )
            )
            said += 1


def said_by(effect: Effect) -> Iterator[tuple[MessageKind, str]]:
    """Kind and recipient of each message that an effect is."""
    match effect:
        case Page(person=person):
            yield MessageKind.PAGE, f"person:{person}"
        case Post(channels=channels):
            yield from ((MessageKind.POST, f"channel:{channel}") for channel in channels)
        case CallVendor(vendor=vendor):
            yield MessageKind.VENDOR, f"vendor:{vendor}"
        case AskApproval(people=people):
            yield from ((MessageKind.APPROVAL, f"person:{person}") for person in people)
        case SendUpdate(channels=channels, people=people):
            yield from ((MessageKind.UPDATE, f"channel:{channel}") for channel in channels)
            yield from ((MessageKind.UPDATE, f"person:{person}") for person in people)
        case StandDown(people=people):
            yield from ((MessageKind.STAND_DOWN, f"person:{person}") for person in people)


_NAMES: dict[type[Effect], str] = {
    Page: "paged",
    Post: "posted",
    CallVendor: "vendor_called",
    AskApproval: "approval_asked",
    SendUpdate: "update_sent",
    StandDown: "stood_down",
    Note: "escalation",
}
SAID = frozenset(_NAMES.values())
"""How a timeline calls what escalations did."""
