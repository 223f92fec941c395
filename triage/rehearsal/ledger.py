"""What a policy did to people over many incidents: who was paged, who was woken, what went unanswered."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from triage.domain.catalogue import Catalogue
from triage.domain.priority import Priority
from triage.escalation.state import Effect, Note, Notice, Page
from triage.rehearsal.drawing import is_night, zone_of
from triage.rules.chooser import RuleOutcome


@dataclass(slots=True, kw_only=True)
class Fate:
    """What became of one incident. ``told``: whom its first step told; ``woken``: whom it woke; ``told_after``:
    from the opening until the first page, None where nobody was paged."""

    id: str
    priority: Priority
    team: str
    policy: str
    rule: str
    suppressed: bool
    told: tuple[str, ...] = ()
    woken: tuple[str, ...] = ()
    pages: int = 0
    told_after: timedelta | None = None
    acknowledged_late: bool = False
    resolved_late: bool = False
    unanswered: bool = False
    skipped: int = 0


@dataclass(slots=True)
class Burden:
    """What one person bore. ``nights``: local days on whose night they were woken; ``off_days``: pages on their
    weekends and the organisation's holidays."""

    pages: int = 0
    woken: int = 0
    off_days: int = 0
    nights: set[date] = field(default_factory=set)
    by_day: Counter[date] = field(default_factory=Counter)

    @property
    def busiest(self) -> int:
        return max(self.by_day.values(), default=0)


class Ledger:
    """Kept for one policy over a history."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.fates: dict[str, Fate] = {}
        self.burdens: defaultdict[str, Burden] = defaultdict(Burden)

    def open(self, incident_id: str, outcome: RuleOutcome) -> None:
        self.fates[incident_id] = Fate(
            id=incident_id,
            priority=outcome.priority,
            team=outcome.team,
            policy=outcome.path.policy,
            rule=outcome.path.rule,
            suppressed=outcome.path.suppressed,
        )

    def enter(self, incident_id: str, effects: tuple[Effect, ...], now: datetime, opened_at: datetime) -> None:
        fate = self.fates[incident_id]
        for effect in effects:
            if isinstance(effect, Page):
                self._page(fate, effect, now, opened_at)
            elif isinstance(effect, Note):
                _note(fate, effect)

    def _page(self, fate: Fate, page: Page, now: datetime, opened_at: datetime) -> None:
        if fate.told_after is None:
            fate.told_after = now - opened_at
        if now - opened_at == fate.told_after and page.person not in fate.told:
            fate.told = (*fate.told, page.person)
        fate.pages += 1
        zone = zone_of(self._catalogue, page.person, page.target)
        local = now.astimezone(zone)
        burden = self.burdens[page.person]
        burden.pages += 1
        burden.by_day[local.date()] += 1
        if is_night(now, zone):
            burden.woken += 1
            # A night belongs to the day on which it began.
            burden.nights.add((local - timedelta(hours=12)).date())
            if page.person not in fate.woken:
                fate.woken = (*fate.woken, page.person)
        if local.weekday() >= 5 or local.date() in self._catalogue.holidays:
            burden.off_days += 1


def _note(fate: Fate, note: Note) -> None:
    match note.notice:
        case Notice.ACKNOWLEDGE_BREACHED:
            fate.acknowledged_late = True
        case Notice.RESOLVE_BREACHED:
            fate.resolved_late = True
        case Notice.NOBODY_ANSWERED:
            fate.unanswered = True
        case Notice.SKIPPED:
            fate.skipped += 1
