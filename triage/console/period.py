"""The period that a page looks back on, and how it groups, as they stand in its address."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from triage.console.templating import local_moment
from triage.console.visiting import Visitor
from triage.errors import InvalidIncident
from triage.figures import Grouping

PERIODS: Mapping[str, tuple[str, timedelta]] = {
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "90d": ("90 days", timedelta(days=90)),
    "365d": ("a year", timedelta(days=365)),
}
DEFAULT = "30d"
LONGEST = timedelta(days=731)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From ``since`` until before ``until``. ``name``: of ``PERIODS``, None where both ends were given as days,
    ``first`` and ``last``, which are the same for whoever asks again."""

    since: datetime
    until: datetime
    by: Grouping
    name: str | None
    first: str = ""
    last: str = ""

    @property
    def before(self) -> tuple[datetime, datetime]:
        """As long, just before."""
        return self.since - (self.until - self.since), self.since

    @property
    def key(self) -> Hashable:
        """What is the same for all who look within the same minute."""
        return (self.name, self.by) if self.name else (self.since, self.until, self.by)

    def address(self, **changed: str | None) -> str:
        """Of the same page with something changed; a named period takes the place of given days."""
        asked = {"period": self.name, "from": self.first, "to": self.last, "by": self.by.value}
        if changed.get("period"):
            asked |= {"from": None, "to": None}
        return "?" + urlencode({name: value for name, value in {**asked, **changed}.items() if value})


def period_of(query: Mapping[str, str], visitor: Visitor) -> Period:
    """Raises InvalidIncident for days that are none, or in the wrong order."""
    by = query.get("by", "")
    grouping = Grouping(by) if by in {one.value for one in Grouping} else Grouping.TEAM
    first, last = query.get("from", "").strip(), query.get("to", "").strip()
    if not first and not last:
        name = query.get("period", DEFAULT)
        name = name if name in PERIODS else DEFAULT
        return Period(since=visitor.now - PERIODS[name][1], until=visitor.now, by=grouping, name=name)
    since = local_moment(first or last, visitor.zone, "from")
    until = local_moment(last, visitor.zone, "to") + timedelta(days=1) if last else visitor.now
    if not timedelta(0) < until - since <= LONGEST:
        raise InvalidIncident("a period begins before it ends, and is no longer than two years")
    return Period(since=since, until=until, by=grouping, name=None, first=first or last, last=last)
