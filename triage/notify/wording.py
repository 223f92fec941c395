"""What is written to people: a hand-over, in the order in which somebody woken at night needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from triage.domain.message import Briefing, Message, MessageKind, Outgoing
from triage.domain.wording import in_words, one_line
from triage.notify.links import LINK_WORDS, LinkAction

MOST_TITLES = 10
"""Titles of the same kind that one message lists; the rest is counted."""
DESCRIBED = 500
"""Characters of a description, a note or a resolution."""
SHORT = 140
"""Characters of a title in a short message."""
DRILL = "DRILL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why something is written, and to whom. ``messages``: all that are the same, the first names it;
    ``briefings``: of their incidents, in that order; ``update``: the text of an update; ``page``: where the first
    incident is looked at; ``names``: people's, by id."""

    messages: Sequence[Message]
    briefings: Sequence[Briefing]
    zone: ZoneInfo
    now: datetime
    links: Mapping[str, str] = field(default_factory=dict)
    update: str = ""
    page: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> Message:
        return self.messages[0]

    def at(self, moment: datetime) -> str:
        """By the recipient's clock; with the day where it is another one."""
        there, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        return f"{there:%H:%M}" if there.date() == today else f"{there:%Y-%m-%d %H:%M}"

    def name_of(self, person: str) -> str:
        return self.names.get(person, person)


def write(occasion: Occasion) -> Outgoing:
    """The message as it goes out."""
    first = occasion.first
    lead, lines = _LEADS[first.kind](occasion)
    briefings = occasion.briefings
    drill = any(b.drill for b in briefings)
    title = f"{DRILL}: {lead}" if drill else lead
    parts = [lines]
    if len(briefings) > 1:
        parts.append(_listed(briefings))
    if briefings and first.kind in _HANDED_OVER:
        parts.append(_hand_over(occasion, briefings[0]))
    if occasion.links:
        parts.append([f"{LINK_WORDS[LinkAction(name)]}: {url}" for name, url in occasion.links.items()])
    if occasion.page:
        parts.append([f"Look at it: {occasion.page}"])
    if drill:
        parts.insert(0, ["This is a drill. Answer as you would, and change nothing."])
    parts.append([f"Reference: {first.key}"])
    body = "\n\n".join("\n".join(part) for part in parts if part)
    return Outgoing(
        key=first.key,
        kind=first.kind,
        title=title,
        body=body,
        short=_short(title, occasion.links),
        urgent=first.kind in (MessageKind.PAGE, MessageKind.APPROVAL, MessageKind.ALARM),
        links=occasion.links,
        data=_data(occasion, title, body, drill),
    )


def _short(title: str, links: Mapping[str, str]) -> str:
    """For a lock screen, or read aloud: what, and the first thing that can be done."""
    said = one_line(title, SHORT)
    name = next(iter(links), None)
    return said if name is None else f"{said} {LINK_WORDS[LinkAction(name)]}: {links[name]}"


def _data(occasion: Occasion, title: str, body: str, drill: bool) -> dict[str, Any]:
    """The same for programs."""
    return {
        "key": occasion.first.key,
        "kind": occasion.first.kind.value,
        "recipient": occasion.first.recipient,
        "sent_at": _plain(occasion.now),
        "drill": drill,
        "title": title,
        "text": body,
        "links": dict(occasion.links),
        "page": occasion.page or None,
        "detail": dict(occasion.first.detail),
        "incidents": [_plain(asdict(briefing)) for briefing in occasion.briefings],
    }


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dict():
            return {key: _plain(found) for key, found in value.items()}
        case list() | tuple():
            return [_plain(found) for found in value]
    return value


# How a message of each kind begins: its title, and what it asks for.

Lead = tuple[str, list[str]]


def _named(occasion: Occasion) -> str:
    briefings = occasion.briefings
    first = briefings[0]
    many = f"{len(briefings)} incidents of the same: " if len(briefings) > 1 else ""
    where = f"{one_line(first.service)}: " if first.service else ""
    return f"[{first.priority}] {many}{where}{one_line(first.title)}"


def _page(occasion: Occasion) -> Lead:
    detail = occasion.first.detail
    until = datetime.fromisoformat(detail["answer_by"])
    asked = [f"You are asked to take this; at {occasion.at(until)} the next one is."]
    if until <= occasion.now:
        asked = ["You are asked to take this, which is still not taken."]
    parts = ", ".join(detail.get("parts", ()))
    if parts:
        asked.append(f"Your part: {parts}.")
    again = f" (call {detail['attempt']})" if detail.get("attempt", 1) > 1 else ""
    return _named(occasion) + again, asked


