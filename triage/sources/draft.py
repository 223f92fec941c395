"""Making another system's words fit an ``Incident`` without refusing or losing any.

What is too long is cut and kept whole as evidence; what is no address or no string is kept as evidence; and
each such change is noted. ``/v1/*`` refuses instead, since its callers can read the answer.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from triage.domain.incident import (
    MAX_DESCRIPTION,
    MAX_EVIDENCE,
    MAX_LABEL_NAME,
    MAX_LABEL_VALUE,
    MAX_LABELS,
    MAX_LINKS,
    MAX_TITLE,
    MAX_WORD,
    Evidence,
    Link,
    utc,
)
from triage.sources.batch import Note
from triage.sources.fields import MAX_HREF
from triage.sources.payload import as_text

_CUT = "…"
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class Draft:
    """Collects what one event is made of. ``index`` is its place in the payload."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.notes: list[Note] = []
        self.links: list[Link] = []
        self._kept: list[Evidence] = []

    def note(self, kind: str, detail: str) -> None:
        self.notes.append(Note(kind=kind, detail=detail, index=self.index))

    def keep(self, kind: str, value: object) -> None:
        """Keep a value as evidence, as text; cut only beyond what evidence may hold."""
        text = as_text(value)
        if len(text) > MAX_DESCRIPTION:
            self.note("evidence_cut", "evidence longer than its limit was cut")
            text = _cut(text, MAX_DESCRIPTION)
        self._kept.append(Evidence(kind=_cut(kind, MAX_WORD), text=text))

    def line(self, name: str, text: str, limit: int) -> str:
        """``text`` on one line and within ``limit`` characters."""
        joined = " ".join(text.split())
        if len(joined) <= limit:
            return joined
        self.note("text_cut", f"{name} longer than {limit} characters was cut")
        self.keep(name, text)
        return _cut(joined, limit)

    def title(self, text: str) -> str:
        return self.line("title", text, MAX_TITLE)

    def word(self, name: str, text: str) -> str | None:
        return self.line(name, text, MAX_WORD) or None

    def description(self, text: str) -> str:
        if len(text) <= MAX_DESCRIPTION:
            return text
        self.note("text_cut", f"description longer than {MAX_DESCRIPTION} characters was cut")
        self.keep("description, continued", text[MAX_DESCRIPTION - 1 :])
        return _cut(text, MAX_DESCRIPTION)

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The first labels that fit; the others are kept together as evidence."""
        fitting: dict[str, str] = {}
        others: dict[str, str] = {}
        for name, value in labels.items():
            if not name or len(name) > MAX_LABEL_NAME or len(fitting) == MAX_LABELS:
                others[name] = value
                continue
            if len(value) > MAX_LABEL_VALUE:
                self.note("text_cut", f"a label's value longer than {MAX_LABEL_VALUE} characters was cut")
                self.keep(f"label {name}", value)
            fitting[name] = _cut(value, MAX_LABEL_VALUE)
        if others:
            self.note("labels_moved", f"{len(others)} labels over a limit were kept as evidence")
            self.keep("labels", others)
        return fitting

    def link(self, href: str, text: str) -> None:
        """Add a link, once; what no browser should be sent to is evidence."""
        href = href.strip()
        if not href or any(link.href == href for link in self.links):
            return
        if len(self.links) < MAX_LINKS and len(href) <= MAX_HREF and is_web_address(href):
            self.links.append(Link(href=href, text=_cut(text, MAX_TITLE)))
        else:
            self.keep(text, href)

    def moment(self, name: str, value: object) -> datetime | None:
        """An RFC 3339 time; year 1 is Go's way to say none. Fractions finer than microseconds are dropped."""
        if value is None or value == "" or (isinstance(value, str) and value.startswith("0001-")):
            return None
        try:
            found = utc(datetime.fromisoformat(value)) if isinstance(value, str) else None
        except (ValueError, OverflowError):
            found = None
        if found is None or not _EARLIEST <= found < _LATEST:
            self.note("time_unreadable", f"{name} is no date and time between 1970 and 2199")
            self.keep(name, value)
            return None
        return found

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What was kept; beyond the limit, the rest together in the last piece."""
        if len(self._kept) <= MAX_EVIDENCE:
            return tuple(self._kept)
        rest = as_text([[item.kind, item.text] for item in self._kept[MAX_EVIDENCE - 1 :]])
        if len(rest) > MAX_DESCRIPTION:
            self.note("evidence_cut", "evidence longer than its limit was cut")
        return (*self._kept[: MAX_EVIDENCE - 1], Evidence(kind="further", text=_cut(rest, MAX_DESCRIPTION)))


def is_web_address(text: str) -> bool:
    """Whether this is an http(s) address; nothing else becomes a link that people click."""
    if any(character.isspace() for character in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + _CUT
