"""Templates, and how everything that they show becomes inert text."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from triage.domain.access import Role
from triage.domain.incident import Status, utc
from triage.domain.priority import Priority
from triage.domain.wording import in_words
from triage.errors import FieldFault, InvalidIncident

# Control characters but for tab and line end, ANSI sequences as a whole, and what turns the direction of writing.
_ANSI = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|.?)")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def inert(value: object) -> object:
    """Every text on its way into a page: what cannot be seen, or makes a text look like another, is left out."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _UNSEEN.sub("", _ANSI.sub("", value))
    return "" if value is None else value


NEXT = {
    "step": "next step",
    "acknowledge": "goes on",
    "resolve": "time to resolve",
    "checkpoint": "approval due",
    "vendor": "vendor due",
    "update": "update",
    "sla_acknowledge": "SLA: take it",
    "sla_resolve": "SLA: resolve",
}
"""What happens at the next moment of an escalation, by its timer."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Times as one visitor reads them."""

    zone: ZoneInfo
    now: datetime

    def at(self, moment: datetime) -> str:
        """``14:05``; with the day where it is another one."""
        there, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        if there.date() == today:
            return f"{there:%H:%M}"
        return f"{there:%a %d %b %H:%M}" if abs((there.date() - today).days) < 300 else f"{there:%Y-%m-%d %H:%M}"

    def day(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%a %d %b}"

    def whole(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S %Z}"

    def field(self, moment: datetime) -> str:
        """As ``<input type="datetime-local">`` writes it."""
        return f"{moment.astimezone(self.zone):%Y-%m-%dT%H:%M}"

    def ago(self, moment: datetime) -> str:
        return short(self.now - moment)

    def until(self, moment: datetime) -> str:
        return short(moment - self.now)


def short(length: timedelta) -> str:
    """``45 s``, ``12 min``, ``3 h``, ``3 h 20 min``, ``4 d``: the two greatest parts, where the second one says
    something."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    hours, minutes = divmod(seconds // 60, 60)
    if hours < 10 and minutes:
        return f"{hours} h {minutes} min"
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def local_moment(text: str, zone: ZoneInfo, what: str) -> datetime:
    """A time as ``<input type="datetime-local">`` or ``type="date"`` gives it, by the clock of ``zone``. Raises
    InvalidIncident."""
    try:
        moment = datetime.fromisoformat(text)
        return utc(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise InvalidIncident(
            "a time is not one", (FieldFault(what, "must be a date and a time of day"),)
        ) from None


def counted(number: int, word: str) -> str:
    """``1 alert``, ``2 alerts``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    """``83 %``; never 100 % or 0 % of what is only nearly so."""
    if share is None:
        return "–"
    shown = round(share * 100)
    if shown == 100 and share < 1:
        return "> 99 %"
    return "< 1 %" if shown == 0 and share > 0 else f"{shown} %"


@cache
def static_version(name: str) -> str:
    """Part of a file's address, so that browsers may keep it for ever."""
    return hashlib.sha256(files("triage.console").joinpath("static", *name.split("/")).read_bytes()).hexdigest()[
        :12
    ]


def static(name: str) -> str:
    return f"/static/{name}?v={static_version(name)}"


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("triage.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=inert,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"short": short, "percent": percent, "counted": counted, "in_words": in_words}
    made.globals |= {"static": static, "Role": Role, "Status": Status, "Priority": Priority, "next_words": NEXT}
    return made


def render(template: str, context: Mapping[str, Any]) -> str:
    return environment().get_template(template).render(context)