def _post(occasion: Occasion) -> Lead:
    return _named(occasion), []


def _vendor(occasion: Occasion) -> Lead:
    detail = occasion.first.detail
    asked = [f"Vendor {detail['vendor']} is needed.", *_kept("Contract", detail.get("contract"))]
    asked += _kept("Contact", detail.get("contact"))
    if detail.get("answer_by"):
        asked.append(f"Answer expected by {occasion.at(datetime.fromisoformat(detail['answer_by']))}.")
    return f"{_named(occasion)} – vendor {detail['vendor']}", asked


def _approval(occasion: Occasion) -> Lead:
    detail = occasion.first.detail
    until = occasion.at(datetime.fromisoformat(detail["answer_by"]))
    asked = [f"{detail['reason']}", f"Yes or no is needed by {until}, from {detail['role']}."]
    return f"Approval needed: {detail['checkpoint']} – {_named(occasion)}", asked


def _update(occasion: Occasion) -> Lead:
    return _named(occasion), [one_line(occasion.update)]


def _stand_down(occasion: Occasion) -> Lead:
    return f"Over: {_named(occasion)}", ["It is resolved; nothing is expected of you any more."]


def _plain_words(occasion: Occasion) -> Lead:
    detail = occasion.first.detail
    return one_line(str(detail["title"])), [one_line(str(line)) for line in detail.get("lines", ())]


def _reminder(occasion: Occasion) -> Lead:
    title, lines = _plain_words(occasion)
    return f"{title}: {_named(occasion)}" if occasion.briefings else title, lines


_LEADS = {
    MessageKind.PAGE: _page,
    MessageKind.POST: _post,
    MessageKind.VENDOR: _vendor,
    MessageKind.APPROVAL: _approval,
    MessageKind.UPDATE: _update,
    MessageKind.STAND_DOWN: _stand_down,
    MessageKind.ALARM: _plain_words,
    MessageKind.REMINDER: _reminder,
    MessageKind.SUMMARY: _plain_words,
}
_HANDED_OVER = {MessageKind.PAGE, MessageKind.POST, MessageKind.VENDOR, MessageKind.APPROVAL}


# The hand-over.


def hand_over_text(briefing: Briefing, zone: ZoneInfo, now: datetime, names: Mapping[str, str]) -> str:
    """The same as pages hold, for somebody to copy. ``names``: people's, by id."""
    return "\n".join(
        _hand_over(Occasion(messages=(), briefings=(briefing,), zone=zone, now=now, names=names), briefing)
    )


def _hand_over(occasion: Occasion, briefing: Briefing) -> list[str]:
    at = occasion.at
    lasted = in_words(occasion.now - briefing.opened_at)
    where = one_line(", ".join(filter(None, (briefing.service, briefing.environment))))
    lines = [
        f"What: {one_line(briefing.title)}",
        *_kept("Where", where),
        *_kept("Described as", one_line(briefing.description or "", DESCRIBED)),
        f"Since: {at(briefing.opened_at)}, {lasted} ago" + _times(briefing.occurrences),
        f"Priority: {briefing.priority} {briefing.label}; team: {briefing.team}",
        *(f"Why: {sentence}" for sentence in briefing.why),
        *_kept("Taken by", occasion.name_of(briefing.acknowledged_by or "")),
        *_kept("Told", ", ".join(f"{occasion.name_of(who)} {at(when)}" for who, when in briefing.told)),
        *(
            f"Done: {at(done.at)} {occasion.name_of(done.by)}: {one_line(done.what, DESCRIBED)}"
            for done in briefing.done
        ),
    ]
    if briefing.next_at is not None:
        lines.append(f"Next: at {at(briefing.next_at)} {briefing.next_is}")
    lines += _kept("Known fix", one_line(briefing.known_fix or "", DESCRIBED))
    for earlier in briefing.similar:
        how = one_line(earlier.resolution or "resolved", DESCRIBED)
        lines.append(f"Similar: {at(earlier.resolved_at)} {one_line(earlier.title)} – {how}")
    lines += _kept("Runbook", briefing.runbook)
    return lines


def _kept(word: str, text: object) -> list[str]:
    return [f"{word}: {text}"] if text else []


def _times(occurrences: int) -> str:
    return f", {occurrences} alerts" if occurrences > 1 else ""


def _listed(briefings: Sequence[Briefing]) -> list[str]:
    lines = [f"- [{b.priority}] {one_line(b.title)}" + (f" ({b.service})" if b.service else "") for b in briefings]
    more = len(lines) - MOST_TITLES
    return [*lines[:MOST_TITLES], f"- and {more} more"] if more > 0 else lines
