"""Alarms about the service itself: that people cannot be told is told to people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue
from triage.domain.message import Message, MessageKind
from triage.domain.reach import who_is
from triage.domain.schedule import OnCallOverride
from triage.rules.targets import people_at_the_desk

ALARM_EVERY = timedelta(minutes=15)
"""The same is not said again before."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """``about`` names what is wrong, and is the same for as long as it is. ``once``: it is not said again."""

    about: str
    title: str
    lines: tuple[str, ...]
    once: bool = False


def undelivered(way: str, message: Message, fault: str) -> Alarm:
    return Alarm(
        about=f"way/{way}",
        title=f"Messages are not delivered by {way}",
        lines=(
            f"For {message.recipient}: {fault}.",
            "They are tried again for an hour; dead letters are listed under /v1/messages?state=dead.",
        ),
    )


def alarms(
    catalogue: Catalogue, overrides: Sequence[OnCallOverride], now: datetime, alarm: Alarm
) -> Iterator[Message]:
    """A message to everybody who has to hear of it; by their keys the same ones for ``ALARM_EVERY``."""
    window = 0 if alarm.once else int(now.timestamp() // ALARM_EVERY.total_seconds())
    for recipient in _alarmed(catalogue, now, overrides):
        yield Message(
            key=f"alarm/{alarm.about}/{window}/{recipient}",
            incident_id=None,
            kind=MessageKind.ALARM,
            recipient=recipient,
            detail={"title": alarm.title, "lines": list(alarm.lines)},
            made_at=now,
        )


def _alarmed(catalogue: Catalogue, now: datetime, overrides: Sequence[OnCallOverride]) -> list[str]:
    """Recipients: those that the catalogue names, else the triage desk."""
    found: list[str] = []
    for word in catalogue.watch.alarm:
        if word.startswith("channel:"):
            found.append(word)
        else:
            found += (f"person:{person}" for person in who_is(catalogue, word, now, overrides).people)
    if not found:
        found += (f"person:{person}" for person in people_at_the_desk(catalogue, now, overrides))
    return list(dict.fromkeys(found))
